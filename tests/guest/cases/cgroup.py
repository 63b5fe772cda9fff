# SPDX-License-Identifier: GPL-2.0
"""--cgroup and --container let through the tasks of a cgroup and of those below it, decided at submission, and nothing else."""

import os
import subprocess

import tool
from tap import Skip

CALLS = {"out": 11, "in": 7, "below": 5, "beside": 3}
ID = ("5c0ffee" + 4 * "0123456789abcdef")[:64]


def hierarchy(env):
    """A mount of cgroup2: the machine's, or one of our own. Returns its mount point, and whether it is to be unmounted."""
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            words = line.split()
            if words[words.index("-") + 1] == "cgroup2" and words[3] == "/":
                return words[4], False
    point = os.path.join(env.workdir, "cgroup2")
    os.mkdir(point)
    if subprocess.run(["mount", "-t", "cgroup2", "none", point], capture_output=True).returncode:
        os.rmdir(point)
        raise Skip("cgroup2 cannot be mounted")
    return point, True


def seek_in(cgroup, calls, path):
    """The workload, by a task that is in this cgroup from its first instruction on."""
    script = 'echo 0 > "$1/cgroup.procs" && exec "$2" -n "$3" "$4"' if cgroup else 'exec "$2" -n "$3" "$4"'
    subprocess.run(["sh", "-c", script, "sh", cgroup or "", os.path.join(tool.BUILD, "workloads", "seek"), str(calls), path],
                   check=True, stdout=subprocess.DEVNULL, timeout=tool.PATIENCE)


def check(t, env, directories, path):
    inner, below, beside, root = (directories[key] for key in ("in", "below", "beside", "root"))
    inode = {name: os.stat(directory).st_ino for name, directory in directories.items()}

    def do():
        for name in CALLS:
            seek_in(directories.get(name), CALLS[name], path)

    relative = os.path.relpath(inner, root)
    everything = sum(CALLS.values())
    ways = ((["--cgroup", below], ("below",)), (["--container", ID[:12]], ("beside",)), (["--cgroup", inner], ("in", "below")),
            (["--cgroup", "/" + relative], ("in", "below")), (["--cgroup", relative], ("in", "below")), (["--container", ID], ("beside",)),
            (["--cgroup", root], tuple(CALLS)))
    for source in env.sources:
        # How a cgroup is named has nothing to do with the source.
        for args, names in ways if source == env.sources[0] and not env.brief else ways[:2]:
            name = f"{source} {args[0]} {args[1][:1]} {' '.join(names)}"
            expected = sum(CALLS[which] for which in names)
            lookups = env.lookups("-f", path, "--source", source, *args)
            do()
            lookups.stop()
            t.equal(len(lookups.events), expected, f"{name}: those lookups", lookups.stderr())
            if "out" not in names:
                t.equal({e["cgroup"] for e in lookups.events}, {inode[which] for which in names}, f"{name}: their cgroups")
            t.ok(lookups.summary["filtered"] >= everything - expected, f"{name}: the others are filtered", lookups.summary)
            tool.balanced(t, lookups, name)
        lookups = env.lookups("--hist", "-f", path, "--source", source, "--cgroup", inner)
        do()
        lookups.stop()
        t.equal(sum(h["count"] for h in lookups.hists), CALLS["in"] + CALLS["below"], f"{source} --hist --cgroup: counts")

    # A cgroup that is removed while it is watched: nothing more comes, and nothing breaks.
    lookups = env.lookups("-f", path, "--cgroup", below)
    seek_in(below, CALLS["below"], path)
    os.rmdir(below)
    seek_in(inner, CALLS["in"], path)
    lookups.stop()
    t.equal((lookups.status, len(lookups.events)), (0, CALLS["below"]), "a cgroup that is removed meanwhile", lookups.stderr())

    for args, part in ((["--cgroup", below], "no such cgroup"), (["--container", "no-such-container"], "no such container"),
                       (["--cgroup", inner, "--container", ID], "leave out --cgroup")):
        done = tool.run("lookups", *args)
        t.ok(done.returncode == 2 and part in done.stderr and not done.stdout, f"{args[0]}: {part}", done)


def check_writeback(t, env, inner):
    """What a task of a cgroup has dirtied and a kworker writes back is shown as the kworker's, in whose cgroup that is, and as nobody else's."""
    for source in tool.tested_sources(env, "ioends")[:1]:
        for args, shown in (([], True), (["--cgroup", inner], False)):
            name = f"{source} {args[0] if args else 'writeback'}"
            path = env.xfs.path("dirtied")
            open(path, "wb").close()
            os.sync()
            observed = env.observe("ioends", "-f", path, "--source", source, *args)
            subprocess.run(["sh", "-c", 'echo 0 > "$1/cgroup.procs" && exec dd if=/dev/zero of="$2" bs=64k count=4', "sh", inner, path],
                           check=True, stderr=subprocess.DEVNULL, timeout=tool.PATIENCE)
            os.sync()
            observed.stop()
            if shown:
                t.equal(sum(e["len"] for e in observed.events), 4 << 16, f"{name}: each byte once", observed.stderr())
                t.ok(all(e["comm"].startswith("kworker") and e["cgroup"] != os.stat(inner).st_ino for e in observed.events),
                     f"{name}: by a kworker, whose cgroup is another one", observed.events[:1])
            else:
                t.equal((len(observed.events), observed.summary["filtered"] > 0), (0, True), f"{name}: none of the cgroup's own",
                        observed.summary)
            tool.balanced(t, observed, name, lossless=not source.endswith("kprobe"))
            os.unlink(path)


def run(t, env):
    root, mounted = hierarchy(env)
    top = os.path.join(root, f"iomapscope.{os.getpid()}")
    inner, beside = os.path.join(top, "in"), os.path.join(top, f"docker-{ID}.scope")
    below = os.path.join(inner, "below")
    path = env.xfs.file("cgroups")
    try:
        for directory in (top, inner, below, beside):
            os.mkdir(directory)
        check(t, env, {"root": root, "in": inner, "below": below, "beside": beside}, path)
        check_writeback(t, env, inner)
    finally:
        for directory in (below, inner, beside, top):
            if os.path.isdir(directory):
                os.rmdir(directory)
        if mounted:
            subprocess.run(["umount", root], check=True)
            os.rmdir(root)
