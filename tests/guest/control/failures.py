# SPDX-License-Identifier: GPL-2.0
"""With every verdict of the kernel's table at 1 %, errors of each step among them, random operations end with the bytes that they should:
each byte that is certain is right, each error that a caller is told of is an injected one, and the file systems are clean.

INTEGRITY_SECONDS says for how long (20), INTEGRITY_PERCENT how often (1%), INTEGRITY_SEED which operations, and which of them fail;
make test-integrity-long does it for ten minutes.
"""

import contextlib
import errno
import os
import subprocess
import sys

import storage
import tool
from explained import Explained, failures
from policies import check_clean, inject, kernel_log, rules

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402

# A kernel that is slower has longer.
FACTOR = min(4, int(os.environ.get("TIMEOUT_FACTOR") or 1))
SECONDS = int(os.environ.get("INTEGRITY_SECONDS") or 20 * FACTOR)
PERCENT = os.environ.get("INTEGRITY_PERCENT") or "1%"
SEED = int(os.environ.get("INTEGRITY_SEED") or 7)
# An errno of its own for each step, as far as callers can tell them apart: the page cache keeps EIO and ENOSPC only.
ERRORS = """
--step lookup --errno EUCLEAN
--step mapped --errno EBADMSG
--step step --errno ENOMEM
--step release --errno EROFS
--step writeback_map --errno EIO
--step ioend_submit --errno ENOSPC
--step ioend_end --errno EIO
--step dio_begin --errno EDQUOT
--step dio_bio --errno ETIMEDOUT
--step dio_end --errno EREMOTEIO
--step dax_fault --errno EINVAL
"""
# Where blocks are shared, XFS loses data once direct I/O or writeback has failed (docs/findings.md): there, only what fails before it writes.
UNWRITTEN = "read,readahead,write,zero,unshare,truncate,dio_read,seek_data,seek_hole,fiemap"
ERRORS_OF_SHARED = f"""
--step lookup --errno EUCLEAN --op {UNWRITTEN},mkwrite
--step mapped --errno EBADMSG --op {UNWRITTEN}
--step step --errno ENOMEM --op write,zero,unshare,truncate
--step release --errno EROFS --op write,zero,unshare,truncate
--step dio_begin --errno EDQUOT
"""
OTHERS = """
--delay 1ms --step lookup,mapped,step,dio_begin,dio_bio,dax_fault
--cap 4k --step lookup
--cap 100 --step copy
--stale
--fallback --step dio_begin,dax_fault
--defer --step dio_end,ioend_end
"""
# Of so many chances at 1 % one is taken: the odds against it are 1 : 150000.
ENOUGH = 1200


class Run:
    """The workload on a file system, with both policies, from when it is made to when it has ended."""

    def __init__(self, env, fs, errors, *arguments):
        self.fs = fs
        self.path = fs.path("random")
        self.lines = [text.strip().splitlines() for text in (errors, OTHERS)]
        self.policies = []
        for name, lines in zip(("errors", "others"), self.lines):
            policy = os.path.join(env.workdir, f"{fs.name}.{name}")
            with open(policy, "w") as file:
                file.write("".join(f"{line} --probability {PERCENT} -d {fs.mount}\n" for line in lines))
            self.policies.append(inject(env, "--policy", policy, "--seed", SEED, "--ring-size", "16m"))
        command = [os.path.join(tool.BUILD, "workloads", "integrity"), "-E", "-t", SECONDS, "-s", SEED, *arguments, self.path]
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self):
        self.text = self.process.communicate(timeout=2 * SECONDS + FACTOR * tool.PATIENCE)[0]
        for policy in self.policies:
            policy.stop()
        self.ino = os.stat(self.path).st_ino
        return self


def figures(t, run):
    """What happened, for people."""
    counts = dict(line.split()[:2] for line in run.text.splitlines() if len(line.split()) == 2)
    t.diag(f"{run.fs.name}: " + " ".join(f"{name} {count}" for name, count in counts.items()))
    for policy, lines in zip(run.policies, run.lines):
        for line, (matched, applied, ignored) in zip(lines, rules(policy)):
            t.diag(f"{run.fs.name}: {line}: matched {matched}, applied {applied}, ignored {ignored}")


def collided(failure):
    """Direct I/O of XFS that has met blocks to be allocated, which unsharing leaves (docs/findings.md): the kernel's log says so."""
    return failure.call in ("direct_read", "direct_write") and failure.error == -errno.EIO and kernel_log(r"Direct I/O collision with buffered writes")


def check(t, run):
    name = run.fs.name
    if not t.equal(run.process.returncode, 0, f"{name}: every byte is what the model has", run.text[-4000:]):
        return
    figures(t, run)
    failed = failures(run.text)
    errors = run.policies[0]
    explained = Explained(failed, errors.events, run.ino)
    unexplained = [failure for failure in explained.unexplained if not collided(failure)]
    t.equal(unexplained, [], f"{name}: each error that was told was injected")
    if len(explained.unexplained) > len(unexplained):
        t.diag(f"{name}: collisions of direct I/O: {len(explained.unexplained) - len(unexplained)}")
    t.diag(f"{name}: {len(failed)} failures of calls: " + ", ".join(f"{call} by {step} {n}" for (call, step), n in sorted(explained.how.items())))
    t.ok(len(explained.how) >= 3 and len(failed) >= 5, f"{name}: there were some", explained.how)
    for policy in run.policies:
        tool.balanced(t, policy, name)
    for line, (matched, applied, ignored) in zip(sum(run.lines, []), rules(errors) + rules(run.policies[1])):
        # What cannot be had by most of those that come there is as rare as those that can; at release by nearly all.
        if matched - 110 * ignored >= ENOUGH and "release" not in line:
            t.ok(applied, f"{name}: {line}: was applied", f"{matched} {applied} {ignored}")


def proofs(t, env):
    """That this test can fail: a byte that was changed, and an error that nobody is known to have injected."""
    path = env.xfs.path("proof")
    text = tool.workload("integrity", "-E", "-n", 60, "-c", 40, path, check=False)
    t.ok("MISMATCH: " in text, "a wrong byte is noticed", text)
    known = inject(env, "--errno", "EUCLEAN", "--op", "dio_write", "--every", 4, "-f", path)
    secret = inject(env, "--errno", "EUCLEAN", "--op", "dio_read", "--times", 2, "-f", path)
    text = tool.workload("integrity", "-E", "-n", 300, "-a", 4096, path)
    secret.stop()
    known.stop()
    explained = Explained(failures(text), known.events, os.stat(path).st_ino)
    t.equal([failure.call for failure in explained.unexplained], ["direct_read"] * 2, "an error without a cause is noticed")
    t.ok(explained.how["direct_write", "lookup"], "and others are explained", (explained.how, rules(known), text))


@contextlib.contextmanager
def filesystems(env):
    """What each run is given: XFS with blocks as large as pages and with small ones, each with and without shared blocks, ext4, and fsdax."""
    env.ext4.name = "ext4"
    with contextlib.ExitStack() as stack:
        found = [(env.ext4, ERRORS, "-a", 4096)]
        for name, *mkfs_args in ("xfs",), ("xfs-1k", "-b", "size=1024"):
            alone = machine.on_loop(env, stack, name, "-m", "reflink=0", *mkfs_args)
            shared = machine.on_loop(env, stack, f"{name}-shared", *mkfs_args)
            found += [(alone, ERRORS, "-a", 512), (shared, ERRORS_OF_SHARED, "-a", 512)]
        if env.pmem:
            dax = stack.enter_context(machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always", where="dax"))
            dax.name, dax.device = "dax", env.pmem
            found.append((dax, ERRORS, "-S", "4m"))
        yield found


def run(t, env):
    proofs(t, env)
    with filesystems(env) as found:
        runs = [Run(env, *arguments) for arguments in found]
        for one in runs:
            check(t, one.end())
        for one in runs:
            check_clean(t, one.fs)
