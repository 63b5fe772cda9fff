# SPDX-License-Identifier: GPL-2.0
"""What cannot work says why in one line on stderr, with the documented exit status, and prints nothing else."""

import os
import subprocess

import tool

WRONG, PRIVILEGE, KERNEL, OUTPUT = 2, 3, 4, 5


def one_line(t, name, done, status, *words):
    lines = done.stderr.splitlines()
    good = (done.returncode == status and len(lines) == 1 and len(lines[0]) < 400 and not done.stdout and
            all(word in lines[0] for word in words))
    t.ok(good, f"{name}: status {status} and one line" + (f" with {' and '.join(words)}" if words else ""),
         f"status {done.returncode}\nstdout {(done.stdout or '')[:300]!r}\nstderr {done.stderr!r}")


def run(t, env):
    file = env.xfs.file("badinput")
    nowhere = env.xfs.path("not-there")

    for name, args, words in (
            ("unknown option", ["lookups", "--frobnicate"], ["frobnicate", "help"]),
            ("unknown short option", ["lookups", "-Z"], ["Z"]),
            ("unknown subcommand", ["frobnicate"], ["frobnicate", "help"]),
            ("option without its argument", ["lookups", "--count"], ["count"]),
            ("argument too many", ["lookups", "frobnicate"], ["frobnicate"]),
            ("missing device", ["lookups", "-d", "/dev/not-there"], ["/dev/not-there"]),
            ("missing mount point", ["lookups", "-d", nowhere], [nowhere]),
            ("device not mounted", ["lookups", "-d", "259:12345"], ["259:12345"]),
            ("missing file", ["lookups", "-f", nowhere], [nowhere]),
            ("bad time", ["lookups", "--duration", "10parsecs"], ["10parsecs"]),
            ("negative time", ["lookups", "--min-latency", "-5us"], ["-5us"]),
            ("bad size", ["lookups", "--ring-size", "4q"], ["4q"]),
            ("ring of no power of two", ["lookups", "--ring-size", "12k"], ["12k"]),
            ("bad number", ["lookups", "--count", "many"], ["many"]),
            ("number out of range", ["lookups", "--count", "99999999999999999999999"], ["count"]),
            ("bad pid", ["lookups", "-p", "self"], ["self"]),
            ("bad inode", ["lookups", "-i", "twelve"], ["twelve"]),
            ("bad operation", ["lookups", "--op", "seek_data,frobnicate"], ["frobnicate", "seek_data"]),
            ("bad format", ["lookups", "-o", "yaml"], ["yaml", "json"]),
            ("bad key", ["lookups", "--hist", "--by", "colour"], ["colour"]),
            ("unknown source", ["lookups", "--source", "oracle"], ["oracle"]),
            ("probe, unknown option", ["probe", "--frobnicate"], ["frobnicate"])):
        one_line(t, name, tool.run(*args), WRONG, *words)

    done = tool.run()
    t.ok(done.returncode == WRONG and "lookups" in done.stderr and not done.stdout,
         "no arguments: status 2 and the usage on stderr", done)
    done = tool.run("help")
    t.ok(done.returncode == 0 and "lookups" in done.stdout and "probe" in done.stdout and not done.stderr,
         "help: status 0, on stdout", done)
    done = tool.run("version")
    t.ok(done.returncode == 0 and len(done.stdout.splitlines()) >= 1 and not done.stderr, "version", done)

    no_btf = {"IOMAPSCOPE_BTF": nowhere}
    one_line(t, "no BTF", tool.run("lookups", "-f", file, env=no_btf), KERNEL, "BTF")
    if not env.patched:
        one_line(t, "a source that this kernel has not", tool.run("lookups", "--source", "iomap_lookup"), KERNEL,
                 "iomap_lookup")

    # As nobody, who must be able to reach the program.
    copy = os.path.join("/tmp", f"iomapscope.{os.getpid()}")
    try:
        with open(tool.TOOL, "rb") as program, open(copy, "wb") as out:
            out.write(program.read())
        os.chmod(copy, 0o755)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy, "lookups"],
                              capture_output=True, text=True, timeout=tool.PATIENCE, cwd="/")
        one_line(t, "no privilege", done, PRIVILEGE, "CAP_BPF", "CAP_PERFMON")
    finally:
        os.unlink(copy)

    # The output: closed by its reader, and full. A summary line may follow the reason.
    for name, stdout in (("closed pipe", None), ("full device", open("/dev/full", "wb"))):
        work = env.xfs.file("output")
        if stdout is None:
            reader, stdout = os.pipe()
            lookups = env.lookups("-f", work, stdout=stdout)
            os.close(stdout)
            os.close(reader)
        else:
            lookups = env.lookups("-f", work, stdout=stdout)
            stdout.close()
        tool.workload("seek", "-n", 1000, work)
        lookups.stop(sig=None)
        lines = lookups.stderr().splitlines()
        reasons = [line for line in lines if not line.startswith("lookups: seen ")]
        t.ok(lookups.status == OUTPUT and len(reasons) == 1 and len(lines) <= 2,
             f"{name}: status {OUTPUT}, one line and the summary", f"status {lookups.status}\n{lines}")
        t.ok(any("seen " in line for line in lines), f"{name}: the summary is still given", lines)
