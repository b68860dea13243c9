#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/tree.sh REGION MEMORY FOLDER [OVERLAY [OPTION...]]: makes
# FOLDER/tree.dtb, the device tree of QEMU's machine with MEMORY MiB of RAM and
# further OPTIONs of QEMU, the overlay applied, and FOLDER/append, what the
# variant wants on the kernel's command line.
#
# The region is 64 MiB. Where it lies, counted from the end of RAM:
#
#   mapped   128 MiB below; in the kernel's linear map. With 32 bits that has
#            about 760 MiB of RAM: 384 MiB above its start
#   highmem  32 bits only: 128 MiB below, RAM that is not in the linear map
#   no-map   the same place, with no-map
#   outside  the same place; /memory ends there, at a boundary of sparsemem's
#            sections, so the kernel has no struct page for any of it
#   mem      160 MiB below, with mem= cutting RAM off another 32 MiB below: the
#            first half lies in the section that RAM ends in and has struct
#            pages, the second half has none
#
# OVERLAY (default dts/carve-region.dtso) is a .dtso that cpp is run on.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
region=$1 memory=$2 out=$3 overlay=${4:-$root/dts/carve-region.dtso}
shift "$(($# < 4 ? $# : 4))"

mib=$((1024 * 1024))
ram=$((0x40000000))
end=$((ram + memory * mib))
base=$((end - 128 * mib))
append=
defines=()

case $region in
mapped)
	if [ "${VM_ARCH:-arm64}" = armhf ]; then
		base=$((ram + 384 * mib))
	fi ;;
highmem)
	if [ "${VM_ARCH:-arm64}" != armhf ]; then
		echo "tree.sh: there is high memory with 32 bits only" >&2
		exit 1
	fi ;;
no-map) defines+=(-DCARVE_NO_MAP) ;;
outside) ;;
mem)
	base=$((end - 160 * mib))
	append="mem=$((memory - 192))M" ;;
*)
	echo "tree.sh: no region variant '$region': mapped, highmem, no-map, outside or mem" >&2
	exit 1 ;;
esac

# The same options as the run's, or the tree would describe another machine.
"$root/tests/vm/qemu.sh" "$memory" "$@" -machine dumpdtb="$out/base.dtb" \
	> "$out/tree.log" 2>&1
cpp -nostdinc -undef -P -x assembler-with-cpp "${defines[@]}" \
	-DCARVE_BASE="$(printf %x "$base")" -DCARVE_SIZE="$(printf %x $((64 * mib)))" \
	"$overlay" -o "$out/region.dts"
# dtc cannot see the node the overlay will land in, and warns about its cells.
dtc -@ -q -I dts -O dtb -o "$out/region.dtbo" "$out/region.dts"
fdtoverlay -i "$out/base.dtb" -o "$out/tree.dtb" "$out/region.dtbo"
if [ "$region" = outside ]; then
	fdtput -t x "$out/tree.dtb" /memory@40000000 reg \
		0 "$(printf %x "$ram")" 0 "$(printf %x $((base - ram)))"
fi
echo "$append" > "$out/append"
