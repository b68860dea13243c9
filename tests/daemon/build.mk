# SPDX-License-Identifier: MIT
#
# Service tests: the real daemon on a simulated region, and the real library.
# Every tests/daemon/test-NAME.c is a cmocka program.

# Sanitizers bring a heap of their own; these tests are about the daemon's.
MEMORY_NAMES := test-memory test-limits
SERVICE_NAMES := $(filter-out $(if $(SANFLAGS),$(MEMORY_NAMES)),\
	$(patsubst tests/daemon/%.c,%,$(wildcard tests/daemon/test-*.c)))
SERVICE_TESTS := $(addprefix $(B)/tests/daemon/,$(SERVICE_NAMES))
SERVICE_SHARED := $(patsubst %.c,$(B)/%.o,$(filter-out tests/daemon/test-%.c,$(wildcard tests/daemon/*.c)))

$(SERVICE_SHARED) $(SERVICE_TESTS:%=%.o): INC = -Ilib -Ilib/include -pthread

$(SERVICE_TESTS): %: %.o $(SERVICE_SHARED) $(LIB_A)
	$(CC) $(BASE_LDFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ \
		$$($(PKG_CONFIG) --libs cmocka)

.PHONY: check-service run-service run-memory
check-service: ## the real daemon and library on a simulated region, under ASan and UBSan
	@status=0; \
	$(MAKE) --no-print-directory $(PARALLEL) SAN=1 run-service || status=1; \
	$(MAKE) --no-print-directory $(PARALLEL) SAN= run-memory || status=1; \
	exit $$status

run-memory: $(MEMORY_NAMES:%=$(B)/tests/daemon/%) $(B)/daemon/carved
	@tests/daemon/run $(MEMORY_NAMES:%=$(B)/tests/daemon/%)

# The same on whatever is built: `make run-service B=build/tsan SANFLAGS=...`.
run-service: $(SERVICE_TESTS) $(B)/daemon/carved
	@tests/daemon/run $(SERVICE_TESTS)
