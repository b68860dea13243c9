# SPDX-License-Identifier: MIT
#
# Tests of the driver, run in the guest: every tests/uapi/NAME.c but the helpers
# is a program. They use the driver's interface and nothing of ours in user
# space.

UAPI_HELPERS := check trace vivid
UAPI_NAMES := $(filter-out $(UAPI_HELPERS),$(patsubst tests/uapi/%.c,%,$(wildcard tests/uapi/*.c)))
UAPI_TESTS := $(addprefix $(B)/tests/uapi/,$(UAPI_NAMES))
UAPI_LIBS_importer-drm = $(shell $(PKG_CONFIG) --libs libdrm)
UAPI_LIBS_cache = $(UAPI_LIBS_importer-drm)
UAPI_OBJS_importer-v4l2 = $(B)/tests/uapi/vivid.o
UAPI_OBJS_cache = $(B)/tests/uapi/trace.o $(B)/tests/uapi/vivid.o

$(B)/tests/uapi/%.o: INC = -idirafter kernel/uapi
$(B)/tests/uapi/importer-drm.o $(B)/tests/uapi/cache.o: INC = -idirafter kernel/uapi $(shell $(PKG_CONFIG) --cflags libdrm)

define UAPI_RULES
$(B)/tests/uapi/$(1): $(B)/tests/uapi/$(1).o $(B)/tests/uapi/check.o $(UAPI_OBJS_$(1))
	$$(CC) $$(BASE_LDFLAGS) $$(CFLAGS) $$(LDFLAGS) -pthread -o $$@ $$^ $$(UAPI_LIBS_$(1))
endef
$(foreach t,$(UAPI_NAMES),$(eval $(call UAPI_RULES,$(t))))

.PHONY: uapi-tests
uapi-tests: $(UAPI_TESTS)
