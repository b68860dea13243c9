# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What a case says about itself, in comments at its top. To be sourced.

# case_header FILE KEY: the text behind `# KEY:`, all such lines.
case_header()
{
	sed -n "/^#/!q; s/^# $2: *//p" "$1"
}

# case_timeout FILE: seconds it may take in the emulated machine.
case_timeout()
{
	local seconds

	seconds=$(case_header "$1" timeout)
	echo "${seconds:-60}"
}

# case_applies FILE KERNEL REGION: whether the case is for this variant.
case_applies()
{
	local kernels regions

	kernels=$(case_header "$1" kernels)
	regions=$(case_header "$1" regions)
	if [ -n "$kernels" ] && [[ " $kernels " != *" $2 "* ]]; then
		return 1
	fi
	[ -z "$regions" ] || [[ " $regions " == *" $3 "* ]]
}
