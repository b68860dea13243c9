# SPDX-License-Identifier: MIT
#
# Turns what a test printed into the lines the summary counts:
#
#   ok NAME / not ok NAME - reason / skip NAME - reason
#
# In: `begin TEST`, `| a line of its output`, `end TEST STATUS SECONDS`. A test
# either prints such lines itself (TAP's numbers are dropped), or its exit
# status speaks for it: 0 passed, 77 skipped, with its last line as the reason.
# Lines that begin with `# ` pass through as progress. -v prefix=TIER/ is put
# before every name.

function result(kind, name, why)
{
	printf "%s %s%s%s\n", kind, prefix, name, why != "" ? " - " why : ""
	fflush()
	said++
	if (kind == "not ok")
		bad++
}

# The words behind `ok`: TAP's number and dash go, `# SKIP why` is a skip.
function sub_result(kind, text,   why)
{
	sub(/^[0-9]+ +(- +)?/, "", text)
	if (match(text, / *# *[Ss][Kk][Ii][Pp] */)) {
		why = substr(text, RSTART + RLENGTH)
		text = substr(text, 1, RSTART - 1)
		kind = "skip"
		if (text == "") {
			text = why
			why = "the test says so"
		}
	} else if (match(text, / - /)) {
		why = substr(text, RSTART + 3)
		text = substr(text, 1, RSTART - 1)
	}
	result(kind, test ": " text, why)
}

{ sub(/\r$/, "") }

$1 == "begin" {
	test = $2
	said = bad = 0
	last = ""
	next
}

/^\| / {
	text = substr($0, 3)
	if (text ~ /^ok /)
		sub_result("ok", substr(text, 4))
	else if (text ~ /^not ok /)
		sub_result("not ok", substr(text, 8))
	else if (text ~ /^skip /)
		sub_result("skip", substr(text, 6))
	else if (text ~ /^# /) {
		printf "  %s\n", text
		fflush()
	} else if (text !~ /^[ \t]*$/)
		last = text
	next
}

$1 == "end" {
	if ($3 == 0 && !said)
		result("ok", test, "")
	else if ($3 == 77 && !said)
		result("skip", test, last)
	else if ($3 != 0 && !bad)
		result("not ok", test, "exit status " $3 (last != "" ? ": " last : ""))
	test = ""
	next
}

# A machine that dies leaves its case open.
END {
	if (test != "")
		result("not ok", test, "it did not come to its end")
}
