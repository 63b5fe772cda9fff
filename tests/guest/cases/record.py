# SPDX-License-Identifier: GPL-2.0
"""A recording gives, read back, what the observers printed while it was made: every line, every count; whatever ends it early."""

import collections
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import dmio
import storage
import tool
from tap import Skip
from terminal import Terminal

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402

KILOBYTE = 1 << 10
MEGABYTE = 1 << 20
FLOOD = 60000
OUTPUT, LOST, DAMAGED = 5, 6, 7
ALL = "lookups,ioends,dio,dax,aio,dmio,follow"
EVENTS = {"lookups": "lookup", "ioends": "ioend"}


def usable(env):
    """The observers that this kernel has a source for; follow takes part like any other."""
    return [name for name in ALL.split(",") if tool.usable_sources(name)]


def record(env, path, *args, output="json", observers=None):
    """An iomapscope record in the background, attached; what it prints with --print is read by stop()."""
    names = ",".join(observers or usable(env))
    return tool.Observer(env.workdir, "--print", "-e", names, *args, path, output=output, observer="record")


def quiet(env, path, *args):
    """One without --print. Attached as well, which its capabilities tell."""
    process = subprocess.Popen([tool.TOOL, "record", *map(str, args), path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               errors="replace")
    deadline = time.monotonic() + tool.PATIENCE
    while True:
        caps = tool.capabilities(process.pid)
        if caps is None or not caps >> tool.CAP_BPF & 1:
            break
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError("record has not attached")
        time.sleep(0.01)
    return process


def ended(process, sig=signal.SIGINT):
    """Its status and what it said."""
    if sig and process.poll() is None:
        process.send_signal(sig)
    _, said = process.communicate(timeout=tool.PATIENCE)
    return process.returncode, said


def read(command, path, *args):
    done = subprocess.run([tool.TOOL, command, "-r", path, *map(str, args)], capture_output=True, text=True, errors="replace",
                          timeout=tool.PATIENCE)
    return done


def told(done):
    """Lines and summary of JSON."""
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return [r for r in records if r["event"] != "summary"], next((r for r in records if r["event"] == "summary"), None)


def counted(command, path):
    """Of a recording that is too long to be held: how many lines, the last one, the summary, the status, and what was said."""
    count, last, summary = 0, None, None
    with subprocess.Popen([tool.TOOL, command, "-r", path, "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace") as process:
        for line in process.stdout:
            if line.startswith('{"event":"summary"'):
                summary = json.loads(line)
            else:
                count, last = count + 1, line
        said = process.stderr.read()
    return count, json.loads(last) if last else None, summary, process.returncode, said


def equation(summary):
    return summary["seen"] == summary["emitted"] + summary["filtered"] + sum(summary["lost"].values()) and \
        summary["lost_total"] == sum(summary["lost"].values())


def accounts(said):
    """The summaries that record leaves on standard error: observer, seen, emitted, filtered, lost."""
    found = {}
    for line in said.splitlines():
        name, _, rest = line.partition(": seen ")
        if rest:
            words = rest.replace(";", " ").split()
            found[name] = tuple(int(words[i]) for i in (0, 3, 6, 9)) + (rest,)
    return found


@contextlib.contextmanager
def devices(env):
    """What only some kernels have: an fsdax mount, a mirror. None for what is not there."""
    with contextlib.ExitStack() as stack:
        pmem = mirror = None
        if env.pmem and tool.usable_sources("dax"):
            pmem = stack.enter_context(machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m",
                                                           options="dax=always", where="dax"))
        subprocess.run(["modprobe", "-aq", "loop", "dm-mod", "dm-mirror"], stderr=subprocess.DEVNULL)
        if tool.usable_sources("dmio") and shutil.which("dmsetup") and storage.loop_devices_work():
            disk = dmio.Disk(env)
            stack.callback(disk.remove)
            try:
                legs = [disk.part("leg0", 0), disk.part("leg1", 1)]
                mirror = dmio.Mapped("mirror", f"mirror core 2 {dmio.REGION} nosync 2 {legs[0].path} 0 {legs[1].path} 0")
            except Skip:
                pass
        yield pmem, mirror


def work(env, found):
    """A bit of everything, some of it renamed on the way, some of it failing."""
    pmem, mirror = found
    path = env.xfs.file("recorded, \"odd\"\n", 256 * KILOBYTE)
    subprocess.run(["xfs_io", "-d", "-c", "pwrite -q -b 16k 0 128k", "-c", "pread -q -b 16k 0 128k", path], check=True,
                   timeout=tool.PATIENCE)
    renamed = env.xfs.path("renamed")
    os.rename(path, renamed)
    written = [arg for at in range(4) for arg in ("-c", f"pwrite -q {at * 32}k 32k", "-c", "fsync")]
    subprocess.run(["xfs_io", *written, renamed], check=True, timeout=tool.PATIENCE)
    tool.workload("fail", "nowait", env.xfs.hole("refused"), 3)
    tool.workload("seek", "-n", 20, renamed)
    tool.workload("aio", "mixed", env.ext4.file("aio", 128 * KILOBYTE))
    os.unlink(renamed)
    if pmem:
        tool.workload("nested", "-t", 1, "-n", 2, pmem.mount)
    if mirror:
        dmio.write(mirror, 3)


def flood(env, count=FLOOD):
    path = env.xfs.file("flood", 64 * KILOBYTE)
    return subprocess.Popen([os.path.join(tool.BUILD, "workloads", "seek"), "-n", str(count), path], stdout=subprocess.DEVNULL)


def lines_of(text, command):
    """The lines of one observer among those of --print."""
    event = f'"event":"{EVENTS.get(command, command)}"'
    own = (event, f'"command":"{command}"') + (('"event":"unfinished"',) if command == "follow" else ())
    # Each line names its event near its begin; a summary does at its begin.
    return "".join(line for line in text.splitlines(keepends=True) if any(word in line[:120] for word in own))


def check_same(t, env, found):
    """Line by line, of all observers at once; then all that is made of them offline."""
    path = os.path.join(env.workdir, "recording")
    names = usable(env)
    recorded = record(env, path)
    work(env, found)
    recorded.stop(parse=False)
    t.equal(recorded.status, 0, "record ends well", recorded.stderr())
    expected = {"lookups", "dio", "follow", "ioends", "aio"} & set(names)
    expected |= {"dax"} & set(names) if found[0] else set()
    expected |= {"dmio"} & set(names) if found[1] else set()
    for name in names:
        done = read(name, path, "-o", "json")
        printed = lines_of(recorded.text, name)
        t.ok(done.stdout == printed and done.returncode == 0 and not done.stderr, f"{name} -r -o json is what record --print has printed",
             first_difference(printed, done.stdout) + done.stderr)
        events, summary = told(done)
        t.ok(summary and equation(summary), f"{name}: seen = emitted + filtered + lost", summary)
        t.equal(len([e for e in events if e["event"] != "unfinished"]), summary["emitted"], f"{name}: as many lines as it says")
        if name in expected:
            t.ok(len(events) > 2, f"{name}: there are lines", recorded.stderr())
    return path


def first_difference(printed, got):
    for number, (a, b) in enumerate(zip(printed.splitlines(), got.splitlines())):
        if a != b:
            return f"line {number}\n{a}\n{b}\n"
    return f"{len(printed.splitlines())} and {len(got.splitlines())} lines\n"


def check_formats(t, env, found):
    for output, names in (("table", ("lookups", "ioends", "dio", "aio", "follow")), ("csv", ("lookups", "follow"))):
        for name in [name for name in usable(env) if name in names]:
            path = os.path.join(env.workdir, f"recording.{name}.{output}")
            recorded = record(env, path, output=output, observers=[name])
            work(env, (None, None))
            recorded.stop(parse=False)
            done = read(name, path, "-o", output)
            t.ok(done.stdout == recorded.text and len(recorded.text.splitlines()) > 3,
                 f"{name} -r -o {output} is what record --print has printed", first_difference(recorded.text, done.stdout) + recorded.stderr())
            summary = next((line for line in recorded.stderr().splitlines() if line.startswith(f"{name}: seen")), None)
            t.equal(done.stderr.splitlines(), [summary], f"{name} -r -o {output}: the same summary")


def check_stacks(t, env):
    path = os.path.join(env.workdir, "recording.stacks")
    names = [name for name in ("lookups", "follow") if name in usable(env)]
    recorded = record(env, path, "--stacks", observers=names)
    tool.workload("seek", "-n", 3, env.xfs.file("stacks"))
    recorded.stop(parse=False)
    for name in names:
        done = read(name, path, "--stacks", "-o", "json")
        t.equal(done.stdout, lines_of(recorded.text, name), f"{name} -r --stacks: as they were named")
        t.ok('"kstack":["' in done.stdout and '"ustack":["' in done.stdout, f"{name} -r --stacks: there are some", done.stdout[:1000])
        t.ok('"kstack":["' not in read(name, path, "-o", "json").stdout, f"{name} -r: none if they are not asked for")
        kernel = read(name, path, "--stacks=kernel", "-o", "json").stdout
        t.ok('"kstack":["' in kernel and '"ustack":["' not in kernel, f"{name} -r --stacks=kernel")


def bucket(ns):
    return max(int(ns) - 1, 0).bit_length()


def keys_of(events, by):
    """How many of them, how many failed, and their latencies by bucket, for each key of a histogram."""
    counts = collections.defaultdict(lambda: [0, collections.Counter(), 0])
    for e in events:
        key = {"dev": e.get("dev"), "ino": f"{e.get('dev')}/{e.get('ino')}"}.get(by, e.get(by))
        counts[key][0] += 1
        if e["latency_ns"] is not None:
            counts[key][1][bucket(e["latency_ns"])] += 1
            counts[key][2] += e["latency_ns"]
    return {key: (count, dict(buckets), total) for key, (count, buckets, total) in counts.items()}


def check_hists(t, env, path):
    for name, keys in (("lookups", ("op", "type", "dev", "ino", "comm")), ("ioends", ("type", "reason", "comm")),
                       ("dio", ("op", "wait", "route", "ino")), ("dax", ("op", "fallback")), ("aio", ("op", "route", "comm")),
                       ("dmio", ("op", "memory", "wait"))):
        if name not in usable(env):
            continue
        events, _ = told(read(name, path, "-o", "json"))
        for by in keys:
            hists, summary = told(read(name, path, "--hist", "--by", by, "-o", "json"))
            got = {}
            for h in hists:
                buckets = {bucket(b["le_ns"] if b["le_ns"] is not None else 1 << 41): b["count"] for b in h["buckets"]}
                got[h.get(by) if by not in ("ino",) else h["key"]] = (h["count"], buckets, h["total_ns"])
            t.equal(got, keys_of(events, by), f"{name} -r --hist --by {by}: counts and buckets are those of the lines")
            t.ok(equation(summary) and summary["emitted"] == len(events), f"{name} -r --hist --by {by}: the summary", summary)
        table = read(name, path, "--hist").stdout
        t.ok(not events or "p99.9" in table, f"{name} -r --hist: a table with percentiles", table[:300])
    events, _ = told(read("lookups", path, "-o", "json"))
    hists, _ = told(read("lookups", path, "--hist", "--interval", "10ms", "--percentiles", "50", "-o", "json"))
    t.equal(sum(h["count"] for h in hists), len(events), "--interval: each is in one interval")
    t.ok(len({h["time"] for h in hists}) > 1 and all(set(h["percentiles_ns"]) == {"50"} for h in hists), "--interval: there are several",
         {h["time"] for h in hists})


def check_filters(t, env, path):
    """Offline filters leave out what the lines say, and are accounted for."""
    events, whole = told(read("lookups", path, "-o", "json"))
    some = events[len(events) // 2]
    errors = [e for e in events if e["ret"] != 0]
    slow = sorted(e["latency_ns"] or 0 for e in events)[len(events) // 2]
    named = next(e for e in events if e["path"] and "\n" in e["path"])
    for args, keeps in ((("-p", some["pid"]), lambda e: e["pid"] == some["pid"]),
                        (("-c", some["comm"]), lambda e: e["comm"] == some["comm"]),
                        (("-d", some["dev"]), lambda e: e["dev"] == some["dev"]),
                        (("-d", env.xfs.mount), lambda e: e["dev"] == env.xfs.dev),
                        (("-d", env.xfs.device), lambda e: e["dev"] == env.xfs.dev),
                        (("-i", some["ino"]), lambda e: e["ino"] == some["ino"]),
                        (("-f", named["path"]), lambda e: e["path"] in (named["path"], named["path"] + " (deleted)")),
                        (("--op", "dio"), lambda e: e["op"] in ("dio_read", "dio_write")),
                        (("--min-latency", f"{slow}ns"), lambda e: e["latency_ns"] is not None and e["latency_ns"] >= slow),
                        (("--errors",), lambda e: e["ret"] != 0),
                        (("--cgroup", "/"), lambda e: True),
                        (("--cgroup", "/no/such"), lambda e: False),
                        (("-n", 5), lambda e: e in events[:5])):
        got, summary = told(read("lookups", path, *args, "-o", "json"))
        want = [e for e in events if keeps(e)]
        name = " ".join(map(str, args)).replace("\n", " ")
        t.ok(got == want, f"-r {name}: what the lines say", f"{len(got)} of {len(want)}")
        t.ok(equation(summary) and summary["emitted"] == len(want) and summary["seen"] == whole["seen"] and
             summary["filtered"] == whole["filtered"] + len(events) - len(want), f"-r {name}: the summary", summary)
    t.ok(0 < len(errors) < len(events), "there is something to leave out", len(errors))
    follow, _ = told(read("follow", path, "-o", "json"))
    got, summary = told(read("follow", path, "--op", "dio", "--min-latency", "1us", "-o", "json"))
    t.equal([e["request"] for e in got], [e["request"] for e in follow if e["op"] in ("dio_read", "dio_write") and
                                          e["event"] == "follow" and e["latency_ns"] >= 1000],
            "follow -r --op --min-latency: whole requests")
    t.ok(equation(summary), "follow -r --op: the summary", summary)
    done = read("lookups", path, "-d", "/dev/nowhere", "-o", "json")
    t.ok(done.returncode == 0 and "is on a device of this name" in done.stderr, "-d of a name that was not recorded is told", done.stderr)


def check_top(t, env, path):
    """Rows by file add up to the lines, and are named as they were."""
    done = read("top", path, "-o", "json", "--interval", "1h", "--by", "files")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    summaries = [r for r in rows if r["event"] == "summary"]
    rows = [r for r in rows if r["event"] == "top"]
    for name, column, size in (("lookups", "lookups", None), ("dio", "dio", "dio_bytes"), ("ioends", "ioends", "ioend_bytes")):
        if name not in usable(env):
            continue
        events, _ = told(read(name, path, "-o", "json"))
        want = collections.Counter((e["dev"], e["ino"]) for e in events)
        t.equal({(r["dev"], r["ino"]): r[column] for r in rows if r[column]}, dict(want), f"top -r: {name} by file")
        if size:
            t.equal(sum(r[size] for r in rows), sum((e["done"] if name == "dio" else e["len"]) or 0 for e in events if e["ret"] == 0),
                    f"top -r: bytes of {name}")
    paths = {(e["dev"], e["ino"]): e["path"] for e in told(read("lookups", path, "-o", "json"))[0] if e["path"]}
    t.ok(any(r["name"] == paths.get((r["dev"], r["ino"])) for r in rows), "top -r: rows have the names that were recorded", rows[:2])
    t.ok(all(equation(s) for s in summaries) and len(summaries) > 1, "top -r: the summaries", summaries)
    done = read("top", path, "-b", "--by", "devices")
    t.ok(env.xfs.mount in done.stdout and done.returncode == 0, "top -r --by devices: with the mount point", done.stdout + done.stderr)


def check_screen(t, env, path):
    """On a terminal it is the same screen, which stands still at the end of the recording."""
    try:
        terminal = Terminal(env.workdir)
    except Skip as why:
        t.skip("top -r on a terminal", why)
        return
    try:
        terminal.run(f"{tool.TOOL} top -r {path} --by devices --interval 1h")
        lines = terminal.wait_for(env.xfs.mount[:40])
        t.ok(any("q quit" in line for line in lines), "top -r on a terminal: the screen", lines)
        terminal.type("q")
        lines = terminal.wait_for("lookups: seen")
        t.ok(any("lookups: seen" in line for line in lines), "top -r on a terminal: q ends it, with the summary", lines)
    finally:
        terminal.close()


def check_nobody(t, env, path):
    """Neither root nor the kernel is needed to read it."""
    copies = [os.path.join("/tmp", f"{name}.{os.getpid()}") for name in ("iomapscope", "recording")]
    try:
        for source, copy in zip((tool.TOOL, path), copies):
            shutil.copyfile(source, copy)
            os.chmod(copy, 0o755)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copies[0], "lookups", "-r", copies[1], "-o", "json"],
                              capture_output=True, text=True, errors="replace", timeout=tool.PATIENCE, cwd="/",
                              env={"IOMAPSCOPE_BTF": "/nowhere"})
        t.equal(done.stdout, read("lookups", path, "-o", "json").stdout, "nobody reads the same, without BTF")
        with open(path, "rb") as file:
            done = subprocess.run([tool.TOOL, "lookups", "-r", "-", "-o", "json"], stdin=file, capture_output=True, text=True, errors="replace",
                                  timeout=tool.PATIENCE)
        t.equal(done.stdout, read("lookups", path, "-o", "json").stdout, "standard input gives the same")
    finally:
        for copy in copies:
            os.unlink(copy)


def check_killed(t, env):
    """kill -9 in the midst of a flood: what was written is whole, and no more than the last second is missing."""
    path = os.path.join(env.workdir, "recording.killed")
    process = quiet(env, path, "-e", "lookups", "-c", "seek")
    source = flood(env, 100 * FLOOD)
    time.sleep(3)
    process.kill()
    killed = time.time()
    process.communicate()
    source.kill()
    source.wait()
    count, last, summary, status, said = counted("lookups", path)
    t.ok(count > 1000, "killed: it can be read", said)
    # Between two blocks, or in the midst of writing one: the signal takes effect between two pages of a write.
    cut = any(place in said for place in ("it was cut: its end is missing", "it was cut in the head of a block", "it was cut within the block"))
    t.ok(status == DAMAGED and cut and len(said.splitlines()) == 1, "killed: which is told", f"{status} {said}")
    t.ok(summary.get("cut") is True and equation(summary) and summary["emitted"] == count, "killed: the summary", summary)
    last = last["time"].split(".")
    last = time.mktime(time.strptime(last[0], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + last[1].rstrip("Z"))
    # What was in the ring and in one block; a slow machine takes its time for either.
    t.ok(killed - last < 2, "killed: no more than the last block is missing", f"{killed - last} s")
    os.unlink(path)


def parts_of(path):
    return [p for p in [path] + [f"{path}.{i}" for i in range(1, 10000)] if os.path.exists(p)]


def check_rotation(t, env):
    """Under load, by size: nothing is lost in between, and each file can be read alone."""
    path = os.path.join(env.workdir, "recording.rotated")
    process = quiet(env, path, "-e", "lookups", "-c", "seek", "--rotate-size", "64k", "--ring-size", "64m")
    flood(env).wait()
    status, said = ended(process)
    seen, emitted, filtered, lost, _ = accounts(said)["lookups"]
    parts = parts_of(path)
    t.equal((status, seen), (0, emitted + filtered + lost), "rotation: ends well", said)
    t.ok(len(parts) > 2 and emitted >= FLOOD - lost, "rotation: there are several files, and all that was not lost", f"{len(parts)} {said}")
    lines, sums = 0, collections.Counter()
    for part in parts:
        count, _, summary, status, said = counted("lookups", part)
        lines += count
        if status or not equation(summary):
            t.fail(f"rotation: {os.path.basename(part)} can be read alone", said)
        sums.update({key: summary[key] for key in ("seen", "emitted", "filtered", "lost_total")})
    t.equal(lines, emitted, "rotation: each record is in one of them")
    t.equal((sums["seen"], sums["emitted"], sums["filtered"], sums["lost_total"]), (seen, emitted, filtered, lost),
            "rotation: the accounts of the files add up")
    for part in parts:
        os.unlink(part)


def check_full(t, env):
    """A full disk ends it with a word; what is on it can be read, the rest is counted."""
    point = os.path.join(env.workdir, "full")
    os.mkdir(point)
    storage.command("mount", "-t", "tmpfs", "-o", "size=128k", "none", point)
    try:
        path = os.path.join(point, "recording")
        process = quiet(env, path, "-e", "lookups", "-c", "seek")
        source = flood(env, 100 * FLOOD)
        try:
            status, said = ended(process, None)
        finally:
            source.kill()
            source.wait()
        t.ok(status == OUTPUT and "cannot write" in said and "No space left on device" in said, "full disk: status and reason", f"{status} {said}")
        seen, emitted, filtered, lost, rest = accounts(said)["lookups"]
        t.ok(seen == emitted + filtered + lost and "output " in rest and lost > 0, "full disk: what could not be written is counted", said)
        count, _, _, status, said = counted("lookups", path)
        t.equal((count, status in (0, DAMAGED)), (emitted, True), "full disk: what was written can be read", said)
    finally:
        storage.command("umount", point)
        os.rmdir(point)


def check_gone(t, env):
    directory = os.path.join(env.workdir, "gone")
    os.mkdir(directory)
    path = os.path.join(directory, "recording")
    process = quiet(env, path, "-e", "lookups", "-c", "seek")
    tool.workload("seek", "-n", 50, env.xfs.file("gone"))
    shutil.rmtree(directory)
    status, said = ended(process, None)
    seen, emitted, filtered, lost, rest = accounts(said)["lookups"]
    t.ok(status == OUTPUT and "was removed while it was written" in said, "removed: status and reason", f"{status} {said}")
    t.ok((emitted, seen) == (0, filtered + lost) and "output 50" in rest, "removed: all is counted as lost", said)


def check_directory(t, env):
    """Of somebody else: its files could be made with root's privileges alone, which are dropped by the time of the second one."""
    directory = os.path.join(env.workdir, "others")
    os.mkdir(directory, 0o755)
    os.chown(directory, 65534, 65534)
    path = os.path.join(directory, "recording")
    done = tool.run("record", "-e", "lookups", "--rotate-size", "64k", "--duration", "1s", path)
    t.ok(done.returncode == OUTPUT and "others/recording.1 without the privileges that record gives up" in done.stderr and
         "user 0 may write to" in done.stderr and len(done.stderr.splitlines()) == 1, "a directory of somebody else: status and reason",
         f"{done.returncode} {done.stderr}")
    t.equal(os.listdir(directory), [], "a directory of somebody else: no file is left")
    done = tool.run("record", "-e", "lookups", "--duration", "1s", path)
    t.equal((done.returncode, os.listdir(directory)), (0, ["recording"]), "a directory of somebody else: a single file can be made", done.stderr)
    os.chown(directory, 0, 0)
    for name in ("recording.3", "recording.7"):
        shutil.copyfile(path, os.path.join(directory, name))
    os.unlink(path)
    done = tool.run("record", "-e", "lookups", "--rotate-time", "1s", "--duration", "1s", path)
    t.ok(done.returncode == 2 and "recording.3 is there already, of an older recording; --force removes it" in done.stderr,
         "files of an older recording: status and reason", f"{done.returncode} {done.stderr}")
    done = tool.run("record", "-e", "lookups", "-c", "nobody", "--rotate-time", "1s", "--duration", "1s", "--force", path)
    t.equal((done.returncode, os.listdir(directory)), (0, ["recording"]), "files of an older recording: --force removes them", done.stderr)


def check_refused(t, env, path):
    for args, status, word in ((["record"], 2, "give the FILE"), (["record", path], 2, "--force overwrites it"),
                               (["record", "-e", "dmio", "-f", env.xfs.file("f"), path + ".x"], 2, "of no file"),
                               (["record", "-o", "json", path + ".x"], 2, "--print"), (["record", "--keep", 2, path + ".x"], 2, "--rotate-size"),
                               (["record", os.path.join(env.workdir, "no", "such")], OUTPUT, "No such file or directory"),
                               (["lookups", "-r", path + ".x"], 2, "No such file or directory"),
                               (["lookups", "-r", tool.TOOL], DAMAGED, "is no recording"),
                               (["lookups", "-r", path, "--duration", "1s"], 2, "--duration is for observing"),
                               (["lookups", "-r", path, "--container", "x"], 2, "--container asks the running system"),
                               (["top", "-b", "-r", path, "--duration", "1s"], 2, "--duration is for observing")):
        done = tool.run(*args)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("record: ")]
        t.ok(done.returncode == status and len(lines) == 1 and word in lines[0] and not done.stdout,
             f"{args[0]} {' '.join(map(str, args[1:3]))}...: status {status}, {word}", f"{done.returncode} {done.stderr}")
    t.ok(not os.path.exists(path + ".x"), "what was refused has made no file")
    if "dmio" not in usable(env):
        done = tool.run("record", "-e", "dmio", path + ".x")
        t.ok(done.returncode == 4 and "no source for dmio" in done.stderr, "an observer that is asked for and not there", done.stderr)
        t.ok(not os.path.exists(path + ".x"), "leaves no file")


def run(t, env):
    with devices(env) as found:
        path = check_same(t, env, found)
        check_hists(t, env, path)
        check_filters(t, env, path)
        check_top(t, env, path)
        check_screen(t, env, path)
        check_nobody(t, env, path)
        check_refused(t, env, path)
        check_directory(t, env)
        check_stacks(t, env)
        if not env.brief:
            check_formats(t, env, found)
    check_killed(t, env)
    check_rotation(t, env)
    check_full(t, env)
    check_gone(t, env)
