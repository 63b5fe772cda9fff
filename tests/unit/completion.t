#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""bash's completion: what is offered at each place, and that the Tab key of a real bash does it."""

import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tests/lib"))
from tap import Tap, skip_all  # noqa: E402

COMPLETION = os.path.join(TOP, "build/completion/iomapscope")
FRAMEWORK = "/usr/share/bash-completion/bash_completion"
PATIENCE = 20

# The function is called as bash calls it; the cursor stands behind the last word.
ASK = r"""
. "$1"; . "$2"; shift 2
spec=($(complete -p iomapscope))
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
"${spec[2]}" iomapscope "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def offered(*words, cwd=None):
    done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", FRAMEWORK, COMPLETION, "iomapscope", *words],
                          capture_output=True, text=True, cwd=cwd, timeout=PATIENCE)
    return done.stdout.split("\n")[:-1] if done.stdout != "\n" else []


def functions(tap):
    def equal(words, expected, cwd=None):
        tap.equal(sorted(offered(*words, cwd=cwd)), sorted(expected), f"'iomapscope {' '.join(words)}'")

    done = subprocess.run(["bash", "-n", COMPLETION], capture_output=True, text=True)
    tap.equal((done.returncode, done.stderr), (0, ""), "bash can read it")

    equal([""], ["lookups", "ioends", "dio", "dax", "aio", "dmio", "top", "follow", "record", "report", "export", "inject", "check", "probe", "bench", "help", "version"])
    equal(["lo"], ["lookups"])
    equal(["p"], ["probe"])
    equal(["x"], [])
    equal(["help", "l"], ["lookups"])
    equal(["nothing", ""], [])

    equal(["lookups", "--by", ""], ["op", "type", "dev", "ino", "comm"])
    equal(["lookups", "--by", "d"], ["dev"])
    equal(["ioends", "--by", ""], ["type", "reason", "dev", "ino", "comm"])
    equal(["top", "--by", ""], ["files", "processes", "devices", "cgroups"])
    equal(["top", "--sort", "p"], ["p50", "p99"])
    equal(["top", "--latency", ""], ["lookups", "ioends", "dio", "faults"])
    equal(["top", "-b", "-o", "c"], ["csv"])
    equal(["ioends", "--source", "iomap_submit"], ["iomap_submit_ioend+fentry", "iomap_submit_ioend+kprobe"])
    equal(["dax", "--by", ""], ["op", "fallback", "dev", "ino", "comm"])
    equal(["dax", "--source", "dax_iomap"], ["dax_iomap_fault", "dax_iomap_fault+fexit"])
    equal(["dax", "--op", "dax_f"], ["dax_fault_pte", "dax_fault_pmd", "dax_fault_pud"])
    equal(["lookups", "-o", ""], ["table", "json", "csv"])
    equal(["lookups", "--output", "j"], ["json"])
    equal(["dio", "--clock", ""], ["wall", "mono"])
    equal(["dio", "--color", "a"], ["auto", "always"])
    equal(["probe", "-o", ""], ["table", "json"])
    equal(["lookups", "--source", "iomap_iter+"], ["iomap_iter+fexit", "iomap_iter+dstmap"])
    equal(["lookups", "--op", "di"], ["dio_read", "dio_write", "dio"])
    equal(["lookups", "--op", "read,di"], ["read,dio_read", "read,dio_write", "read,dio"])
    equal(["lookups", "--op", "read,write,seek_d"], ["read,write,seek_data"])
    equal(["lookups", "--op", "x"], [])
    equal(["export", "--observers", "dio,d"], ["dio,dio", "dio,dax", "dio,dmio"])
    equal(["export", "--by-"], ["--by-cgroup"])
    equal(["bench", "--workload", "dax_f"], ["dax_fault_pte", "dax_fault_pmd"])
    equal(["bench", "--workload", "seek,dax_r"], ["seek,dax_read"])
    equal(["bench", "--unit", ""], ["time", "instructions"])
    equal(["bench", "-o", ""], ["table", "json"])
    equal(["bench", "--se"], ["--settle"])
    equal(["aio", "--op", "p"], ["pread", "pwrite", "poll", "preadv", "pwritev"])
    equal(["aio", "--op", "fsync,f"], ["fsync,fsync", "fsync,fdsync"])
    equal(["record", "-e", "dio,a"], ["dio,aio"])
    equal(["report", "-o", ""], ["html", "perfetto", "ndjson", "clickhouse"])
    equal(["report", "-e", "dio,a"], ["dio,aio"])
    equal(["inject", "--step", "lookup,dio_"], ["lookup,dio_begin", "lookup,dio_bio", "lookup,dio_end"])
    equal(["inject", "--by", ""], ["step", "op", "dev", "ino", "comm"])
    equal(["check", "--rules", "lookup-covers,dmio"], ["lookup-covers,dmio-notify", "lookup-covers,dmio-error-bits"])
    equal(["check", "--fa"], ["--fail-fast"])
    equal(["inject", "--st"], ["--stale", "--step", "--stacks", "--strict"])
    equal(["record", "--rot"], ["--rotate-size", "--rotate-time"])
    equal(["dmio", "--op", "write"], ["write", "write_zeroes"])
    equal(["dmio", "--by", ""], ["op", "memory", "wait", "dev", "comm"])
    equal(["aio", "--source", "aio_read"], ["aio_read+fexit", "aio_read+kprobe"])
    for option in ("-p", "--pid", "-c", "--comm", "--container", "--percentiles", "-i", "--ino", "--interval", "--min-latency", "--duration", "--count",
                   "--ring-size"):
        equal(["lookups", option, ""], [])
    equal(["lookups", "--st"], ["--strict", "--stacks"])
    equal(["lookups", "--stacks=k"], [])
    equal(["lookups", "--hist", "--b"], ["--by"])
    equal(["lookups", "--by", "dev", "--int"], ["--interval"])
    equal(["probe", "-"], ["--output", "-o", "--help", "-h"])
    equal(["version", "-"], ["--help", "-h"])

    # All options, the letters included, are those of the help.
    shown = subprocess.run([os.path.join(TOP, "build/bin/iomapscope"), "help", "lookups"], capture_output=True, text=True)
    options = []
    for line in shown.stdout.split("\nFields")[0].split("\n"):
        words = line.replace(",", " ").split()
        if line.startswith("  -") or line.startswith("      --"):
            options += [word.split("[")[0] for word in words[:2] if word.startswith("-")]
    tap.ok(len(options) > 20, "the help's options are read", options)
    equal(["lookups", "-"], options)

    # The '=' form: bash breaks words at it.
    equal(["lookups", "--by", "=", "d"], ["dev"])
    equal(["lookups", "--by", "="], ["op", "type", "dev", "ino", "comm"])
    equal(["lookups", "--op", "=", "di"], ["dio_read", "dio_write", "dio"])

    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(os.path.join(directory, "one dir"))
        for name in ("one", "two"):
            open(os.path.join(directory, name), "w").close()
        for option in ("-d", "--dev", "-f", "--file", "--cgroup"):
            equal(["lookups", option, "o"], ["one", "one dir"], cwd=directory)
            equal(["lookups", option, f"{directory}/t"], [f"{directory}/two"])
        equal(["bench", "o"], ["one dir"], cwd=directory)
        equal(["bench", "--fio", "t"], ["two"], cwd=directory)
        equal(["record", "o"], ["one", "one dir"], cwd=directory)
        equal(["report", "one", "t"], ["two"], cwd=directory)
        equal(["report", "--to", "t"], ["two"], cwd=directory)
        equal(["inject", "--policy", "t"], ["two"], cwd=directory)
        equal(["dio", "-r", "t"], ["two"], cwd=directory)


def typed(keys, expected, directory):
    """What bash shows after these keys, as soon as it has what is expected."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(directory)
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb", "PS1": "READY> ", "LC_ALL": "C", "HOME": directory,
               "BASH_COMPLETION_USER_DIR": os.path.join(directory, "user")}
        os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], env)
    shown = ""
    end = time.monotonic() + PATIENCE

    def wait_for(text, after):
        nonlocal shown
        while text not in shown[after:] and time.monotonic() < end:
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    shown += os.read(terminal, 4096).decode(errors="replace")
                except OSError:
                    break
    try:
        wait_for("READY> ", 0)
        at = len(shown)
        os.write(terminal, f"PS1=; . {FRAMEWORK}; PS1='LOADED> '\n".encode())
        wait_for("\nLOADED> ", at)
        at = len(shown)
        os.write(terminal, keys.encode())
        wait_for(expected, at)
        return shown[at:]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def real(tap):
    """Loaded on demand, from where bash-completion looks for it."""
    with tempfile.TemporaryDirectory() as directory:
        os.makedirs(os.path.join(directory, "user/completions"))
        os.symlink(COMPLETION, os.path.join(directory, "user/completions/iomapscope"))
        os.mkdir(os.path.join(directory, "a directory"))
        open(os.path.join(directory, "disk"), "w").close()
        for keys, expected in (("iomapscope lo\t", "iomapscope lookups "),
                               ("iomapscope lookups --b\td\t", "--by dev "),
                               ("iomapscope lookups --by=d\t", "--by=dev "),
                               ("iomapscope lookups --op dio_r\t", "--op dio_read "),
                               ("iomapscope lookups --op read,dio_r\t", "--op read,dio_read "),
                               ("iomapscope lookups -d a\t", "-d a\\ directory/"),
                               ("iomapscope lookups -f di\t", "-f disk ")):
            shown = typed(keys, expected, directory)
            tap.ok(expected in shown, f"keys {keys!r}", repr(shown))


def main():
    for path in (COMPLETION, os.path.join(TOP, "build/bin/iomapscope")):
        if not os.path.exists(path):
            skip_all(f"{path} is not there: make tool")
    if not os.path.exists(FRAMEWORK):
        skip_all("bash-completion is not installed")
    tap = Tap()
    functions(tap)
    real(tap)
    return tap.done()


sys.exit(main())
