# SPDX-License-Identifier: GPL-2.0
"""Policies that misbehave are refused with a reason; what a step cannot have is ignored, counted, and logged once."""

import contextlib
import ctypes
import errno
import os
import sys

import tool
from policies import Policy, counts, inject, kernel_log, rules

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
from machine import PAGE, errno_of    # noqa: E402

PR_SET_NAME = 15
RWF_NOWAIT = 8
POLICIES_MAX = 16

# What they print, and what the kernel's log says.
REFUSED = {
    "writes_ctx": ("refused load EACCES", "only struct iomap_control_verdict may be written to", None),
    "writes_beyond": ("refused load EACCES", "write beyond the members of a verdict: offset 19, size 1", None),
    "sleeps": ("refused load EINVAL", "attach to unsupported member lookup of struct iomap_control_ops", None),
    "kernel_write": ("refused load EINVAL", "program of this type cannot use helper bpf_probe_write_user", None),
    "nameless": ("refused attach EINVAL", "", "iomap: a policy needs a name"),
    "misnamed": ("refused attach EINVAL", "", "iomap: the name of a policy has at most 15 letters, digits, _ and ."),
    "functionless": ("refused attach EINVAL", "", "iomap: policy functionless has no function"),
}


@contextlib.contextmanager
def called(name):
    """This thread, by another name."""
    with open("/proc/self/comm") as comm:
        old = comm.read().strip()
    machine.libc.prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()))
    try:
        yield
    finally:
        machine.libc.prctl(PR_SET_NAME, ctypes.c_char_p(old.encode()))


def programs(t):
    for name, (first, verifier, log) in REFUSED.items():
        said = Policy(name).refused()
        t.equal(said.split("\n")[0], first, f"{name}: refused", said)
        t.ok(verifier in said, f"{name}: the reason", said)
        if log:
            t.equal(len(kernel_log(log)), 1, f"{name}: the kernel's log says why", kernel_log("iomap"))
    t.equal(counts(), {}, "none of them is attached")


def registration(t):
    with Policy("eio"):
        t.equal(Policy("eio").refused().split("\n")[0], "refused attach EEXIST", "the same name twice: refused")
        t.equal(set(counts()), {"eio"}, "the first one stays")
    t.equal(counts(), {}, "and is gone when its link is")
    said = Policy("eio").refused("setpriv", "--bounding-set", "-all,+bpf,+perfmon", "--inh-caps", "-all", "--ambient-caps", "-all")
    t.equal(said.split("\n")[0], "refused attach EPERM", "without CAP_SYS_ADMIN: refused", said)
    done = tool.subprocess.run(["setpriv", "--bounding-set", "-all,+bpf,+perfmon", "--inh-caps", "-all", tool.TOOL, "inject", "--errno", "EIO", "--force"],
                               capture_output=True, text=True, timeout=tool.PATIENCE)
    t.equal((done.returncode, done.stderr), (3, "iomapscope: CAP_SYS_ADMIN missing; run as root, or give the capability\n"), "inject says so")


def own(t, env):
    """A policy of somebody's own: what docs/writing-a-policy.md shows."""
    path = env.xfs.hole("victim", 0)
    fd = os.open(path, os.O_RDWR)
    with Policy("eio"):
        with called("victim"):
            got = [errno_of(os.pwrite, fd, b"x" * PAGE, pos * PAGE) for pos in range(6)]
        other = errno_of(os.pwrite, fd, b"x" * PAGE, 0)
        counted = counts()
    os.close(fd)
    t.equal(got, [PAGE, PAGE, -errno.EIO] * 2, "each third write of the victim fails")
    t.equal(other, PAGE, "and none of another task")
    t.equal(counted, {"eio": {"lookup error": (2, 0)}}, "the kernel counts them")


def dax_fault(env):
    """The signal that a fault on fsdax ends with; None without a device for that."""
    if not env.pmem:
        return None
    with machine.Mounted("xfs", env.pmem, options="dax=always", where="dax") as fs:
        fd = os.open(fs.hole("touched", PAGE), os.O_RDWR)
        mapping = machine.Mapping(fd, PAGE, align=PAGE)
        killed = mapping.refused(mapping.write)
        mapping.unmap()
        os.close(fd)
    return killed


def impossible(t, env):
    """Everything that a step cannot have: nothing changes."""
    path = env.xfs.file("wrong", 64 << 10)
    content = os.urandom(3 * PAGE)
    with Policy("wrong"):
        with called("wrong"):
            fd = os.open(path, os.O_RDWR)
            got = errno_of(os.pwrite, fd, content, 0), errno_of(os.pwrite, fd, content, 8 * PAGE), errno_of(os.fsync, fd)
            os.close(fd)
            fd = os.open(path, os.O_RDWR | os.O_DIRECT)
            direct = machine.dwrite(fd, PAGE, 4 * PAGE), machine.dread(fd, PAGE, 0)
            os.close(fd)
            fault = dax_fault(env)
        counted = counts()["wrong"]
    t.equal((got, direct, fault), ((len(content), len(content), None), (PAGE, PAGE), None if fault is None else 0), "all calls work")
    with open(path, "rb") as file:
        t.ok(file.read(len(content)) == content, "and the data is right")
    expected = {"lookup": ("error", "delay", "stale"), "mapped": ("error", "cap"), "revalidate": ("error", "delay"), "copy": ("delay", "fallback"),
                "writeback_map": ("delay", "cap", "defer"), "ioend_submit": ("error", "delay"), "dio_begin": ("error", "cap"),
                "dio_bio": ("error", "cap")}
    if fault is not None:
        expected["dax_fault"] = ("cap", "defer")
    keys = {f"{step} {verb}" for step, verbs in expected.items() for verb in verbs}
    t.equal(set(counted), keys, "each is counted", counted)
    t.ok(all(applied == 0 and ignored > 0 for applied, ignored in counted.values()), "as ignored", counted)
    for step, verbs in expected.items():
        for verb in verbs:
            t.equal(len(kernel_log(f"iomap: policy wrong: {verb} [-0-9]+ is not possible at this {step}, ignored")), 1, f"{verb} at {step}: logged once")


def in_time(t, env):
    """What is possible elsewhere: a delay under a folio lock or NOWAIT, an EAGAIN for one who may wait."""
    path = env.xfs.file("now", 64 << 10)
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, b"d" * PAGE, 0)
    observed = inject(env, "--delay", "1s", "-f", path, "--times", 1)
    # A buffered read has its folios locked; what must not wait is not made to.
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.pread(fd, PAGE, 0)
    direct = os.open(path, os.O_RDWR | os.O_DIRECT)
    nowait = machine.dread(direct, PAGE, PAGE, RWF_NOWAIT)
    t.ok(observed.process.poll() is None, "what is ignored uses up no --times")
    machine.dread(direct, PAGE, 0)
    observed.stop(sig=None)
    ignored = {e["op"] for e in observed.events if e["ignored"] == "delay"}
    t.equal((nowait, {"readahead", "dio_read"} == ignored), (PAGE, True), "a delay under a folio lock or NOWAIT: ignored", observed.events)
    t.equal([e["applied"] for e in observed.events if e["applied"]], ["delay"], "and done where it can be", observed.events)

    observed = inject(env, "--errno", "EAGAIN", "--op", "dio_read", "-f", path, "--times", 1)
    got = machine.dread(direct, PAGE, 0), machine.dread(direct, PAGE, 0, RWF_NOWAIT), machine.dread(direct, PAGE, 0, RWF_NOWAIT)
    observed.stop(sig=None)
    t.equal(got, (PAGE, -errno.EAGAIN, PAGE), "EAGAIN: only with NOWAIT")
    t.equal(rules(observed), [(3, 1, 1)] if rules(observed)[0][0] == 3 else [(2, 1, 1)], "and counted so", observed.text)
    os.close(fd)
    os.close(direct)


def order(t, env):
    """Several at once: the first error and the smallest cap count, delays add up."""
    path = env.xfs.file("order", 64 << 10)
    fd = os.open(path, os.O_RDWR)
    first = inject(env, "--errno", "EROFS", "--op", "write", "-f", path, "--times", 1)
    second = inject(env, "--errno", "EIO", "--op", "write", "-f", path)
    got = [errno_of(os.pwrite, fd, b"x", 0) for _ in range(2)]
    first.stop(sig=None)
    second.stop()
    t.equal(got, [-errno.EROFS, -errno.EIO], "the error of the first one, then that of the second")
    t.equal([len(o.events) for o in (first, second)], [1, 2], "each shows its own")
    running = [Policy("idle")] + [None] * (POLICIES_MAX - 1)
    with contextlib.ExitStack() as stack:
        stack.enter_context(running[0])
        others = [inject(env, "--errno", "EIO", "--op", "bmap", "-f", path) for _ in running[1:]]
        t.equal(len(counts()), POLICIES_MAX, "sixteen are attached")
        t.equal(Policy("eio").refused().split("\n")[0], "refused attach E2BIG", "a seventeenth is refused")
        for other in others:
            other.stop()
    t.equal(counts(), {}, "and none stays")
    os.close(fd)


def run(t, env):
    programs(t)
    registration(t)
    own(t, env)
    impossible(t, env)
    in_time(t, env)
    order(t, env)
