#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/kernels/debug.sh: the debug kernel, for tests/vm/kernel.sh, which
# says what is in the folder. Built from Debian's source package with
# debug.config and nothing else; about 15 minutes on two cores, once.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
here=$root/tests/vm/kernels
# shellcheck source=tools/setup/cache.sh
. "$root/tools/setup/cache.sh"
# shellcheck source=tools/setup/debian.sh
. "$root/tools/setup/debian.sh"
# shellcheck source=tests/vm/kernels/common.sh
. "$here/common.sh"

source=linux-source-6.12
target=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)

unpack()
{
	local work=$1

	deb_fetch "$work/debs" "$source:all"
	dpkg-deb --fsys-tarfile "$work/debs/$source"_*.deb |
		tar -x -O "./usr/src/$source.tar.xz" | xz -dc -T0 |
		tar -x -C "$work"
	mv "$work/$source" "$work/source"
	rm -rf "$work/debs"
}

# Each option that was asked for is there, or the kernel is not what the tests
# take it for: KASAN has vanished before because of another option.
check_config()
{
	local want missing=0

	while read -r want; do
		if ! grep -qxF "$want" "$1"; then
			say "  the configuration has no $want: $(grep "${want%%=*}[ =]" "$1" || true)"
			missing=1
		fi
	done < <(grep '^CONFIG_' "$here/debug.config")
	return "$missing"
}

configure()
{
	local source=$1

	make -C "$source" -s "${target[@]}" allnoconfig
	(cd "$source" && scripts/kconfig/merge_config.sh -m .config \
		"$here/debug.config" > /dev/null)
	make -C "$source" -s "${target[@]}" olddefconfig
	check_config "$source/.config"
}

# A line now and then: the build is long.
progress()
{
	awk -v begin="$(date +%s)" '
		{ n++ }
		n % 400 == 0 {
			"date +%s" | getline now; close("date +%s")
			printf "  debug kernel: %d files, %d s\n", n, now - begin
			fflush()
		}'
}

compile()
{
	local source=$1 log=$2

	if ! make -C "$source" "${target[@]}" -j"$(nproc)" \
		Image modules 2> "$log" | progress; then
		tail -n 40 "$log" >&2
		return 1
	fi
}

# What building a module reads, and no more: 1.5 GB become 150 MB.
strip_source()
{
	find "$1" -path "$1/scripts" -prune -o -path "$1/tools" -prune -o \
		-type f \( -name '*.[cSo]' -o -name '*.cmd' -o -name '*.a' \
		-o -name '*.ko' -o -name '*.mod' -o -name '*.rst' -o -name '*.dts*' \) \
		-print0 | xargs -0 rm -f
	rm -rf "$1"/{Documentation,vmlinux,vmlinux.o,.git,.tmp_*,samples}
}

build()
{
	local work=$1 release

	say "  debug kernel: fetching Debian's $source, about 150 MB"
	unpack "$work"
	configure "$work/source"
	say "  debug kernel: building, about 3000 files, 10 to 20 minutes on two cores"
	compile "$work/source" "$work/build.log"
	release=$(make -C "$work/source" -s "${target[@]}" kernelrelease)
	make -C "$work/source" -s "${target[@]}" modules_install \
		INSTALL_MOD_PATH="$work" > /dev/null
	rm -f "$work/lib/modules/$release"/{build,source}
	ln -s "lib/modules/$release" "$work/modules"
	cp "$work/source/arch/arm64/boot/Image" "$work/image"
	cp "$work/source/.config" "$work/config"
	strip_source "$work/source"
	ln -s source "$work/headers"
	write_build_module "$work" "${target[@]}"
	rm -f "$work/build.log"
	printf '%s\n' "$release" > "$work/release"
}

# The source's version, not the lists: those change with every update.
key=$(deb_update; deb_apt apt-cache policy "$source:all" |
	sed -n 's/^ *Candidate: //p' |
	hash_of "$0" "$here/debug.config" "$here/common.sh")
cache_entry kernel-debug "$key" build
