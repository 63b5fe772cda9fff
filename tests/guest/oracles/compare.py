# SPDX-License-Identifier: GPL-2.0
"""On the host: what the kernel's events say, what the oracles say, and where they differ."""

import collections
import copy
import json
import os
import re
import subprocess

SECTOR = 512
LINE = re.compile(r".*? (?:\[\d+\]) .*?: (\w+): ?(.*)")
PAIR = re.compile(r"(\w+) (\S*)(?: |$)")
# include/linux/blk_types.h
OP_MASK, OP_WRITE, OP_FLUSH, OP_DISCARD = 0xff, 1, 2, 3
REQ_SYNC, REQ_META, REQ_FUA, REQ_PREFLUSH, REQ_RAHEAD = (1 << bit for bit in (11, 12, 17, 18, 19))

# What blktrace saw: its flags, the first sector, and how many.
Queued = collections.namedtuple("Queued", "rwbs sector sectors")
# A piece of a file on the device, in sectors.
Extent = collections.namedtuple("Extent", "ino logical sector sectors")


class OracleError(Exception):
    """A record that cannot be compared; its text says why."""


def rwbs(opf, sectors):
    """A request's flags as blkparse prints them."""
    op = opf & OP_MASK
    text = "F" if opf & REQ_PREFLUSH or op == OP_FLUSH else ""
    text += "D" if op == OP_DISCARD else "W" if op & 1 else "R" if sectors else "N"
    for flag, letter in ((REQ_FUA, "F"), (REQ_RAHEAD, "A"), (REQ_SYNC, "S"), (REQ_META, "M")):
        text += letter if opf & flag else ""
    return text


class Blktrace:
    """What blktrace has queued for each device, in order."""

    def __init__(self, directory):
        self.queued = {}
        with open(f"{directory}/blktrace.txt") as file:
            self.said = file.read()
        dropped = [int(n) for n in re.findall(r"dropped (\d+)", self.said)]
        if not dropped or any(dropped) or "You have" in self.said:
            raise OracleError(f"blktrace is not complete: {self.said}")
        for name in os.listdir(directory):
            device, _, rest = name.partition(".")
            if rest == "blktrace.0":
                self.queued[device] = self.parse(directory, device)

    @staticmethod
    def parse(directory, device):
        done = subprocess.run(["blkparse", "-q", "-D", directory, "-i", device, "-a", "queue", "-f", "%a %d %S %n\n"],
                              capture_output=True, text=True, timeout=120)
        if done.returncode or done.stderr:
            raise OracleError(f"blkparse {device}: status {done.returncode}: {done.stderr}")
        fields = (line.split() for line in done.stdout.splitlines())
        return [Queued(f[1], int(f[2]), int(f[3])) for f in fields if len(f) == 4 and f[0] == "Q"]

    def during(self, device, number, mark):
        """What was queued between the markers of a phase."""
        queued = self.queued[device]
        bounds = []
        for sectors in (2 * number + 1, 2 * number + 2):
            found = [i for i, q in enumerate(queued) if q.sector == mark and q.sectors == sectors]
            if len(found) != 1:
                raise OracleError(f"{device}: {len(found)} markers of {sectors} sectors at {mark}")
            bounds += found
        return queued[bounds[0] + 1:bounds[1]]


class Phase:
    """A phase's events, as dictionaries of the names and values that ftrace prints, and its notes."""

    def __init__(self, directory, name):
        with open(f"{directory}/{name}.json") as file:
            self.notes = json.load(file)
        self.name, self.number, self.devices = name, self.notes["number"], self.notes["devices"]
        lost = re.findall(r"(?:overrun|dropped events): (\d+)", self.notes["stats"])
        if len(lost) != 3 or any(map(int, lost)):
            raise OracleError(f"{name}: ftrace has lost events: {self.notes['stats']}")
        self.events = []
        with open(f"{directory}/{name}.trace", errors="replace") as file:
            for line in file:
                match = LINE.match(line)
                if match:
                    self.events.append({"event": match[1], "text": match[2], **dict(PAIR.findall(match[2]))})

    def of(self, *names, **fields):
        return [e for e in self.events if e["event"] in names and all(e.get(k) == v for k, v in fields.items())]

    def number_of(self, device):
        return self.devices[device]["number"]

    def extents(self, device):
        return [Extent(ino, first, start, end - start + 1)
                for ino, first, _, start, end in self.notes["maps"].get(device, [])]


def fault_address(event):
    match = re.search(r"\baddress[ =](0x[0-9a-f]+)", event["text"])
    return int(match[1], 16) if match else None


class Sectors:
    """A set of sectors, given as ranges."""

    def __init__(self, extents):
        self.starts, self.ends = [], []
        for start, end in sorted((e.sector, e.sector + e.sectors) for e in extents):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            else:
                self.starts.append(start)
                self.ends.append(end)

    def overlap(self, start, count):
        """How many of count sectors are in the set."""
        return sum(max(0, min(start + count, e) - max(start, s)) for s, e in zip(self.starts, self.ends))


def differences(ours, theirs, our_name="the events", their_name="blktrace"):
    """Lines that tell two multisets apart; none if they are equal."""
    ours, theirs = collections.Counter(ours), collections.Counter(theirs)
    lines = []
    for name, rest in ((our_name, ours - theirs), (their_name, theirs - ours)):
        if rest:
            lines.append(f"{sum(rest.values())} only in {name}: {sorted(rest.items())[:8]}")
    return lines


# Direct I/O, ioends, dm-io: each request with its flags.

def direct_requests(phase, device):
    number = phase.number_of(device)
    return [Queued(rwbs(int(e["opf"], 16), int(e["length"], 16)), int(e["sector"], 16), int(e["length"], 16) // SECTOR)
            for e in phase.of("iomap_dio_bio_submit", bdev=number)]


def ioend_requests(phase, device):
    return [Queued(rwbs(int(e["opf"], 16), int(e["bio_length"], 16)), int(e["sector"]),
                   int(e["bio_length"], 16) // SECTOR)
            for e in phase.of("iomap_ioend_submit", dev=phase.number_of(device)) if e["error"] == "0"]


def mirror_requests(phase, device):
    return [Queued(rwbs(int(e["opf"], 16), int(e["nr_sectors"])), int(e["sector"]), int(e["nr_sectors"]))
            for e in phase.of("dm_io_bio_submit", dev=phase.number_of(device))]


def read_requests(phase, device):
    """Of buffered reads; the event has no flags, but the operation tells the one that there can be."""
    return [Queued("RA" if e["op"] == "READAHEAD" else "R", int(e["sector"], 16), int(e["length"], 16) // SECTOR)
            for e in phase.of("iomap_read_submit", bdev=phase.number_of(device))]


def fill_requests(phase, device, queued):
    """Reads by a write, and lines about those that are not in queued.

    Their event has no sector. FIEMAP says where the position is on the device: at any of the places where it has been in
    this phase. Each is given one of the queued requests of that length at one of these places that no other has.
    """
    by_ino = collections.defaultdict(list)
    for extent in phase.extents(device):
        by_ino[extent.ino].append(extent)
    at = collections.defaultdict(list)
    for number, q in enumerate(queued):
        if q.rwbs == "RS":
            at[q].append(number)
    wanted = []
    for e in phase.of("iomap_fill_folio", dev=phase.number_of(device), route="READ_SYNC", ret="0"):
        first, count = int(e["fill_pos"], 16) // SECTOR, int(e["fill_len"], 16) // SECTOR
        places = {x.sector + first - x.logical for x in by_ino[int(e["ino"], 16)]
                  if x.logical <= first and first + count <= x.logical + x.sectors}
        wanted.append((e["text"], [n for place in sorted(places) for n in at[Queued("RS", place, count)]]))

    taken = {}

    def find(fill, seen):
        for number in wanted[fill][1]:
            if number not in seen:
                seen.add(number)
                if number not in taken or find(taken[number], seen):
                    taken[number] = fill
                    return True
        return False

    missing = [f"not in blktrace: {wanted[fill][0]}" for fill in range(len(wanted)) if not find(fill, set())]
    return [queued[number] for number in taken], missing


def split(queued, sectors):
    """What blktrace saw, told apart: requests that touch the files' data, and those that do not. A slow machine writes metadata where a
    file has been that is gone."""
    data, rest = [], []
    for q in queued:
        (data if q.sectors and sectors.overlap(q.sector, q.sectors) and not is_metadata(q) else rest).append(q)
    return data, rest


def is_metadata(q):
    """Flagged so by the file system, or an empty flush."""
    return "M" in q.rwbs or (not q.sectors and q.rwbs.startswith("F"))


# The life of ioends.

def ioend_lives(events):
    """Lines about ioends whose bytes do not add up from the ranges added to them to their end, and the counts."""
    live, wrong = {}, []
    counts = collections.Counter()
    for e in events:
        ioend = e.get("ioend")
        if e["event"] == "iomap_ioend_new":
            if ioend in live:
                wrong.append(f"{ioend} begins anew: {e['text']}")
            live[ioend] = {"added": 0, "covers": 0, "submitted": None, "merged": 0, "pos": int(e["pos"], 16)}
            counts["new"] += 1
            continue
        life = live.get(ioend)
        if life is None:
            wrong.append(f"not begun: {e['event']} {e['text']}")
            continue
        length = int(e["length"], 16)
        if e["event"] == "iomap_add_to_ioend":
            life["added"] += length
            life["covers"] = int(e["ioend_length"], 16)
            counts["bytes added"] += length
            if int(e["pos"], 16) + length > life["pos"] + life["added"]:
                wrong.append(f"a gap: {e['text']}")
        elif e["event"] == "iomap_ioend_submit":
            bio = int(e["bio_length"], 16)
            life["submitted"] = length
            counts["bytes submitted"] += bio
            counts["submitted"] += 1
            # Only the end of the file makes it shorter, by less than a block.
            if bio != life["added"] or length != life["covers"] or not 0 <= bio - length < 4096 or \
               int(e["pos"], 16) != life["pos"]:
                wrong.append(f"submitted {bio} and {length} of {life}: {e['text']}")
            counts["short"] += bio != length
        elif e["event"] == "iomap_ioend_merge":
            other = live.get(e["next"])
            if other is None or life["submitted"] is None or length != life["submitted"] + life["merged"] or \
               int(e["next_length"], 16) != other["submitted"] + other["merged"]:
                wrong.append(f"merged {life} with {other}: {e['text']}")
            else:
                life["merged"] += other["submitted"]
            counts["merged"] += 1
        elif e["event"] == "iomap_ioend_finish":
            if length != (life["submitted"] or 0) + life["merged"] or e["error"] != "0":
                wrong.append(f"finished {length} of {life}: {e['text']}")
            counts["finished"] += 1
            counts["bytes finished"] += life["added"]
            del live[ioend]
    if live:
        wrong.append(f"{len(live)} never finished, such as {list(live.items())[0]}")
    return wrong, counts


# fio.

def fio_counts(job, phase):
    """What fio says about a job, and what the events say about its file: pairs under one name."""
    where = {"dev": job["dev"], "ino": f"{job['ino']:#x}"}
    pairs = {}
    ended = [e for e in phase.of("iomap_dio_end", **where)]
    good = [e for e in ended if int(e["ret"]) > 0]
    pairs["direct I/O requests that were carried out"] = (len(good), job["reads"] + job["writes"])
    pairs["their bytes"] = (sum(int(e["ret"]) for e in good), job["read_bytes"] + job["write_bytes"])
    begun = phase.of("iomap_dio_begin", **where)
    pairs["ends of requests"] = (len(ended), len(begun))
    if job["engine"] != "io_uring":
        for op, key in (("DIO_READ", "reads"), ("DIO_WRITE", "writes")):
            pairs[f"requests begun by {op}"] = (sum(e["op"] == op for e in begun), job[key])
    iocbs = {event: phase.of(f"aio_iocb_{event}", **where) for event in ("begin", "issued", "complete", "end")}
    for event, of_event in iocbs.items():
        pairs[f"aio_iocb_{event}"] = (len(of_event), job["reads"] + job["writes"] if job["engine"] == "libaio" else 0)
    if job["engine"] == "libaio":
        for opcode, key in (("PREAD", "read"), ("PWRITE", "write")):
            of_opcode = [e for e in iocbs["begin"] if e["opcode"] == opcode]
            pairs[f"{opcode}s"] = (len(of_opcode), job[f"{key}s"])
            pairs[f"bytes of {opcode}s"] = (sum(int(e["length"], 16) for e in of_opcode), job[f"{key}_bytes"])
        pairs["bytes completed"] = (sum(int(e["res"]) for e in iocbs["complete"]), job["read_bytes"] + job["write_bytes"])
    return pairs


# fsdax.

PAGE, HUGE = 4096, 2 << 20
# An entry of the mapping tree, as in fs/dax.c: the frame behind four flags.
ENTRY_SHIFT, ENTRY_PMD = 4, 2
COPYING = ("private_written", "private_hole")


class Section:
    """One mapping, as daxmap has found it in /proc."""

    def __init__(self, words):
        self.name = words[0]
        found = dict(zip(words[1::2], words[2::2]))
        self.start, self.length = int(found["start"], 16), int(found["length"])
        self.ino, self.reads, self.writes = int(found["ino"]), int(found["reads"]), int(found["writes"])
        self.counters, self.smaps, self.pages, self.huge, self.zero = {}, {}, {}, set(), set()
        self.scanned = True

    def add(self, kind, words):
        if kind == "counters":
            self.counters = dict(zip(words[::2], map(int, words[1::2])))
        elif kind == "run":
            address, count, pfn = int(words[0], 16), int(words[1]), int(words[2], 16)
            self.pages.update((address + n * PAGE, pfn + n) for n in range(count))
        elif words == ["unknown"]:
            self.scanned = False
        elif kind == "huge":
            (self.zero if words[2] == "zero" else self.huge).update(range(int(words[0], 16), int(words[1], 16), HUGE))
        elif kind == "smaps":
            self.smaps[words[0]] = int(words[1])
        else:
            raise OracleError(f"daxmap: {kind} {words}")


def sections_of(report):
    found = []
    for line in report.splitlines():
        kind, *words = line.split()
        if kind == "section":
            found.append(Section(words))
        else:
            found[-1].add(kind, words)
    return found


def sections(directory):
    with open(f"{directory}/dax.report") as file:
        found = sections_of(file.read())
    for section in found:
        if not section.scanned:
            raise OracleError("the kernel has no PAGEMAP_SCAN")
    return found


def dax_section(section, phase):
    """What the events say about a mapping, and what the process and the kernel's counters do.

    smaps counts pages by their references (vm_normal_page()). Until 6.15 pages of fsdax have none, so that of these mappings it
    sees private copies alone; pagemap sees all of them.
    """
    events = collections.defaultdict(list)
    for e in phase.events:
        address = fault_address(e)
        if address is not None and section.start <= address < section.start + section.length:
            events[e["event"]].append((address, e))

    def at(event, unit):
        return {address // unit * unit for address, _ in events[event]}

    # This event has no address; no other mapping of the file makes copies.
    cow = phase.of("dax_fault_cow", ino=f"{section.ino:#x}") if section.name in COPYING else []
    copied = {section.start + int(e["pos"], 16) for e in cow}
    small = at("dax_insert_mapping", PAGE) | at("dax_load_hole", PAGE) | copied
    huge, huge_zero = at("dax_pmd_insert_mapping", HUGE), at("dax_pmd_load_hole", HUGE)
    mapped = small | {page for pmd in huge | huge_zero for page in range(pmd, pmd + HUGE, PAGE)}
    faults = [e for _, e in events["dax_iomap_fault"]]
    fallbacks = sum("FALLBACK" in e["result"] for e in faults)
    major = sum("MAJOR" in e["result"] for e in faults)
    tables = {page // HUGE for page in small}
    # Where the frames are, by the last event for each page.
    frames = {}
    for address, e in events["dax_insert_mapping"]:
        entry = int(e["radix_entry"], 16) >> 1
        within = (address - section.start) // PAGE % (HUGE // PAGE) if entry & ENTRY_PMD else 0
        frames[address // PAGE * PAGE] = (entry >> ENTRY_SHIFT) + within
    for address, e in events["dax_pmd_insert_mapping"]:
        first = int(e["pfn"], 16)
        frames.update((address // HUGE * HUGE + n * PAGE, first + n) for n in range(512))
    extents = [x for x in phase.extents("pmem0") if x.ino == section.ino]

    def placed(page):
        sector = (page - section.start) // SECTOR
        for x in extents:
            if x.logical <= sector < x.logical + x.sectors:
                return (phase.notes["base"] + (x.sector + sector - x.logical) * SECTOR) // PAGE
        return None

    c = section.counters
    return {
        "small pages": (len(small), sum(page // HUGE * HUGE not in section.huge | section.zero for page in section.pages)),
        "huge pages": (len(huge), len(section.huge)),
        "which pages are huge (PAGEMAP_SCAN)": (huge, section.huge),
        "huge pages of zeroes": (huge_zero, section.zero),
        "pages that are mapped (pagemap)": (mapped, set(section.pages)),
        "their frames (pagemap)": (frames, {page: section.pages.get(page) for page in frames}),
        "page tables (VmPTE, in KiB)": (4 * len(tables), c["page_tables_kb"]),
        "what is mapped, again and again, by each of the CPU's faults":
            (len(cow) + sum(len(events[event]) for event in ("dax_insert_mapping", "dax_load_hole", "dax_pmd_insert_mapping",
                                                             "dax_pmd_load_hole")), len(events["page_fault_user"])),
        "faults by the CPU": (len(faults) - fallbacks, len(events["page_fault_user"])),
        "faults of the process (rusage)": (len(faults) - fallbacks, c["minflt"] + c["majflt"]),
        "faults in vmstat (pgfault)": (len(faults) - fallbacks, c["pgfault"]),
        "major faults of the process": (major, c["majflt"]),
        "major faults in vmstat (pgmajfault)": (major, c["pgmajfault"]),
        "fallbacks have a reason": (fallbacks, len(events["dax_fault_fallback"])),
        "their frames (FIEMAP)": (frames, {page: placed(page) for page in frames}),
        "huge pages in vmstat (thp_file_mapped), where fsdax is left out": (0, c["thp_file_mapped"]),
        "private copies (smaps, Anonymous, in KiB)": (4 * len(copied), section.smaps["Anonymous"]),
        "resident pages that have a reference (smaps, Rss, in KiB)": (4 * len(copied), section.smaps["Rss"]),
        "huge pages that have one (smaps, FilePmdMapped)": (0, section.smaps["FilePmdMapped"]),
    }, {"small": len(small), "huge": len(huge), "zero": len(huge_zero), "cow": len(cow), "faults": len(faults),
        "fallbacks": fallbacks, "major": major}


def without_last(phase, event, section):
    """The phase as it were without the last event of a kind for a mapping."""
    def about(e):
        address = fault_address(e)
        if address is None:
            return e.get("ino") == f"{section.ino:#x}"
        return section.start <= address < section.start + section.length

    last = max(i for i, e in enumerate(phase.events) if e["event"] == event and about(e))
    damaged = copy.copy(phase)
    damaged.events = phase.events[:last] + phase.events[last + 1:]
    return damaged
