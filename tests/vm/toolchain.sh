#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/toolchain.sh: prints the folder of Debian 13's compilers out of the
# cache, for kernels whose headers want gcc-14 and a C library newer than
# Debian 12's:
#
#   usr/   what stands in place of this machine's
#   run    `run COMMAND...`: the command, with that /usr and all else as it is,
#          in a mount namespace of its own
#
# Nothing is installed, and no script of a package runs.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/setup/cache.sh
. "$root/tools/setup/cache.sh"
# shellcheck source=tools/setup/debian.sh
. "$root/tools/setup/debian.sh"

deb_use trixie "$DEB_HOST_ARCH"
packages=('?essential' make perl python3 cpio libelf1t64 libdw1t64 libssl3t64 zlib1g libzstd1)
for target in aarch64 riscv64 x86-64 arm; do
	case $DEB_HOST_ARCH,$target in
	amd64,x86-64 | arm64,aarch64) packages+=(gcc-14) ;;
	*,arm) packages+=(gcc-14-arm-linux-gnueabihf) ;;
	*) packages+=("gcc-14-$target-linux-gnu") ;;
	esac
done

write_run()
{
	cat > "$1" <<- 'END'
		#!/bin/bash
		# SPDX-License-Identifier: MIT
		here=$(dirname "$(realpath "$0")")
		as=()
		if [ "$(id -u)" != 0 ]; then
			as=(--map-root-user)
		fi
		exec unshare --mount "${as[@]}" /bin/bash -c '
			mount --bind "$0/usr" /usr || exit 126
			hash -r
			exec "$@"' "$here" "$@"
	END
	chmod +x "$1"
}

build()
{
	local work=$1

	say "  toolchain: fetching Debian 13's gcc-14 for four architectures, about 150 MB"
	deb_tree "$work" "${packages[@]}"
	rm -rf "${work:?}"/{etc,var,root,home,boot,srv,opt,tmp,proc,sys,dev,run,mnt,media}
	rm -rf "${work:?}"/usr/share/{doc,man,locale,info} "${work:?}"/{bin,sbin,lib,lib64}
	# Left to scripts otherwise.
	ln -s mawk "$work/usr/bin/awk"
	write_run "$work/run"
	if ! "$work/run" aarch64-linux-gnu-gcc-14 --version > /dev/null; then
		say "  toolchain: this machine does not let a program have a mount namespace: become root, or allow unprivileged user namespaces"
		return 1
	fi
}

key=$(deb_key | hash_of "$0")
cache_entry toolchain "$key" build
