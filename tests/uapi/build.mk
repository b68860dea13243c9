# SPDX-License-Identifier: MIT
#
# Tests of the driver, run in the guest: every tests/uapi/NAME.c but the
# helpers is a program. They use the driver's interface and nothing of ours in
# user space.

UAPI_HELPERS := check device files guarded moves syncs trace vgem vivid
# The random tester in several files.
UAPI_FUZZ := $(wildcard tests/uapi/fuzz-*.c)
UAPI_HELPERS += command $(UAPI_FUZZ:tests/uapi/%.c=%)
UAPI_HELPERS += inject storm storm-work
UAPI_NAMES := $(filter-out $(UAPI_HELPERS),$(patsubst tests/uapi/%.c,%,$(wildcard tests/uapi/*.c)))
UAPI_TESTS := $(addprefix $(B)/tests/uapi/,$(UAPI_NAMES))

# What a program needs besides check.o, and which of them need libdrm.
UAPI_OBJS_importer-v4l2 = $(B)/tests/uapi/vivid.o
UAPI_OBJS_importer-m2m = $(B)/tests/uapi/vivid.o
UAPI_OBJS_importer-vkms = $(B)/tests/uapi/vgem.o
UAPI_OBJS_importer-drm = $(B)/tests/uapi/vgem.o
UAPI_OBJS_importer-refused = $(B)/tests/uapi/vgem.o $(B)/tests/uapi/vivid.o
UAPI_OBJS_cache = $(UAPI_OBJS_importer-refused) $(B)/tests/uapi/syncs.o \
	$(addprefix $(B)/tests/uapi/,files.o trace.o)
UAPI_OBJS_cache-device = $(addprefix $(B)/tests/uapi/,device.o files.o syncs.o trace.o)
UAPI_OBJS_cache-fence = $(addprefix $(B)/tests/uapi/,files.o trace.o vgem.o)
UAPI_OBJS_cache-guard = $(addprefix $(B)/tests/uapi/,files.o guarded.o trace.o)
UAPI_OBJS_bounces = $(B)/tests/uapi/device.o $(B)/tests/uapi/files.o
UAPI_OBJS_guard = $(B)/tests/uapi/guarded.o
UAPI_OBJS_guard-hit = $(B)/tests/uapi/guarded.o $(B)/tests/uapi/device.o
UAPI_OBJS_guard-hold = $(B)/tests/uapi/guarded.o $(B)/tests/uapi/device.o
UAPI_OBJS_importer-poke = $(B)/tests/uapi/device.o
UAPI_OBJS_outside = $(B)/tests/uapi/files.o
UAPI_OBJS_outside-root = $(B)/tests/uapi/files.o
UAPI_OBJS_outside-gone = $(B)/tests/uapi/files.o
UAPI_OBJS_outside-trace = $(addprefix $(B)/tests/uapi/,device.o files.o guarded.o)
UAPI_OBJS_importer-device = $(B)/tests/uapi/device.o $(B)/tests/uapi/moves.o
UAPI_OBJS_importer-edu = $(UAPI_OBJS_importer-device)
UAPI_OBJS_removal = $(B)/tests/uapi/device.o $(B)/tests/uapi/vivid.o
UAPI_OBJS_fail-nth = $(UAPI_OBJS_importer-refused) \
	$(addprefix $(B)/tests/uapi/,guarded.o inject.o)
UAPI_OBJS_fail-probe = $(B)/tests/uapi/inject.o
UAPI_OBJS_races = $(UAPI_OBJS_importer-refused) \
	$(addprefix $(B)/tests/uapi/,device.o guarded.o storm.o storm-work.o)
UAPI_DRM := importer-drm importer-vkms importer-refused cache cache-fence fail-nth races

$(B)/tests/uapi/%.o: INC = -idirafter kernel/uapi -Itests/modules
$(addprefix $(B)/tests/uapi/,importer-drm.o importer-vkms.o vgem.o fail-nth.o cache-fence.o): \
	INC = -idirafter kernel/uapi $(shell $(PKG_CONFIG) --cflags libdrm)
$(addprefix $(B)/tests/uapi/,$(UAPI_DRM)): UAPI_LIBS = $(shell $(PKG_CONFIG) --libs libdrm)

$(foreach t,ioctl ioctl-export ioctl-list gone,$(eval UAPI_OBJS_$(t) = $(B)/tests/uapi/command.o))
UAPI_OBJS_fuzz = $(UAPI_FUZZ:%.c=$(B)/%.o)

define UAPI_RULES
$(B)/tests/uapi/$(1): $(B)/tests/uapi/$(1).o $(B)/tests/uapi/check.o $(UAPI_OBJS_$(1))
	$$(CC) $$(BASE_LDFLAGS) $$(CFLAGS) $$(LDFLAGS) -pthread -o $$@ $$^ $$(UAPI_LIBS)
endef
$(foreach t,$(UAPI_NAMES),$(eval $(call UAPI_RULES,$(t))))

.PHONY: uapi-tests
uapi-tests: $(UAPI_TESTS)
