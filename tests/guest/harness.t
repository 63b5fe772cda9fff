#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The guest harness: it passes on what the command says, and it is red when the kernel complains, whatever that is.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/lib/tap.sh"
build=${BUILD:-$top/build}
vm=$here/vm
image=${KERNEL_IMAGE:-$build/kernel/observe/arch/x86/boot/bzImage}
debian=$build/kernels/debian-6.12

[ -e "$image" ] || { echo "harness.t: $image is not there: run make kernel" >&2; exit 1; }
mkdir -p "$build/tests"
tmp=$(mktemp -d "$build/tests/harness.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# try NAME ARGUMENTS...: runs vm; its output is $tmp/NAME.out and .err, its status $tmp/NAME.status.
try()
{
	local name=$1

	shift
	"$vm" "$@" >"$tmp/$name.out" 2>"$tmp/$name.err" </dev/null
	echo $? >"$tmp/$name.status"
}

# boot NAME OPTIONS...: the same, with our own kernel, its log and a bound on the time.
boot()
{
	local name=$1

	shift
	try "$name" --kernel "$image" --log "$tmp/$name.log" --timeout 120 "$@"
}

status_is()
{
	is "$(cat "$tmp/$1.status")" "$2" "$3" "$(tail -5 "$tmp/$1.err")"
}

has()
{
	grep -q -e "$2" "$tmp/$1"
	ok $? "$3" "no '$2' in: $(tail -20 "$tmp/$1")"
}

# bad NAME WHAT REGEX ARGUMENTS...: the harness refuses with status 125 and one line that says what is wrong.
bad()
{
	local name=$1 what=$2 regex=$3

	shift 3
	try "$name" "$@"
	status_is "$name" 125 "$what: status 125"
	is "$(wc -l <"$tmp/$name.err")" 1 "$what: one line"
	like "$(cat "$tmp/$name.err")" "$regex" "$what: it says so"
}

bad nokernel "a missing kernel" "no/such/bzImage.*make kernel" --kernel "$tmp/no/such/bzImage" -- true
echo "nothing that boots" >"$tmp/text"
bad notakernel "a file that is no kernel" "not a bzImage" --kernel "$tmp/text" -- true
bad nocommand "no command" "no command" --kernel "$image"
bad option "an unknown option" "--nonsense" --kernel "$image" --nonsense -- true
bad disk "an unknown kind of disk" "floppy:1M.*virtio:SIZE" --kernel "$image" --disk floppy:1M -- true
bad size "a disk without a size" "not a size" --kernel "$image" --disk virtio: -- true
bad share "a share that does not exist" "no/share" --kernel "$image" --share "$tmp/no/share" -- true
bad modules "modules without modules.dep" "modules.dep" --kernel "$image" --modules "$tmp" -- true
bad allow "a list of what is allowed that does not exist" "no/allow" --kernel "$image" --allow "$tmp/no/allow" -- true
bad log "a log that cannot be written" "no/log" --kernel "$image" --log "$tmp/no/log" -- true
mkdir "$tmp/empty"
path=$PATH PATH=$tmp/empty
try noqemu --kernel "$image" -- true
PATH=$path
like "$(cat "$tmp/noqemu.err")" "^vm: qemu-system-x86_64 is missing: install the package [^
]*$" "no QEMU: one line says what to install"
status_is noqemu 125 "no QEMU: status 125"

# What the kernel log's scan takes for an offence, and what not.
/usr/bin/python3 - "$here/lib" "$tmp" >"$tmp/scan" 2>&1 <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from kernel_log import AllowError, KernelLog, read_allowed, taints

red = """
WARNING: CPU: 0 PID: 97 at fs/iomap/iter.c:40 iomap_iter+0x1f0/0x2c0
WARNING: fs/iomap/iter.c:40 at iomap_iter+0x1f0/0x2c0, CPU#0: sh/97
WARNING: possible circular locking dependency detected
WARNING: suspicious RCU usage
BUG: kernel NULL pointer dereference, address: 0000000000000000
BUG: KASAN: use-after-free in iomap_iter+0x1/0x2
BUG: sleeping function called from invalid context at mm/slab.h:1
watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:97]
kernel BUG at fs/iomap/buffered-io.c:1!
Kernel BUG at iomap_iter+0x9/0x10 [verbose debug info unavailable]
Oops: int3: 0000 [#1] SMP
Oops: general protection fault, probably for non-canonical address 0x6b6b6b6b6b6b6b6b: 0000 [#1]
UBSAN: array-index-out-of-bounds in fs/x.c:1:2
INFO: task sh:97 blocked for more than 120 seconds.
INFO: possible recursive locking detected
inconsistent lock state
rcu: INFO: rcu_preempt self-detected stall on CPU
rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
Kernel panic - not syncing: Attempted to kill init!
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
** 12 printk messages dropped **
""".strip().splitlines()
harmless = """
Kernel command line: console=ttyS0,115200 oops=panic panic=-1 ro init=/x/tests/guest/init
lkdtm: No crash points registered, enable through debugfs
lkdtm: Performing direct entry WARNING
kasan: KernelAddressSanitizer initialized
rcu: \tRCU calculated value of scheduler-enlistment delay is 25 jiffies.
kmemleak: Kernel memory leak detector initialized (mem pool available: 15674)
XFS (vda): Ending clean mount
""".strip().splitlines()
stamp = "[    2.015384] "
for line in red:
    assert len(KernelLog(stamp + line + "\r\n").offences) == 1, "not seen: " + line
for line in harmless:
    assert not KernelLog(stamp + line).offences, "taken for an offence: " + line
assert KernelLog(stamp + "Oops: int3: 0000 [#1] SMP").int3()
assert not KernelLog(stamp + "Oops: 0000 [#1] SMP").int3()
assert not KernelLog(stamp + "the guest said Oops: int3").has("int3 ")
assert taints(0) == [] and taints(1 << 12) == [] and taints(1 << 9) == ["warning"]

path = sys.argv[2] + "/allow"
with open(path, "w") as file:
    file.write("# a remark\n\nfs/iomap/iter\\.c:40 at ## known to be harmless\n")
allowed = read_allowed(path)
log = KernelLog("\n".join(stamp + line for line in red), allowed)
assert log.waived == 1 and len(log.offences) == len(red) - 1, "waiving"
for text in ("WARNING\n", "WARNING ##\n", "( ## not closed\n"):
    with open(path, "w") as file:
        file.write(text)
    try:
        read_allowed(path)
    except AllowError:
        continue
    raise AssertionError("accepted: " + text)
END
ok $? "offences are told from harmless lines, and waiving one needs a reason" "$(cat "$tmp/scan")"
is "$(grep -cv -e '^#' -e '^$' "$here/allow.txt")" 0 "nothing is waived"

# What the command gets and gives. Two guests at the same time must not disturb each other.
mkdir "$tmp/share" "$tmp/a b,c"
PASSED="from the host" HIDDEN=no boot disks --cpus 2 --disk nvme:64M --disk pmem:512M --disk virtio:32M --disk nvme:96M \
	--disk pmem:256M --disk virtio:48M --disk nvme:128M --share "$tmp/share" --share "$tmp/a b,c" --env PASSED \
	--env GIVEN='x  y' -- \
	bash -c 'set -e
		for disk in vda vdb nvme0n1 nvme1n1 nvme2n1 pmem0 pmem1; do
			echo "$disk $(($(cat /sys/block/$disk/size) / 2048))"
		done
		dd if=/dev/zero of=/dev/nvme2n1 bs=1M count=4 oflag=direct status=none
		mkfs.xfs -q -m reflink=0 /dev/pmem0
		mount -o dax=always /dev/pmem0 /mnt
		grep -o "dax=always" /proc/mounts
		echo "$PASSED|$GIVEN|${HIDDEN-unset}|$HOME"
		echo one >"$1/file"; echo two >"$2/file"
		! touch "'"$top"'/written" 2>/dev/null
		touch /tmp/x /var/tmp/x /run/x /mnt/x /root/x
		for dir in tracing debug; do [ -e /sys/kernel/$dir/tracing ] || [ -e /sys/kernel/$dir/events ]; done
		grep -c "^\(bpf\|cgroup2\|devpts\) " /proc/mounts' sh "$tmp/share" "$tmp/a b,c" &
mkdir -p "$tmp/share/cwd"
(
	cd "$tmp/share/cwd" || exit 1
	boot words -- bash -c 'printf "<%s>\n" "$@"; pwd; echo "to stderr" >/dev/stderr; echo "to stdout" >/dev/stdout
		(trap "" HUP TERM; exec sleep 1000) & exit 42' sh \
		"two words" "it's" '"quoted"' '' '$HOME' '*' $'new\nline' 'ü' '--' 'back\slash' "-n"
)
wait

status_is words 42 "the command's status is passed on, and what it left running holds up nothing"
is "$(cat "$tmp/words.out")" "<two words>
<it's>
<\"quoted\">
<>
<\$HOME>
<*>
<new
line>
<ü>
<-->
<back\\slash>
<-n>
$tmp/share/cwd
to stdout" "arguments survive, the directory is the caller's, and /dev/stdout is appended to"
is "$(cat "$tmp/words.err")" "to stderr" "standard error is passed on, by itself"
has words.log "guest: end of run" "the kernel log goes to its file, to the end"

status_is disks 0 "disks, shares, environment: nothing failed in the guest"
is "$(cat "$tmp/disks.out")" "vda 32
vdb 48
nvme0n1 64
nvme1n1 96
nvme2n1 128
pmem0 512
pmem1 256
dax=always
from the host|x  y|unset|/root
3" "disks are numbered in the order given, pmem does DAX, variables arrive"
is "$(cat "$tmp/share/file" "$tmp/a b,c/file" 2>/dev/null | xargs)" "one two" "what is written to shares is on the host"
ok "$([ ! -e "$top/written" ]; echo $?)" "the checkout is read-only"

# A kernel that complains makes the run red though the command is content, and one that dies ends it.
echo '^WARNING: .* lkdtm_WARNING\+ ## provoked' >"$tmp/allowed"
boot warning -- sh -c 'echo WARNING >/sys/kernel/debug/provoke-crash/DIRECT; echo content' &
boot allowed --allow "$tmp/allowed" -- sh -c 'echo WARNING >/sys/kernel/debug/provoke-crash/DIRECT; exit 7' &
SECONDS=0
boot bug -- sh -c 'echo alive; sleep 2; echo BUG >/sys/kernel/debug/provoke-crash/DIRECT; sleep 1000'
took=$SECONDS
wait
status_is warning 99 "a kernel WARNING: status 99"
is "$(cat "$tmp/warning.out")" content "a kernel WARNING: the command's output is there all the same"
has warning.err "^> .*WARNING: .*lkdtm" "a kernel WARNING: shown"
status_is allowed 7 "a kernel WARNING that is allowed: the command's status"
status_is bug 99 "a kernel BUG: status 99"
has bug.err "^> .*ernel BUG at .*lkdtm" "a kernel BUG: shown"
is "$(cat "$tmp/bug.out")" alive "a kernel BUG: what was printed before is there"
ok "$([ "$took" -lt 60 ]; echo $?)" "a kernel BUG ends the run at once" "it took $took s"

# A guest that goes down by itself, and a kernel that is tainted though its log says nothing.
boot gone -- sh -c 'echo b >/proc/sysrq-trigger; sleep 1000' &
boot taint -- sh -c 'echo 512 >/proc/sys/kernel/tainted; seq 2000000'
wait
status_is gone 125 "the guest goes down under the command: status 125"
has gone.err "ended before the command did" "the guest goes down under the command: it says so"
status_is taint 99 "a taint without a message: status 99"
has taint.err "tainted (warning)" "a taint without a message: named"
seq 2000000 | cmp -s - "$tmp/taint.out"
ok $? "15 MB of output arrive whole"

# Time and signals.
boot timeout --timeout 10 -- sh -c 'echo begun; sleep 1000' &
"$vm" --kernel "$image" --timeout 120 --share "$tmp/share" -- sh -c 'echo first; sleep 1000; echo last' \
	>"$tmp/live.out" 2>"$tmp/live.err" &
pid=$!
for ((i = 0; i < 600; i++)); do
	[ ! -s "$tmp/live.out" ] && kill -0 $pid 2>/dev/null || break
	sleep 0.1
done
kill -0 $pid 2>/dev/null
ok $? "output is passed on while the command runs" "$(cat "$tmp/live.err")"
qemu=$(pgrep -P $pid)
run=$(tr '\0' '\n' <"/proc/$qemu/cmdline" | sed -n 's/.*id=run,path=\([^,]*\).*/\1/p')
kill -TERM $pid
wait $pid
is $? 143 "TERM: status 143"
is "$(cat "$tmp/live.out")" first "TERM: the command did not get further"
ok "$([ -n "$qemu" ] && [ ! -e "/proc/$qemu" ]; echo $?)" "TERM: QEMU is gone" "QEMU is $qemu"
ok "$([ -n "$run" ] && [ ! -e "$run" ]; echo $?)" "TERM: the run's directory is gone" "it is $run"
wait
status_is timeout 124 "timed out: status 124"
has timeout.err "timed out after 10 s" "timed out: it says so"

"$vm" --kernel "$image" --timeout 120 -- sleep 1000 >/dev/null 2>&1 &
pid=$!
for ((i = 0; i < 100; i++)); do
	qemu=$(pgrep -P $pid) && break
	sleep 0.1
done
sleep 0.5
run=$(tr '\0' '\n' <"/proc/$qemu/cmdline" | sed -n 's/.*id=run,path=\([^,]*\).*/\1/p')
kill -KILL $pid
wait $pid 2>/dev/null
for ((i = 0; i < 50; i++)); do
	[ -e "/proc/$qemu" ] || break
	sleep 0.1
done
ok "$([ -n "$qemu" ] && [ ! -e "/proc/$qemu" ]; echo $?)" "KILL: QEMU does not outlive the harness" "QEMU is $qemu"
[ -z "$run" ] || rm -rf "$run"

# The int3 race of TCG: the first boot is void, and with --hold its output is, too.
boot int3 --cpus 2 --hold --share "$tmp/share" -- bash -c 'n=$(($(cat "$1/boots" 2>/dev/null) + 1)); echo $n >"$1/boots"
	echo "boot $n"; [ $n -gt 1 ] || echo "Oops: int3: 0000 [#1] SMP" >/dev/kmsg' sh "$tmp/share"
status_is int3 0 "int3 Oops: retried"
is "$(cat "$tmp/int3.out")" "boot 2" "int3 Oops: the output held is that of the retry"
is "$(grep -c "retry 1 of 2" "$tmp/int3.err")" 1 "int3 Oops: counted"

# Deterministic time: as many instructions for the same work in two boots, to a hundredth.
measure='import time, os
def work():
    begin = time.perf_counter_ns()
    for _ in range(20000):
        os.getppid()
    return time.perf_counter_ns() - begin
work()
print(min(work() for _ in range(3)))'
for i in 1 2; do
	boot icount$i --icount -- /usr/bin/python3 -c "$measure" &
done
wait
status_is icount1 0 "--icount boots"
a=$(cat "$tmp/icount1.out") b=$(cat "$tmp/icount2.out")
ok "$([ "${a:-0}" -gt 0 ] && [ "${b:-0}" -gt 0 ] && [ $(((a - b) * 100 / a)) = 0 ]; echo $?)" \
	"--icount repeats" "$a and $b ns"

# A shell on the terminal; the prompt is waited for, as a person would.
coproc shell { "$vm" --kernel "$image" --timeout 120 --interactive -- bash --norc 2>&1; }
pid=$shell_PID
exec 5<&"${shell[0]}" 6>&"${shell[1]}"
seen=
while IFS= read -r -t 60 -n 1 -d '' char <&5; do
	seen+=$char
	if [[ $seen == *'# ' ]]; then
		printf 'echo $((6 * 7)); exit 5\r' >&6
		break
	fi
done
while IFS= read -r -t 60 -n 1 -d '' char <&5; do
	seen+=$char
done
wait $pid
is $? 5 "--interactive: the shell's status"
like "$seen" [^0-9]42[^0-9] "--interactive: the shell answers"
exec 5<&- 6>&-

# A kernel with everything in modules.
if [ -e "$debian/vmlinuz" ]; then
	bad mismatch "modules of another kernel" "is not for .*bzImage" --kernel "$image" \
		--modules "$(readlink -f "$debian/modules")" -- true
	try debian --kernel "$debian/vmlinuz" --modules "$debian/modules" --log "$tmp/debian.log" --timeout 120 \
		--disk nvme:64M --disk virtio:512M --disk pmem:64M -- sh -c 'set -e
			ls /dev/vda /dev/nvme0n1 /dev/pmem0
			mkfs.xfs -q /dev/vda
			mount /dev/vda /mnt
			modprobe ext4
			sed -n "s/^\(xfs\|ext4\) .*/\1/p" /proc/modules | sort | xargs'
	status_is debian 0 "Debian's kernel boots"
	is "$(cat "$tmp/debian.out")" "/dev/nvme0n1
/dev/pmem0
/dev/vda
ext4 xfs" "Debian's kernel: disks, and modules on demand"
else
	skip "Debian's kernel" "not there: run make debian-kernels"
fi

done_testing
