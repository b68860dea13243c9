#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/scan-log.sh FOLDER PREFIX CASE...: judges the kernel log of a run.
#
# Three things make it fail: a report of the kernel's own checks anywhere on
# the console; a line of level err or worse, or of level warning from carve,
# that neither tests/vm/log-ignore nor an `# expect:` of the case that was
# running allows; an `# expect:` that did not come. The expectations of a case
# with a boot of its own cover the boot, too.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/vm
# shellcheck source=tests/vm/cases.sh
. "$here/cases.sh"
out=$1 name=$2
shift 2

# What the kernel prints when it has caught itself, or us, at something.
alarms='WARNING:|BUG:|BUG at|Oops|Kernel panic|Call trace:|Unable to handle|Internal error|rcu:.*(stall|self-detected)|blocked for more than|soft lockup|hard LOCKUP|UBSAN|KASAN|KCSAN|KFENCE|kmemleak:|possible (circular|recursive) locking|inconsistent lock state|suspicious RCU usage|swiotlb buffer is full|DMA-API:|ODEBUG|unreferenced object|INFO: possible|BUG: sleeping|segfault|unhandled (signal|level)|refcount_t:|list_(add|del) corruption|Bad page|scheduling while atomic|sleeping function called|bad: |page allocation failure|Out of memory:'

# expectations: CASE<tab>REGEX lines; CASE is * when the boot is its own.
expectations()
{
	local file test

	for file; do
		test=$(basename "$file")
		if [ "$(case_header "$file" boot)" = own ]; then
			test='*'
		fi
		case_header "$file" expect | sed "s/^/$test\t/"
	done
}

expectations "$@" > "$out/expected.txt"
# Without the log that the guest sends at its end there is nothing to be
# content with, only more to complain about.
levels=/dev/null
complete=0
if [ -e "$out/dmesg.txt" ]; then
	levels=$out/dmesg.txt
	complete=1
fi
awk -v alarms="$alarms" -v prefix="$name" -v complete="$complete" -f "$here/scan-log.awk" \
	file=1 "$out/expected.txt" file=2 "$here/log-ignore" \
	file=3 test=boot "$out/console.log" file=4 test=boot "$levels"
