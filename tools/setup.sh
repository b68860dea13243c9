#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/setup.sh GROUP...: installs what this machine still lacks, with apt.
#
#   build   compile library, daemon, tools; unit and service tests
#   vm      build for arm64 and boot it
#   matrix  build for more kernels, boot 32-bit ARM
#   demo    make and show a film
#   fuzz    fuzzers; afl for AFL++
#   coverage  make coverage
#   lint    make lint
#
# For Debian 12 and 13, amd64 and arm64, starting from a minimal installation.
# Says in a line each what is missing and what for; nothing missing, nothing
# said. tools/setup/packages lists everything.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
list=$here/setup/packages
log=$(mktemp)
trap 'rm -f "$log"' EXIT

die()
{
	echo "setup: $*" >&2
	exit 1
}

if ! command -v apt-get dpkg-query > /dev/null; then
	die "this machine has no apt; install what tools/setup/packages lists by other means"
fi
arch=$(dpkg --print-architecture)
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")

# wanted GROUP...: "PACKAGE REASON" lines for this machine.
wanted()
{
	local group where package reason

	while IFS=$'\t' read -r group where package reason; do
		case $group in
		'' | '#'*) continue ;;
		esac
		if [[ " $* " == *" $group "* ]] && applies "$where"; then
			printf '%s\t%s\n' "$package" "$reason"
		fi
	done < "$list"
}

# applies WHERE: `all`, or conditions that all have to hold: amd64, arm64,
# debian12, debian13.
applies()
{
	local condition

	for condition in ${1//,/ }; do
		case $condition in
		all | "$arch") ;;
		debian*) [ "$release" = "debian ${condition#debian}" ] || return 1 ;;
		*) return 1 ;;
		esac
	done
}

# missing: of the lines on stdin those whose package is not installed.
missing()
{
	local lines installed

	lines=$(cat)
	# shellcheck disable=SC2046,SC2016 # names; dpkg's own placeholders
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
		$(cut -f 1 <<< "$lines") 2>/dev/null || true)
	while IFS=$'\t' read -r package reason; do
		if ! grep -qx "installed $package" <<< "$installed"; then
			printf '%s\t%s\n' "$package" "$reason"
		fi
	done <<< "$lines"
}

# progress: apt's status lines as a line every 20 percent.
progress()
{
	local kind rest percent shown=-1

	while IFS=: read -r kind _ rest _; do
		percent=${rest%%.*}
		case $kind in
		dlstatus) kind="fetched" ;;
		pmstatus) kind="installed" ;;
		*) continue ;;
		esac
		if [[ $percent =~ ^[0-9]+$ ]] && [ "$kind$((percent / 20))" != "$shown" ]; then
			shown=$kind$((percent / 20))
			echo "  $kind $percent %"
		fi
	done
}

apt()
{
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		-o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
		-o DPkg::Lock::Timeout=300 "$@" 3>&1 > "$log" 2>&1 | progress
}

# known PACKAGE...: whether apt has heard of all of them.
known()
{
	[ "$(apt-cache policy "$@" 2>/dev/null | grep -c 'Candidate: [^(]')" = $# ]
}

install()
{
	local begin=$SECONDS

	if ! known "$@"; then
		echo "  reading the package lists"
		apt update || {
			cat "$log" >&2
			die "apt-get update failed; the lines above say why"
		}
	fi
	if ! apt install --no-install-recommends "$@"; then
		# The lists name versions that the mirror has replaced since.
		apt update || true
		apt install --no-install-recommends "$@" || {
			cat "$log" >&2
			die "apt-get install failed; the lines above say why"
		}
	fi
	echo "setup: done after $((SECONDS - begin)) s"
}

lacking=$(wanted "$@" | sort -u | missing)
if [ -z "$lacking" ]; then
	exit 0
fi
mapfile -t packages < <(cut -f 1 <<< "$lacking" | sort -u)
if [ "$(id -u)" != 0 ]; then
	die "missing: ${packages[*]}; become root and run: tools/setup.sh $*"
fi
echo "setup: installing ${#packages[@]} packages that are missing here:"
awk -F '\t' '{ printf "  %-26s %s\n", $1, $2 }' <<< "$lacking"
install "${packages[@]}"
