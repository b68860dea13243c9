#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/initrd.sh VERSION: prints the folder of what a kernel needs to come
# up, out of the cache:
#
#   initrd     a cpio archive: busybox and the modules below
#   modules/   lib/modules/RELEASE with these modules alone, as depmod takes it
#   load       the modules to load before the root can be mounted, in order
#
# A run appends a second archive, its payload, which brings /init.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/setup/cache.sh
. "$root/tools/setup/cache.sh"

version=${1:?usage: tests/vm/initrd.sh VERSION}
kernel=$("$root/tests/vm/kernel.sh" "$version")
# shellcheck source=tests/vm/arch.sh
. "$root/tests/vm/arch.sh"
vm_arch "$version"
guest=$("$root/tests/vm/guest.sh" "$vm_arch")
release=$(cat "$kernel/release")

# The root's disk and the report channels; these are loaded by /init.
early=(virtio_pci virtio_blk virtio_console ext4)
# Importers the tests use, and what systemd asks for.
late=(vivid vgem autofs4 configfs)
# The same, where the kernel has them: a case that loads one says where it runs.
# The display has a new name since 6.14.
some=(virtio-gpu vim2m vkms cirrus cirrus-qemu)

# needs MODULE: the files to load for it, in order; nothing when built in. The
# 32-bit machine's processor lacks what the -ce modules accelerate with.
needs()
{
	modprobe -d "$kernel" -S "$release" --show-depends "$1" |
		grep -v '/arch/arm/crypto/.*-ce\.ko' |
		sed -n "s#^insmod $kernel/lib/modules/$release/\([^ ]*\).*#\1#p"
}

# add FILE: a module into the tree, unpacked: the emulated machine is slow.
add()
{
	local to=$tree/lib/modules/$release/${1%.xz}

	mkdir -p "$(dirname "$to")"
	case $1 in
	*.xz) xz -dc "$kernel/lib/modules/$release/$1" > "$to" ;;
	*) cp "$kernel/lib/modules/$release/$1" "$to" ;;
	esac
}

build()
{
	local work=$1 tree=$1/modules module file

	for module in "${some[@]}"; do
		if modprobe -d "$kernel" -S "$release" --show-depends "$module" \
			> /dev/null 2>&1; then
			late+=("$module")
		fi
	done
	for module in "${early[@]}" "${late[@]}"; do
		needs "$module" > "$work/needs"
		while read -r file; do
			add "$file"
			if [[ " ${early[*]} " == *" $module "* ]]; then
				echo "/usr/lib/modules/$release/${file%.xz}"
			fi
		done < "$work/needs"
	done | awk '!seen[$0]++' > "$work/load"
	cp "$kernel/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} \
		"$tree/lib/modules/$release/"
	depmod -b "$tree" "$release"
	mkdir -p "$work/tree/bin" "$work/tree/usr/lib"
	cp "$guest/busybox" "$work/tree/bin/"
	cp "$work/load" "$work/tree/"
	cp -r "$tree/lib/modules" "$work/tree/usr/lib/"
	(cd "$work/tree" && find . | cpio -o -H newc -R 0:0 --quiet) > "$work/initrd"
	rm -rf "$work/tree" "$work/needs"
}

key=$(echo "$kernel $guest" | hash_of "$0")
cache_entry "initrd-$version" "$key" build
