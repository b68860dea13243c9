# SPDX-License-Identifier: MIT
#
# What an importer has to know about a kernel, by the probes of the driver's
# compat.mk.

ifneq ($(and $(KBUILD_CFLAGS),$(LINUXINCLUDE),$(obj)),)

# the dma-buf calls that take the reservation lock themselves (6.2)
CARVE_HAVE += $(call carve-probe,UNLOCKED_CALLS,linux/dma-buf.h,int f(struct dma_buf *d$(comma) struct iosys_map *m) { return dma_buf_vmap_unlocked(d$(comma) m); })

endif
