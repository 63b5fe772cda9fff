#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The generated man pages: nothing that mandoc warns of, and all that they say is on the page that one reads.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
export LC_ALL=C

gen=build/obj/gen
[ -x $gen ] || skip_all "$gen is not there: make tool"
command -v mandoc >/dev/null || skip_all "mandoc is not installed"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

for page in iomapscope iomapscope-lookups iomapscope-ioends iomapscope-dio iomapscope-dax iomapscope-aio iomapscope-dmio iomapscope-top iomapscope-follow iomapscope-record iomapscope-report iomapscope-export iomapscope-inject iomapscope-check iomapscope-probe iomapscope-bench; do
	file=build/man/$page.8
	$gen man "${page#iomapscope-}" >"$work/$page.8"
	ok $? "$page is generated"
	cmp -s "$work/$page.8" $file
	ok $? "$page is what make built"
	# Long lines are a matter of style, and nobody edits these.
	is "$(mandoc -T lint -W warning "$work/$page.8" 2>&1)" "" "$page: mandoc has no warning"
	# groff makes a hyphen, which no shell takes for a minus, of what has no backslash.
	is "$(tail -n +3 "$work/$page.8" | grep -E '(^|[^\\])-')" "" "$page: each - is a minus"
	mandoc -T ascii -O width=100 "$work/$page.8" >"$work/$page.txt" 2>"$work/err"
	ok $? "$page renders" "$(cat "$work/err")"
	sed -e 's/.\x08//g' "$work/$page.txt" | tr -s ' \n' '  ' >"$work/$page.words"
	like "$(cat "$work/$page.words")" "^ ?${page^^}\(8\) System Administration ${page^^}\(8\)" "$page: its title"
	like "$(cat "$work/$page.words")" " NAME ${page} - " "$page: its name, for apropos"
	for section in SYNOPSIS "EXIT STATUS" "SEE ALSO"; do
		like "$(cat "$work/$page.words")" " $section " "$page has $section"
	done
done

# Every sentence of the tables is on the page, whole: none is cut by a buffer, none eaten by roff.
for command in lookups ioends dio dax aio dmio top follow record report export inject check bench; do
	words=$(cat "$work/iomapscope-$command.words")
	missing=()
	count=0
	while IFS= read -r sentence; do
		count=$((count + 1))
		sentence=$(tr -s ' ' <<<"$sentence")
		# A line may break behind a hyphen.
		[[ ${words//- /-} == *"${sentence//- /-}"* ]] || missing+=("$sentence")
	done < <(build/bin/iomapscope help $command | awk '
		# The description, sentence by sentence.
		!head && /./ && !/^Usage|:$/ { text = text " " $0 }
		!head && /:$/ { gsub(/ +/, " ", text); n = split(text, part, /\. /); for (i = 1; i <= n; i++) { sub(/^ /, "", part[i]); print part[i] } }
		/^Usage/ { next }
		/^(Examples|When|Input|Metrics|About|Recording|Output|Measurement|Workloads?|Environment|Summary|Filters|Bounds|Kernel|Other|Fields|Operations|Mapping|Sources|Reasons|Routes|What|Kinds|Counters|Rules|Faults|Steps|Exit)/ { head = $1; next }
		head ~ /^(Metrics|About|Measurement|Workloads?|Environment|Summary|Filters|Bounds|Other|Exit|Reasons|Routes|What|Kinds|Counters|Sources|Mapping|Rules|Faults|Steps)/ && /^  / {
			doc = head == "Exit:" ? substr($0, 9) : substr($0, 29)
			sub(/^ +/, "", doc); if (doc != "") print doc }')
	ok "$((count < 30))" "$command: sentences of the help are read" "$count"
	is "${missing[*]}" "" "$command: each line of the help is in the man page"
done
words=$(cat "$work/iomapscope-lookups.words")
like "$words" "anything else in bytes. OPTIONS" "the description is there to its end"
like "$words" "->iomap_begin" "an arrow is an arrow"

$gen man nothing >"$work/out" 2>"$work/err"
is "$? $(wc -c <"$work/out")" "1 0" "a page of no command is an error"
$gen >"$work/out" 2>"$work/err"
is "$? $(wc -c <"$work/out")" "1 0" "so is no argument"
$gen completion >/dev/full 2>"$work/err"
is $? 1 "so is a full device"
done_testing
