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
# NAME is 6.1 or 6.12, Debian's arm64 kernels (kernels/debian.sh), or debug, one
# of our own out of Debian's source package (kernels/debug.sh).
set -euo pipefail
kernels=$(cd "$(dirname "$0")" && pwd)/kernels

case ${1:?usage: tests/vm/kernel.sh NAME (6.1, 6.12 or debug)} in
debug) exec "$kernels/debug.sh" ;;
6.1 | 6.12) exec "$kernels/debian.sh" "$1" ;;
*)
	echo "kernel.sh: there is no kernel '$1': 6.1, 6.12 or debug" >&2
	exit 2 ;;
esac
