# SPDX-License-Identifier: GPL-2.0
"""Which injected error is behind each failure that a program was told of: the "failed" lines of tests/workloads/integrity.c, and inject -o json."""

import bisect
import collections
import datetime
import errno
import re

# The clocks of the two are compared by each of them once, when it starts; an emulated machine may be interrupted at that.
SLACK_NS = 20_000_000
PAGE = 4096

Failure = collections.namedtuple("Failure", "number call pos len error begin end")

ZEROING = ("zero", "truncate", "dax_zero")
READING = ("read", "readahead", "dax_read")
WRITING = ("write", "dax_write", *ZEROING)
# The operations of iomap that a call consists of.
OPS = {
    "read": READING, "write": WRITING,
    "direct_read": ("dio_read", "dax_read"), "direct_write": ("dio_write", *WRITING),
    "map_read": (*READING, "dax_fault_pte", "dax_fault_pmd"), "map_write": (*READING, "mkwrite", "dax_fault_pte", "dax_fault_pmd"),
    "truncate": ZEROING, "allocate": ZEROING, "punch": ZEROING, "zero": ZEROING, "collapse": ZEROING, "insert": ZEROING, "clone": ZEROING,
    "unshare": ("unshare", "dax_unshare", *ZEROING), "copy": (*READING, *WRITING),
    "seek_data": ("seek_data",), "seek_hole": ("seek_hole",), "fiemap": ("fiemap",),
    "fsync": (), "fdatasync": (), "msync": (),
}
# They write back what is in the page cache, and tell of errors that were met since they, or others of these, have told of one. What is
# beside them in OPS does so too, by marks of its own (AS_EIO and AS_ENOSPC of the mapping), but for what only reads pages: buffered writes
# beyond the end of the file do, which zero what is between (iomap_zero_iter_flush_and_stale()).
SYNCS = ("fsync", "fdatasync", "msync")
FLUSHES = ("write", "direct_read", "direct_write", "truncate", "allocate", "punch", "zero", "collapse", "insert", "clone", "unshare", "copy")


def failures(text):
    """Those that the workload has printed."""
    found = []
    for line in re.findall(r"^failed (\d+ \S+ .*)$", text, re.M):
        number, call, pos, length, error, begin, end = line.split()
        found.append(Failure(int(number), call, int(pos), int(length), -int(error) if error.isdigit() else error, int(begin), int(end)))
    return found


def time_ns(text):
    """Of RFC 3339 with nanoseconds."""
    seconds, fraction = text.rstrip("Z").split(".")
    when = datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc)
    return int(when.timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0"))


def _overlap(event, failure):
    # Zeroing is from the end of the file, or to that of a block, beside the range of the call. And a large folio cannot be used if any
    # block of it could not be had.
    if event["op"] in (*ZEROING, "read", "readahead", "mkwrite"):
        return True
    # Direct I/O zeroes the rest of the first and of the last block.
    first, end = failure.pos // PAGE * PAGE, -(-(failure.pos + failure.len) // PAGE) * PAGE
    return event["pos"] < end and first < event["pos"] + event["len"]


def _same_error(event, failure):
    if failure.error in ("SIGBUS", "short"):
        return True
    # The page cache only knows that a page is not up to date.
    if failure.error == -errno.EIO and event["op"] in ("read", "readahead"):
        return True
    return event["error"] == failure.error


class Explained:
    """The failures that an injected error explains, by call and step (how: a Counter), and those that none does (unexplained)."""

    def __init__(self, failed, events, ino):
        self.how = collections.Counter()
        self.unexplained = []
        injected = [(time_ns(e["time"]), e) for e in events if e["ino"] == ino and "error" in e["applied"].split("|")]
        injected.sort(key=lambda one: one[0])
        self._writeback = [(when, e) for when, e in injected if e["op"] == "writeback"]
        self._others = [(when, e) for when, e in injected if e["op"] != "writeback"]
        # Until when errors of writeback have been told: to those who sync, and to the others.
        self._told = {True: 0, False: 0}
        for failure in failed:
            event = self._by_call(failure) or self._by_writeback(failure)
            if event:
                self.how[failure.call, event["step"]] += 1
            else:
                self.unexplained.append(failure)

    def _by_call(self, failure):
        """Something that the call itself has met; once."""
        for index in self._between(self._others, failure.begin, failure.end):
            event = self._others[index][1]
            if event["op"] in OPS[failure.call] and _same_error(event, failure) and _overlap(event, failure):
                return self._others.pop(index)[1]
        return None

    def _by_writeback(self, failure):
        """Something that writeback has met, for whomever, since such an error was told."""
        if failure.call not in SYNCS + FLUSHES or failure.error in ("SIGBUS", "short"):
            return None
        syncs = failure.call in SYNCS
        since, self._told[syncs] = self._told[syncs], failure.begin
        for index in self._between(self._writeback, since, failure.end):
            event = self._writeback[index][1]
            if event["error"] == failure.error:
                return event
        return None

    @staticmethod
    def _between(injected, begin, end):
        """The indices of what was injected then."""
        return range(bisect.bisect_left(injected, begin - SLACK_NS, key=lambda one: one[0]),
                     bisect.bisect_right(injected, end + SLACK_NS, key=lambda one: one[0]))
