#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/qemu.sh MEMORY OPTION...: the machine every run uses, without KVM,
# which an amd64 host does not have for it. -nodefaults: no device that nobody
# asked for, no firmware file that may be missing. VM_ARCH in the environment
# chooses: arm64 (default) or armhf, 32 bits with LPAE.
set -euo pipefail
memory=$1
shift
case ${VM_ARCH:-arm64} in
arm64) machine=(qemu-system-aarch64 -machine "virt,gic-version=3" -cpu cortex-a72) ;;
armhf) machine=(qemu-system-arm -machine virt -cpu cortex-a15) ;;
esac
exec "${machine[@]}" -accel tcg,thread=multi -smp 2 -m "$memory" \
	-nodefaults -display none -no-reboot "$@"
