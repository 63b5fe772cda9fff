# SPDX-License-Identifier: GPL-2.0
# TAP for the tests in bash; sourced. Numbered results, the reason of a failure below each, done_testing at the end.

tap_count=0
tap_failed=0

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# ok STATUS NAME [WHY]: good when STATUS is 0; WHY is printed when it is not.
ok()
{
	tap_count=$((tap_count + 1))
	# A '#' would start a directive.
	if [ "$1" = 0 ]; then
		echo "ok $tap_count - ${2//#/No.}"
		return 0
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - ${2//#/No.}"
	[ -z "${3:-}" ] || diag "$3"
	return 1
}

# is GOT EXPECTED NAME [WHY]
is()
{
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3" "got      '$1'"$'\n'"expected '$2'${4:+$'\n'$4}"
	fi
}

# like GOT REGEX NAME: an extended regular expression somewhere in GOT.
like()
{
	if [[ $1 =~ $2 ]]; then
		ok 0 "$3"
	else
		ok 1 "$3" "'$1'"$'\n'"does not match '$2'"
	fi
}

# skip NAME REASON: one result that cannot be had here.
skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - ${1//#/No.} # SKIP $2"
}

# skip_all REASON: none can be had; ends the test.
skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

# The plan, and the test's exit status.
done_testing()
{
	echo "1..$tap_count"
	[ $tap_count -gt 0 ] && [ $tap_failed = 0 ]
	exit
}
