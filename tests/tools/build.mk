# SPDX-License-Identifier: MIT
#
# Tests of the tools against the real daemon on a simulated region.

.PHONY: check-tools run-tools
check-tools: ## carvectl against the real daemon, under ASan and UBSan
	@$(MAKE) --no-print-directory $(PARALLEL) SAN=1 run-tools

run-tools: $(B)/tools/carvectl $(B)/daemon/carved
	@tests/tools/carvectl $(B)
