# SPDX-License-Identifier: GPL-2.0
"""A terminal of a size, by tmux: what is typed, what it shows, and in which state it is."""

import os
import shutil
import subprocess
import termios
import time

import tool
from tap import Skip

SHELL = "dash"      # it sets nothing of the terminal by itself, so that what is left there is what the tool left


class Terminal:
    """A shell in a terminal. env: what the shell has in its environment besides."""

    def __init__(self, workdir, columns=80, lines=24, **env):
        if not shutil.which("tmux") or not shutil.which(SHELL):
            raise Skip(f"tmux or {SHELL} is not installed")
        self.socket = os.path.join(workdir, "tmux")
        self.workdir = workdir
        settings = [f"{name}={value}" for name, value in {"PS1": "$ ", "LC_ALL": "C.UTF-8", **env}.items()]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(lines),
                  " ".join(["env", "-u", "ENV", *settings, SHELL, "-i"]))
        # A session that nobody looks at keeps the size that it is given.
        self.tmux("set-option", "-g", "window-size", "manual")
        self.tmux("set-option", "-s", "escape-time", "0")
        self.wait(lambda lines: any(line.startswith("$") for line in lines))

    def tmux(self, *args):
        done = subprocess.run(["tmux", "-S", self.socket, *args], capture_output=True, text=True, timeout=tool.PATIENCE,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})
        if done.returncode:
            raise AssertionError(f"tmux {' '.join(args)}: {done.stderr}")
        return done.stdout

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, timeout=tool.PATIENCE)

    def type(self, text):
        self.tmux("send-keys", "-t", "t", "-l", text)

    def press(self, *keys):
        """Keys by tmux' names, such as Enter, Escape, BSpace, Down."""
        self.tmux("send-keys", "-t", "t", *keys)

    def run(self, command):
        self.type(command)
        self.press("Enter")

    def shows(self):
        """The lines of the screen."""
        return self.tmux("capture-pane", "-p", "-t", "t").split("\n")[:-1]

    def wait(self, condition, patience=30):
        """What is shown as soon as condition(lines) holds, or when patience is over."""
        end = time.monotonic() + patience
        while True:
            lines = self.shows()
            if condition(lines) or time.monotonic() > end:
                return lines
            time.sleep(0.05)

    def wait_for(self, text, patience=30):
        return self.wait(lambda lines: any(text in line for line in lines), patience)

    def resize(self, columns, lines):
        self.tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(lines))

    def state(self):
        """What a program may leave behind: alternate screen, cursor, keypad, and the line's settings."""
        shown = self.tmux("display-message", "-p", "-t", "t",
                          "#{alternate_on} #{cursor_flag} #{keypad_flag} #{keypad_cursor_flag} #{insert_flag} #{pane_tty}").split()
        line = os.open(shown[-1], os.O_RDWR | os.O_NOCTTY)
        try:
            settings = termios.tcgetattr(line)
        finally:
            os.close(line)
        return {"alternate": shown[0], "cursor": shown[1], "keypad": shown[2:4], "insert": shown[4], "settings": settings}
