# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the ways to come by a kernel share. To be sourced.

# write_build_module FOLDER MAKE-ARGUMENT...: the program FOLDER/build-module.
# BTF would need the kernel's own vmlinux.
write_build_module()
{
	local work=$1
	shift
	{
		echo '#!/bin/sh'
		# shellcheck disable=SC2016 # for the script
		echo 'here=$(dirname "$(realpath "$0")")'
		# shellcheck disable=SC2016 # for the script
		printf 'exec "${MAKE:-make}" --no-print-directory -C "$here/headers" %s "$@"\n' \
			"$* CONFIG_DEBUG_INFO_BTF_MODULES="
	} > "$work/build-module"
	chmod +x "$work/build-module"
}
