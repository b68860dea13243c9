# SPDX-License-Identifier: GPL-2.0-only
#
# What this kernel offers, found by compiling against it and never by its
# version: vendors carry changes to older kernels. Each probe that compiles
# puts -DCARVE_HAVE_x on the command line; compat.h hides the difference.

# carve-probe: NAME,header list,code. A comma in the code is $(comma).
carve-hash := \#
carve-cc = printf '%s\n' $(foreach h,$(1),'$(carve-hash)include <$(h)>') '$(2)' | \
	$(CC) $(LINUXINCLUDE) $(KBUILD_CPPFLAGS) $(KBUILD_CFLAGS) \
	-Werror -Wno-missing-prototypes -Wno-missing-declarations \
	-DMODULE -DKBUILD_MODNAME='"carve"' -DKBUILD_BASENAME='"probe"' \
	-x c -c -o /dev/null - >/dev/null 2>&1 && echo y
carve-probe = $(if $(shell $(call carve-cc,$(2),$(3))),-DCARVE_HAVE_$(1))

# Kbuild also reads these files where nothing is compiled (modpost, clean):
# the probes are for the pass that makes objects.
ifneq ($(and $(KBUILD_CFLAGS),$(LINUXINCLUDE),$(obj)),)

# A probe that every kernel passes: without it a broken compiler command would
# quietly look like a very old kernel.
ifeq ($(call carve-probe,ANYTHING,linux/device.h linux/module.h,int f(void) { return 0; }),)
$(error carve: the compile probes do not work with this kernel tree: try the command of carve-cc in compat.mk by hand)
endif

# class.devnode takes a const device (6.2)
CARVE_HAVE += $(call carve-probe,CONST_DEVNODE,linux/device.h,char *n(const struct device *d$(comma) umode_t *m); struct class c = { .devnode = n };)

# MODULE_IMPORT_NS takes a bare word (until 6.12). The string that later ones
# want compiles with the earlier ones too, but names another namespace.
CARVE_HAVE += $(call carve-probe,BARE_NAMESPACE,linux/module.h,MODULE_IMPORT_NS(DMA_BUF);)

# a device says itself whether it is coherent (everywhere but on machines
# where all of them are)
CARVE_HAVE += $(call carve-probe,DMA_COHERENT,linux/device.h,void f(struct device *d) { d->dma_coherent = 0; })

# and says so by a flag (7.3)
CARVE_HAVE += $(call carve-probe,DMA_COHERENT_FLAG,linux/device.h,void f(struct device *d) { dev_assign_dma_coherent(d$(comma) false); })

# dma_capable() wants the attributes of the mapping (7.3)
CARVE_HAVE += $(call carve-probe,DMA_CAPABLE_ATTRS,linux/dma-direct.h,bool f(struct device *d) { return dma_capable(d$(comma) 0$(comma) 1$(comma) true$(comma) 0); })

# a device says whether its DMA goes through the IOMMU layer (6.12); before, that
# layer was one of the DMA operations
CARVE_HAVE += $(call carve-probe,USE_DMA_IOMMU,linux/dma-mapping.h linux/iommu-dma.h,bool f(struct device *d) { return use_dma_iommu(d); })

# 32-bit Arm: an IOMMU whose domain only the architecture knows as the DMA API's
CARVE_HAVE += $(call carve-probe,ARM_MAPPING,linux/device.h asm/dma-iommu.h,struct iommu_domain *f(struct device *d) { return to_dma_iommu_mapping(d)->domain; })

endif
