# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What a case says about itself, in comments at its top. To be sourced.

# case_header FILE KEY: the text behind `# KEY:`, all such lines.
case_header()
{
	sed -n "/^#/!q; s/^# $2: *//p" "$1"
}

# case_daemon FILE: how the case wants to find the daemon.
case_daemon()
{
	local daemon

	daemon=$(case_header "$1" daemon)
	echo "${daemon:-started}"
}

# kernel_slowness KERNEL: how many times longer everything may take there.
kernel_slowness()
{
	case $1 in
	debug) echo 8 ;;
	*) echo 1 ;;
	esac
}

# case_timeout FILE KERNEL: seconds it may take in the emulated machine.
case_timeout()
{
	local seconds

	seconds=$(case_header "$1" timeout)
	echo $((${seconds:-60} * $(kernel_slowness "$2")))
}

# Seconds that the host may stand still and nothing fails: a kernel, too, was seen to
# run next to nobody for two minutes, and the guest's clock goes on meanwhile. All limits in the
# guest are so much later.
standstill=150

# case_limit FILE KERNEL: seconds after which it is ended there.
case_limit()
{
	echo $(($(case_timeout "$1" "$2") + standstill))
}

# case_regions FILE KERNEL: the regions it is for; nothing when all are. What
# the debug kernel looks for is in code that all kinds of memory share, so a
# slow boot for each would find little more.
case_regions()
{
	local regions=''

	if [ "$2" = debug ]; then
		regions=$(case_header "$1" debug-regions)
	fi
	regions=${regions:-$(case_header "$1" regions)}
	if [ "$2" = debug ]; then
		regions=${regions:-mapped}
	fi
	echo "$regions"
}

# case_usual FILE KERNEL REGION: whether the whole run has it on this variant.
# What the debug kernel has, case_regions says.
case_usual()
{
	local usual

	usual=$(case_header "$1" usual)
	[ -z "$usual" ] || [ "$2" = debug ] || [[ " $usual " == *" $2/$3 "* ]]
}

# case_applies FILE KERNEL REGION: whether the case is for this variant.
case_applies()
{
	local kernels regions

	kernels=$(case_header "$1" kernels)
	regions=$(case_regions "$1" "$2")
	if [ -n "$kernels" ] && [[ " $kernels " != *" $2 "* ]]; then
		return 1
	fi
	[ -z "$regions" ] || [[ " $regions " == *" $3 "* ]]
}
