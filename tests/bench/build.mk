# SPDX-License-Identifier: MIT
#
# What placement wastes and costs: build/bench-placement runs traces through
# the daemon's policy and those of the textbooks; `make bench-traces` writes
# traces to run (docs/placement.md). Neither the traces nor the figures are
# kept in the tree.

BENCH := $(B)/tests/bench/bench-placement
BENCH_TRACE := $(B)/tests/bench/trace
BENCH_OBJS := $(addprefix $(B)/tests/bench/,bench-placement.o policy.o policy-buddy.o \
	policy-fit.o policy-tlsf.o replay.o replay-read.o) $(PLACEMENT_OBJS)
BENCH_TRACE_OBJS := $(addprefix $(B)/tests/bench/,codec.o kinds-mixed.o kinds-other.o \
	kinds-video.o stream.o trace.o trace-main.o)
BENCH_COST := $(B)/tests/bench/placement-cost
BENCH_COST_OBJS := $(B)/tests/bench/placement-cost.o $(PLACEMENT_OBJS)
BENCH_SEEDS ?= 1 2 3
BENCH_TRACES := build/bench/traces

$(filter $(B)/tests/%,$(BENCH_OBJS) $(BENCH_COST_OBJS)): INC = -Idaemon

BENCH_SERVICE := $(B)/tests/bench/service
BENCH_SERVICE_OBJS := $(addprefix $(B)/tests/bench/,service.o service-daemon.o \
	service-floor.o service-hostile.o service-latency.o service-load.o service-place.o)
$(BENCH_SERVICE_OBJS): INC = -Ilib -Ilib/include

$(BENCH_SERVICE): $(BENCH_SERVICE_OBJS) $(LIB_A)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^

$(BENCH): $(BENCH_OBJS)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BENCH_COST): $(BENCH_COST_OBJS)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BENCH_TRACE): $(BENCH_TRACE_OBJS)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lm

# Only what was built for this machine is of use under a fixed name.
ifndef GUEST
ifndef SAN
build/bench-placement: $(BENCH)
	@mkdir -p $(@D)
	cp $< $@

.PHONY: bench bench-placement bench-service bench-traces
bench: ## what placement and the daemon cost, into build/bench/*.jsonl
	@$(MAKE) --no-print-directory build/bench/placement.jsonl
	@$(MAKE) --no-print-directory bench-service

.PHONY: build/bench/placement.jsonl
build/bench/placement.jsonl: $(BENCH_COST)
	@mkdir -p $(@D)
	@$< > $@.new
	@mv $@.new $@
	@cat $@

bench-service: $(BENCH_SERVICE) $(B)/daemon/carved ## what the daemon costs; ONLY=floor for one
	@mkdir -p build/bench
	@CARVED=$(B)/daemon/carved $< $(ONLY) | tee build/bench/service.jsonl.new
	@mv build/bench/service.jsonl.new build/bench/service.jsonl

bench-placement: build/bench-placement ## build what measures placement

bench-traces: $(BENCH_TRACE) ## write the traces of docs/placement.md; BENCH_SEEDS="1 2 3"
	@mkdir -p $(BENCH_TRACES)
	@for kind in $$($< --list tuning) $$($< --list validation); do \
		for seed in $(BENCH_SEEDS); do \
			$< $$kind $$seed > $(BENCH_TRACES)/$$kind-$$seed || exit 1; \
		done; \
	done

PROGRAMS += build/bench-placement
endif
endif
