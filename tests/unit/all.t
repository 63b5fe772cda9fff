#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The unit tests in C, as make unit built them (with the sanitizers). Arguments name single ones.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

# A leak is a failure like any other, and so is memory that the kernel would not give.
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 TZ=UTC LC_ALL=C
unset IOMAPSCOPE_BTF

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

names=("$@")
if [ $# = 0 ]; then
	for source in tests/unit/*.c; do
		name=${source##*/}
		names+=("${name%.c}")
	done
fi
for name in "${names[@]}"; do
	[ -x "build/unit/$name" ] || skip_all "build/unit/$name is not there: make unit"
done

for name in "${names[@]}"; do
	"build/unit/$name" >"$work/out" 2>"$work/err"
	status=$?
	planned='' results=0 bad=0
	while IFS= read -r line; do
		case $line in
		"ok "*|"not ok "*)
			results=$((results + 1))
			tap_count=$((tap_count + 1))
			state=${line%%[0-9]*}
			[ "$state" = "ok " ] || bad=$((bad + 1))
			echo "$state$tap_count - $name: ${line#* - }"
			;;
		1..*)
			planned=${line#1..}
			;;
		*)
			echo "$line"
			;;
		esac
	done <"$work/out"
	tap_failed=$((tap_failed + bad))
	# A crash, a sanitizer's report and a leak end the program in anger; what it said comes along.
	good=1
	[ "$planned" = "$results" ] && [ "$status" = "$((bad > 0))" ] && good=0
	ok "$good" "$name: ran to its end, and the sanitizers are silent" \
		"status $status, $results results, planned ${planned:-none}"$'\n'"$(head -c 6000 "$work/err")"
done
done_testing
