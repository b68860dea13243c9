# SPDX-License-Identifier: MIT
#
# make lint: everything that can be judged without running the code.

.PHONY: lint run-lint
lint: ## scripts, licences, includes, driver's style, binding and overlay
	@tools/setup.sh build vm lint
	@tests/run run-lint

run-lint:
	@status=0; for check in tests/lint/check-*; do \
		$$check || status=1; done; exit $$status
