#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every word is written once, in tools/schema. Here it is read again from each place that shows it: formatter, help, man page,
# completion and documents.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
export LC_ALL=C TZ=UTC

tool=build/bin/iomapscope
man=build/man/iomapscope-lookups.8
for file in $tool $man build/completion/iomapscope build/man/lookups-fields.md build/man/ioends-fields.md build/unit/format; do
	[ -e "$file" ] || skip_all "$file is not there: make tool unit"
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
$tool help lookups >"$work/help"

# The entries of one table of tools/schema, their first word or the one named by NUMBER: schema FILE LIST [NUMBER].
schema()
{
	printf '#include "%s"\nENTRIES\n%s(SHOW)\n' "$1" "$2" | ${CC:-cc} -E -P -I tools/schema -I bpf -D'SHOW(...)=@#__VA_ARGS__' - |
		sed -e '0,/^ENTRIES/d' | tr '@' '\n' | sed -e '/^ *$/d' | cut -d, -f"${3:-1}" | tr -d ' "\\'
}

# Terms of one section of the help: what stands at its lines' start.
help_terms()
{
	awk -v head="$1" '/^[A-Z]/ { inside = index($0, head) == 1; next }
		inside && /^  [^ ]/ { term = substr($0, 3, 26); sub(/ +$/, "", term); print term }' "$work/help"
}

# Terms of one section of the man page.
man_terms()
{
	awk -v head=".SH $1" '/^\.SH / { inside = $0 == head } inside && /^\.B /' "${2:-$man}" | sed -e 's/^\.B //' -e 's/\\-/-/g'
}

same()
{
	is "$1" "$2" "$3" "$(diff <(echo "$1") <(echo "$2"))"
}

# The fields of each observer's event.
for observer in lookups:LOOKUP ioends:IOEND dio:DIO dax:DAX aio:AIO dmio:DMIO top:TOP follow:FOLLOW inject:INJECT check:CHECK; do
	command=${observer%:*} event=${observer#*:}
	$tool help "$command" >"$work/help"
	man=build/man/iomapscope-$command.8
	fields=$(schema "${event,,}_fields.h" "${event}_FIELDS")
	headings=$(schema "${event,,}_fields.h" "${event}_FIELDS" 4)
	columns=$(paste -d' ' <(echo "$fields") <(echo "$headings") | sed -e 's/ NULL$//')
	ok "$([ "$(wc -l <<<"$fields")" -gt 15 ]; echo $?)" "$command: the schema's fields are read"
	same "$(build/unit/format json "$command" | grep -o '"[a-z0-9_]*":' | tr -d '":')" "$fields" "$command: fields: JSON's keys"
	same "$(build/unit/format csv "$command" | head -1 | tr , '\n' | grep -v '^step_')" "$fields" "$command: fields: CSV's header"
	same "$(build/unit/format table "$command" | head -1 | tr -s ' ' '\n')" "$(grep -v NULL <<<"$headings")" "$command: fields: the table's columns"
	same "$(help_terms Fields)" "$columns" "$command: fields: help"
	same "$(man_terms FIELDS | tr -d '[]')" "$columns" "$command: fields: man page"
	# shellcheck disable=SC2016
	same "$(sed -n "/begin $command-fields/,/^\$\|end $command-fields/"'s/^| `\([a-z0-9_]*\)` |.*/\1/p' docs/events.md)" "$fields" \
		"$command: fields: docs/events.md"
	if [ "$command" = follow ]; then
		# Of its steps, too: their fields, and the kinds.
		fields=$(schema follow_fields.h STEP_FIELDS)
		same "$(help_terms 'Step fields' | sed 's/ .*//')" "$fields" "$command: fields of a step: help"
		same "$(man_terms 'STEP FIELDS')" "$fields" "$command: fields of a step: man page"
		steps=$(paste -d' ' <(schema follow_fields.h FOLLOW_STEPS 2 | tr '[:upper:]' '[:lower:]') <(schema follow_fields.h FOLLOW_STEPS 3))
		ok "$([ "$(wc -l <<<"$steps")" -gt 40 ]; echo $?)" "$command: the schema's steps are read"
		same "$(help_terms Steps)" "$steps" "$command: steps: help"
		same "$(man_terms STEPS)" "$steps" "$command: steps: man page"
	fi
	if grep -qx type <<<"$fields"; then
		types=$(schema ops.h IOMAP_TYPES 2)
		same "$(help_terms 'Mapping types')" "$types" "$command: types: help"
		same "$(man_terms 'MAPPING TYPES')" "$types" "$command: types: man page"
		same "$(man_terms 'FLAGS OF A MAPPING')" "$(schema ops.h IOMAP_MAP_FLAGS)" "$command: flags of a mapping: man page"
	fi
	losses=$(schema commands.h LOSSES)
	same "$(help_terms 'Reasons of loss')" "$losses" "$command: losses: help"
	same "$(man_terms LOSSES)" "$losses" "$command: losses: man page"
	id=SOURCE_${command^^}
	[ "$command" != lookups ] || id=SOURCE
	sources=$(sed -n "s/.*OPTION($id, 0, \"source\", \"NAME\", CHOICE, \"\([^\"]*\)\".*/\1/p" tools/schema/options.h | tr '|' '\n')
	# There is one, and nothing to choose.
	[ "$command" != inject ] || sources=iomap_control
	same "$(help_terms Sources)" "$sources" "$command: sources: help"
	same "$(man_terms SOURCES)" "$sources" "$command: sources: man page"
	# shellcheck disable=SC2016
	same "$(awk -v head="## Observer sources for $command" '/^## / { inside = $0 == head } inside' docs/architecture.md |
		sed -n 's/^| `\([^`]*\)` |.*/\1/p')" "$sources" \
		"$command: sources: docs/architecture.md"
done
# The words of their fields: command, list, title.
while read -r command list title; do
	$tool help "$command" >"$work/help"
	file=ops.h
	[[ $list != TOP_* ]] || file=top_fields.h
	[[ $list != INJECT_* ]] || file=inject_fields.h
	[[ $command != check ]] || file=rules.h
	column=2
	[ "$list" != FAULTS ] || column=3
	words=$(schema $file "$list" $column)
	ok "$([ -n "$words" ]; echo $?)" "$title: the schema's are read"
	same "$(help_terms "$title")" "$words" "$title: help"
	same "$(man_terms "${title^^}" "build/man/iomapscope-$command.8")" "$words" "$title: man page"
done <<'END'
ioends IOEND_REASONS Reasons of a begin
dio DIO_WAITS Reasons to wait
dio DIO_EXITS Reasons of an exit
dio DIO_ROUTES Routes of completion
dax DAX_FALLBACKS Reasons of a fallback
dax DAX_ACCESSES Kinds of access
dax DAX_MAPPED Kinds of page mapped
dax DAX_COWS Reasons to copy
aio AIO_OPS Opcodes
aio AIO_ROUTES Routes of a request
aio AIO_CANCELS Reasons of a cancellation
dmio DM_OPS Operations of a request
dmio DM_MEMORIES Kinds of memory
dmio DM_WAITS Who waits
inject INJECT_STEPS Kinds of step
check RULES Rules
check FAULTS Faults
check CHECK_TIMELINE Steps of a timeline
top TOP_BYS What rows are of
top TOP_OFS What latency is of
END
# shellcheck disable=SC2016
same "$($tool help follow | awk '/^Layers/ { inside = 1; next } /^[A-Z]/ { inside = 0 } inside && /^  [a-z]/ { print $1 }')" \
	"$(schema follow_fields.h FOLLOW_LAYERS 2)" "layers: help"
# What bench measures, and the lines that it prints; tests/unit/bench.c has the lines themselves.
$tool help bench >"$work/help"
while read -r list title; do
	if [ "$list" = WORKLOADS ]; then
		words=$(printf '#include "bench_fields.h"\nENTRIES\nWORKLOADS(SHOW, SHOW)\n' |
			${CC:-cc} -E -P -I tools/schema -D'SHOW(id, doc)=@id' - | sed -e '0,/^ENTRIES/d' | tr -d ' \n' | tr '@' '\n' | sed 1d)
	else
		words=$(schema bench_fields.h "$list")
	fi
	ok "$([ "$(wc -l <<<"$words")" -gt 5 ]; echo $?)" "bench: $title: the schema's are read"
	same "$(help_terms "$title")" "$words" "bench: $title: help"
	same "$(man_terms "${title^^}" build/man/iomapscope-bench.8)" "$words" "bench: $title: man page"
	[ "$list" = WORKLOADS ] || continue
	same "$($tool bench --list | cut -d' ' -f1)" "$words" "bench: $title: --list"
	same "$(sed -n '/bench,--workload)/,/;;/s/.*-W .\([^'\'']*\).*/\1/p' build/completion/iomapscope | tr ' ' '\n')" "$words" "bench: $title: completion"
	same "$(awk -F'|' '/^## / { inside = $0 == "## Workloads" } inside && $2 ~ /`/ { print $2 }' docs/perf.md | tr -d '\140 ' | tr , '\n' | sort)" \
		"$(sort <<<"$words")" \
		"bench: $title: docs/perf.md"
done <<'END'
WORKLOADS Workloads
ENVIRONMENT_FIELDS Environment in JSON
FIGURE_FIELDS Workload in JSON
BENCH_SUMMARY_FIELDS Summary in JSON
END
# The metrics: the table, and wherever it is shown.
$tool help export >"$work/help"
while read -r list columns title; do
	names=$(printf '#include "metrics.h"\nENTRIES\n%s(SHOW)\n' "$list" | ${CC:-cc} -E -P -I tools/schema -D'SHOW(...)=@#__VA_ARGS__' - |
		sed -e '0,/^ENTRIES/d' | tr '@' '\n' | sed -e '/^ *$/d' | awk -F', *' -v n="${columns%,*}" -v t="${columns#*,}" \
		'{ gsub(/[" \\]/, "", $n); gsub(/ /, "", $t); print $n ($t == "COUNTER" ? "_total" : "") }')
	ok "$([ "$(wc -l <<<"$names")" -gt 15 ]; echo $?)" "metrics: $title: the schema's are read"
	same "$(help_terms "$title" | cut -d' ' -f1)" "$(cut -c-26 <<<"$names")" "metrics: $title: help"
	same "$(man_terms "${title^^}" build/man/iomapscope-export.8)" "$names" "metrics: $title: man page"
	# shellcheck disable=SC2016
	is "$(comm -23 <(sort <<<"$names") <(sed -n 's/^| `\([a-z0-9_]*\)` |.*/\1/p' docs/metrics.md | sort -u))" "" "metrics: $title: docs/metrics.md"
done <<'END'
METRICS 2,3 Metrics
OWN_METRICS 1,2 About the exporter
END
cp docs/metrics.md "$work/metrics.md"
tools/schema/splice "$work/metrics.md" metrics build/man/metrics.md
ok $? "docs/metrics.md can be spliced"
same "$(cat docs/metrics.md)" "$(cat "$work/metrics.md")" "docs/metrics.md is what make docs-events writes"
like "$(cat build/man/metrics.md)" "needs this project's events" "it says what needs this project's events"
man=build/man/iomapscope-lookups.8
$tool help lookups >"$work/help"

# The whole generated table, and that make would generate it again.
cp docs/events.md "$work/events.md"
for command in lookups ioends dio dax aio dmio top follow inject check; do
	tools/schema/splice "$work/events.md" $command-fields build/man/$command-fields.md
	ok $? "$command: docs/events.md can be spliced"
done
same "$(cat docs/events.md)" "$(cat "$work/events.md")" "docs/events.md is what make docs-events writes"

# The vocabulary.
ops=$(schema ops.h IOMAP_OPS 2)
ok "$([ "$(wc -l <<<"$ops")" -gt 20 ]; echo $?)" "the schema's operations are read"
same "$(help_terms Operations)" "$ops" "operations: help"
same "$(man_terms OPERATIONS | sed 's/ .*//')" "$ops" "operations: man page"
groups=$(schema ops.h IOMAP_OPS 3)
same "$(man_terms OPERATIONS | sed 's/.*\[\(.*\)\]/\1/')" "$groups" "groups: man page"
same "$(sed -n '/lookups,--op)/,/;;/s/.*-W .\([^'\'']*\).*/\1/p' build/completion/iomapscope | tr ' ' '\n')" \
	"$ops"$'\n'"$(uniq <<<"$groups")" "operations and groups: completion"
same "$(man_terms 'FLAGS OF A LOOKUP')" "$(schema ops.h IOMAP_ASK_FLAGS)" "flags of a lookup: man page"

# The commands, their options, the exit statuses.
commands=$(schema commands.h COMMANDS)
same "$($tool help | awk '/^Commands/ { inside = 1; next } /^[^ ]|^$/ { inside = 0 } inside && /^  [a-z]/ { print $1 }')" "$commands" "commands: usage"
same "$(man_terms COMMANDS build/man/iomapscope.8)" "$commands" "commands: man page"
for command in $commands; do
	# The list that belongs to this command is the first behind its name.
	ids=$(awk -v name="COMMAND($command," 'index($0, "\t" name) { inside = 1 }
		inside { while (match($0, /OPT_[A-Z_]+/)) { print substr($0, RSTART + 4, RLENGTH - 4); $0 = substr($0, RSTART + RLENGTH); seen = 1 }
			if (seen && /\), *\\?$/) exit }' tools/schema/commands.h)
	longnames=$(for id in $ids; do sed -n "s/^[[:space:]]*OPTION($id, [^,]*, \"\([^\"]*\)\".*/--\1/p" tools/schema/options.h; done)
	same "$($tool help "$command" | grep -oE '^  (-[a-z], |    )--[a-z-]+' | grep -o -- '--.*')" "$longnames" "options of $command: help"
	same "$(sed -n "s/^	$command) list='\(.*\)' ;;/\1/p" build/completion/iomapscope | tr ' ' '\n' | grep '^--')" "$longnames" \
		"options of $command: completion"
	page=build/man/iomapscope-$command.8
	[ -e "$page" ] || continue
	same "$(sed -n '/^\.SH OPTIONS/,/^\.SH [^O]/s/^.*\\fB\\-\\-\([a-z\\-]*\)\\fR.*/--\1/p' "$page" | sed 's/\\-/-/g')" "$longnames" \
		"options of $command: man page"
done
statuses=$(sed -n 's/^[[:space:]]*STATUS([A-Z]*, \([0-9]\), "\(.*\)").*/\1 \2/p' tools/schema/commands.h)
same "$(sed -n '/exit status$/,$s/^| \([0-9]\) | \(.*\) |$/\1 \2/p' docs/architecture.md | tr -d '`')" "$statuses" \
	"exit statuses: docs/architecture.md"
for page in iomapscope iomapscope-lookups iomapscope-ioends iomapscope-dio iomapscope-dax iomapscope-aio iomapscope-dmio iomapscope-top iomapscope-follow iomapscope-record iomapscope-report iomapscope-export iomapscope-inject iomapscope-check iomapscope-probe iomapscope-bench; do
	same "$(awk '/^\.SH / { inside = $0 == ".SH EXIT STATUS" } inside && /^\.B / { getline doc; print $2, doc }' build/man/$page.8 |
		sed 's/\\-/-/g')" "$statuses" "exit statuses: $page(8)"
done

# The rules of check: what --rules takes, and the page about them, which has words of its own for each.
rules=$(schema rules.h RULES 2)
ok "$([ "$(wc -l <<<"$rules")" -gt 10 ]; echo $?)" "the schema's rules are read"
same "$(sed -n '/check,--rules)/,/;;/s/.*-W .\([^'\'']*\).*/\1/p' build/completion/iomapscope | tr ' ' '\n')" "$rules" "rules: completion"
same "$(sed -n 's/^### //p' docs/checks.md)" "$rules" "rules: the sections of docs/checks.md"
cp docs/checks.md "$work/checks.md"
tools/schema/splice "$work/checks.md" checks build/man/checks.md
ok $? "docs/checks.md can be spliced"
same "$(cat docs/checks.md)" "$(cat "$work/checks.md")" "docs/checks.md is what make docs-events writes"

# What the documents tell people to type is something that the tool takes.
# shellcheck disable=SC2016
typed=$(grep -ohE '(^|[ `/])iomapscope (lookups|ioends|dio|dax|aio|dmio|top|follow|record|report|export|inject|check|probe|bench)[^`#|>&;]*' README.md docs/*.md | while read -r _ command rest; do
	for word in $rest; do
		[[ $word != -* ]] || echo "$command ${word%%=*}"
	done
done | sort -u)
for command in lookups ioends dio dax aio dmio top follow record report export inject check probe bench; do
	$tool help $command | sed -nE 's/^  (-[a-z]|  ).*(--[a-z-]+)([ [].*)?$/\1 \2/p' |
		grep -oE -- '-[a-z-]+' | sed "s/^/$command /"
done | sort -u >"$work/options"
ok "$([ "$(wc -l <<<"$typed")" -gt 5 ]; echo $?)" "documents name options"
is "$(comm -23 <(echo "$typed") "$work/options")" "" "documents name only options that there are"

# The program that docs/writing-a-policy.md shows is one that is compiled, loaded and seen to work (tests/guest/control/refused.py).
same "$(sed -n '/^```c$/,/^```$/p' docs/writing-a-policy.md | sed '1d;$d')" "$(cat tests/guest/control/eio.bpf.c)" "docs/writing-a-policy.md: its program"
# What it says that the verifier and the kernel print is what the test has seen.
for words in "only struct iomap_control_verdict may be written to" "write beyond the members of a verdict" "attach to unsupported member" \
	"program of this type cannot use helper" "a policy needs a name" "has no function"; do
	ok "$(grep -qF "$words" docs/writing-a-policy.md && grep -qF "$words" tests/guest/control/refused.py; echo $?)" "docs/writing-a-policy.md: $words"
done
done_testing
