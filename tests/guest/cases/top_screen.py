# SPDX-License-Identifier: GPL-2.0
"""top on a terminal of 80x24: the busy file is above the others, the keys do what the help says, and the terminal is as it was afterwards."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time

import tool
from tap import Skip
from terminal import Terminal

HEAD = 5        # lines above the rows
BUSY, LESS, ELSEWHERE = 300, 100, 30


class Workload:
    """Lookups on three files, again and again, by processes of a name that nobody else has."""

    def __init__(self, env):
        self.name = f"top{os.getpid()}"
        self.program = os.path.join(env.workdir, self.name)
        shutil.copy(os.path.join(tool.BUILD, "workloads", "seek"), self.program)
        self.files = [(env.xfs.file("busy"), BUSY), (env.xfs.file("less"), LESS), (env.ext4.file("elsewhere"), ELSEWHERE)]
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.stopped.wait(0.1):
            for path, count in self.files:
                subprocess.run([self.program, "-n", str(count), path], stdout=subprocess.DEVNULL, timeout=tool.PATIENCE)

    def stop(self):
        self.stopped.set()
        self.thread.join()


def rows(lines):
    """The names of the rows, from above."""
    names = []
    for line in lines[HEAD:-1]:
        found = re.match(r" *\S+ +\S+ +\S+ +\S+ +\S+ +\S+ +\S+ +\S+ (.*)", line)
        if found:
            names.append(found.group(1))
    return names


def begin_with(lines, *texts):
    """Whether these are the first rows: files by the end of their paths, which may have lost their begins, anything else by its begin."""
    names = rows(lines)
    return len(names) >= len(texts) and all(name.endswith(text) if text.startswith("/") else name.startswith(text)
                                            for name, text in zip(names, texts))


def start(terminal, *args):
    terminal.run(" ".join([tool.TOOL, "top", *args]))
    return terminal.wait_for("q quit")


def freeze(terminal, condition):
    """Stops top at an interval for which condition(lines) holds."""
    for _ in range(20):
        terminal.wait(condition)
        terminal.type(" ")
        if condition(terminal.wait(lambda lines: "PAUSED" in lines[0])):
            return
        terminal.type(" ")
        terminal.wait(lambda lines: "PAUSED" not in lines[0])


def check_keys(t, env, terminal, work):
    busy, less, elsewhere = ("/" + os.path.basename(path) for path, _ in work.files)
    before = terminal.state()
    shown = start(terminal, "-c", work.name, "--interval", "500ms")
    t.ok(any("lookups by" in line for line in shown[:3]), "the sources are named", shown)
    work.thread.start()

    def expect(name, condition, patience=30):
        shown = terminal.wait(condition, patience)
        t.ok(condition(shown), name, "\n".join(shown))
        return shown

    shown = expect("the busy file is above the others, which are in their order",
                   lambda lines: begin_with(lines, busy, less, elsewhere))
    t.ok(len(shown) == 24 and all(len(line) <= 80 for line in shown) and shown[3].split()[0] == "LOOKUPS" and
         "sorted by LOOKUPS" in shown[2] and shown[23].startswith("q quit"), "it fits 80x24", "\n".join(shown))
    state = terminal.state()
    t.equal((state["alternate"], state["cursor"], state["settings"] != before["settings"]), ("1", "0", True),
            "it has the other screen, without a cursor, and keys one by one")

    terminal.type("r")
    expect("r: the other way round", lambda lines: "reversed" in lines[2] and begin_with(lines, elsewhere, less, busy))
    terminal.type("rs")
    expect("s: by the next column", lambda lines: "sorted by IOENDS," in lines[2])
    terminal.type("<<")
    expect("<: by the one before, round the corner", lambda lines: "sorted by NAME," in lines[2])
    terminal.type(">")
    expect(">: and back", lambda lines: "sorted by LOOKUPS," in lines[2] and begin_with(lines, busy, less, elsewhere))

    terminal.type("/" + less + "x")
    expect("/: the text is shown as it is typed", lambda lines: lines[2].startswith(f"names with: {less}x"))
    terminal.press("BSpace", "Enter")
    expect("/: only names with this text", lambda lines: begin_with(lines, less) and len(rows(lines)) == 1 and "(hidden 2)" in lines[2])
    terminal.press("Escape")
    expect("Escape: all names", lambda lines: len(rows(lines)) == 3 and "names with" not in lines[2])

    freeze(terminal, lambda lines: begin_with(lines, busy, less, elsewhere))
    first = expect("space: it says that it stops", lambda lines: "PAUSED" in lines[0])
    time.sleep(1.2)
    t.equal(terminal.shows(), first, "space: nothing changes")
    terminal.type("d")
    expect("space: what there is can be looked at in another way", lambda lines: "PAUSED" in lines[0] and
           begin_with(lines, env.xfs.dev, env.ext4.dev))
    terminal.type("f ")
    expect("space: it goes on", lambda lines: "PAUSED" not in lines[0] and lines[0] != first[0] and begin_with(lines, busy))

    # A slow machine does not get round to all files in every interval: from here on the rows are those of one that has them all.
    freeze(terminal, lambda lines: begin_with(lines, busy, less, elsewhere))
    terminal.type("d")
    expect("d: devices", lambda lines: begin_with(lines, env.xfs.dev, env.ext4.dev) and len(rows(lines)) == 2)
    terminal.press("Enter")
    expect("Enter: the files of this device", lambda lines: lines[2].startswith(env.xfs.dev) and " > files" in lines[2] and
           begin_with(lines, busy, less) and len(rows(lines)) == 2)
    terminal.press("Down", "Enter")
    shown = expect("Down, Enter: the processes on the second file", lambda lines: less in lines[2] and begin_with(lines, work.name))
    t.ok(all(re.match(rf"{work.name}\[\d+\]", name) for name in rows(shown)), "each has its number", rows(shown))
    terminal.resize(64, 24)
    expect("in the narrowest window, too, it says which file", lambda lines: less + " > processes" in lines[2])
    terminal.resize(80, 24)
    terminal.press("BSpace", "BSpace")
    expect("Backspace: back to the devices", lambda lines: lines[2].startswith("devices,") and begin_with(lines, env.xfs.dev, env.ext4.dev))
    terminal.press("End", "Enter")
    expect("End, Enter: the last device's files", lambda lines: lines[2].startswith(env.ext4.dev) and begin_with(lines, elsewhere))
    terminal.press("BSpace")
    terminal.type("p")
    expect("p: processes", lambda lines: begin_with(lines, work.name + "["))
    terminal.type("c")
    expect("c: cgroups", lambda lines: lines[2].startswith("cgroups,") and len(rows(lines)) == 1)
    terminal.type("l")
    expect("l: the latency of something else", lambda lines: "latency of ioends" in lines[2])
    terminal.type("f -")
    expect("-: more often", lambda lines: "every 250ms" in lines[0])
    terminal.type("++")
    expect("+: less often", lambda lines: "every 1.00s" in lines[0])
    terminal.type("h")
    expect("h: the keys", lambda lines: lines[0].startswith("iomapscope top: keys") and any("quit" in line for line in lines))
    terminal.type("x")
    expect("any key: back", lambda lines: begin_with(lines, busy))

    terminal.resize(110, 30)
    expect("a larger window is used", lambda lines: len(lines) == 30 and lines[29].startswith("q quit") and
           rows(lines)[:1] == [work.files[0][0]])
    terminal.resize(50, 20)
    expect("one that is too small says so", lambda lines: lines[0].strip() == "too small")
    terminal.resize(80, 24)
    expect("and again 80x24", lambda lines: len(lines) == 24 and lines[23].startswith("q quit") and begin_with(lines, busy))

    terminal.type("q")
    shown = terminal.wait(lambda lines: any(line.startswith("lookups: seen ") for line in lines) and lines_end(lines))
    t.ok(any(line.startswith("lookups: seen ") for line in shown), "q: the summary", "\n".join(shown))
    t.equal(terminal.state(), before, "q: the terminal is as it was")


def lines_end(lines):
    """Whether the shell waits for a command."""
    return [line for line in lines if line.strip()][-1:] == ["$"]


def check_ends(t, terminal):
    """However it ends, the terminal is as it was."""
    for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGABRT, 134), (signal.SIGSEGV, 139), (signal.SIGQUIT, 131)):
        name = number.name
        terminal.run("clear")
        terminal.wait(lines_end)
        before = terminal.state()
        start(terminal)
        during = terminal.state()
        pid = int(subprocess.run(["pgrep", "-f", f"^{tool.TOOL} top$"], capture_output=True, text=True).stdout.split()[-1])
        os.kill(pid, number)
        terminal.wait(lambda lines: lines_end(lines))
        t.equal((during["alternate"], terminal.state()), ("1", before), f"{name}: the terminal is as it was")
        terminal.run("echo status $?")
        shown = terminal.wait(lambda lines: any(line.startswith("status ") for line in lines) and lines_end(lines))
        t.ok(f"status {status}" in [line.strip() for line in shown], f"{name}: status {status}", "\n".join(shown))


def check_stop(t, terminal):
    """Stopped, the shell has its terminal; continued, top has it again."""
    terminal.run("clear")
    terminal.wait(lines_end)
    before = terminal.state()
    start(terminal)
    terminal.press("C-z")
    terminal.wait(lambda lines: any("Stopped" in line or "Suspended" in line for line in lines) and lines_end(lines))
    t.equal(terminal.state(), before, "Ctrl-Z: the terminal is the shell's")
    terminal.run("fg")
    shown = terminal.wait_for("q quit")
    t.ok(shown[-1].startswith("q quit") and terminal.state()["alternate"] == "1", "fg: the screen is there again", "\n".join(shown))
    terminal.type("h")
    shown = terminal.wait_for("top: keys")
    t.ok(any("top: keys" in line for line in shown), "and takes keys", "\n".join(shown))
    terminal.type("qq")
    terminal.wait(lambda lines: any(line.startswith("lookups: seen ") for line in lines) and lines_end(lines))
    t.equal(terminal.state(), before, "q: the terminal is as it was")


def check_refusals(t, terminal, workdir):
    def tried(number, command):
        """What is shown once the command is over; the number, as what the one before has left may still be there."""
        terminal.run(f"clear; {command} 2>{workdir}/refused; echo try{number} status $?")
        return terminal.wait(lambda lines: any(line.startswith(f"try{number} status ") for line in lines) and lines_end(lines))

    for number, (name, command, part) in enumerate((
            ("TERM=dumb", f"TERM=dumb {tool.TOOL} top", "cannot place the cursor"),
            ("an unknown TERM", f"TERM=nothing {tool.TOOL} top", "no description of the terminal 'nothing'"),
            ("no TERM", f"TERM= {tool.TOOL} top", "TERM is not set"),
            ("input that is no terminal", f"{tool.TOOL} top </dev/null", "standard input is not a terminal"))):
        shown = tried(number, command)
        with open(f"{workdir}/refused") as file:
            said = file.read()
        t.ok(f"try{number} status 2" in [line.strip() for line in shown] and part in said and said.count("\n") == 1 and
             said.startswith("iomapscope: "), f"{name}: status 2, and one line that says why", f"{said}\n" + "\n".join(shown))
    terminal.resize(50, 6)
    shown = tried(9, f"{tool.TOOL} top")
    with open(f"{workdir}/refused") as file:
        said = file.read()
    t.ok("try9 status 2" in [line.strip() for line in shown] and "too small (50x6" in said, "too small: status 2",
         f"{said}\n" + "\n".join(shown))


def run(t, env):
    if not tool.usable_sources():
        raise Skip("no source of lookups can be used on this kernel")
    work = Workload(env)
    terminal = Terminal(env.workdir)
    try:
        check_keys(t, env, terminal, work)
        check_stop(t, terminal)
        check_ends(t, terminal)
        check_refusals(t, terminal, env.workdir)
    finally:
        terminal.close()
        if work.thread.is_alive():
            work.stop()
