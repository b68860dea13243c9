# SPDX-License-Identifier: MIT
#
# Fuzzers: tests/fuzz/fuzz-NAME.c each, with the seeds in tests/fuzz/corpus/NAME.
#   make fuzz T=3600   libFuzzer (clang); HARNESS=wire for one of them
#   make afl           for AFL++: build/afl/tests/fuzz/fuzz-NAME
#   make fuzz-plain    main.c instead of a fuzzer, any compiler

FUZZ_NAMES := $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
FUZZERS := $(FUZZ_NAMES:%=$(B)/tests/fuzz/fuzz-%)
FUZZ_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/fuzz/*.c))
# Warnings are the first compiler's business; others have other ones.
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -Wno-error -Werror=int-conversion \
	-Werror=incompatible-pointer-types -Werror=implicit-function-declaration \
	-Wno-gnu-variable-sized-type-not-at-end

# The fuzzer's own main(), or ours.
FUZZ_MAIN ?= $(B)/tests/fuzz/main.o

$(FUZZ_OBJS): INC = -Idaemon -Ilib -Ilib/include -pthread $(SYSTEMD_CFLAGS)

# Without main.c, and without what world.c has in the place of guard.c.
FUZZ_DAEMON_OBJS := $(filter-out $(B)/daemon/main.o $(B)/daemon/guard.o,$(DAEMON_OBJS))

FUZZ_OBJS_wire := $(addprefix $(B)/tests/fuzz/,message.o world.o) $(FUZZ_DAEMON_OBJS)
FUZZ_OBJS_state := $(FUZZ_OBJS_wire)
FUZZ_LIBS_state = $(FUZZ_LIBS_wire)
FUZZ_LIBS_wire = -Wl,--wrap=carve_region_new,--wrap=pthread_timedjoin_np,--wrap=carve_process_start_time \
	$(SYSTEMD_LIBS) $(INIH_LIBS)

FUZZ_OBJS_library := $(addprefix $(B)/tests/fuzz/,hostile.o message.o) $(LIB_OBJS)
FUZZ_LIBS_library := -Wl,--wrap=recvmsg,--wrap=ppoll,--wrap=clock_nanosleep

FUZZ_OBJS_config := $(CONFIG_OBJS)
FUZZ_LIBS_config = $(INIH_LIBS)

define FUZZ_RULES
$(B)/tests/fuzz/fuzz-$(1): $(B)/tests/fuzz/fuzz-$(1).o $(B)/tests/fuzz/fuzz.o \
		$(FUZZ_OBJS_$(1)) $(filter %.o,$(FUZZ_MAIN))
	$$(CC) $$(BASE_LDFLAGS) $$(CFLAGS) $$(LDFLAGS) -pthread -o $$@ $$^ \
		$$(filter -%,$$(FUZZ_MAIN)) $$(FUZZ_LIBS_$(1))
endef
$(foreach n,$(FUZZ_NAMES),$(eval $(call FUZZ_RULES,$(n))))

$(B)/tests/fuzz/record: $(B)/tests/fuzz/record.o $(LIB_OBJS)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ \
		-Wl,--wrap=sendmsg,--wrap=recvmsg

.PHONY: fuzz-seeds
fuzz-seeds: $(B)/tests/fuzz/record $(B)/daemon/carved
	@tests/fuzz/make-seeds $(B)

.PHONY: fuzz-plain
fuzz-plain: $(FUZZERS)

.PHONY: fuzz-build
fuzz-build:
	@$(MAKE) --no-print-directory $(PARALLEL) CC=clang B=build/fuzz SAN= \
		SANFLAGS="$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link" \
		FUZZ_MAIN=-fsanitize=fuzzer fuzz-plain

.PHONY: fuzz
fuzz: ## let the fuzzers run for T seconds each (T=3600 HARNESS=wire ...)
	@tools/setup.sh build fuzz
	@KEEP=yes tests/run check-fuzz

.PHONY: check-fuzz
check-fuzz: ## each fuzzer for T seconds, two at a time (T=60)
ifeq ($(shell command -v clang),)
	@for name in $(FUZZ_NAMES); do \
		echo "skip fuzz/$$name - there is no clang: tools/setup.sh fuzz"; done
else
	@$(MAKE) --no-print-directory -s fuzz-build
	@tests/fuzz/run build/fuzz $(or $(T),60) $(or $(HARNESS),$(FUZZ_NAMES))
endif

# afl-fuzz -i tests/fuzz/corpus/wire -o build/afl/wire build/afl/tests/fuzz/fuzz-wire
.PHONY: afl
afl: ## the fuzzers for AFL++
	@tools/setup.sh build afl
	@AFL_QUIET=1 $(MAKE) --no-print-directory $(PARALLEL) CC=afl-clang-fast \
		B=build/afl SAN= SANFLAGS="$(FUZZ_FLAGS)" \
		FUZZ_MAIN=-fsanitize=fuzzer fuzz-plain
