#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The command line as a whole, as far as no program is loaded into the kernel: exit statuses, and what goes where.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
export LC_ALL=C

tool=$PWD/build/bin/iomapscope
[ -x "$tool" ] || skip_all "build/bin/iomapscope is not there: make tool"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# What should be refused at once must not hang if it is not.
run()
{
	timeout 20 "$tool" "$@" >"$work/out" 2>"$work/err"
	status=$?
}

# refused STATUS PART ARGUMENT...: one sentence on standard error and nothing else.
refused()
{
	local want=$1 part=$2 text
	shift 2
	run "$@"
	text=$(cat "$work/err")
	[ "$status" = "$want" ] && [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" = 1 ] && [[ $text == "iomapscope: "*"$part"* ]] &&
		[[ $text != *. ]]
	ok $? "iomapscope ${*//[[:cntrl:]]/ }: status $want, $part" "status $status: $text"
}

# good PART ARGUMENT...: status 0, on standard output alone.
good()
{
	local part=$1
	shift
	run "$@"
	[ $status = 0 ] && [ ! -s "$work/err" ] && grep -qF -- "$part" "$work/out"
	ok $? "iomapscope $*: $part" "status $status: $(cat "$work/err")"
}

run
is "$status $(wc -c <"$work/out")" "2 0" "no arguments: status 2, nothing on standard output"
like "$(cat "$work/err")" "^Usage: iomapscope COMMAND" "no arguments: the usage on standard error"
for word in help --help -h; do
	good "Usage: iomapscope COMMAND" $word
done
for word in version --version; do
	good "(libbpf " $word
done
for command in lookups ioends dio dax aio dmio top follow record report export inject check probe bench help version; do
	good "Usage: iomapscope $command [OPTION...]" help $command
	cp "$work/out" "$work/help"
	good "Usage: iomapscope $command [OPTION...]" $command --help
	cmp -s "$work/out" "$work/help"
	ok $? "$command --help and help $command are the same"
	good "Usage:" $command -h
done
good "Usage: iomapscope lookups" lookups -d /nowhere --op read --help
good "Usage: iomapscope lookups" help -- lookups

refused 2 "unknown command 'frobnicate'; see 'iomapscope help'" frobnicate
refused 2 "unknown command ''" ''
refused 2 "unknown option '--frobnicate'" --frobnicate
refused 2 "unknown option '-V'" -V
refused 2 "no command 'frobnicate' to help with" help frobnicate
refused 2 "no command 'probe' to help with" help lookups probe
refused 2 "unknown option '--frobnicate' for lookups" lookups --frobnicate
refused 2 "unknown option '--op' for ioends" ioends --op write
refused 2 "unknown option '--file' for dmio" dmio --file /etc/passwd
refused 2 "--op: unknown 'read'; there are: pread, pwrite, fsync, fdsync, poll, preadv, pwritev, unknown" aio --op fsync,read
refused 2 "--op: unknown ''; there are: read, write, flush, discard, secure_erase, write_zeroes, other" dmio --op write,
refused 2 "-d $work: neither a block device nor a mount point" dmio -d "$work"
refused 2 "unexpected argument 'x' for version" version x
refused 2 "unknown command 'a?b'" $'a\nb'

# What lookups finds out about its options before it looks at the kernel or at privileges.
refused 2 "--by needs --hist" lookups --by dev
refused 2 "--interval needs --hist" lookups --interval 1s
refused 2 "--percentiles needs --hist" dio --percentiles 50
refused 2 "--percentiles: '0' is not a number above 0 and up to 100" dio --hist --percentiles 50,0
refused 2 "--stacks is for lines" ioends --hist --stacks=user
refused 2 "--stacks: unknown 'all'" lookups --stacks=all
refused 2 "unexpected argument 'kernel'" lookups --stacks kernel
refused 2 "leave out --cgroup" lookups --cgroup / --container x
refused 2 "--cgroup" lookups --cgroup "$work"
refused 2 "--count is for lines" lookups --hist --count 3
refused 2 "--interval: 999us is below 1ms" lookups --hist --interval 999us
refused 2 "--ring-size: 12k is not a power of two" lookups --ring-size 12k
refused 2 "--ring-size: 2k is not a power of two between" lookups --ring-size 2k
refused 2 "--ring-size: 2g is not a power of two between" lookups --ring-size 2g
refused 2 "No such file" lookups -f "$work/nowhere"
refused 2 "--listen: 'localhost:9842' is not an address with a port" export --listen localhost:9842
refused 2 "--listen: '::1:9842' is not an address with a port" export --listen ::1:9842
refused 2 "--interval needs --textfile" export --interval 15s
refused 2 "--interval: 10ms is not between 1s and 1h" export --textfile "$work" --interval 10ms
refused 2 "--textfile $work/nowhere: No such file or directory; give a directory to write to" export --textfile "$work/nowhere"
refused 2 "--keys: 65537 is above 65536" export --keys 65537
refused 2 "--by-cgroup: 1025 is above 1024" export --by-cgroup=1025
refused 2 "unexpected argument '5'" export --by-cgroup 5
refused 2 "--observers: unknown 'follow'; there are: lookups, steps, ioends, dio, dax, aio, dmio" export --observers dio,follow
refused 2 "unknown option '--hist' for export" export --hist
refused 2 "neither a block device nor a mount point" lookups -d "$work"
refused 2 "leave out -d and -i" lookups -f / -d /

# top, before it looks at the kernel: its options, and the terminal.
refused 2 "--interval: 99ms is not between 100ms and 1h" top -b --interval 99ms
refused 2 "--interval: 2h is not between 100ms and 1h" top -b --interval 2h
refused 2 "--keys: 65537 is above 65536" top -b --keys 65537
refused 2 "--by: unknown 'inodes'; there are: files, processes" top --by inodes
refused 2 "unknown option '--hist' for top" top --hist
# bench, before it measures anything.
good "seek               lseek(SEEK_DATA)" bench --list
refused 2 "give the DIRECTORY to measure in" bench
refused 2 "more than one DIRECTORY: '/var'" bench /tmp /var
refused 2 "--workload: unknown 'nonsense'; there are: seek, fiemap" bench --workload seek,nonsense /tmp
refused 2 "dax_fault_pmd" bench --workload nonsense /tmp
refused 2 "--unit: unknown 'cycles'; there are: time, instructions" bench --unit cycles /tmp
refused 2 "--rounds: '0' is not a number above 0" bench --rounds 0 /tmp
refused 2 "--rounds: 1001 is above 1000" bench --rounds 1001 /tmp
refused 2 "--settle needs --against" bench --settle 1s /tmp
refused 2 "--output: unknown 'csv'; there are: table, json" bench -o csv /tmp
refused 2 "--against is not for --unit instructions" bench --unit instructions --against true /tmp
refused 2 "--rounds is not for --unit instructions" bench --unit instructions --rounds 3 /tmp
refused 2 "these workloads need --dax DIRECTORY" bench --workload dax_read,dax_write /tmp
refused 2 "no directory can be made in $work/nowhere: No such file or directory" bench "$work/nowhere"
refused 2 "no directory can be made in $work/err: Not a directory" bench "$work/err"
refused 2 "no directory can be made in $work/nowhere: No such file or directory" bench --dax "$work/nowhere" "$work"
refused 2 "--fio $work/nowhere: No such file or directory" bench --fio "$work/nowhere" "$work"
is "$(find "$work" -name 'iomapscope-bench*')" "" "bench: nothing is left of what was refused"

# record and --read, before they look at the kernel.
refused 2 "give the FILE to record to" record
refused 2 "more than one FILE: 'b'" record a b
refused 2 "--observe: unknown 'top'; there are: lookups, ioends, dio, dax, aio, dmio, follow" record -e lookups,top x
refused 2 "--keep needs --rotate-size or --rotate-time" record --keep 2 x
refused 2 "--rotate-size: 1k is below 64k" record --rotate-size 1k x
refused 2 "--rotate-time: 1ms is below 1s" record --rotate-time 1ms x
refused 2 "-o is how --print prints" record -o json x
refused 2 "--clock is for --print" record --clock mono x
refused 2 "cannot read $work/nowhere: No such file or directory" lookups -r "$work/nowhere"
refused 7 "$work/err is no recording of iomapscope" lookups -r "$work/err"
refused 7 "/dev/null is no recording of iomapscope: it is empty" top -b -r /dev/null
is "$(ls x a b 2>/dev/null)" "" "record: what was refused has made no file"
if [ -x build/unit/recording ]; then
	mkdir "$work/recordings" && build/unit/recording corpus "$work/recordings"
	file=$work/recordings/dio-packed
	good '"event":"summary","command":"dio"' dio -r "$file" -o json
	refused 2 "has no lookups; it has: dio" lookups -r "$file"
	refused 2 "--duration is for observing, not for --read" dio -r "$file" --duration 1s
	refused 2 "--ring-size is for observing" dio -r "$file" --ring-size 4m
	refused 2 "--source is for observing" dio -r "$file" --source iomap_dio
	refused 2 "--container asks the running system" dio -r "$file" --container x
	refused 2 "has nothing that top shows" top -b -r "$work/recordings/aio-packed"
	head -c -1 "$file" >"$work/cut"
	run dio -r "$work/cut" -o json --strict
	is "$status $(grep -c . "$work/err") $(grep -c '"cut":true' "$work/out") $(grep -c . "$work/out")" "7 1 1 8" \
		"a recording that was cut: its records, the summary, the reason, the status"
	like "$(cat "$work/err")" "damaged at byte [0-9]+ \(block [0-9]+\): it was cut within the block; what comes before was read" "and where"
	head -c -900 "$work/recordings/follow-plain" >"$work/cut"
	run follow -r "$work/cut" -o json
	is "$status $(grep -c '"cut":true' "$work/out")" "7 1" "follow: a recording that was cut"
	run dio -r "$file" -o json --strict
	is "$status" 6 "--strict: what was lost while it was recorded counts"
	"$tool" dio -r "$file" -o json >/dev/full 2>"$work/err"
	is "$?" 5 "a recording to a full device"
else
	skip "recordings" "build/unit/recording is not there: make unit"
fi

# inject, before it looks at the kernel or at privileges.
refused 2 "say what is to be done: --errno, --delay, --cap, --stale, --fallback or --defer" inject
refused 2 "--errno: 'EFOO' is no error; write it like ENOSPC" inject --errno EFOO
refused 2 "--step writeback_map: delay is not possible there; see Verdicts in Documentation/filesystems/iomap/control.rst" inject --delay 1ms --step writeback_map
refused 2 "--step lookup: cap is not possible there for these operations" inject --cap 4k --op dax_fault_pmd
refused 2 "--step dio_end: the task there is not known" inject --errno EIO --step dio_end -p 1
refused 2 "--probability: '2' is not above 0 and up to 1" inject --errno EIO --probability 2
refused 2 "rule 1 can hit the root file system; give -f or -d on another one, or --force" inject --errno EIO
refused 2 "rule 1 can hit the root file system" inject --errno EIO -i 7
refused 2 "rule 1 can hit the root file system" inject --errno EIO -d /
refused 2 "--policy $work/nowhere: No such file" inject --policy "$work/nowhere"
printf '# two\n--errno EIO -i 7\n\n--errno EIO --step copy\n' >"$work/policy"
refused 2 "$work/policy:4: --step copy: error is not possible there" inject --policy "$work/policy"
refused 2 "--errno is a rule's; with --policy write it there" inject --policy "$work/policy" --errno EIO
refused 2 "unknown option '--read' for inject" inject --read x
# check, the same.
refused 2 "--rules: unknown 'lookups'; there are: lookup-covers, lookup-release, step-length," check --rules lookup-covers,lookups
refused 2 "--rules: unknown ''; there are: lookup-covers" check --rules ''
refused 2 "--in-flight: 16385 is above 16384" check --in-flight 16385
refused 2 "--source: unknown 'iomap_iter'; there are: iomap_lookup, iomap_iter_dstmap" check --source iomap_iter
refused 2 "unknown option '--hist' for check" check --hist
refused 2 "unknown option '--read' for check" check --read x
refused 2 "unexpected argument 'lookup-covers' for check" check lookup-covers

# Standard output is a file here.
refused 2 "is not a terminal; use -b" top

# The output: full, closed by its reader, not there.
"$tool" help lookups >/dev/full 2>"$work/err"
is "$? $(cat "$work/err")" "5 iomapscope: cannot write the output: No space left on device" "help to a full device"
"$tool" version >/dev/full 2>"$work/err"
is "$? $(wc -l <"$work/err")" "5 1" "version to a full device"
"$tool" help >&- 2>"$work/err"
is "$? $(wc -l <"$work/err")" "5 1" "help without a standard output"
mkfifo "$work/pipe"
# Opened both ways, so that nothing waits for the other end; then only the end to write to stays.
# shellcheck disable=SC2094
exec 3<>"$work/pipe" 4>"$work/pipe" 5<"$work/pipe"
exec 3>&- 5<&-
"$tool" help lookups >&4 2>"$work/err"
is "$? $(cat "$work/err")" "5 iomapscope: cannot write the output: Broken pipe" "help to a closed pipe"
IOMAPSCOPE_BTF=$work/nowhere "$tool" probe >/dev/full 2>"$work/err"
is "$? $(wc -l <"$work/err")" "5 1" "probe to a full device"

# probe of a kernel without BTF says so and still names the file systems.
IOMAPSCOPE_BTF=$work/nowhere "$tool" probe >"$work/out" 2>"$work/err"
is $? 4 "probe without BTF: status 4"
is "$(grep -c . "$work/err")" 1 "probe without BTF: one sentence on standard error"
like "$(cat "$work/out")" "BTF +no kernel BTF at $work/nowhere" "probe without BTF: why"
like "$(cat "$work/out")" "What enters iomap" "probe without BTF: the file systems"
echo junk >"$work/junk"
IOMAPSCOPE_BTF=$work/junk "$tool" probe -o json >"$work/out" 2>"$work/err"
is $? 4 "probe of junk: status 4"
if command -v jq >/dev/null; then
	is "$(jq -r 'select(.event == "kernel") | "\(.btf) \(.lookups) \(.source)"' "$work/out" 2>&1)" "false false null" \
		"probe of junk in JSON"
	is "$(jq -r '.event' "$work/out" 2>&1 | sort -u | tr '\n' ' ')" "filesystem kernel " "probe in JSON: each line is an object"
	is "$(jq -r 'select(.event == "filesystem") | .dev' "$work/out" | sort | uniq -d)" "" "probe in JSON: each superblock once"
else
	skip "probe in JSON" "jq is not installed"
fi

# As nobody: the status of a missing privilege, and what is missing.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$tool" "$work/iomapscope" && chmod 755 "$work" "$work/iomapscope"
	(cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$work/iomapscope" lookups >"$work/out" 2>"$work/err")
	is "$? $(cat "$work/err")" "3 iomapscope: CAP_BPF and CAP_PERFMON missing; run as root, or give the capability" \
		"lookups as nobody"
	(cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$work/iomapscope" lookups --by dev >"$work/out" 2>"$work/err")
	is $? 2 "wrong arguments come first"
else
	skip "lookups as nobody" "not root, or no setpriv"
fi
done_testing
