# SPDX-License-Identifier: MIT
#
# Tests in the virtual machine. tests/vm/README.md says how cases are written.
#
# GUEST_PROGRAMS: what other makefiles want in /usr/libexec/carve-tests.

GUEST_PROGRAMS += $(UAPI_TESTS)

# A default of the driver's makefile is no wish of the user's.
VM_KERNEL := $(if $(filter file,$(origin KERNEL)),,$(KERNEL))

# Kernel modules of the tests, if any: like the driver's, see kernel/build.mk.
TEST_MODULE_DIR = build/test-modules/$(MODULE_KERNEL)
TEST_MODULE_SOURCES := $(shell find tests/modules -type f 2>/dev/null)

.PHONY: test-modules
test-modules:
ifneq ($(TEST_MODULE_SOURCES),)
	@for f in $(TEST_MODULE_SOURCES:tests/modules/%=%); do \
		mkdir -p "$$(dirname $(TEST_MODULE_DIR)/$$f)" && \
		ln -sfn $(CURDIR)/tests/modules/$$f $(TEST_MODULE_DIR)/$$f; done
	+$(MODULE_MAKE) M=$(CURDIR)/$(TEST_MODULE_DIR) W=1 $(TEST_MODULE_ARGS) modules
endif

.PHONY: test-modules-check
test-modules-check: TEST_MODULE_ARGS = C=2 CHECK=sparse
test-modules-check: test-modules

.PHONY: vm-programs install-vm-programs
vm-programs: $(GUEST_PROGRAMS)

install-vm-programs: $(GUEST_PROGRAMS)
	install -d $(DESTDIR)/usr/libexec/carve-tests
	$(if $^,install -m 755 $^ $(DESTDIR)/usr/libexec/carve-tests)

.PHONY: check-vm run-vm
check-vm: ## driver and daemon on real kernels; KERNEL= REGION= TEST= narrow it
	@tools/setup.sh build vm
	@tests/run run-vm

.PHONY: check-debug run-debug
check-debug: ## the same on the debug kernel: KASAN, lockdep, kmemleak ...
	@tools/setup.sh build vm
	@tests/run run-debug

run-debug:
	@KERNEL=debug REGION="$(REGION)" TEST="$(TEST)" MAKE="$(MAKE)" \
		tests/vm/check.sh

run-vm:
	@KERNEL="$(VM_KERNEL)" REGION="$(REGION)" TEST="$(TEST)" MAKE="$(MAKE)" \
		tests/vm/check.sh

# 32-bit programs for 64-bit kernels: make GUEST=armhf B=... LDFLAGS=-static
COMPAT_TESTS := $(addprefix $(B)/tests/uapi/,ioctl ioctl-export ioctl-list identify \
	lifetime mapping scrub events)

.PHONY: install-compat
install-compat: $(COMPAT_TESTS)
	install -d $(DESTDIR)/usr/libexec/carve-tests-32
	install -m 755 $^ $(DESTDIR)/usr/libexec/carve-tests-32

.PHONY: check-matrix run-matrix
check-matrix: ## the driver on all kernels (6.1, 6.12, 7.3, 32 bits) and memories
	@tools/setup.sh build vm matrix
	@tests/run run-matrix

run-matrix:
	@KERNEL="$(VM_KERNEL)" REGION="$(REGION)" MAKE="$(MAKE)" tests/vm/matrix.sh

.PHONY: bench-vm
bench-vm: ## the driver's speed, as ratios; KERNEL= REGION= narrow it
	@tools/setup.sh build vm
	@KERNEL="$(VM_KERNEL)" REGION="$(REGION)" MAKE="$(MAKE)" tests/vm/bench.sh
