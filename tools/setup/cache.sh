# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The cache of slow things: kernels, sysroot, guest root. To be sourced.
#
# It lies outside the tree, so that a fresh clone or `make clean` does not pay
# again. An entry is a folder named NAME-KEY, KEY a hash of everything that
# makes it; it is built beside its place and renamed when complete, so what
# exists is whole, and two runs at once wait for each other instead of
# disturbing each other.

# Where depmod and mke2fs are; not in everybody's path.
PATH=$PATH:/usr/sbin:/sbin

CARVE_CACHE=${CARVE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/carve}
mkdir -p "$CARVE_CACHE"
CARVE_CACHE=$(cd "$CARVE_CACHE" && pwd)

# Progress goes to stderr: stdout belongs to the path a script prints.
say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	say "${0##*/}: $*"
	exit 1
}

# hash_of FILE...: one key from the contents of the files and from stdin.
hash_of()
{
	{ cat "$@" -; } | sha256sum | cut -c 1-16
}

# cache_locked NAME COMMAND...: one process at a time may do this.
cache_locked()
{
	local name=$1 fd
	shift
	exec {fd}> "$CARVE_CACHE/.$name.lock"
	if ! flock --nonblock "$fd"; then
		say "  $name: waiting for another run that prepares it"
		flock "$fd"
	fi
	"$@"
	exec {fd}>&-
}

# cache_forget NAME KEY: drops what other keys left and nobody used for weeks.
cache_forget()
{
	local old
	find "$CARVE_CACHE" -maxdepth 1 -name "$1-????????????????" \
		! -name "$1-$2" -type d | while read -r old; do
		if [ -z "$(find "$old/.used" -mtime -14 2>/dev/null)" ]; then
			rm -rf "$old"
		fi
	done
}

cache_build()
{
	local name=$1 key=$2 build=$3 begin=$SECONDS work status
	local place=$CARVE_CACHE/$name-$key

	# While waiting for the lock another run may have finished it.
	if [ -d "$place" ]; then
		return
	fi
	work=$(mktemp -d "$CARVE_CACHE/.work.$name.XXXXXX")
	chmod 755 "$work"
	# Left of `||` or inside `if` the shell would ignore `set -e` in here.
	set +e
	(
		trap 'rm -rf "$work"' EXIT
		set -e
		"$build" "$work" "$place" >&2
		touch "$work/.used"
		mv -T "$work" "$place"
	)
	status=$?
	set -e
	if [ "$status" != 0 ]; then
		die "$name could not be prepared; the lines above say why"
	fi
	say "  $name: ready after $((SECONDS - begin)) s"
	cache_forget "$name" "$key"
}

# cache_entry NAME KEY FUNCTION: prints the entry's path; when there is none
# yet, FUNCTION is called with a folder to fill and the path it will have. With
# CARVE_CACHE_ONLY in the environment nothing is made, and that is a failure.
cache_entry()
{
	local place=$CARVE_CACHE/$1-$2
	if [ ! -d "$place" ]; then
		if [ -n "${CARVE_CACHE_ONLY:-}" ]; then
			say "  $1 is not in the cache"
			return 1
		fi
		cache_locked "$1-$2" cache_build "$1" "$2" "$3"
	fi
	touch -c "$place/.used" 2>/dev/null || true
	printf '%s\n' "$place"
}
