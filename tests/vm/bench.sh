#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/bench.sh: the driver's benchmarks (tests/uapi/bench.c), one boot for
# each of KERNEL (6.12) and REGION (mapped no-map), one after the other: two at
# once would measure each other.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/vm
kernels=${KERNEL:-6.12}
regions=${REGION:-mapped no-map}

for kernel in ${kernels//,/ }; do
	echo "  # building the driver and the guest's programs for $kernel"
	"$here/payload.sh" "$kernel" "$root/build/vm/$kernel/payload"
	for region in ${regions//,/ }; do
		echo "  # $kernel, $region: booting"
		"$here/boot.sh" --out "$root/build/vm/$kernel/$region/bench" \
			--kernel "$kernel" --region "$region" \
			--name "bench/$kernel/$region/" --enable carved.socket \
			--payload "$root/build/vm/$kernel/payload" \
			"$here/bench/driver"
	done
done
