#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/qemu.sh MEMORY OPTION...: the machine every run uses, without KVM,
# which an amd64 host does not have for it. -nodefaults: no device that nobody
# asked for, no firmware file that may be missing.
set -euo pipefail
memory=$1
shift
exec qemu-system-aarch64 -machine virt,gic-version=3 -cpu cortex-a72 \
	-accel tcg,thread=multi -smp 2 -m "$memory" \
	-nodefaults -display none -no-reboot "$@"
