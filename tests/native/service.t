#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The exporter's unit under a systemd of its own, in namespaces: it comes up with the privileges that the unit leaves it, and serves."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import exporter  # noqa: E402
import tool  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

SYSTEMD = "/lib/systemd/systemd"
UNIT = os.path.join(tool.TOP, "packaging", "iomapscope-exporter.service")

# The first process of new namespaces: a /run of its own with one unit to start, all control groups below the one that it is in.
INIT = """
set -e
mount --make-rprivate /
umount --recursive /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
mkdir -p /run/lock /run/systemd/system /run/tool
cp -r "$UNITS"/. /run/systemd/system
cp "$TOOL" /run/tool/iomapscope
exec env container=test "$SYSTEMD" --system --unit=test.target --log-target=console --log-level=notice --show-status=0
"""

TARGET = """[Unit]
Wants=iomapscope-exporter.service
DefaultDependencies=no
"""


def control_groups():
    """Where version 2 of them is mounted."""
    with open("/proc/self/mounts") as mounts:
        return next((fields[1] for fields in map(str.split, mounts) if fields[2] == "cgroup2"), None)


def free_port():
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return any_socket.getsockname()[1]


def remove(group):
    """A control group that nobody is in, and those below it."""
    deadline = time.monotonic() + tool.PATIENCE
    while os.path.exists(group) and time.monotonic() < deadline:
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        time.sleep(0.1)


@contextlib.contextmanager
def running(work, port):
    """systemd with the unit; its output's file."""
    units = os.path.join(work, "units")
    os.makedirs(os.path.join(units, "iomapscope-exporter.service.d"))
    with open(UNIT) as file:
        text = file.read()
    # The rest of a system that it would wait for is not there.
    with open(os.path.join(units, "iomapscope-exporter.service"), "w") as file:
        file.write(text.replace("[Unit]\n", "[Unit]\nDefaultDependencies=no\n", 1).replace("@PREFIX@/sbin", "/run/tool"))
    with open(os.path.join(units, "iomapscope-exporter.service.d", "port.conf"), "w") as file:
        file.write(f"[Service]\nExecStart=\nExecStart=/run/tool/iomapscope export --listen 127.0.0.1:{port}\n")
    with open(os.path.join(units, "test.target"), "w") as file:
        file.write(TARGET)
    group = os.path.join(control_groups(), f"iomapscope-test-{os.getpid()}")
    os.mkdir(group)

    def enter():
        with open(os.path.join(group, "cgroup.procs"), "w") as file:
            file.write(str(os.getpid()))

    output = open(os.path.join(work, "output"), "w+b")
    process = subprocess.Popen(
        ["unshare", "--cgroup", "--pid", "--mount", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child", "bash", "-c", INIT],
        preexec_fn=enter, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        env={**os.environ, "UNITS": units, "TOOL": tool.TOOL, "SYSTEMD": SYSTEMD})
    try:
        yield process, output
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        remove(group)
        output.close()


def scrape(port, process):
    # It comes up within a second, or is started again and again.
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            return exporter.Scrape(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode())
        time.sleep(0.2)
    return None


def exporters(port):
    """What serves: its fields of /proc/PID/status."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline") as file:
                if f"127.0.0.1:{port}" not in file.read() or os.readlink(f"/proc/{pid}/exe").split("/")[-1] != "iomapscope":
                    continue
            with open(f"/proc/{pid}/status") as file:
                return dict(re.findall(r"(\w+):\t(.*)", file.read()))
    return {}


def main():
    if os.geteuid():
        skip_all("needs root")
    if not os.path.exists(SYSTEMD) or not shutil.which("unshare"):
        skip_all("systemd is not installed")
    if not control_groups():
        skip_all("control groups of version 2 are not mounted")
    if not tool.usable_sources("lookups"):
        skip_all("the running kernel has no source for lookups")
    t = Tap("service")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="service.", dir=tool.BUILD) as work, running(work, port) as (process, output):
        answer = scrape(port, process)
        output.seek(0)
        if not t.ok(answer, "systemd starts it, and it answers", output.read().decode(errors="replace")):
            return t.done()
        attached = [labels["observer"] for labels, value in answer.of("iomapscope_source_attached") if value]
        t.ok("lookups" in attached, "its programs are attached", attached)
        status = exporters(port)
        t.ok(status and set(status["Uid"].split()) != {"0"}, "as a user of its own", status)
        t.equal({name: int(status.get(name, "1"), 16) for name in ("CapEff", "CapPrm", "CapAmb")}, {"CapEff": 0, "CapPrm": 0, "CapAmb": 0},
                "which has no capability any more")
        t.equal((status.get("NoNewPrivs"), status.get("Seccomp")), ("1", "2"), "gets none, and is behind the filter of system calls")
    t.equal(exporters(port), {}, "nothing of it is left")
    return t.done()


sys.exit(main())
