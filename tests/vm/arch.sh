# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The machines that can be booted. To be sourced.

# vm_arch KERNEL: sets vm_arch, Debian's name of the architecture, vm_triplet,
# the compiler's, and vm_guest, what GUEST= of make is for it.
# shellcheck disable=SC2034 # for who sources this
vm_arch()
{
	case $1 in
	armmp-lpae) vm_arch=armhf vm_triplet=arm-linux-gnueabihf vm_guest=armhf ;;
	*) vm_arch=arm64 vm_triplet=aarch64-linux-gnu vm_guest=1 ;;
	esac
}
