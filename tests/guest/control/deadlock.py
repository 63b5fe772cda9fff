# SPDX-License-Identifier: GPL-2.0
"""With delays at every step that takes one nothing stops for good: while memory is short, file systems are frozen, thawed, unmounted and
mounted again, swap is in a file of one of them, and policies come and go.

DEADLOCK_SECONDS says for how long (60). A task that waits for too long is in the kernel's log, which fails the run.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

import storage
import tool
from policies import check_clean, counts, inject, rules

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402

FACTOR = int(os.environ.get("TIMEOUT_FACTOR") or 1)
SECONDS = int(os.environ.get("DEADLOCK_SECONDS") or 60)
ROUNDS = 3
# Nobody waits for so long, and lives.
BOUND = 60 * min(FACTOR, 4)
CGROUPS = "/sys/fs/cgroup"
STEPS = "lookup,mapped,step,dio_begin,dio_bio,dax_fault"
STAYING = (f"--step {STEPS} --delay 10ms --probability 5%", f"--step {STEPS} --delay 100ms --probability 1%",
           "--stale --probability 3%", "--defer --probability 30%", "--cap 4k --probability 3%")
# Not --iomix, which drops caches: drop_pagecache_sb() holds s_umount while ext4_evict_inode() waits for the thaw of a frozen file system, and
# the thaw waits for s_umount. That is Linux 6.12's own.
STRESS = ("--hdd", 1, "--hdd-bytes", "48m", "--seek", 1, "--seek-size", "8m", "--sync-file", 1, "--sync-file-bytes", "8m",
          "--mmap", 1, "--mmap-file", "--mmap-bytes", "16m")
PRESSURE = ("--vm", 1, "--vm-bytes", "64m", "--vm-keep", "--verify")


class Cgroup:
    def __init__(self, name, limit):
        self.path = os.path.join(CGROUPS, name)
        with open(os.path.join(CGROUPS, "cgroup.subtree_control"), "w") as control:
            control.write("+memory")
        os.makedirs(self.path, exist_ok=True)
        with open(os.path.join(self.path, "memory.max"), "w") as most:
            most.write(str(limit))

    def run(self, command, **kwargs):
        script = 'echo 0 >"$0/cgroup.procs" && exec "$@"'
        return subprocess.Popen(["sh", "-c", script, self.path, *map(str, command)], start_new_session=True, **kwargs)

    def stat(self, name):
        with open(os.path.join(self.path, "memory.stat")) as lines:
            return dict(line.split() for line in lines)[name]

    def processes(self):
        with open(os.path.join(self.path, "cgroup.procs")) as lines:
            return lines.read().split()

    def remove(self):
        with contextlib.suppress(OSError):
            os.rmdir(self.path)


def switches(cgroups):
    """How often the tasks of these have given up the CPU: as long as that grows somebody gets on."""
    total = 0
    for pid in (pid for cgroup in cgroups for pid in cgroup.processes()):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as status:
            total += sum(int(line.split()[1]) for line in status if line.startswith(("voluntary_ctxt", "nonvoluntary_ctxt")))
    return total


def tell_blocked():
    """All tasks that wait, to the kernel's log."""
    with open("/proc/sysrq-trigger", "w") as trigger:
        trigger.write("w")


def ended(processes, bound):
    """Whether all of them end in time; those that do not are killed, if that is possible."""
    deadline = time.monotonic() + bound
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            tell_blocked()
            for other in processes:
                with contextlib.suppress(OSError):
                    os.killpg(other.pid, signal.SIGKILL)
            return False
    return True


class Loop(threading.Thread):
    """Does something again and again until it is stopped; count says how often."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act, self.count, self.failure = act, 0, None
        self.over = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.over.is_set():
                self.act()
                self.count += 1
        except Exception as error:
            self.failure = error

    def stop(self):
        self.over.set()
        self.join(BOUND)
        return not self.is_alive() and not self.failure


class Machine:
    """The file systems and what works on them."""

    def __init__(self, env, filesystems):
        self.env, self.filesystems = env, filesystems
        self.random = random.Random(5)
        self.stress = Cgroup("stress", 112 << 20)
        self.model = Cgroup("model", 8 << 20)
        self.frozen = None
        self.freezes = self.attached = 0
        self.policies = []

    def attach(self):
        """The rules that stay."""
        policy = os.path.join(self.env.workdir, "staying")
        with open(policy, "w") as file:
            file.write("".join(f"{line} -d {fs.mount}\n" for fs in self.filesystems for line in STAYING))
        return inject(self.env, "--policy", policy, "--seed", 5, "--hist")

    def come_and_go(self):
        """Another policy for a moment, with a delay of its own."""
        command = [tool.TOOL, "inject", "--hist", "--step", STEPS, "--delay", f"{self.random.randint(10, 100)}ms", "--probability", "5%",
                   "-d", self.random.choice(self.filesystems).mount, "--duration", "700ms"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=BOUND, check=True)

    def freeze(self):
        fs = self.random.choice(self.filesystems)
        self.frozen = fs
        storage.command("fsfreeze", "-f", fs.mount)
        time.sleep(0.1)
        storage.command("fsfreeze", "-u", fs.mount)
        self.frozen = None
        time.sleep(0.3)

    def workers(self, seconds):
        models, stress = [], []
        for number, fs in enumerate(self.filesystems):
            models.append(self.model.run([os.path.join(tool.BUILD, "workloads", "integrity"), "-t", seconds, "-s", number + 1, "-a", 4096,
                                          fs.path("model")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
            if fs.options:
                continue        # what it is for is the pages that the model maps
            pressure = PRESSURE if not number else ()
            stress.append(self.stress.run(["stress-ng", "--quiet", "--temp-path", fs.mount, *STRESS, *pressure], stdout=subprocess.DEVNULL))
        return models, stress


def swap_file(fs):
    path = fs.path("swap")
    with open(path, "wb") as file:
        file.write(bytes(32 << 20))
        os.fsync(file.fileno())
    os.chmod(path, 0o600)
    storage.command("mkswap", path)
    return path


def one_round(t, m, name, seconds, keep):
    """Mounted file systems to mounted file systems; @keep: the rules are there while these are unmounted and mounted."""
    swap = os.path.join(m.filesystems[0].mount, "swap")
    storage.command("swapon", swap)
    staying = m.attach()
    models, stress = m.workers(seconds)
    loops = [Loop(m.come_and_go), Loop(m.freeze)]
    end, last, since = time.monotonic() + seconds, 0, time.monotonic()
    while time.monotonic() < end:
        time.sleep(1)
        now = switches((m.stress, m.model))
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > BOUND / 2:
            tell_blocked()
            t.fail(f"{name}: somebody gets on", f"nobody for {BOUND / 2} s; the kernel's log has who waits")
            break
    good = [loop.stop() for loop in loops]
    t.ok(all(good), f"{name}: policies come and go, file systems freeze and thaw", [loop.failure for loop in loops])
    m.attached += loops[0].count
    m.freezes += loops[1].count
    for process in stress:
        os.killpg(process.pid, signal.SIGINT)
    if not keep:
        staying.stop()
    t.ok(ended(stress + models, BOUND), f"{name}: all end in time {'with' if keep else 'after'} the delays")
    for process, fs in zip(models, m.filesystems):
        text = process.stdout.read()
        t.ok(process.returncode == 0 and " 0x" in text, f"{name}: {fs.name}: and the data is right", text)
    storage.command("swapoff", swap)
    for fs in m.filesystems:
        begin = time.monotonic()
        storage.command("umount", fs.mount)
        storage.command("mount", "-t", fs.kind, *(["-o", fs.options] if fs.options else []), fs.device, fs.mount)
        t.ok(time.monotonic() - begin < BOUND, f"{name}: {fs.name}: is unmounted and mounted again in time")
    if keep:
        staying.stop()
    m.policies.append(staying)


def notices(t, m):
    """That a task which is stuck is noticed."""
    fs = m.filesystems[0]
    storage.command("fsfreeze", "-f", fs.mount)
    try:
        process = m.stress.run(["dd", "if=/dev/zero", f"of={fs.path('stuck')}", "bs=4k", "count=1"], stderr=subprocess.DEVNULL)
        t.ok(not ended([process], 2), "a task that is stuck is noticed")
    finally:
        storage.command("fsfreeze", "-u", fs.mount)
    t.ok(ended([process], BOUND), "and gone when what it waits for comes")


def run(t, env):
    with open("/proc/sys/kernel/hung_task_timeout_secs", "w") as timeout:
        timeout.write(str(BOUND - 10))
    with contextlib.ExitStack() as stack:
        found = [env.xfs, env.ext4]
        for fs in found:
            fs.name, fs.options = fs.kind, None
        if env.pmem:
            found.append(stack.enter_context(machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always",
                                                             where="dax")))
            found[-1].name, found[-1].device = "dax", env.pmem
        stuck_or_not(t, Machine(env, found))
        for fs in found:
            check_clean(t, fs)


def stuck_or_not(t, m):
    try:
        notices(t, m)
        swap_file(m.filesystems[0])
        for number in range(ROUNDS):
            one_round(t, m, f"round {number + 1}", SECONDS // ROUNDS, keep=number % 2)
        delays = sum(h["count"] for policy in m.policies for h in policy.hists if h["event"] != "rule")
        applied = [sum(rule[1] for rule in rules(policy)) for policy in m.policies]
        scanned = m.stress.stat("pgscan")
        t.diag(f"{SECONDS} s in {ROUNDS} rounds: {sum(applied)} verdicts of the staying rules, {m.attached} policies came and went, {m.freezes} freezes, "
               f"{scanned} pages scanned in the cgroup under pressure, {delays} in the histograms")
        t.ok(min(applied) > 100 and m.attached >= ROUNDS and m.freezes >= 3 * ROUNDS, "there was a lot of all of it", (applied, m.attached, m.freezes))
        t.ok(int(scanned) > 1000, "memory was short", scanned)
        t.equal(counts(), {}, "no policy stays")
    finally:
        if m.frozen:
            subprocess.run(["fsfreeze", "-u", m.frozen.mount], check=False)
        with open("/proc/sys/kernel/hung_task_timeout_secs", "w") as timeout:
            timeout.write("120")
        for cgroup in (m.stress, m.model):
            cgroup.remove()
