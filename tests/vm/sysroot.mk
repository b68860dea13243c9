# SPDX-License-Identifier: MIT
#
# The compiler of `make GUEST=1` (arm64) and `make GUEST=armhf`: Debian's cross
# compiler against the guest's own headers and libraries.

ifeq ($(GUEST),armhf)
GUEST_ARCH := armhf
TRIPLET := arm-linux-gnueabihf
else
GUEST_ARCH := arm64
TRIPLET := aarch64-linux-gnu
endif

ifndef SYSROOT
SYSROOT := $(shell tests/vm/sysroot.sh $(GUEST_ARCH))
endif
ifeq ($(SYSROOT),)
$(error no $(GUEST_ARCH) sysroot: the lines above say why)
endif

SYSROOT_LIB := $(SYSROOT)/usr/lib/$(TRIPLET)

# The cross compiler looks into its own C library before the sysroot's. On a
# newer Debian that would bind programs to symbols the guest does not have.
CC := $(TRIPLET)-gcc --sysroot=$(SYSROOT) \
	-isystem $(SYSROOT)/usr/include/$(TRIPLET) \
	-isystem $(SYSROOT)/usr/include -B$(SYSROOT_LIB) -L$(SYSROOT_LIB)
AR := $(TRIPLET)-ar
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT_LIB)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig pkg-config
