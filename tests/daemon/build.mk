# SPDX-License-Identifier: MIT
#
# Service tests: the real daemon on a simulated region, and the real library.
# Every tests/daemon/test-NAME.c is a cmocka program.

# Sanitizers bring a heap of their own; these tests are about the daemon's.
# Another needs the places to die at.
MEMORY_NAMES := test-memory test-limits
SERVICE_NAMES := $(filter-out $(if $(SANFLAGS),$(MEMORY_NAMES)) \
	$(if $(CRASHFLAGS),,test-crash-points test-crash-places),\
	$(patsubst tests/daemon/%.c,%,$(wildcard tests/daemon/test-*.c)))
SERVICE_TESTS := $(addprefix $(B)/tests/daemon/,$(SERVICE_NAMES))
SERVICE_SHARED := $(patsubst %.c,$(B)/%.o,$(filter-out tests/daemon/test-%.c,$(wildcard tests/daemon/*.c)))

$(SERVICE_SHARED) $(SERVICE_TESTS:%=%.o): INC = -Ilib -Ilib/include -pthread

$(SERVICE_TESTS): %: %.o $(SERVICE_SHARED) $(LIB_A)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ \
		$$($(PKG_CONFIG) --libs cmocka libsystemd)

# One that reads no state of this one's, and the other way round.
$(B)/tests/daemon/state-load-next.o: daemon/state-load.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(CPPFLAGS) -Ilib -Ilib/include \
		-DCARVE_STATE_VERSION=1000 -c -o $@ $<
$(B)/tests/daemon/carved-next: $(B)/tests/daemon/state-load-next.o \
		$(filter-out %/state-load.o,$(DAEMON_OBJS))
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ \
		$(SYSTEMD_LIBS) $(INIH_LIBS)
GUEST_PROGRAMS += $(B)/tests/daemon/carved-next

.PHONY: check-service run-service run-memory
check-service: ## the real daemon and library on a simulated region, under ASan and UBSan
	@status=0; \
	$(MAKE) --no-print-directory $(PARALLEL) SAN=1 run-service || status=1; \
	$(MAKE) --no-print-directory $(PARALLEL) SAN= run-memory || status=1; \
	$(MAKE) --no-print-directory $(PARALLEL) CRASH=1 run-crash-points || status=1; \
	exit $$status

run-memory: $(MEMORY_NAMES:%=$(B)/tests/daemon/%) $(B)/daemon/carved
	@tests/daemon/run $(MEMORY_NAMES:%=$(B)/tests/daemon/%)

# The same on whatever is built: `make run-service B=build/tsan SANFLAGS=...`.
run-service: $(SERVICE_TESTS) $(B)/daemon/carved $(B)/tests/daemon/carved-next
	@tests/daemon/run $(SERVICE_TESTS)

# Once at every place of daemon/crash-point.h.
.PHONY: run-crash-points
CRASH_TESTS := $(addprefix $(B)/tests/daemon/,test-crash-points test-crash-places test-gone)
run-crash-points: $(CRASH_TESTS) $(B)/daemon/carved
	@tests/daemon/run $(CRASH_TESTS)

# The daemon killed at random under load; CARVE_SEED= repeats a run.
KILLS ?= 1000
.PHONY: crash-test
crash-test: $(B)/tests/daemon/test-crash $(B)/daemon/carved ## kill the daemon KILLS=1000 times under load
	KILLS=$(KILLS) $<
