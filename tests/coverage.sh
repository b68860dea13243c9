#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/coverage.sh BUILD: the lines of daemon/ and lib/ that unit tests, service
# tests and the fuzzers' seeds run together, built with --coverage in BUILD. HTML
# goes to BUILD/report, the summary to stdout. Fails below 90 %.
#
# The virtual machines are left out: what speaks to the driver (daemon/device.c)
# runs only there.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
least=90

# Some tests run the daemon as other users, who write down what they ran, too.
umask 0
find "$build" -name '*.gcda' -delete
find "$build" -type d -exec chmod a+rwx {} +
make=("${MAKE:-make}" --no-print-directory -s "B=$build" SAN=
	"SANFLAGS=--coverage -fprofile-update=atomic" "CFLAGS=-O1 -g")

# Ten million steps run the same lines as these do.
export CARVE_STEPS=300000
status=0
"${make[@]}" run-unit || status=1
"${make[@]}" run-service || status=1
for fuzzer in "$build"/tests/fuzz/fuzz-*; do
	if [ ! -x "$fuzzer" ] || [ ! -f "$fuzzer" ]; then
		continue
	fi
	name=${fuzzer##*fuzz-}
	seeds=("tests/fuzz/corpus/$name")
	# What an earlier `make fuzz` here found.
	if [ -d "build/fuzz/corpus/$name" ]; then
		seeds+=("build/fuzz/corpus/$name")
	fi
	if "$fuzzer" "${seeds[@]}" > "$build/fuzz.log" 2>&1; then
		echo "ok fuzz/$name: $(tail -n 1 "$build/fuzz.log")"
	else
		tail -n 20 "$build/fuzz.log" | sed 's/^/# /'
		echo "not ok fuzz/$name - see above"
		status=1
	fi
done

rm -rf "$build/report"
mkdir -p "$build/report"
if gcovr --root . --object-directory "$build" --filter 'daemon/' --filter 'lib/' \
	--exclude-unreachable-branches --html-details "$build/report/index.html" \
	--txt "$build/report/summary.txt" --fail-under-line "$least" "$build" \
	2> "$build/gcovr.log"; then
	verdict="ok coverage"
else
	tail -n 5 "$build/gcovr.log" | sed 's/^/# /'
	verdict="not ok coverage"
	status=1
fi
cat "$build/report/summary.txt"
for folder in daemon lib; do
	awk -v folder="$folder" '$1 ~ "^" folder "/" { lines += $2; run += $3 }
		END { if (lines) printf "%s/: %d of %d lines, %.1f %%\n",
			folder, run, lines, 100 * run / lines }' \
		"$build/report/summary.txt"
done
case $verdict in
ok*) echo "$verdict: $(awk '/^TOTAL/ { print $4 }' "$build/report/summary.txt") of lines, at least $least % are asked for; without the virtual machines" ;;
*) echo "$verdict - below $least % of lines, or gcovr failed: see $build/gcovr.log" ;;
esac
exit "$status"
