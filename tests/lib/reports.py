# SPDX-License-Identifier: GPL-2.0
"""Checks of what report makes of a recording: the page, in a browser and without one, the trace, the rows and their tables."""

import decimal
import html.parser
import json
import os
import re
import shutil
import subprocess
import tempfile

import chrome_trace
import tool

OBSERVERS = ("lookups", "ioends", "dio", "dax", "aio", "dmio", "follow")

# What --by of each takes that the page has a table for.
BY = {"lookups": ("op", "type"), "ioends": ("type", "reason"), "dio": ("op", "wait", "route"), "dax": ("op", "fallback"),
      "aio": ("op", "route"),
      "dmio": ("op", "memory", "wait")}


class Page(html.parser.HTMLParser):
    """A page as a parser sees it: its elements by id, the text of those that hold text, and whatever would load something."""

    def __init__(self, text):
        super().__init__()
        self.by_id, self.scripts, self.policy, self.loads, self.tags = {}, [], "", [], []
        self._open = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.by_id[attributes["id"]] = attributes
        if attributes.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = attributes["content"]
        self.loads += [(tag, name, value) for name, value in attributes.items()
                       if name in ("src", "srcset", "action", "data", "poster", "background")
                       or name == "href" and not (value or "").startswith("#") or name.startswith("on")]
        if tag == "script":
            self._open = [attributes, ""]
            self.scripts.append(self._open)

    def handle_data(self, data):
        if self._open:
            self._open[1] += data

    def handle_endtag(self, tag):
        if tag == "script":
            self._open = None


def page_data(text):
    page = Page(text)
    return json.loads(next(script for attributes, script in page.scripts if attributes.get("type") == "application/json"))


def browser():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Opened:
    """A page as a browser without a network has drawn it: status, dom (a Page), text, and what it said on its console."""

    def __init__(self, path, width=1280, dark=False, screenshot=None, height=1600):
        with tempfile.TemporaryDirectory() as profile:
            command = [browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
                       "--hide-scrollbars",
                       f"--user-data-dir={profile}", "--enable-logging=stderr", f"--window-size={width},{height}", "--virtual-time-budget=4000"]
            if dark:
                command.append("--blink-settings=preferredColorScheme=0")
            command += [f"--screenshot={screenshot}"] if screenshot else ["--dump-dom"]
            done = subprocess.run([*command, "file://" + os.path.abspath(path)], capture_output=True, text=True, errors="replace",
                                  timeout=tool.PATIENCE)
        self.status, self.text = done.returncode, done.stdout
        self.dom = Page(done.stdout)
        self.console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]

    def having(self, attribute):
        return [attributes for _, attributes in self.dom.tags if attribute in attributes]

    def tiles(self):
        return {tile["data-command"]: tile for tile in self.having("data-command")}


def counts_of_hist(recording, command, *args):
    """What the observer's own histograms say of the recording: count and errors."""
    done = tool.run(command, "-r", recording, "--hist", "-o", "json", *args)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    hists = [record for record in records if record["event"] != "summary"]
    return sum(hist["count"] for hist in hists), sum(hist["errors"] for hist in hists), hists


def summaries(recording, command):
    done = tool.run(command, "-r", recording, "-o", "json")
    return json.loads(done.stdout.splitlines()[-1])


def check_page(t, recording, path, expected=()):
    """The page without a browser: its figures are those of the observers' own outputs. Returns its data."""
    with open(path) as file:
        text = file.read()
    page, data = Page(text), page_data(text)
    t.ok("default-src 'none'" in page.policy and "unsafe" not in page.policy and "http" not in page.policy,
         "page: its policy allows nothing but itself", page.policy)
    t.equal(page.loads, [("a", "href", "#main")][:0], "page: there is nothing in it that would load anything")
    t.equal(re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\"' ]*", text), [], "page: it names no address")
    seen = {observer["command"]: observer for observer in data["observers"]}
    t.ok(set(expected) <= set(seen), "page: the observers that have seen something", sorted(seen))
    for command, observer in seen.items():
        whole = observer["hist"]
        if command != "follow":
            count, errors, hists = counts_of_hist(recording, command)
            t.equal((whole["count"], whole["errors"]), (count, errors), f"page: {command}: events and errors are those of --hist")
            t.equal((whole["timed"], whole["total_ns"], whole.get("max_ns", 0)),
                    (sum(h["timed"] for h in hists), sum(h["total_ns"] for h in hists),
                     max((h["max_ns"] or 0 for h in hists), default=0)),
                    f"page: {command}: latencies are those of --hist")
            buckets = {}
            for h in hists:
                for bucket in h["buckets"]:
                    number = 41 if bucket["le_ns"] is None else bucket["le_ns"].bit_length() - 1
                    buckets[number] = buckets.get(number, 0) + bucket["count"]
            mine = whole.get("buckets", [])
            t.equal(dict(zip(mine[::2], mine[1::2])), buckets, f"page: {command}: buckets are those of --hist")
            for of in observer["words"]:
                field = observer["fields"][of["field"]]["name"]
                if field not in BY.get(command, ()):
                    continue
                figures = ("count", "errors", "total_ns", "max_ns")
                theirs = {h[field]: [h[key] for key in figures] for h in counts_of_hist(recording, command, "--by", field)[2] if h[field]}
                ours = {row["word"]: [row["hist"].get(key) for key in figures] for row in of["rows"] if row["word"]}
                t.equal(ours, theirs, f"page: {command}: by {field} as --hist --by {field}")
        summary = summaries(recording, command)
        stream = next(stream for stream in data["recording"]["streams"] if stream["command"] == command)
        t.equal((whole["count"], stream["source"]), (summary["emitted"], summary["sources"][0]),
                f"page: {command}: events and source are those of the summary")
        # Whatever it is split by, it is all there.
        parts = {"operations and devices": observer["pairs"]}
        for table in ("files", "processes"):
            if table in observer:
                parts[table] = observer[table]["rows"] + [observer[table]["others"]]
        parts.update((observer["fields"][of["field"]]["name"], of["rows"]) for of in observer["words"])
        wrong = {name: sum(row["hist"]["count"] for row in rows) for name, rows in parts.items()
                 if sum(row["hist"]["count"] for row in rows) != whole["count"] and not (name == "files" and command == "aio")}
        t.ok(not wrong, f"page: {command}: each table has all events", f"{wrong}, all: {whole['count']}")
        cells = [n for pair in observer["pairs"] for n in pair["cells"][2::3]]
        slots = [n for pair in observer["pairs"] for n in pair["slots"][1::4]]
        t.equal((sum(cells), sum(slots)), (whole["timed"], whole["count"]), f"page: {command}: so has the axis of time")
        slow = [one["latency"] for one in observer["slow"]]
        t.ok(slow == sorted(slow, reverse=True) and (not slow or slow[0] == whole["max_ns"]),
             f"page: {command}: the slowest come first", slow[:5])
        beyond = [one for one in observer["slow"] if any(p[1] + p[2] > one["latency"] for p in one["phases"])]
        t.equal(beyond, [], f"page: {command}: phases lie in their requests")
    return data


def check_browser(t, path, data, names=()):
    """The page as a browser draws it, without a network."""
    if not browser():
        t.skip("page in a browser", "chromium is not installed")
        return
    opened = Opened(path)
    t.equal(opened.console, [], "browser: nothing on the console")
    t.ok('data-ready="yes"' in opened.text, "browser: the script ran to its end", opened.text[-400:])
    tiles = opened.tiles()
    t.equal({command: (int(tile["data-count"]), int(tile["data-errors"])) for command, tile in tiles.items()},
            {o["command"]: (o["hist"]["count"], o["hist"]["errors"]) for o in data["observers"]},
            "browser: the overview has the counts")
    t.equal(len([attributes for tag, attributes in opened.dom.tags if tag == "canvas" and "tabindex" in attributes]),
            len(data["observers"]),
            "browser: each observer has a heatmap that the keyboard reaches")
    t.equal(len(opened.having("data-phases")), len([o for o in data["observers"] if any(p["hist"]["timed"] for p in o["parts"])]),
            "browser: phases are there where they are known")
    t.equal([int(e["data-errors"]) for e in opened.having("data-errors") if "data-command" not in e],
            [o["hist"]["errors"] for o in data["observers"] if o["errors"]],
            "browser: errors are told where there are some")
    for name in names:
        t.ok(name in opened.text, f"browser: {name} is shown")
    t.equal([tag for tag, _ in opened.dom.tags if tag in ("img", "iframe", "object", "embed", "link")], [],
            "browser: no element that could load anything has come")


def check_trace(t, path, minimum=1):
    """The trace: its form, that each track nests, that all have names. Returns its events."""
    import jsonschema
    with open(path) as file:
        trace = json.load(file, parse_float=decimal.Decimal)
    events = trace["traceEvents"]
    t.ok(len(events) >= minimum, "trace: there are events", len(events))
    # The whole takes minutes in an emulated machine: of each form there are enough among these.
    kinds = {}
    for event in events:
        kinds.setdefault((event["ph"], event.get("cat")), []).append(event)
    sample = [event for kind in kinds.values() for event in kind[:100]]
    try:
        jsonschema.validate(json.loads(json.dumps({**trace, "traceEvents": sample}, default=float)), chrome_trace.SCHEMA)
        why = ""
    except jsonschema.ValidationError as error:
        why = str(error)[:2000]
    t.ok(not why, "trace: its form is that of the schema", why)
    wrong = chrome_trace.overlaps(events)
    t.ok(not wrong, "trace: the slices of each track nest", "\n".join(wrong[:5]))
    t.equal(chrome_trace.unnamed(events), [], "trace: each process and each track has a name")
    # The checker sees what it is there for: a slice that is longer by more than its neighbour.
    track = next((e for e in events if e["ph"] == "X"), None)
    if track:
        begin = decimal.Decimal(track["ts"]) + decimal.Decimal(track["dur"]) / 2
        half = {**track, "ts": begin.quantize(decimal.Decimal("0.001")), "dur": decimal.Decimal(track["dur"]) + 1}
        t.ok(chrome_trace.overlaps([track, half]), "trace: the check notices an overlap", half)
    return events


COLUMN = re.compile(r"^    `([a-z0-9_]+)` (.*?)(?: COMMENT '((?:[^'\\]|\\.)*)')?,?$")


def tables(text):
    """The tables of CREATE TABLE: name -> {column: type}."""
    found, table = {}, None
    for line in text.splitlines():
        if line.startswith("CREATE TABLE IF NOT EXISTS "):
            table = found.setdefault(line.split()[-1], {})
        elif line.startswith("    `"):
            match = COLUMN.match(line)
            if not match:
                raise AssertionError(f"no column: {line}")
            table[match[1]] = match[2]
    return found


def split_types(text):
    """The parts of a list at its commas, those in brackets left alone."""
    parts, depth, last = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and not depth:
            parts.append(text[last:i].strip())
            last = i + 1
    return parts + [text[last:].strip()]


def takes(kind, value):
    """Whether a column of this type takes the value from JSON, by the rules of JSONEachRow."""
    name, _, rest = kind.partition("(")
    inner = rest[:-1]
    if name == "Nullable":
        return value is None or takes(inner, value)
    if name == "LowCardinality":
        return takes(inner, value)
    if name == "Array":
        # A null is the default, which is empty.
        return value is None or isinstance(value, list) and all(takes(inner, one) for one in value)
    if name == "Tuple":
        members = dict(part.split(" ", 1) for part in split_types(inner))
        return isinstance(value, dict) and set(value) == set(members) and all(takes(members[key], value[key]) for key in members)
    if name == "Bool":
        return isinstance(value, bool)
    if name == "String":
        return isinstance(value, (str, list))           # input_format_json_read_arrays_as_strings
    if name.startswith("DateTime64"):
        return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", value))
    match = re.fullmatch(r"(U?)Int(\d+)", name)
    if not match:
        raise AssertionError(f"type {kind} is not known")
    bits = int(match[2])
    low, high = (0, 2 ** bits) if match[1] else (-2 ** (bits - 1), 2 ** (bits - 1))
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < high


def check_rows(t, path, expected=()):
    """Each object has the columns of its event's table, in names and in types, and no other."""
    columns = tables(tool.run("report", "-o", "clickhouse").stdout)
    wrong, seen = [], {}
    with open(path) as file:
        for line in file:
            row = json.loads(line)
            event = "follow" if row["event"] == "unfinished" else row["event"]
            seen[event] = seen.get(event, 0) + 1
            table = columns.get("iomap_" + event)
            # Only follow counts steps.
            missing = set(table) - set(row) - ({"steps_lost"} if event == "summary" else set()) if table else {"the table"}
            bad = [f"{key}: {row[key]!r} is no {table[key]}" for key in row
                   if table and key in table and not takes(table[key], row[key])]
            if missing or bad or set(row) - set(table):
                wrong.append(f"{event}: without {sorted(missing)}, beyond {sorted(set(row) - set(table or ()))}, {bad}")
    t.ok(not wrong, "rows: each has the columns of its table, and values of their types", "\n".join(wrong[:5]))
    t.ok(set(expected) <= set(seen), "rows: all kinds are there", seen)
    return seen
