# SPDX-License-Identifier: GPL-2.0
"""inject says what is missing on a kernel without the control hooks, and how to get it. What it does with them is in tests/guest/control."""

import tool
from tap import Skip


def run(t, env):
    with open("/sys/kernel/btf/vmlinux", "rb") as btf:
        if b"\0iomap_control_ops\0" in btf.read():
            raise Skip("this kernel has the hooks")
    path = env.xfs.file("untouched")
    for options in ((), ("-o", "json"), ("--hist",)):
        done = tool.run("inject", "--errno", "EIO", "-f", path, *options)
        t.equal((done.returncode, done.stdout, done.stderr),
                (4, "", "iomapscope: this kernel has no hooks for inject; apply this project's patches/6.12/control and build it with "
                 "CONFIG_IOMAP_BPF_CONTROL=y (the kernel has no event iomap_control)\n"), f"inject {' '.join(options)}: what is missing")
