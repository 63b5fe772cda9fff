# SPDX-License-Identifier: GPL-2.0
"""What a guest's kernel log says about the kernel: the lines that make a run red, and those that are waived."""

import re

# Each is printed by the kernel only when something is wrong with the kernel itself.
OFFENCES = re.compile(
    r"WARNING:"
    r"|BUG:"
    r"|[Kk]ernel BUG at"
    r"|\bOops\b"
    r"|KASAN:"
    r"|UBSAN:"
    r"|general protection fault"
    r"|Kernel panic"
    r"|possible circular locking"
    r"|INFO: possible recursive"
    r"|possible irq lock inversion"
    r"|inconsistent lock state"
    r"|suspicious RCU usage"
    r"|INFO: task .* blocked for more than"
    r"|rcu: INFO: .*stall"
    r"|hard LOCKUP"
    r"|kmemleak: [1-9]\d* new suspected"
    # A log with holes proves nothing.
    r"|printk messages dropped")

INT3 = re.compile(r"Oops: int3\b")
READY = "guest: ready"
END = "guest: end of run"

# Bits of /proc/sys/kernel/tainted: what each leaves behind when its message did not reach the log.
TAINTS = {4: "machine check", 5: "bad page", 7: "oops", 9: "warning", 14: "soft lockup"}

STAMP = re.compile(r"^\[ *\d+\.\d+\](?:\[[^]]*\])? ")


class AllowError(Exception):
    """A line of the allow-list that cannot be used; its text says which and why."""


def read_allowed(path):
    """The patterns of an allow-list: lines `REGEX ## REASON`; empty lines and those that begin with # do not count."""
    allowed = []
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                pattern, _, reason = line.partition("##")
                if not pattern.strip() or not reason.strip():
                    raise AllowError(f"{path}:{number}: expected 'REGEX ## REASON'")
                try:
                    allowed.append(re.compile(pattern.strip()))
                except re.error as error:
                    raise AllowError(f"{path}:{number}: {error}") from error
    except FileNotFoundError:
        pass
    return allowed


class KernelLog:
    """A complete log: lines without carriage returns, offences as indices into them."""

    def __init__(self, text, allowed=()):
        self.lines = [line.rstrip("\r") for line in text.splitlines()]
        self.offences = []
        self.waived = 0
        for index, line in enumerate(self.lines):
            # Powering off takes locks in an order of its own (lockdep names NVMe's freeze before the CPUs'), and is no part of the run.
            if line.endswith(END):
                break
            message = STAMP.sub("", line)
            if not OFFENCES.search(message):
                continue
            if any(pattern.search(message) for pattern in allowed):
                self.waived += 1
            else:
                self.offences.append(index)

    def has(self, text):
        return any(line.endswith(text) for line in self.lines)

    def int3(self):
        return any(INT3.search(self.lines[index]) for index in self.offences)

    def excerpt(self, before=2, after=6, most=80):
        """The offending lines with some context, runs of them joined; at most `most` lines."""
        wanted = sorted({at for index in self.offences
                         for at in range(max(index - before, 0), min(index + after + 1, len(self.lines)))})
        shown = []
        for at, previous in zip(wanted, [None] + wanted):
            if previous is not None and at != previous + 1:
                shown.append("...")
            shown.append(("> " if at in self.offences else "  ") + self.lines[at])
        if len(shown) > most:
            shown[most:] = [f"... and {len(shown) - most} lines more"]
        return shown

    def tail(self, count=15):
        return ["  " + line for line in self.lines[-count:]]


def taints(value):
    """Names of the bits in a taint value that mean a bug of the kernel."""
    return [name for bit, name in TAINTS.items() if value >> bit & 1]
