#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/vm/check.sh: the matrix of kernels and region variants, every case of
# tests/vm/cases on each. The environment narrows it, each a list:
#
#   KERNEL (6.1 6.12; others, see kernel.sh)  REGION (mapped no-map outside mem)  TEST (names)
#
# All cases of a variant share one boot, but for those that ask for their own.
# Without REGION a case that names its usual variants runs on these alone.
# JOBS (2) boots run at once. EXTRA_PAYLOAD is a further folder laid over the
# guest's root.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/vm
# shellcheck source=tests/vm/cases.sh
. "$here/cases.sh"

kernels=${KERNEL:-6.1 6.12}
regions=${REGION:-mapped no-map outside mem}
jobs=${JOBS:-2}
work=$root/build/vm
mkdir -p "$work"

known=$(cd "$here/cases" && printf '%s ' *)
tests=${TEST:-$known}
for test in ${tests//,/ }; do
	if [ ! -e "$here/cases/$test" ]; then
		echo "check-vm: no case '$test'; there are: $known" >&2
		exit 2
	fi
done

# appended FILE...: what cases that share a boot want on its command line.
appended()
{
	local file value

	for file; do
		case_header "$file" append
	done | sort -u | while IFS= read -r value; do
		printf '%s\n' --append "$value"
	done
}

# options FILE: what a case with a boot of its own asks of it.
options()
{
	local key value

	for key in memory append machine device; do
		case_header "$1" "$key" | while IFS= read -r value; do
			printf '%s\n' "--$key" "$value"
		done
	done
	value=$(case_header "$1" overlay)
	if [ -n "$value" ]; then
		printf '%s\n' --overlay "$root/$value"
	fi
}

# times FOLDER: what took longest there, in the emulated machine.
times()
{
	local slowest

	slowest=$(sed -n 's/^end \([^ ]*\) [0-9]* \([0-9]*\)\..*/\2 \1/p' "$1/report.txt" |
		sort -rn | awk '$1 >= 10 { printf "%s%s %s", comma, $2, $1; comma = ", " }')
	echo "${slowest:+ ($slowest)}"
}

# boot KERNEL REGION LABEL CASE...: one boot, its results on stdout.
boot()
{
	local kernel=$1 region=$2 label=$3 begin=$SECONDS status=0 extra=() name
	shift 3
	set -- "${@/#/$here/cases/}"

	name=vm/$kernel/$region
	case $label in
	shared | bare) mapfile -t extra < <(appended "$@") ;;
	*) mapfile -t extra < <(options "$1") ;;
	esac
	if [ "$label" != shared ]; then
		name=$name/$label
	fi
	echo "  # $name: booting for $# case(s)"
	"$here/boot.sh" --out "$work/$kernel/$region/$label" --kernel "$kernel" \
		--region "$region" --name "$name/" \
		--payload "$work/$kernel/payload" --enable carved.socket \
		${EXTRA_PAYLOAD:+--payload "$EXTRA_PAYLOAD"} \
		"${extra[@]}" "$@" || status=1
	echo "  # $name: $((SECONDS - begin)) s$(times "$work/$kernel/$region/$label")," \
		"logs in build/vm/$kernel/$region/$label"
	return "$status"
}

# Several boots write to one place: whole lines only, each in one piece.
whole_lines()
{
	local line

	while IFS= read -r line; do
		printf '%s\n' "$line"
	done
}

running=0
failed=0

# start ARGUMENTS...: boot() beside the others, when there is room.
start()
{
	if [ "$running" -ge "$jobs" ]; then
		wait -n || failed=1
		running=$((running - 1))
	fi
	boot "$@" | whole_lines &
	running=$((running + 1))
}

boots=()

# plan KERNEL REGION LABEL CASE...: a boot, and the most seconds it may take.
plan()
{
	local kernel=$1 seconds=0 test

	for test in "${@:4}"; do
		seconds=$((seconds + $(case_timeout "$here/cases/$test" "$kernel")))
	done
	boots+=("$seconds $*")
}

# unplanned KERNEL REGION CASE WHY: said to who has named the case.
unplanned()
{
	if [ -n "${TEST:-}" ]; then
		echo "skip vm/$1/$2/$3 - $4"
	fi
}

# is_bare FILE KERNEL: on a slow kernel those that do without systemd have a boot
# without it, so that one long boot is two shorter ones that go side by side.
is_bare()
{
	[ "$(kernel_slowness "$2")" != 1 ] && [ "$(case_daemon "$1")" = stopped ]
}

variant()
{
	local kernel=$1 region=$2 test file shared=() bare=() own=()

	for test in ${tests//,/ }; do
		file=$here/cases/$test
		if ! case_applies "$file" "$kernel" "$region"; then
			unplanned "$kernel" "$region" "$test" \
				"it is for other variants, see its header"
		elif [ -z "${REGION:-}" ] && ! case_usual "$file" "$kernel" "$region"; then
			unplanned "$kernel" "$region" "$test" \
				"not here unless asked for by REGION=, see its header"
		elif [ "$(case_header "$file" boot)" = own ]; then
			own+=("$test")
		elif is_bare "$file" "$kernel"; then
			bare+=("$test")
		else
			shared+=("$test")
		fi
	done
	if [ ${#shared[@]} != 0 ]; then
		plan "$kernel" "$region" shared "${shared[@]}"
	fi
	if [ ${#bare[@]} != 0 ]; then
		plan "$kernel" "$region" bare "${bare[@]}"
	fi
	for test in "${own[@]}"; do
		plan "$kernel" "$region" "$test" "$test"
	done
}

trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
for kernel in ${kernels//,/ }; do
	echo "  # vm/$kernel: building the driver and the guest's programs"
	"$here/payload.sh" "$kernel" "$work/$kernel/payload"
done
for kernel in ${kernels//,/ }; do
	for region in ${regions//,/ }; do
		variant "$kernel" "$region"
	done
done
# The longest first, so that no processor has nothing to do at the end.
mapfile -t boots < <(printf '%s\n' "${boots[@]}" | sort -s -k 1,1rn)
for each in "${boots[@]}"; do
	[ -n "$each" ] || continue
	# shellcheck disable=SC2086 # words without blanks
	start ${each#* }
done
while [ "$running" -gt 0 ]; do
	wait -n || failed=1
	running=$((running - 1))
done
exit "$failed"
