#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/sysroot.sh [ARCHITECTURE]: prints the folder of a Debian 12 sysroot,
# for arm64 (default) or armhf, out of the cache: the C library and the -dev packages that `make GUEST=1` builds
# against, in the versions whose libraries the guest runs.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/setup/cache.sh
. "$root/tools/setup/cache.sh"
# shellcheck source=tools/setup/debian.sh
. "$root/tools/setup/debian.sh"

arch=${1:-arm64}
deb_use bookworm "$arch"
packages=(libc6-dev linux-libc-dev libsystemd-dev libinih-dev libsmartcols-dev
	libdrm-dev libcmocka-dev)

build()
{
	local work=$1 link target

	say "  sysroot: fetching Debian 12's $arch libraries and headers, about 15 MB"
	deb_tree "$work" "${packages[@]}"
	rm -rf "${work:?}"/usr/share/{doc,man,locale,info} "${work:?}"/{bin,sbin,etc,var}
	# A link that names /lib would lead out of the sysroot.
	find "$work" -type l -lname '/*' | while read -r link; do
		target=$(readlink "$link")
		ln -sfn --relative "$work$target" "$link"
	done
}

key=$(deb_key | hash_of "$0" "$root/tools/setup/debian.sh")
cache_entry "sysroot-$arch" "$key" build
