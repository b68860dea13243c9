# SPDX-License-Identifier: MIT
#
# The work of scan-log.sh, over its four files (-v file=N before each):
# expectations, lines to ignore, the console, the log with levels
# (`<6>[ 1.2] text`).

function fail(where, why)
{
	if (failures++ < 10)
		printf "not ok %skernel-log - %s: %s\n", prefix, where, why
}

# Whether the line is one the running case announced.
function is_expected(line,   i, yes)
{
	for (i = 1; i <= expected; i++) {
		if (whose[i] != "*" && whose[i] != test)
			continue
		if (line ~ what[i]) {
			seen[i] = 1
			yes = 1
		}
	}
	return yes
}

function is_ignored(line,   i)
{
	for (i = 1; i <= ignored; i++)
		if (line ~ ignore[i])
			return 1
	return 0
}

file == 1 {
	split($0, part, "\t")
	whose[++expected] = part[1]
	what[expected] = part[2]
	next
}

file == 2 {
	if ($0 !~ /^#/ && $0 !~ /^$/)
		ignore[++ignored] = $0
	next
}

# A register dump and a call trace belong to the line above them: when that
# was expected or is ignored, so are they, up to the first line of another kind.
function is_below(line)
{
	if (!below)
		return 0
	sub(/^(<[0-9]+>)?\[ *[0-9.]+\] ?/, "", line)
	below = line ~ /^(Modules linked in|CPU|Hardware name|Call trace|Tainted|pstate|Code): ?/ ||
		line ~ /^(pc|lr|sp|x[0-9]+) *: / || line ~ /^---\[ end trace/ ||
		line ~ /^ [A-Za-z_][A-Za-z0-9_.]*\+0x[0-9a-f]+\/0x/
	return below
}

{ sub(/\r$/, "") }

match($0, /carve-vm: begin [^ ]+/) {
	test = substr($0, RSTART + 16, RLENGTH - 16)
	next
}

file == 3 {
	if (is_below($0))
		next
	below = is_expected($0) || is_ignored($0)
	if ($0 ~ alarms && !below)
		fail(test, $0)
	next
}

file == 4 {
	if (!match($0, /^<[0-9]+>/))
		next
	# The number is facility * 8 + level.
	level = substr($0, 2, RLENGTH - 2) % 8
	text = substr($0, RLENGTH + 1)
	if (is_below(text))
		next
	below = is_expected(text) || is_ignored(text)
	bad = level <= 3 || (level == 4 && text ~ /carve/)
	if (bad && !below)
		fail(test, "<" level ">" text)
}

END {
	for (i = 1; i <= expected; i++)
		if (!seen[i] && complete)
			fail(whose[i] == "*" ? "boot" : whose[i],
			     "expected and did not come: " what[i])
	if (failures > 10)
		printf "  # and %d more lines\n", failures - 10
	if (!failures && complete)
		printf "ok %skernel-log\n", prefix
}
