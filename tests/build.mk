# SPDX-License-Identifier: MIT
#
# The tiers of tests. Each prints `ok NAME`, `not ok NAME - reason` and
# `skip NAME - reason` lines; tests/run adds them up.

# A tier builds on all processors, unless make was told how many.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

include $(filter-out tests/vm/%,$(wildcard tests/*/build.mk))

.PHONY: check
check: ## install what is missing, build, run every test
	@tools/setup.sh build vm fuzz
	@BESIDE="tests/vm/kernel.sh debug" \
		tests/run check-unit check-service check-tools run-vm+check-fuzz run-debug

.PHONY: setup
setup: ## install the packages that are missing (as root)
	@tools/setup.sh build vm fuzz matrix lint demo

COVERAGE_ARGS = --no-print-directory $(PARALLEL) B=build/coverage SAN= CFLAGS="-O1 -g" \
	SANFLAGS="--coverage -fprofile-update=atomic"

.PHONY: coverage run-coverage
coverage: ## lines of daemon and library run by unit and service tests and seeds
	@tools/setup.sh build coverage
	@tests/run run-coverage

run-coverage:
	@$(MAKE) $(COVERAGE_ARGS) -s all fuzz-plain
	@tests/coverage.sh build/coverage
