# SPDX-License-Identifier: GPL-2.0
"""When a rule acts: --times, --every, --after, --probability with --seed, filters; policies of files; how inject begins and ends."""

import errno
import os
import signal
import subprocess
import sys
import time

import tool
from policies import counts, inject, rules, said

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
from machine import PAGE, errno_of    # noqa: E402

CALLS = 24


def writes(path, count=CALLS):
    """Which of so many writes fail; each has one lookup."""
    fd = os.open(path, os.O_RDWR)
    failed = [n for n in range(count) if errno_of(os.pwrite, fd, b"x" * PAGE, n * PAGE) < 0]
    os.close(fd)
    return failed


def failures(env, path, *args, ends=False):
    observed = inject(env, "--errno", "EIO", "--op", "write", "-f", path, *args)
    failed = writes(path)
    observed.stop(sig=None if ends else signal.SIGINT)
    return failed, observed


def when(t, env, path):
    for args, expected, matched in ((("--times", 3), [0, 1, 2], None), (("--every", 5), [4, 9, 14, 19], CALLS), (("--after", 20), [20, 21, 22, 23], CALLS),
                                    (("--after", 4, "--every", 3, "--times", 2), [6, 9], None)):
        failed, observed = failures(env, path, *args, ends="--times" in args)
        t.equal((failed, observed.status), (expected, 0), f"{' '.join(map(str, args))}: these fail", observed.stderr())
        t.equal([r[1:] for r in rules(observed)], [(len(expected), 0)], f"{' '.join(map(str, args))}: so many are counted")
        t.ok(not matched or rules(observed)[0][0] == matched, f"{' '.join(map(str, args))}: of so many", rules(observed))
        tool.balanced(t, observed, " ".join(map(str, args)))
    drawn = [failures(env, path, "--probability", "30%", "--seed", seed)[0] for seed in (7, 7, 8)]
    t.ok(drawn[0] and len(drawn[0]) < CALLS, "--probability: some fail", drawn)
    t.equal(drawn[0], drawn[1], "--seed: the same fail each time")
    t.ok(drawn[0] != drawn[2], "--seed: others with another one", drawn)


def whom(t, env, path):
    other = env.xfs.file("other", PAGE)
    observed = inject(env, "--errno", "EIO", "--op", "write", "-d", env.xfs.mount, "-c", "dd")
    dd = ["dd", "if=/dev/zero", "bs=4k", "count=1", "conv=notrunc", "status=none"]
    got = [subprocess.run([*dd, f"of={name}"], capture_output=True).returncode for name in (other, path)], writes(path, 1)
    observed.stop()
    t.equal(got, ([1, 1], []), "-d and -c: each file there, and nobody else")
    t.equal({e["comm"] for e in observed.events}, {"dd"}, "and who it was")
    observed = inject(env, "--errno", "EIO", "--op", "write", "-d", env.xfs.mount, "-p", os.getpid())
    got = subprocess.run([*dd, f"of={other}"], capture_output=True).returncode, writes(path, 2)
    observed.stop()
    t.equal(got, (0, [0, 1]), "-p: only this process")
    observed = inject(env, "--errno", "EIO", "--op", "write", "-d", env.ext4.mount)
    got = writes(path, 1)
    observed.stop()
    t.equal((got, observed.events, rules(observed)), ([], [], [(0, 0, 0)]), "-d of another device: nothing")

    root = "/sys/fs/cgroup"
    if not os.path.exists(os.path.join(root, "cgroup.procs")):
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", root], check=False)
    if not os.path.exists(os.path.join(root, "cgroup.procs")):
        t.skip("--cgroup", "no cgroup2")
        return
    os.makedirs(os.path.join(root, "victims", "inner"), exist_ok=True)
    observed = inject(env, "--errno", "EIO", "--op", "write", "-d", env.xfs.mount, "--cgroup", os.path.join(root, "victims"))
    script = f"echo $$ >{root}/victims/inner/cgroup.procs && exec {' '.join(dd)} of={other}"
    inner = subprocess.run(["sh", "-c", script], capture_output=True).returncode
    outer = subprocess.run([*dd, f"of={other}"], capture_output=True).returncode
    observed.stop()
    t.equal((inner, outer), (1, 0), "--cgroup: those below it, and nobody else", observed.stderr())


def files(t, env, path):
    """Rules in a file: the first that acts is the only one."""
    policy = os.path.join(env.workdir, "policy")
    with open(policy, "w") as file:
        file.write(f"# chaos\n--op write --errno EROFS --every 4 -f {path}\n\n--op write --errno EIO --after 2 --times 3 -f '{path}'\n")
    observed = inject(env, "--policy", policy)
    fd = os.open(path, os.O_RDWR)
    got = [errno_of(os.pwrite, fd, b"x" * PAGE, 0) for n in range(10)]
    os.close(fd)
    observed.stop()
    fine, quota, full = PAGE, -errno.EROFS, -errno.EIO
    t.equal(got, [fine, fine, full, quota, full, full, fine, quota, fine, fine], "two rules: each its own count")
    t.equal([e["rule"] for e in observed.events], [2, 1, 2, 2, 1], "which one it was")
    t.equal(rules(observed), [(10, 2, 0), (8, 3, 0)], "the sum: of those that the first has left")
    with open(policy, "a") as file:
        file.write("--op write --frobnicate\n")
    done = tool.run("inject", "--policy", policy)
    t.equal((done.returncode, done.stderr), (2, f"iomapscope: {policy}:5: unknown option '--frobnicate' for inject; see 'iomapscope help inject'\n"),
            "a wrong line: refused with its number")


def ends(t, env, path):
    begin = time.monotonic()
    done = tool.run("inject", "--errno", "EIO", "--op", "write", "-f", path, "--duration", "300ms", "-o", "json")
    t.equal((done.returncode, time.monotonic() - begin > 0.3, [r["event"] for r in said(done.stdout)]), (0, True, ["rule", "summary"]), "--duration")
    observed = inject(env, "--errno", "EIO", "--op", "write", "-f", path, output="table")
    t.equal(len(counts()), 1, "attached")
    observed.process.kill()
    observed.process.wait()
    deadline = time.monotonic() + 10
    while counts() and time.monotonic() < deadline:
        time.sleep(0.05)
    t.equal((counts(), writes(path, 2)), ({}, []), "SIGKILL: the rules end with the tool")
    observed = inject(env, "--errno", "EIO", "--op", "write", "-f", path, output="table")
    writes(path, 2)
    observed.stop(parse=False)
    t.ok("EIO" in observed.text and observed.text.count("\n") == 3, "a table", observed.text)
    t.ok("inject: rule 1: matched 2, applied 2, ignored 0 (at lookup of write: fails with EIO; inode" in observed.stderr(), "the sum of the rule", observed.stderr())
    observed = inject(env, "--delay", "5ms", "--op", "write", "-f", path, "--hist", "--times", 2)
    writes(path, 3)
    observed.stop(sig=None)
    hist = [h for h in observed.hists if h["event"] != "rule"]
    t.equal([(h["step"], h["count"], h["errors"], h["total_ns"]) for h in hist], [("lookup", 2, 0, 10000000)], "--hist: delays by step", observed.text)
    observed = inject(env, "--errno", "EIO", "--op", "write", "-f", path, "--stacks=kernel", "--times", 1)
    writes(path, 1)
    observed.stop(sig=None)
    t.ok("iomap_file_buffered_write" in " ".join(observed.events[0]["kstack"]), "--stacks", observed.events)
    t.equal(observed.events[0]["path"], path, "the path")


def root(t, env, path):
    for args in (["--errno", "EIO"], ["--errno", "EIO", "-i", "7"], ["--errno", "EIO", "-d", "/"], ["--errno", "EIO", "-p", "1"]):
        done = tool.run("inject", *args)
        t.equal((done.returncode, done.stderr), (2, "iomapscope: rule 1 can hit the root file system; give -f or -d on another one, or --force\n"),
                f"inject {' '.join(args)}: refused")
    done = tool.run("inject", "--errno", "EIO", "--op", "bmap", "--force", "--duration", "50ms")
    t.equal(done.returncode, 0, "--force", done.stderr)


def run(t, env):
    path = env.xfs.file("rules", CALLS * PAGE)
    when(t, env, path)
    whom(t, env, path)
    files(t, env, path)
    ends(t, env, path)
    root(t, env, path)
