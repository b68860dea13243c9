#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/kernels/debian.sh VERSION: one of Debian 12's arm64 kernels, for
# tests/vm/kernel.sh, which says what is in the folder.
#
# The packages are unpacked, never installed: installing the arm64 headers
# would make dpkg remove the host's own compilers.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
# shellcheck source=tools/setup/cache.sh
. "$root/tools/setup/cache.sh"
# shellcheck source=tools/setup/debian.sh
. "$root/tools/setup/debian.sh"
# shellcheck source=tests/vm/kernels/common.sh
. "$root/tests/vm/kernels/common.sh"

version=${1:?usage: tests/vm/kernels/debian.sh VERSION (6.1 or 6.12)}

# meta KIND: the package that always depends on the newest of its kind.
meta()
{
	local name
	for name in "linux-$1-$version-arm64" "linux-$1-arm64"; do
		if deb_apt apt-cache show "$name" 2>/dev/null |
			grep "^Version: $version\." > /dev/null; then
			printf '%s\n' "$name"
			return
		fi
	done
	say "Debian 12 has no arm64 kernel $version; it has 6.1 and 6.12"
	return 1
}

unpack_image()
{
	local work=$1 release=$2 image=$1/unpacked/boot/vmlinuz-$2

	dpkg-deb --fsys-tarfile "$work"/debs/linux-image-*.deb |
		tar -x -C "$work/unpacked"
	if [ "$(od -An -tx1 -N2 "$image" | tr -d ' ')" = 1f8b ]; then
		zcat "$image" > "$work/image"
	else
		mv "$image" "$work/image"
	fi
	# "ARM\x64" at byte 56 is what makes it an Image.
	if [ "$(od -An -c -j56 -N4 "$work/image" | tr -d ' ')" != ARMd ]; then
		say "the $release image is not an arm64 Image"
		return 1
	fi
	mkdir -p "$work/lib/modules"
	mv "$work/unpacked/lib/modules/$release" "$work/lib/modules/"
	ln -s "lib/modules/$release" "$work/modules"
	# Packages leave this to their installation script.
	depmod -b "$work" "$release"
	rm -rf "$work/unpacked"
}

unpack_headers()
{
	local work=$1 place=$2 release=$3 deb

	for deb in "$work"/debs/linux-headers-*.deb "$work"/debs/linux-kbuild-*.deb; do
		dpkg-deb -x "$deb" "$work/kbuild"
	done
	ln -s "kbuild/usr/src/linux-headers-$release" "$work/headers"
	# The packages know themselves under /usr/src and /usr/lib only.
	sed -i "s#^include /usr/src/#include $place/kbuild/usr/src/#" \
		"$work/headers/Makefile"
	relink "$work/kbuild" "$place/kbuild"
}

# relink TREE PLACE: absolute links that point into the packages.
relink()
{
	local link target
	find "$1" -type l -lname '/*' | while read -r link; do
		target=$(readlink "$link")
		ln -sfn "$2$target" "$link"
	done
}

build()
{
	local work=$1 place=$2 meta image headers common kbuild release

	meta=$(meta image)
	image=$(deb_depends "$meta" '^linux-image-')
	meta=$(meta headers)
	headers=$(deb_depends "$meta" '^linux-headers-')
	common=$(deb_depends "$headers" '^linux-headers-.*-common$')
	kbuild=$(deb_depends "$headers" '^linux-kbuild-')
	release=${image#linux-image-}
	say "  kernel $version: fetching Debian's $release and its headers, about 75 MB"
	deb_fetch "$work/debs" "$image:arm64" "$headers:arm64" "$common:all" \
		"$kbuild:$DEB_HOST_ARCH"
	say "  kernel $version: unpacking"
	mkdir "$work/unpacked" "$work/kbuild"
	unpack_image "$work" "$release"
	unpack_headers "$work" "$place" "$release"
	rm -rf "$work/debs"
	write_build_module "$work" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-
	printf '%s\n' "$release" > "$work/release"
}

key=$(deb_key | hash_of "$0" "$root/tools/setup/debian.sh" \
	"$root/tests/vm/kernels/common.sh")
cache_entry "kernel-$version" "$key" build
