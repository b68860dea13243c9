#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/matrix.sh: the driver on every kernel and kind of memory it is for:
# built and booted for arm64 and for 32-bit ARM with LPAE, with 32-bit programs
# on the 64-bit kernels besides; built alone for other architectures. A table of
# what came of it is at the end. KERNEL and REGION narrow it, each a list.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/vm
work=$root/build/vm
mkdir -p "$work"

booted='6.1 6.12 7.3 armmp-lpae'
compiled='6.12-amd64 7.3-amd64 6.12-riscv64'
kernels=${KERNEL:-$booted $compiled}

# 32-bit programs, with all they need in themselves.
compat_payload()
{
	local to=$work/compat-32

	env -u MAKEFLAGS -u MFLAGS "${MAKE:-make}" -C "$root" --no-print-directory -s \
		-j"$(nproc)" GUEST=armhf B=build/armhf-static LDFLAGS=-static \
		install-compat DESTDIR="$to" && touch "$to.lock" && echo "$to"
}

# boot KERNEL REGIONS CASES [PAYLOAD]: by check.sh, which prints the results. One
# that has none at all, because the boot was killed, has failed.
boot()
{
	local regions=${REGION:-$2} region

	KERNEL=$1 REGION=$regions TEST=$3 EXTRA_PAYLOAD=${4:-} "$here/check.sh" |
		tee "$work/matrix.part"
	for region in ${regions//,/ }; do
		if ! grep -qE "^(ok|not ok|skip) vm/$1/$region/" "$work/matrix.part"; then
			echo "not ok vm/$1/$region/boot - it has no result"
		fi
	done
	rm -f "$work/matrix.part"
}

compile()
{
	local kernel=$1 log=$work/compile-$1.log

	if env -u MAKEFLAGS -u MFLAGS "${MAKE:-make}" -C "$root" --no-print-directory \
		modules KERNEL="$kernel" > "$log" 2>&1 &&
		! grep -E 'carve.*(warning|error):|^[a-z/.-]+:[0-9]+:.*warning:' "$log"; then
		echo "ok compile/$kernel"
	else
		tail -n 20 "$log" | sed 's/^/  # /'
		echo "not ok compile/$kernel - see $log"
	fi
}

run()
{
	local kernel compat

	for kernel in ${kernels//,/ }; do
		case $kernel in
		*-amd64 | *-riscv64 | *-armmp-lpae) compile "$kernel" ;;
		armmp-lpae)
			boot "$kernel" 'mapped highmem no-map outside' driver
			if [[ " ${REGION:-mapped} " == *" mapped "* ]]; then
				REGION=mapped boot "$kernel" mapped driver-above
			fi ;;
		*)
			if ! compat=$(compat_payload); then
				echo "not ok vm/$kernel/compat - the 32-bit programs cannot be built"
			fi
			boot "$kernel" 'mapped no-map outside' "driver compat" "$compat" ;;
		esac
	done
}

table()
{
	awk '
		function row(key, kind) {
			if (!(key in seen)) {
				seen[key] = 1
				order[++rows] = key
			}
			count[key, kind]++
		}
		/^(ok|not ok|skip) / {
			kind = $1 == "not" ? "failed" : $1 == "ok" ? "passed" : "skipped"
			split($1 == "not" ? $3 : $2, part, "/")
			if (part[1] == "compile")
				key = sprintf("%-14s %-10s", part[2], "(compiled)")
			else if (part[4] == "driver-above" || part[4] ~ /^driver-above/)
				key = sprintf("%-14s %-10s", part[2], "above 4G")
			else
				key = sprintf("%-14s %-10s", part[2], part[3])
			row(key, kind)
		}
		END {
			printf "\n  %-14s %-10s %8s %8s %8s\n", "kernel", "region",
				"passed", "failed", "skipped"
			for (i = 1; i <= rows; i++)
				printf "  %s %8d %8d %8d\n", order[i],
					count[order[i], "passed"],
					count[order[i], "failed"],
					count[order[i], "skipped"]
			print ""
		}' "$1"
}

results=$work/matrix.txt
run | tee "$results"
table "$results"
! grep -q '^not ok ' "$results"
