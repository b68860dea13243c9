# SPDX-License-Identifier: MIT
#
# Unit tests: every tests/unit/test-NAME.c is a cmocka program. What it needs
# besides is said here, before the rules are made:
#   UNIT_OBJS_test-NAME  objects and archives to link with it
#   UNIT_INC_test-NAME   its include paths, if not those of the library
#   UNIT_LIBS_test-NAME  libraries of the system

UNIT_INC := -Ilib -Ilib/include
UNIT_PEER := $(B)/tests/unit/peer.o $(B)/tests/unit/restart.o $(LIB_A)
$(B)/tests/unit/peer.o $(B)/tests/unit/restart.o: INC = $(UNIT_INC) -pthread

UNIT_NAMES := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-*.c))
UNIT_TESTS := $(addprefix $(B)/tests/unit/,$(UNIT_NAMES))

$(foreach t,$(filter test-lib-%,$(UNIT_NAMES)),$(eval UNIT_OBJS_$(t) := $(UNIT_PEER)))

UNIT_OBJS_test-carvectl-text := $(B)/tools/carvectl-text.o
UNIT_INC_test-carvectl-text := -Itools $(UNIT_INC) $(shell $(PKG_CONFIG) --cflags smartcols 2>/dev/null)

# The driver's table, over a tree of our own instead of the kernel's.
UNIT_OBJS_test-extent-twin := $(B)/kernel/extent.o
UNIT_INC_test-extent-twin := -Itests/unit/shim -Ikernel -idirafter kernel/uapi
$(B)/kernel/extent.o: INC = $(UNIT_INC_test-extent-twin)

define UNIT_RULES
$(B)/tests/unit/$(1).o: INC = $(or $(UNIT_INC_$(1)),$(UNIT_INC)) -pthread
$(B)/tests/unit/$(1): $(B)/tests/unit/$(1).o $(UNIT_OBJS_$(1))
	$$(CC) $$(BASE_LDFLAGS) $$(CFLAGS) $$(LDFLAGS) -pthread -o $$@ $$^ \
		$$$$($$(PKG_CONFIG) --libs cmocka) $$(UNIT_LIBS_$(1))
endef
# The daemon's own makefile has rules for its tests.
$(foreach t,$(filter-out $(notdir $(DAEMON_TESTS)),$(UNIT_NAMES)),$(eval $(call UNIT_RULES,$(t))))

.PHONY: check-unit run-unit
check-unit: ## unit tests, under ASan and UBSan
	@$(MAKE) --no-print-directory $(PARALLEL) SAN=1 run-unit

# The same on whatever is built: `make run-unit`, or under ThreadSanitizer
# `make run-unit B=build/tsan SANFLAGS=-fsanitize=thread`.
run-unit: $(UNIT_TESTS) check-exports
	@tests/daemon/run $(UNIT_TESTS)
