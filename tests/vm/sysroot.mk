# SPDX-License-Identifier: MIT
#
# The compiler of `make GUEST=1`: Debian's cross compiler against the guest's
# own headers and libraries.

ifndef SYSROOT
SYSROOT := $(shell tests/vm/sysroot.sh)
endif
ifeq ($(SYSROOT),)
$(error no arm64 sysroot: the lines above say why)
endif

SYSROOT_LIB := $(SYSROOT)/usr/lib/aarch64-linux-gnu

# The cross compiler looks into its own C library before the sysroot's. On a
# newer Debian that would bind programs to symbols the guest does not have.
CC := aarch64-linux-gnu-gcc --sysroot=$(SYSROOT) \
	-isystem $(SYSROOT)/usr/include/aarch64-linux-gnu \
	-isystem $(SYSROOT)/usr/include -B$(SYSROOT_LIB) -L$(SYSROOT_LIB)
AR := aarch64-linux-gnu-ar
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT_LIB)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig pkg-config
