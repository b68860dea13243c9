# SPDX-License-Identifier: MIT
#
# The driver, built out of tree for a kernel from the cache (KERNEL=6.1, 6.12
# ..., see tests/vm/kernel.sh), or for any unpacked kernel headers:
#   make modules KDIR=/lib/modules/$(uname -r)/build
#
# Kbuild writes beside its sources, so it works on a folder of links.

KERNEL ?= 6.12
ifdef KDIR
MODULE_KERNEL = $(notdir $(patsubst %/build,%,$(KDIR:/=)))
# BTF would need the kernel's own vmlinux.
MODULE_MAKE = $(MAKE) --no-print-directory -C $(KDIR) CONFIG_DEBUG_INFO_BTF_MODULES=
else
MODULE_KERNEL = $(KERNEL)
MODULE_MAKE = MAKE="$(MAKE)" $$(tests/vm/kernel.sh $(KERNEL))/build-module
endif
MODULE_DIR = build/kernel/$(MODULE_KERNEL)
MODULE_SOURCES := $(wildcard kernel/*.c kernel/*.h) kernel/Kbuild \
	kernel/compat.mk kernel/uapi/linux/carve.h

# W=1: the driver has no warnings, and is to stay like that.
define build-module
@mkdir -p $(MODULE_DIR)/uapi/linux
@for f in $(MODULE_SOURCES:kernel/%=%); do \
	ln -sfn $(CURDIR)/kernel/$$f $(MODULE_DIR)/$$f; done
+$(MODULE_MAKE) M=$(CURDIR)/$(MODULE_DIR) W=1 $(1) modules
endef

.PHONY: modules
modules: ## build the driver for KERNEL=6.1, 6.12 ... into build/kernel/KERNEL
	$(call build-module,)

.PHONY: modules-check
modules-check: ## build the driver anew under sparse
	$(call build-module,C=2 CHECK=sparse)
