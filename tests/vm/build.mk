# SPDX-License-Identifier: MIT
#
# Tests in the virtual machine. tests/vm/README.md says how cases are written.
#
# GUEST_PROGRAMS: what other makefiles want in /usr/libexec/carve-tests.

GUEST_PROGRAMS += $(UAPI_TESTS)

# A default of the driver's makefile is no wish of the user's.
VM_KERNEL := $(if $(filter file,$(origin KERNEL)),,$(KERNEL))

.PHONY: vm-programs install-vm-programs
vm-programs: $(GUEST_PROGRAMS)

install-vm-programs: $(GUEST_PROGRAMS)
	install -d $(DESTDIR)/usr/libexec/carve-tests
	$(if $^,install -m 755 $^ $(DESTDIR)/usr/libexec/carve-tests)

.PHONY: check-vm run-vm
check-vm: ## driver and daemon on real kernels; KERNEL= REGION= TEST= narrow it
	@tools/setup.sh build vm
	@tests/run run-vm

run-vm:
	@KERNEL="$(VM_KERNEL)" REGION="$(REGION)" TEST="$(TEST)" MAKE="$(MAKE)" \
		tests/vm/check.sh
