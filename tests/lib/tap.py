# SPDX-License-Identifier: GPL-2.0
"""TAP for the tests in Python: Tap prints numbered results, with the reason of a failure below each."""

import sys


class Skip(Exception):
    """Raised by a test that cannot run here; its text is the reason."""


class Tap:
    def __init__(self, label=""):
        self.label = label      # in front of every description, such as the kernel's name
        self.topic = ""
        self.count = 0
        self.failed = 0

    def _line(self, good, name, directive=""):
        self.count += 1
        parts = [part for part in (self.label, self.topic, name) if part]
        # A '#' would start a directive.
        text = ": ".join(parts).replace("#", "No.").replace("\n", " ")
        print(f"{'ok' if good else 'not ok'} {self.count} - {text}{directive}", flush=True)

    def diag(self, text):
        for line in str(text).splitlines():
            print("# " + line, flush=True)

    def ok(self, good, name, why=""):
        """One result; why is printed when it is not good."""
        self._line(good, name)
        if not good:
            self.failed += 1
            self.diag(why)
        return bool(good)

    def equal(self, got, expected, name, why=""):
        return self.ok(got == expected, name,
                       f"got      {got!r}\nexpected {expected!r}\n{why}")

    def fail(self, name, why):
        return self.ok(False, name, why)

    def skip(self, name, why):
        self._line(True, name, f" # SKIP {why}")

    def done(self):
        """The plan; returns the exit status."""
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed or not self.count else 0


class Trial:
    """In place of a Tap: keeps the results of a test that may have to be done again."""

    def __init__(self):
        self.results = []
        self.failed = 0

    def ok(self, good, name, why=""):
        self.results.append(("ok", (good, name, why)))
        self.failed += not good
        return bool(good)

    def equal(self, got, expected, name, why=""):
        return self.ok(got == expected, name, f"got      {got!r}\nexpected {expected!r}\n{why}")

    def fail(self, name, why):
        return self.ok(False, name, why)

    def skip(self, name, why):
        self.results.append(("skip", (name, why)))

    def report(self, t):
        for kind, args in self.results:
            getattr(t, kind)(*args)


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
