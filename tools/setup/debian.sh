# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A private apt for packages that are not for this machine: Debian 12's arm64
# kernels and libraries, whatever the host runs, or what deb_use() says instead.
# To be sourced after cache.sh.
#
# The host's own package database and architectures stay as they are. Mirror,
# proxy and keyring come from the host's apt configuration.

DEB_HOST_ARCH=$(dpkg --print-architecture)

# deb_use SUITE ARCHITECTURE: what all that follows is about. Of a suite of
# backports its newer packages are taken, the rest from the suite it is for.
# The security archive is read for the guests' own Debian 12 on arm64 only: what
# else is fetched is in the main one, and is not for use.
deb_use()
{
	DEB_SUITE=$1
	DEB_ARCH=$2
	DEB_ROOT=$CARVE_CACHE/apt-$DEB_SUITE-$DEB_ARCH
	DEB_OPTIONS=()
	if [[ $DEB_SUITE == *-backports ]]; then
		DEB_OPTIONS=(-o "APT::Default-Release=$DEB_SUITE")
	fi
}

deb_use bookworm arm64

# deb_apt TOOL ARGUMENTS...: apt-get, apt-cache on the private root.
deb_apt()
{
	local tool=$1
	shift
	"$tool" -q \
		-o Dir::State="$DEB_ROOT/state" \
		-o Dir::State::lists="$DEB_ROOT/lists" \
		-o Dir::State::status="$DEB_ROOT/status" \
		-o Dir::Cache="$DEB_ROOT/cache" \
		-o Dir::Cache::archives="$DEB_ROOT/cache/archives" \
		-o Dir::Etc::sourcelist="$DEB_ROOT/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null \
		-o APT::Architecture="$DEB_ARCH" \
		-o APT::Architectures::="$DEB_ARCH" \
		-o APT::Architectures::="$DEB_HOST_ARCH" \
		-o APT::Get::List-Cleanup=false \
		-o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none \
		-o Acquire::Retries=3 \
		"${DEB_OPTIONS[@]}" "$@"
}

# Repositories this machine knows: "URI RELEASE COMPONENT FILE" lines. apt
# itself reads them, so one-line and deb822 sources are understood alike.
deb_targets()
{
	# shellcheck disable=SC2016 # apt's own placeholders
	apt-get indextargets "$@" \
		--format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(SOURCESENTRY)' \
		'Created-By: Packages' 'Identifier: Packages' 2>/dev/null | sort -u
}

# apt knows its targets only once it has fetched the Release files.
deb_known_targets()
{
	local lists=$DEB_ROOT/host-lists
	if [ -n "$(deb_targets)" ]; then
		deb_targets
		return
	fi
	mkdir -p "$lists/partial"
	apt-get -qq update -o Dir::State::lists="$lists" \
		-o APT::Sandbox::User="$(id -un)" >&2 || true
	deb_targets -o Dir::State::lists="$lists"
}

# deb_options FILE:LINE: the options of that sources entry that say how its
# signature is checked.
deb_options()
{
	local file=${1%:*} key
	key=$(sed -nE 's/^Signed-By:[[:space:]]*(\/[^[:space:]]+).*/\1/Ip
		s/.*\[.*signed-by=(\/[^] ,]+).*/\1/Ip' "$file" | head -n 1)
	if [ -z "$key" ] || [ ! -r "$key" ]; then
		key=/usr/share/keyrings/debian-archive-keyring.gpg
	fi
	if grep -qiE '^Trusted:[[:space:]]*yes|\[.*trusted=yes' "$file"; then
		printf ' trusted=yes'
	elif [ -r "$key" ]; then
		printf ' signed-by=%s' "$key"
	fi
}

deb_write_sources()
{
	local release arch=$DEB_ARCH base=${DEB_SUITE%-backports}
	local uri suite component entry security='' main=''
	# shellcheck source=/dev/null
	release=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	if [ "$DEB_HOST_ARCH" != "$DEB_ARCH" ]; then
		arch=$DEB_ARCH,$DEB_HOST_ARCH
	fi
	while read -r uri suite component entry; do
		if [ "$component" != main ]; then
			continue
		fi
		case $suite in
		"$release-security" | stable-security | oldstable-security)
			security=${security:-"deb [arch=$arch$(deb_options "$entry")] $uri $base-security main"} ;;
		"$release" | stable | oldstable | testing | sid | unstable)
			# Other vendors name their suites like Debian's, too.
			case ${uri%/} in
			*security*) ;;
			*debian | */debian/* | *debian.list)
				main=${main:-"deb [arch=$arch$(deb_options "$entry")] $uri $base main"} ;;
			esac ;;
		esac
	done < <(deb_known_targets)
	if [ -z "$main" ]; then
		die "no Debian archive in this machine's apt sources (looked for suite ${release:-?}, component main): add one to /etc/apt/sources.list.d"
	fi
	# Debian 12's 6.12 kernel is published in the security archive. Where the
	# machine does not name one, it lies beside the main archive.
	if [ -z "$security" ]; then
		security=${main/debian\/ $base main/debian-security\/ $base-security main}
	fi
	printf '%s\n' "$main"
	if [ "$DEB_SUITE,$DEB_ARCH" = bookworm,arm64 ]; then
		printf '%s\n' "$security"
	fi
	if [ "$DEB_SUITE" != "$base" ]; then
		printf '%s\n' "${main/ $base main/ $DEB_SUITE main}"
	fi
}

deb_update_locked()
{
	local log=$DEB_ROOT/update.log
	mkdir -p "$DEB_ROOT"/{lists,state,cache/archives}/partial
	: > "$DEB_ROOT/status"
	if [ "${1:-}" != again ] && [ -e "$DEB_ROOT/updated" ]; then
		return
	fi
	say "  apt: reading the package lists of Debian's $DEB_SUITE for $DEB_ARCH"
	deb_write_sources > "$DEB_ROOT/sources.list.new"
	mv "$DEB_ROOT/sources.list.new" "$DEB_ROOT/sources.list"
	if ! deb_apt apt-get update --error-on=any > "$log" 2>&1; then
		cat "$log" >&2
		die "apt cannot read the package lists of Debian's $DEB_SUITE with this machine's mirror and proxy"
	fi
	date > "$DEB_ROOT/updated"
}

# deb_update [again]: makes the lists once, or anew.
deb_update()
{
	if [ "${1:-}" = again ] || [ ! -e "$DEB_ROOT/updated" ]; then
		mkdir -p "$DEB_ROOT"
		cache_locked "${DEB_ROOT##*/}" deb_update_locked "$@"
	fi
}

# A key for everything that is made from these package lists.
deb_key()
{
	deb_update
	cat "$DEB_ROOT"/lists/*Release | sha256sum | cut -c 1-16
}

# deb_depends PACKAGE REGEX: the first dependency of it that matches.
deb_depends()
{
	deb_apt apt-cache depends --important "$1" 2>/dev/null |
		awk -v re="$2" '$1 ~ /Depends:$/ && $2 ~ re { print $2; exit }'
}

# deb_fetch FOLDER PACKAGE...: downloads packages into it, and nothing else.
deb_fetch()
{
	local into=$1 log
	shift
	log=$into/apt.log
	mkdir -p "$into"
	# A mirror drops old versions: lists that name one are out of date.
	if (cd "$into" && deb_apt apt-get download "$@") > "$log" 2>&1; then
		return
	fi
	deb_update again
	if ! (cd "$into" && deb_apt apt-get download "$@") >> "$log" 2>&1; then
		cat "$log" >&2
		say "apt cannot download: $*"
		return 1
	fi
}

# deb_tree FOLDER PACKAGE...: unpacks packages with all they depend on, the
# way dpkg would lay them out, without running any of their scripts. Packages
# whose names match DEB_TREE_SKIP are left out.
deb_tree()
{
	local into=$1 debs=$1/.debs dir deb
	shift
	mkdir -p "$debs/partial"
	if ! deb_tree_fetch "$debs" "$@"; then
		deb_update again
		deb_tree_fetch "$debs" "$@" || {
			cat "$debs/apt.log" >&2
			return 1
		}
	fi
	for dir in bin sbin lib; do
		mkdir -p "$into/usr/$dir"
		ln -sfn "usr/$dir" "$into/$dir"
	done
	for deb in "$debs"/*.deb; do
		if [[ $(basename "$deb") =~ ^(${DEB_TREE_SKIP:-none})_ ]]; then
			continue
		fi
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -p --keep-directory-symlink -C "$into"
	done
	rm -rf "$debs"
}

deb_tree_fetch()
{
	local debs=$1
	shift
	deb_apt apt-get -y --no-install-recommends --download-only \
		-o Dir::Cache::archives="$debs" install "$@" > "$debs/apt.log" 2>&1
}
