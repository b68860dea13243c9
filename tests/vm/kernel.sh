#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/kernel.sh NAME: prints the folder of a kernel out of the cache,
# fetched or built when it is not there:
#
#   image      the uncompressed kernel, as QEMU and our stub load it
#   modules/   kernel/ and depmod's tables; lib/modules/RELEASE is the same
#   headers/   what `make -C` takes to build the driver, host tools native
#   build-module  runs make there with the right compiler:
#              `build-module M=FOLDER modules`
#   release    one line, what `uname -r` will say
#
# NAME is one of
#
#   6.1, 6.12, 7.3      Debian's arm64 kernels (kernels/debian.sh)
#   armmp-lpae          Debian's 6.1 for 32-bit ARM with LPAE
#   VERSION-FLAVOUR     another of Debian's (armmp-lpae, amd64, riscv64): only
#                       to compile for, without image and modules/
#   debug               one of our own out of Debian's source package
#                       (kernels/debug.sh)
set -euo pipefail
kernels=$(cd "$(dirname "$0")" && pwd)/kernels

case ${1:?usage: tests/vm/kernel.sh NAME; see the top of the file} in
debug) exec "$kernels/debug.sh" ;;
armmp-lpae) exec "$kernels/debian.sh" 6.1 armmp-lpae ;;
[67].*-*) exec "$kernels/debian.sh" "${1%%-*}" "${1#*-}" headers ;;
6.1 | 6.12 | 7.3) exec "$kernels/debian.sh" "$1" arm64 ;;
*)
	echo "kernel.sh: there is no kernel '$1': 6.1, 6.12, 7.3, armmp-lpae or debug" >&2
	exit 2 ;;
esac
