# SPDX-License-Identifier: GPL-2.0
"""Where a workload's instructions are, by function, and which functions account for a difference. Counted by tests/perf/insns.c in QEMU,
so that they are exact, of one round; named by the guest's own symbols, BPF programs and trampolines among them."""

import bisect
import collections
import os
import re
import subprocess
import tempfile

USER, UNKNOWN = "(user space)", "(unknown)"
KERNEL_BEGIN = 1 << 63

Suspect = collections.namedtuple("Suspect", "function before after")


class Unavailable(Exception):
    """There is no profile; its text is why."""


class Symbols:
    """Functions by address, as /proc/kallsyms has them."""

    def __init__(self, lines):
        found = {}
        for line in lines:
            fields = line.split()
            if len(fields) < 3 or fields[1] not in "tTwW":
                continue
            address, name = int(fields[0], 16), re.sub(r"^bpf_prog_[0-9a-f]{16}_", "bpf: ", fields[2])
            # Of several names the first stands, but for those that only mark a place.
            if address and (address not in found or found[address].startswith("__pfx_")):
                found[address] = name
        self.addresses = sorted(found)
        self.names = [found[address] for address in self.addresses]

    def name(self, address):
        if address < KERNEL_BEGIN:
            return USER
        at = bisect.bisect_right(self.addresses, address) - 1
        name = self.names[at] if at >= 0 else UNKNOWN
        # One trampoline is as good as another; each has a number.
        return re.sub(r"^(bpf_trampoline)_\d+$", r"\1", name)


def by_function(blocks, symbols, operations):
    """Instructions per operation of each function, from the plugin's lines."""
    counts = collections.Counter()
    for line in blocks:
        address, insns = line.split()
        counts[symbols.name(int(address, 16))] += int(insns)
    return {name: count / operations for name, count in counts.items()}


def compare(before, after, limit=8, least=0.5):
    """The functions whose instructions differ most, the largest difference first; none that differs by less than @least."""
    changes = [Suspect(name, before.get(name, 0), after.get(name, 0)) for name in before.keys() | after.keys()]
    changes = [change for change in changes if abs(change.after - change.before) >= least]
    return sorted(changes, key=lambda change: (-abs(change.after - change.before), change.function))[:limit]


def profile(plugin, boot, workload):
    """
    Instructions per operation of each function, in one more boot. @boot(vm_arguments, environment, workloads) boots and returns bench's
    object of each workload, as measure() of tests/perf/run does.
    """
    if not os.path.exists(plugin):
        raise Unavailable(f"{plugin} is not there: build it with make workloads")
    with tempfile.TemporaryDirectory(prefix="profile.") as tmp:
        blocks, symbols = os.path.join(tmp, "blocks"), os.path.join(tmp, "symbols")
        result = boot(["--plugin", f"{plugin},out={blocks}", "--share", tmp], {"PERF_SYMBOLS": symbols}, [workload])[workload]
        if not result or "error" in result:
            raise Unavailable(f"{workload}: {result['error'] if result else 'no figure'}")
        if not os.path.exists(blocks) or not os.path.getsize(blocks):
            raise Unavailable("QEMU's plugin has counted nothing")
        with open(symbols, encoding="utf-8") as lines:
            names = Symbols(lines)
        with open(blocks, encoding="ascii") as lines:
            return by_function(lines, names, result["n"])


def unsupported(plugin):
    """Why QEMU cannot load the plugin, None if it can."""
    if not os.path.exists(plugin):
        return f"{plugin} is not there: build it with make workloads"
    with tempfile.NamedTemporaryFile() as out:
        run = subprocess.run(["qemu-system-x86_64", "-machine", "none", "-display", "none", "-accel", "tcg", "-S",
                              "-plugin", f"{plugin},out={out.name}", "-monitor", "stdio"], input="quit\n", capture_output=True, text=True, check=False)
    return (run.stderr.strip().splitlines() or [f"QEMU ended with status {run.returncode}"])[-1] if run.returncode else None
