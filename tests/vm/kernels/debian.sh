#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/kernels/debian.sh VERSION FLAVOUR [headers]: one of Debian's kernels,
# for tests/vm/kernel.sh, which says what is in the folder. FLAVOUR as Debian
# names it: arm64, armmp-lpae (32 bits), amd64, riscv64. With `headers` only
# what building takes: no image, no modules.
#
# The packages are unpacked, never installed: installing foreign headers
# would make dpkg remove the host's own compilers.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
# shellcheck source=tools/setup/cache.sh
. "$root/tools/setup/cache.sh"
# shellcheck source=tools/setup/debian.sh
. "$root/tools/setup/debian.sh"
# shellcheck source=tests/vm/kernels/common.sh
. "$root/tests/vm/kernels/common.sh"

version=${1:?usage: tests/vm/kernels/debian.sh VERSION FLAVOUR [headers]}
flavour=${2:?usage: tests/vm/kernels/debian.sh VERSION FLAVOUR [headers]}
what=${3:-all}

# Debian 12 has 6.1 and, for arm64, 6.12, both built with its gcc-12. All else
# comes from Debian 13 and wants that one's compiler.
toolchain=''
case $version,$flavour in
7.*) suite=trixie-backports ;;
6.12,arm64 | 6.1,*) suite=bookworm ;;
6.12,*) suite=trixie ;;
*) die "no version '$version': 6.1, 6.12 or 7.3" ;;
esac
case $flavour in
arm64) arch=arm64 target=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-) ;;
armmp-lpae) arch=armhf target=(ARCH=arm CROSS_COMPILE=arm-linux-gnueabihf-) ;;
amd64) arch=amd64 target=(ARCH=x86 CROSS_COMPILE=x86_64-linux-gnu-) ;;
riscv64) arch=riscv64 target=(ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu-) ;;
*) die "no flavour '$flavour': arm64, armmp-lpae, amd64 or riscv64" ;;
esac
deb_use "$suite" "$arch"
if [ "$suite" != bookworm ]; then
	toolchain=$("$root/tests/vm/toolchain.sh")
fi

# meta KIND: the package that always depends on the newest of its kind.
meta()
{
	local name
	for name in "linux-$1-$version-$flavour" "linux-$1-$flavour"; do
		if deb_apt apt-cache show --no-all-versions "$name" 2>/dev/null |
			grep "^Version: $version\." > /dev/null; then
			printf '%s\n' "$name"
			return
		fi
	done
	say "Debian's $suite has no kernel $version for $flavour"
	return 1
}

# Newer packages are in several parts, and have the image among the modules.
unpack_image()
{
	local work=$1 release=$2 tree=$1/unpacked deb image

	for deb in "$work"/debs/linux-{image,binary,modules,base}-*.deb; do
		if [ -e "$deb" ]; then
			dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree"
		fi
	done
	mkdir -p "$work/lib/modules" "$tree/usr/lib/modules" "$tree/lib/modules"
	for image in "$tree/boot/vmlinuz-$release" \
		"$tree/usr/lib/modules/$release/vmlinuz"; do
		if [ -e "$image" ]; then
			mv "$image" "$work/vmlinuz"
		fi
	done
	unpack_vmlinuz "$work/vmlinuz" "$work/image"
	for image in "$tree"/{usr/lib,lib}/modules/"$release"; do
		if [ -d "$image/kernel" ]; then
			rm -rf "$image/dtb"
			mv "$image" "$work/lib/modules/"
		fi
	done
	ln -s "lib/modules/$release" "$work/modules"
	# Packages leave this to their installation script.
	depmod -b "$work" "$release"
	rm -rf "$tree"
}

# unpack_vmlinuz FROM TO: as our stub loads it. A 32-bit zImage unpacks itself.
unpack_vmlinuz()
{
	if [ "$(od -An -tx1 -N2 "$1" | tr -d ' ')" = 1f8b ]; then
		zcat "$1" > "$2"
		rm "$1"
	else
		mv "$1" "$2"
	fi
	# What the boot protocols of arm64 and arm have at these places.
	if [ "$arch" = arm64 ] && [ "$(od -An -c -j56 -N4 "$2" | tr -d ' ')" = ARMd ]; then
		return
	elif [ "$arch" = armhf ] && [ "$(od -An -tx4 -j36 -N4 "$2" | tr -d ' ')" = 016f2818 ]; then
		return
	fi
	say "the image of kernel $version for $flavour is not one that can be booted here"
	return 1
}

unpack_headers()
{
	local work=$1 place=$2 release=$3 deb

	for deb in "$work"/debs/linux-headers-*.deb "$work"/debs/linux-kbuild-*.deb; do
		dpkg-deb -x "$deb" "$work/kbuild"
	done
	ln -s "kbuild/usr/src/linux-headers-$release" "$work/headers"
	# The packages know themselves under /usr/src and /usr/lib only.
	sed -i -E "s#^(include |KBUILD_OUTPUT=)/usr/src/#\1$place/kbuild/usr/src/#" \
		"$work/headers/Makefile"
	relink "$work/kbuild" "$place/kbuild"
}

# Debian's modpost for another machine knows the size of that one's words, but
# not that the tables of device names are smaller with 32 bits: take the one
# that was built where it counts, and emulate that.
foreign_modpost()
{
	local work=$1 kbuild=$2 modpost deb

	deb_fetch "$work/modpost.debs" "$kbuild:$arch" "libc6:$arch" \
		"qemu-user-static:$DEB_HOST_ARCH"
	dpkg-deb --fsys-tarfile "$work"/modpost.debs/qemu-user-static_*.deb |
		tar -x -C "$work/modpost.root" ./usr/bin/qemu-arm-static
	for deb in "$work"/modpost.debs/{linux-kbuild,libc6}*.deb; do
		dpkg-deb -x "$deb" "$work/modpost.root"
	done
	modpost=$(echo "$work"/kbuild/usr/lib/linux-kbuild-*/scripts/mod/modpost)
	mv "$work"/modpost.root/usr/lib/linux-kbuild-*/scripts/mod/modpost.real-lsb-32 \
		"$work/modpost.root/modpost"
	printf '#!/bin/sh\nexec "%s" -L "%s" "%s" "$@"\n' \
		"$place/modpost.root/usr/bin/qemu-arm-static" "$place/modpost.root" \
		"$place/modpost.root/modpost" > "$modpost"
	rm -rf "$work/modpost.debs"
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

# With Debian 13's compilers where the kernel wants them.
build_module()
{
	local work=$1

	write_build_module "$work" "${target[@]}"
	if [ -n "$toolchain" ]; then
		mv "$work/build-module" "$work/build-module.inside"
		# shellcheck disable=SC2016 # for the script
		printf '#!/bin/sh\nexec "%s/run" "$(dirname "$(realpath "$0")")/build-module.inside" "$@"\n' \
			"$toolchain" > "$work/build-module"
		chmod +x "$work/build-module"
	fi
}

# fetch FOLDER: the packages; sets $release and $kbuild.
fetch()
{
	local into=$1 headers image part packages
	headers=$(deb_depends "$(meta headers)" '^linux-headers-')
	release=${headers#linux-headers-}
	kbuild=$(deb_depends "$headers" '^linux-kbuild-')
	packages=("$headers:$arch"
		"$(deb_depends "$headers" '^linux-headers-.*-common$'):all"
		"$kbuild:$DEB_HOST_ARCH")
	if [ "$what" = all ]; then
		image=$(deb_depends "$(meta image)" '^linux-image-')
		packages+=("$image:$arch")
		for part in binary modules base; do
			part=$(deb_depends "$image" "^linux-$part-")
			packages+=(${part:+"$part:$arch"})
		done
	fi
	say "  kernel $version: fetching Debian's $release ($what), 15 to 115 MB"
	deb_fetch "$into" "${packages[@]}"
}

build()
{
	local work=$1 place=$2 release kbuild

	fetch "$work/debs"
	say "  kernel $version: unpacking"
	mkdir "$work/unpacked" "$work/kbuild"
	if [ "$what" = all ]; then
		unpack_image "$work" "$release"
	fi
	unpack_headers "$work" "$place" "$release"
	if [ "$arch" = armhf ] && [ "$DEB_HOST_ARCH" != armhf ]; then
		mkdir "$work/modpost.root"
		foreign_modpost "$work" "$kbuild"
	fi
	rm -rf "$work"/{debs,unpacked}
	build_module "$work"
	printf '%s\n' "$release" > "$work/release"
}

key=$({ deb_key; echo "$toolchain"; } | hash_of "$0" "$root/tools/setup/debian.sh" \
	"$root/tests/vm/kernels/common.sh")
cache_entry "kernel-$version-$flavour-$what" "$key" build
