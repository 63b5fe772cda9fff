# SPDX-License-Identifier: GPL-2.0
"""inject and policies of our own, and what the kernel counts of them."""

import errno
import json
import os
import re
import subprocess

import storage
import tool

DEBUGFS = "/sys/kernel/debug"


def inject(env, *args, **kwargs):
    """A running inject, attached."""
    return env.observe("inject", "-v", *args, **kwargs)


def rules(observed):
    """(matched, applied, ignored) of each rule."""
    return [(r["matched"], r["applied"], r["ignored"]) for r in observed.hists if r["event"] == "rule"]


def done(observed):
    """What was asked for at each event: step, and what was applied and ignored of it."""
    return [(e["step"], e["applied"], e["ignored"]) for e in observed.events]


def named(text):
    """The number of an errno's name, negative."""
    return -getattr(errno, text)


class Policy:
    """A BPF object of tests/guest/control that is attached while it is entered."""

    def __init__(self, name):
        self.command = [os.path.join(tool.BUILD, "workloads", "policy"), os.path.join(tool.BUILD, "workloads", f"{name}.bpf.o")]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if line != "attached\n":
            rest = self.process.communicate()[0]
            raise AssertionError(f"{self.command}: {line}{rest}")
        return self

    def __exit__(self, *_):
        self.process.communicate()

    def refused(self, *prefix):
        """What it prints when it cannot be attached."""
        done = subprocess.run([*prefix, *self.command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=tool.PATIENCE)
        return done.stdout + done.stderr


def counts():
    """{policy: {"lookup error": (applied, ignored)}} of those that are attached."""
    path = os.path.join(DEBUGFS, "iomap_control")
    if not os.path.exists(path):
        storage.command("mount", "-t", "debugfs", "debugfs", DEBUGFS)
    found, policy = {}, None
    with open(path) as lines:
        for line in lines:
            words = line.split()
            if words[0] == "policy":
                policy = found.setdefault(words[1], {})
            else:
                policy[" ".join(words[:2])] = (int(words[3]), int(words[5]))
    return found


def kernel_log(pattern):
    """The lines of the kernel's log that match."""
    done = subprocess.run(["dmesg"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if re.search(pattern, line)]


def check_clean(t, fs):
    """Unmounts the file system, has it checked, and mounts it again."""
    check = {"xfs": ["xfs_repair", "-n"], "ext4": ["e2fsck", "-fn"]}[fs.kind]
    storage.command("umount", fs.mount)
    done = subprocess.run([*check, fs.device], capture_output=True, text=True)
    t.equal(done.returncode, 0, f"{fs.kind}: {check[0]} finds nothing", done.stdout + done.stderr)
    storage.command("mount", "-t", fs.kind, fs.device, fs.mount)


def said(text):
    """The objects of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]
