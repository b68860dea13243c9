# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the checks of kernel code share. To be sourced; makes the tree's top the
# current folder.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# The list of what is excused, and why.
exceptions=tests/lint/exceptions
failed=0

# verdict NAME FILE: what is in the file was too much.
verdict()
{
	if [ -s "$2" ]; then
		cat "$2" >&2
		echo "not ok lint/$1 - see above"
		# shellcheck disable=SC2034 # for who sources this
		failed=1
	else
		echo "ok lint/$1"
	fi
}

# excepted CHECKER: its exceptions, as "WHAT TAB FILE" lines.
excepted()
{
	awk -F '\t' -v checker="$1" '$1 == checker { print $2 "\t" $3 }' "$exceptions"
}

# kernel_files: all kernel code.
kernel_files()
{
	git ls-files 'kernel/*.[ch]' 'tests/modules/*.[ch]'
}
