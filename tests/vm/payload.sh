#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/payload.sh KERNEL FOLDER: fills FOLDER with what is laid over the
# guest's root in order to test this tree on KERNEL: everything `make install`
# puts into a distribution, built for the guest; the driver, where modprobe finds
# it by the device tree's compatible; the test programs in
# /usr/libexec/carve-tests.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
kernel=$1 folder=$2
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=tests/vm/arch.sh
. "$root/tests/vm/arch.sh"
vm_arch "$kernel"
base=$("$root/tests/vm/initrd.sh" "$kernel")
release=$(cat "$("$root/tests/vm/kernel.sh" "$kernel")/release")

# Filled beside its place, so that no other run sees half of it.
mkdir -p "$(dirname "$folder")" "$root/build/vm"
place=$(realpath "$folder")
folder=$(mktemp -d "$place.XXXXXX")
trap 'rm -rf "$folder" "$folder.modules" "$folder.make.log"' EXIT
chmod 755 "$folder"

# Runs side by side share the objects. What the user gave to make is for the
# build of this machine.
build()
{
	local log=$folder.make.log

	if ! flock "$root/build/vm/.make.lock" env -u MAKEFLAGS -u MFLAGS \
		"${MAKE:-make}" -C "$root" --no-print-directory -s \
		-j"$(nproc)" "$@" > "$log" 2>&1; then
		cat "$log" >&2
		echo "payload.sh: make $* failed" >&2
		exit 1
	fi
	rm -f "$log"
}

build GUEST="$vm_guest" all vm-programs
build GUEST="$vm_guest" install PREFIX=/usr DESTDIR="$folder"
build GUEST="$vm_guest" install-vm-programs DESTDIR="$folder"
build modules test-modules KERNEL="$kernel"

# add_module FILE: among the kernel's modules, and into the payload.
add_module()
{
	local to

	to=lib/modules/$release/extra/$(basename "$1")
	"$vm_triplet-strip" --strip-debug "$1" -o "$tree/$to"
	cp "$tree/$to" "$folder/usr/$to"
}

# The tables of modprobe and udev, with ours among the kernel's modules.
tree=$folder.modules
mkdir -p "$tree/lib/modules"
cp -rs "$base/modules/lib/modules/$release" "$tree/lib/modules/"
mkdir -p "$tree/lib/modules/$release/extra" \
	"$folder/usr/lib/modules/$release/extra"
add_module "$root/build/kernel/$kernel/carve.ko"
if [ -e "$root/tests/modules/Kbuild" ]; then
	# What Kbuild has just built, some kernels with full paths.
	built=$root/build/test-modules/$kernel
	while read -r module; do
		module=${module#"$built/"}
		add_module "$built/${module%.*}.ko"
	done < "$built/modules.order"
fi
depmod -b "$tree" "$release"
cp "$tree/lib/modules/$release"/modules.{dep,alias,symbols,softdep}* \
	"$folder/usr/lib/modules/$release/"
# Not while a boot packs up the old one.
exec {lock}> "$place.lock"
flock "$lock"
rm -rf "$place"
mv -T "$folder" "$place"
