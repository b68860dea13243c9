#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/guest.sh [ARCHITECTURE]: prints the folder of the guest's root out of
# the cache, for arm64 (default) or armhf:
#
#   root.ext4   Debian 12 with systemd and udev, never written to
#   busybox     a static busybox, for the initramfs
#
# No code of the guest's runs while it is made: packages are unpacked, and what their
# scripts would have set up is either done here or by systemd at boot. Nothing
# of Carve is in it, and no kernel module: those come with each run.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/setup/cache.sh
. "$root/tools/setup/cache.sh"
# shellcheck source=tools/setup/debian.sh
. "$root/tools/setup/debian.sh"

arch=${1:-arm64}
deb_use bookworm "$arch"
packages=("?essential?architecture($arch)" systemd systemd-sysv udev dbus kmod
	procps libsystemd0 libinih1 libsmartcols1 libdrm2 libcmocka0 v4l-utils)

# What only package management and unused scripts need.
# shellcheck disable=SC2034 # read by deb_tree
DEB_TREE_SKIP='apt|dpkg|debconf|adduser|usrmerge|perl|perl-.*|lib.*perl.*|libapt-.*|gpgv|debian-archive-keyring'

# The files dpkg would have left to scripts.
settle()
{
	local tree=$1

	cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
	cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
	ln -sfn dash "$tree/usr/bin/sh"
	ln -sfn mawk "$tree/usr/bin/awk"
	echo carve-guest > "$tree/etc/hostname"
	: > "$tree/etc/fstab"
	# A fixed one: without, systemd takes every boot for the very first.
	echo 4361727665206775657374206f732031 > "$tree/etc/machine-id"
	rm -rf "$tree"/var/{run,lock}
	ln -s /run "$tree/var/run"
	ln -s /run/lock "$tree/var/lock"
	ln -sfn multi-user.target "$tree/usr/lib/systemd/system/default.target"
	rm -rf "$tree"/usr/share/{doc,man,locale,info,bash-completion,zsh,perl5} \
		"$tree"/var/cache/* "$tree"/var/lib/{apt,dpkg} "$tree/etc/apt"
}

# add FILE: a file with the text on stdin.
add()
{
	mkdir -p "$(dirname "$1")"
	cat > "$1"
}

units()
{
	local etc=$1/etc/systemd unit

	# Groups that udev's rules name and Debian's scripts would have made.
	add "$1/usr/lib/sysusers.d/carve-guest.conf" <<- END
		g input - -
		g sgx - -
		g kvm - -
		g render - -
	END
	# Every boot starts from this very image, so users and groups of what is
	# being tested have to be made at every boot, not after updates only.
	add "$etc/system/systemd-sysusers.service.d/always.conf" <<- END
		[Unit]
		ConditionNeedsUpdate=
	END
	add "$etc/journald.conf.d/guest.conf" <<- END
		[Journal]
		Storage=volatile
		RateLimitIntervalSec=0
	END
	# Seconds of emulated work for nothing the tests look at.
	for unit in systemd-{hwdb-update,journal-catalog-update,update-done}.service \
		systemd-{pcrphase,pcrphase-sysinit,machine-id-commit}.service \
		systemd-{journal-flush,random-seed,update-utmp}.service \
		systemd-{update-utmp-runlevel,user-sessions,logind}.service \
		systemd-{firstboot,repart,binfmt,initctl}.service \
		systemd-{boot-system-token,boot-random-seed}.service \
		systemd-ask-password-{console,wall}.path systemd-initctl.socket \
		modprobe@{configfs,dm_mod,drm,efi_pstore,fuse,loop}.service \
		{getty@,serial-getty@,console-getty,ldconfig}.service \
		dev-{hugepages,mqueue}.mount sys-fs-fuse-connections.mount \
		proc-sys-fs-binfmt_misc.automount getty.target \
		systemd-tmpfiles-clean.timer; do
		ln -sfn /dev/null "$etc/system/$unit"
	done
	mkdir -p "$etc/system-generators"
	for unit in "$1"/usr/lib/systemd/system-generators/*; do
		ln -sfn /dev/null "$etc/system-generators/$(basename "$unit")"
	done
}

image()
{
	local tree=$1 image=$2 kib

	kib=$(du -sk --apparent-size "$tree" | cut -f 1)
	# A fixed seed and no journal: the same tree gives the same image, and
	# nothing has to be replayed.
	mke2fs -q -t ext4 -O ^has_journal,^metadata_csum,^resize_inode \
		-N 16384 -m 0 -U 43617276-6500-4775-a573-740000000001 \
		-E root_owner=0:0,lazy_itable_init=0 -d "$tree" \
		"$image" "$((kib * 5 / 4 + 65536))k" > /dev/null
}

build()
{
	local work=$1

	say "  guest: fetching Debian 12 $arch (systemd, udev, v4l-utils), about 45 MB"
	deb_tree "$work/tree" "${packages[@]}"
	deb_fetch "$work/debs" "busybox-static:$arch"
	dpkg-deb -x "$work"/debs/busybox-static_*.deb "$work/static"
	mv "$work/static/bin/busybox" "$work/busybox"
	settle "$work/tree"
	units "$work/tree"
	say "  guest: making the root file system"
	image "$work/tree" "$work/root.ext4"
	rm -rf "$work/tree" "$work/debs" "$work/static"
}

# Files in the image belong to root, whoever makes it.
if [ "$(id -u)" != 0 ] && [ -z "${FAKEROOTKEY:-}" ]; then
	exec fakeroot "$0" "$@"
fi
key=$(deb_key | hash_of "$0" "$root/tools/setup/debian.sh")
cache_entry "guest-$arch" "$key" build
