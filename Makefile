# SPDX-License-Identifier: MIT
#
# Carve. `make help` lists the targets.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
PREFIX ?= /usr
DESTDIR ?=

# The builds live side by side: for this machine, with sanitizers, with places to
# die at (daemon/crash-point.h), and for the guests (arm64, and armhf with GUEST=armhf), whose libraries come from the
# cached sysroots.
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
LDFLAGS ?=
ifdef GUEST
B ?= build/$(if $(filter armhf,$(GUEST)),armhf,arm64)
include tests/vm/sysroot.mk
else ifdef SAN
B ?= build/asan
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifdef CRASH
B ?= build/crash
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
CRASHFLAGS := -DCARVE_CRASH_POINTS
else
B ?= build/host
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
endif

# What every object gets; CFLAGS and LDFLAGS stay the packager's.
BASE_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wundef -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DCARVE_VERSION='"$(VERSION)"' \
	-fvisibility=hidden -fstack-protector-strong -MD -MP $(SANFLAGS) $(CRASHFLAGS)
BASE_LDFLAGS := -Wl,-z,relro,-z,now -Wl,--as-needed $(SANFLAGS)

# Include paths are given per folder (target-specific INC), so that an include
# that the architecture does not allow does not compile.
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(CPPFLAGS) $(INC) -c -o $@ $<

PROGRAMS :=
include lib/build.mk
include daemon/build.mk
include tools/build.mk
include kernel/build.mk
include dts/build.mk
include systemd/build.mk
include tests/build.mk
include tests/vm/build.mk
include demo/build.mk

.PHONY: all
all: $(PROGRAMS) ## build library, daemon and tools for this machine

.PHONY: clean
clean: ## remove build/ (the cache outside the tree stays)
	rm -rf build

.PHONY: help
help: ## list every target with one line
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort -u | \
		awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

-include $(shell find $(B) -name '*.d' 2>/dev/null)
