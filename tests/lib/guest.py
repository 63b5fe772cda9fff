# SPDX-License-Identifier: GPL-2.0
"""Running the cases in a guest: what the tests/guest/*.t for the single kernels share."""

import glob
import os
import sys

import tool
from tap import skip_all

VM = os.path.join(tool.TOP, "tests", "guest", "vm")
# In seconds; all cases take half of it on two cores that nobody else uses.
TIMEOUT = 900
STOCK_SOURCES = "iomap_iter+fexit,iomap_iter+dstmap"
PATCHED_SOURCES = "iomap_lookup," + STOCK_SOURCES
# What is the same on every kernel; the patched one and the machine's own do it.
SAME_EVERYWHERE = ("attach", "badinput", "clocks", "filters", "top", "top_screen")


def built_kernel(name):
    """vm's arguments for a kernel of our own, observe, control or stock, which the tests cannot do without.

    PATCHED=debug puts the debug kernel in the place of observe and control, with every event on from the start.
    """
    append = []
    if name != "stock" and os.environ.get("PATCHED", name) != name:
        name = os.environ["PATCHED"]
        append = ["--append", "trace_event=iomap:*,fs_dax:*,aio:*,dm_io:*"]
    image = os.path.join(tool.BUILD, "kernel", name, "arch", "x86", "boot", "bzImage")
    if not os.path.exists(image):
        target = "kernel" if name == "observe" else f"kernel-{name}"
        sys.exit(f"{image} is not there: run make {target}")
    return ["--kernel", image, *append]


def debian_kernel(version):
    """The same for a kernel of Debian's, which only is there when its archive could be reached."""
    directory = os.path.join(tool.BUILD, "kernels", f"debian-{version}")
    modules = glob.glob(os.path.join(directory, "lib", "modules", "*"))
    if not os.path.exists(os.path.join(directory, "vmlinuz")) or len(modules) != 1:
        skip_all(f"Debian's kernel {version} is not there: run make debian-kernels")
    return ["--kernel", os.path.join(directory, "vmlinuz"), "--modules", modules[0]]


def vm_command(kernel, name, disks, *command, cpus=2):
    logs = os.path.join(tool.BUILD, "tests")
    os.makedirs(logs, exist_ok=True)
    disk_args = [arg for disk in disks for arg in ("--disk", f"virtio:{disk}")]
    # --hold: a boot that is retried must not print its TAP twice.
    return [VM, *kernel, "--hold", "--cpus", str(cpus), "--memory", "2G", "--timeout", str(TIMEOUT),
            "--log", os.path.join(logs, f"guest-{name}.log"), *disk_args, "--", *command]


def run_cases(name, kernel, sources, *cases, cpus=1, skip=(), options=(), timeout=TIMEOUT, variables=()):
    """Becomes the harness, which passes TAP and exit status of the cases through: all of them, but for @skip, if none is named. They see
    these @variables of the environment.

    One CPU, unless that is what it is about: several emulated ones cannot run what is being patched, and then all is done again.
    """
    stuck_after = (timeout - 60) * int(os.environ.get("TIMEOUT_FACTOR") or 1)
    command = vm_command(kernel, name, ["512M", "512M"], os.path.join(tool.TOP, "tests", "lib", "cases.py"),
                         "--label", name, "--stuck-after", str(stuck_after), "--sources", sources,
                         "--disk", "/dev/vda", "--disk", "/dev/vdb", "--pmem", "/dev/pmem0",
                         *(arg for case in skip for arg in ("--skip", case)), *options, *(sys.argv[1:] or cases), cpus=cpus)
    at = command.index("--")
    command[at:at] = ["--disk", "pmem:512M", "--timeout", str(timeout), *(word for name in variables for word in ("--env", name))]
    os.execv(command[0], command)


def run_steps(name, cpus, disks, *args, timeout=TIMEOUT):
    """Becomes the harness, which runs the cases of tests/guest/steps on the patched kernel."""
    command = vm_command(built_kernel("observe"), name, [], os.path.join(tool.TOP, "tests", "guest", "steps", "run.py"), *args)
    at = command.index("--")
    command[at:at] = ["--cpus", str(cpus), "--timeout", str(timeout)] + [arg for disk in disks for arg in ("--disk", disk)]
    os.execv(command[0], command)
