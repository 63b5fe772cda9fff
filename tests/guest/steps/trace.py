# SPDX-License-Identifier: GPL-2.0
"""Recording events through tracefs, and what must hold of any recording: fields, contexts, pairs."""

import collections
import os
import re
import threading
import time

import table

TRACING = "/sys/kernel/tracing"
LINE = re.compile(r"\s*(.+)-(\d+)\s+\[(\d+)\]\s+(\S+)\s+([\d.]+): (\w+): (.*)")
# Words that are no field's name or value, in the stock events of fs_dax.
BARE = re.compile(r"\b(?:shared |private )?(?:[A-Z0-9_x|]+ |read |write )?(?=address )")
FIELD = re.compile(r"(\w+) (\S*)(?: |$)")

Record = collections.namedtuple("Record", "name f comm pid flags text")


def write(path, text):
    with open(os.path.join(TRACING, path), "w") as out:
        out.write(text)


def kernel_events():
    """(system, name) of every event that the kernel has in the table's systems."""
    found = set()
    for system in table.SYSTEMS:
        directory = os.path.join(TRACING, "events", system)
        found |= {(system, name) for name in os.listdir(directory) if os.path.isdir(os.path.join(directory, name))}
    return found


def parse(line):
    """A Record, or None."""
    match = LINE.match(line)
    if not match or match[6] not in table.EVENTS:
        return None
    fields = dict(FIELD.findall(BARE.sub("", match[7])))
    fields["pid"] = match[2]
    return Record(match[6], fields, match[1], int(match[2]), match[4], line.rstrip())


class Recorder:
    """An ftrace instance that records while it is entered; events holds what it has recorded.

    It begins before a file system is mounted and ends after it is unmounted, so that nothing may be left in flight.
    """

    def __init__(self, only=None, size_mb=96):
        self.dir = f"instances/steps.{os.getpid()}"
        self.events = []
        self.only = only
        self.size = size_mb << 10

    def __enter__(self):
        os.mkdir(os.path.join(TRACING, self.dir))
        write(f"{self.dir}/buffer_size_kb", str(self.size))
        write(f"{self.dir}/trace_options", "nohash-ptr")
        for event in table.EVENTS.values():
            if self.only is None or event.name in self.only:
                write(f"{self.dir}/events/{event.system}/{event.name}/enable", "1")
        return self

    def __exit__(self, kind, value, traceback):
        write(f"{self.dir}/events/enable", "0")
        lost = 0
        per_cpu = os.path.join(TRACING, self.dir, "per_cpu")
        for cpu in os.listdir(per_cpu):
            with open(f"{per_cpu}/{cpu}/stats") as stats:
                lost += sum(int(n) for n in re.findall(r"(?:overrun|dropped events): (\d+)", stats.read()))
        with open(os.path.join(TRACING, self.dir, "trace"), errors="replace") as trace:
            for line in trace:
                record = parse(line)
                if record:
                    self.events.append(record)
        os.rmdir(os.path.join(TRACING, self.dir))
        if lost and not kind:
            raise AssertionError(f"the buffer was too small: {lost} events are lost")


class Watch:
    """Tells, while it is entered, how often one event has fired."""

    def __init__(self, name):
        self.event = table.EVENTS[name]
        self.dir = f"instances/watch.{os.getpid()}"

    def __enter__(self):
        os.mkdir(os.path.join(TRACING, self.dir))
        write(f"{self.dir}/events/{self.event.system}/{self.event.name}/enable", "1")
        return self

    def count(self):
        per_cpu = os.path.join(TRACING, self.dir, "per_cpu")
        total = 0
        for cpu in os.listdir(per_cpu):
            with open(f"{per_cpu}/{cpu}/stats") as stats:
                total += sum(int(n) for n in re.findall(r"^(?:entries|overrun): (\d+)", stats.read(), re.M))
        return total

    def __exit__(self, *_):
        write(f"{self.dir}/events/enable", "0")
        os.rmdir(os.path.join(TRACING, self.dir))


def select(events, name, **fields):
    return [e for e in events if e.name == name and all(e.f.get(key) == value for key, value in fields.items())]


def context_of(record):
    irq = record.flags[2]
    if irq in "hHzZ":
        return "H"
    if irq == "s":
        return "S"
    return "W" if record.comm.startswith("kworker") else "P"


class Flight:
    """What is in flight by each pair, as the events go by; wrong is a list of what must not be."""

    def __init__(self):
        self.open = {pair: {} for pair in table.PAIRS}
        self.wrong = []
        self.by_begin = collections.defaultdict(list)
        self.by_end = collections.defaultdict(list)
        for pair in table.PAIRS:
            self.by_begin[pair.begin].append(pair)
            self.by_end[pair.end].append(pair)

    def within(self, e):
        begin, key = table.WITHIN[e.name]
        value = (e.f[key],)
        # The iterator of a write fault and of a zeroing lives a little longer than its operation.
        if not any(value in self.open[pair] for pair in self.by_begin[begin] if pair.key[0] == (key,)):
            self.wrong.append(f"outside of {begin} by {key}: {e.text}")

    def feed(self, e):
        if e.name in table.WITHIN and int(e.f[table.WITHIN[e.name][1]], 16):
            self.within(e)
        for pair in self.by_end[e.name]:
            if pair.ends(e.f):
                key = tuple(e.f[name] for name in pair.key[1])
                if self.open[pair].pop(key, None) is None and not self.excused(pair, e):
                    self.wrong.append(f"{pair}: an end without begin: {e.text}")
        for pair in self.by_begin[e.name]:
            if pair.begins(e.f):
                key = tuple(e.f[name] for name in pair.key[0])
                if key in self.open[pair]:
                    self.wrong.append(f"{pair}: begun twice: {self.open[pair][key].text}\n  {e.text}")
                self.open[pair][key] = e
        # A deduplication drops one of its two iterators in the middle.
        if e.name == "iomap_op_end" and e.f["op"] == "DAX_DEDUPE":
            for pair in self.by_begin["iomap_lookup"]:
                self.open[pair].pop((e.f["iter"],), None)

    def excused(self, pair, e):
        # A direct I/O request that ends before its first lookup has no iomap_dio_complete_begin, nor a success.
        return pair.begin == "iomap_dio_complete_begin" and e.f["length"] == "0x0" and e.f["error"] == e.f["ret"]

    def left(self):
        return [f"{pair}: never ended: {e.text}" for pair, events in self.open.items() for e in events.values()]


def counted(events, term):
    if isinstance(term, str):
        term = (term,)
    name, *condition = term
    chosen = [e for e in events if e.name == name and e.f.get("op") != "DAX_DEDUPE"]
    if condition:
        field, value = condition
        chosen = [e for e in chosen if e.f[field] == str(value)]
    return len(chosen)


def describe(terms):
    return " + ".join(term if isinstance(term, str) else f"{term[0]}[{term[1]}={term[2]}]" for term in terms)


def check(t, events, counts=True):
    """What must hold of every recording that begins and ends with nothing in flight."""
    flight = Flight()
    for e in events:
        flight.feed(e)
    wrong = flight.wrong + flight.left()
    t.ok(not wrong, f"every begin has its end, in order, and nothing is left in flight ({len(events)} events)",
         "\n".join(wrong[:12]) + f"\n{len(wrong)} in all")
    if counts:
        unequal = [f"{describe(left)}: {a}; {describe(right)}: {b}" for left, right in table.COUNTS
                   for a, b in [(sum(counted(events, x) for x in left), sum(counted(events, x) for x in right))] if a != b]
        t.ok(not unequal, "counts that must be equal are", "\n".join(unequal))
    alien = {}
    for e in events:
        if context_of(e) not in table.EVENTS[e.name].context + "W":
            alien.setdefault(e.name, e.text)
    t.ok(not alien, "no event fires in a context that is not its own", "\n".join(alien.values()))
    nameless = {(e.name, field): e.f[field] for e in events for (name, field) in table.VALUES
                if e.name == name and not re.fullmatch("[A-Z_]+", e.f.get(field, ""))}
    t.ok(not nameless, "every reason, route and verdict has its name", nameless)


def wait_for(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Background(threading.Thread):
    """A thread whose exception is raised by finish()."""

    def __init__(self, work, *args):
        super().__init__(daemon=True)
        self.work, self.args, self.result, self.error = work, args, None, None
        self.start()

    def run(self):
        try:
            self.result = self.work(*self.args)
        except BaseException as error:      # noqa: B036: handed on
            self.error = error

    def finish(self, seconds=60):
        self.join(seconds)
        if self.is_alive():
            raise AssertionError(f"{self.work} does not return")
        if self.error:
            raise self.error
        return self.result
