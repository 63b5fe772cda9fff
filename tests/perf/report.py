# SPDX-License-Identifier: GPL-2.0
"""What tests/perf/run found, for people: as text, Markdown, or one HTML page. @result: what --json writes."""

import html as markup
import itertools

OK = "ok"
CSS = """body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.5em 0 2em}th,td{padding:.2em .7em;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child,td.text{text-align:left}td.red{color:#b00020;font-weight:600}caption{text-align:left;color:#555;padding:.3em 0}
svg text{font:12px system-ui,sans-serif}"""


def number(value, form):
    return "-" if value is None else format(value, form)


def added(row):
    if None in (row["baseline_instructions"], row["instructions"]):
        return None
    return row["instructions"] - row["baseline_instructions"]


def suspects_of(row):
    """The functions behind a red row, a line each."""
    return [f"{suspect['function']}: {suspect['before']:.1f} -> {suspect['after']:.1f} ({suspect['after'] - suspect['before']:+.1f})"
            for suspect in row["suspects"]]


def verdict(row):
    return row["verdict"] + (f" ({row['why']})" if row.get("why") else "")


def tables(result):
    """Of each table: its title, head, lines of cells, and the rows they are of."""
    releases = {contender["name"]: contender["release"] for contender in result["contenders"]}
    spread = result["repeat"] > 1

    def contenders_of(row):
        return row["contender"], row["against"]

    groups = [((name, against), list(rows)) for (name, against), rows in itertools.groupby(result["rows"], contenders_of)]
    full = [group for group in groups if len(group[1]) > 1]
    for (name, against), rows in full:
        yield (f"Instructions per operation, {name} ({releases[name]}) against {against} ({releases[against]})",
               ["workload", against, name, "added", "ratio", "budget"] + ["spread"] * spread + ["verdict"],
               [[row["workload"], number(row["baseline_instructions"], ".1f"), number(row["instructions"], ".1f"), number(added(row), "+.1f"),
                 number(row["ratio"], ".5f"), row["budget"]] + [number(row["spread"], ".4%")] * spread + [verdict(row)] for row in rows], rows)
    rows = [rows[0] for group in groups for rows in [group[1]] if len(rows) == 1]
    if rows:
        yield ("Instructions per operation, each against its own",
               ["contender", "against", "workload", "without", "with", "added", "ratio", "budget"] + ["spread"] * spread + ["verdict"],
               [[row["contender"], row["against"], row["workload"], number(row["baseline_instructions"], ".1f"), number(row["instructions"], ".1f"),
                 number(added(row), "+.1f"), number(row["ratio"], ".5f"), row["budget"]] + [number(row["spread"], ".4%")] * spread +
                [verdict(row)] for row in rows], rows)
    if result["regressions"]:
        yield (f"Instructions per operation, against {result['baseline']} with a margin of {result['margin']} %",
               ["contender", "workload", "before", "now", "added", "ratio", "verdict"],
               [[row["contender"], row["workload"], number(row["baseline_instructions"], ".1f"), number(row["instructions"], ".1f"),
                 number(added(row), "+.1f"), number(row["ratio"], ".5f"), verdict(row)] for row in result["regressions"]], result["regressions"])


def troubles(result):
    """Figures that there are not, of contenders that are held against nothing."""
    rows = {(row["contender"], row["workload"]) for row in result["rows"]}
    return [f"{figure['contender']}: {figure['workload']}: {figure['trouble']}" for figure in result["figures"]
            if figure["trouble"] and (figure["contender"], figure["workload"]) not in rows]


def summary(result):
    rows = result["rows"] + result["regressions"]
    red = [row for row in result["rows"] if row["verdict"] != OK]
    words = [f"{len(result['rows']) - len(red)} of {len(result['rows'])} within their budgets"]
    if result["baseline"]:
        worse = sum(row["verdict"] != OK for row in result["regressions"])
        words.append(f"{worse} of {len(result['regressions'])} regressed")
    return f"{', '.join(words)}, in {result['seconds']} s" if rows else f"no row to judge, in {result['seconds']} s"


def behind(result):
    """Of each red row with known functions: its name, and their lines."""
    return [(f"{row['contender']}: {row['workload']}", suspects_of(row)) for row in result["rows"] + result["regressions"] if row["suspects"]]


def text(result):
    lines = []
    for title, head, cells, _ in tables(result):
        table = [head] + cells
        widths = [max(len(line[column]) for line in table) for column in range(len(head))]
        left = head.index("workload") + 1
        lines.append(f"{title}:")
        for line in table:
            lines.append("  ".join([cell.ljust(width) for cell, width in zip(line[:left], widths)] +
                                   [cell.rjust(width) for cell, width in zip(line[left:-1], widths[left:])] + [line[-1]]).rstrip())
        lines.append("")
    for name, functions in behind(result):
        lines += [f"Functions that differ most, {name} (instructions per operation):"] + [f"  {line}" for line in functions] + [""]
    if result["no_suspects"]:
        lines += [f"The functions behind it are not known: {result['no_suspects']}", ""]
    return "\n".join(lines + troubles(result) + [summary(result)])


def markdown(result):
    lines = []
    for title, head, cells, _ in tables(result):
        lines += [f"### {title}", "", "| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 2) + "|---|"]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in cells] + [""]
    for name, functions in behind(result):
        lines += [f"Functions that differ most, {name} (instructions per operation):", ""] + [f"- `{line}`" for line in functions] + [""]
    if result["no_suspects"]:
        lines += [f"The functions behind it are not known: {result['no_suspects']}", ""]
    return "\n".join(lines + [f"- {line}" for line in troubles(result)] + ["", summary(result), ""])


def chart(rows):
    """What each row adds, as bars from a line in the middle: to the right more instructions."""
    room, height = 300, 20
    most = max((abs(row["ratio"] - 1) for row in rows if row["ratio"]), default=0) or 1
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * room + 380}" height="{height * len(rows) + 10}" role="img" '
             f'aria-label="change of each row">',
             f'<line x1="{room + 220}" x2="{room + 220}" y1="0" y2="{height * len(rows) + 10}" stroke="#888"/>']
    for i, row in enumerate(rows):
        name = row["workload"] if row.get("against") in (None, "stock") and row["contender"] == rows[0]["contender"] else row["contender"]
        y = i * height + 5
        parts.append(f'<text x="0" y="{y + 13}">{markup.escape(name)}</text>')
        if not row["ratio"]:
            continue
        change = row["ratio"] - 1
        width = max(abs(change) / most * room, 0.5)
        x = room + 220 if change >= 0 else room + 220 - width
        colour = "#b00020" if row["verdict"] != OK else "#3a6ea5"
        parts.append(f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="{height - 6}" fill="{colour}">'
                     f'<title>{markup.escape(verdict(row))}</title></rect>')
        parts.append(f'<text x="{2 * room + 230}" y="{y + 13}">{change:+.3%}</text>')
    return "\n".join(parts + ["</svg>"])


def html(result):
    parts = ['<!doctype html>', '<html lang="en"><head><meta charset="utf-8"><title>iomapscope: instructions per operation</title>',
             f"<style>{CSS}</style></head><body>", "<h1>Instructions per operation</h1>", f"<p>{markup.escape(summary(result))}</p>"]
    for title, head, cells, rows in tables(result):
        parts += [f"<h2>{markup.escape(title)}</h2>", chart(rows), "<table><thead><tr>" + "".join(f"<th>{markup.escape(cell)}</th>" for cell in head) +
                  "</tr></thead><tbody>"]
        for line, row in zip(cells, rows):
            red = ' class="red text"' if row["verdict"] != OK else ' class="text"'
            parts.append("<tr>" + "".join(f"<td>{markup.escape(cell)}</td>" for cell in line[:-1]) + f"<td{red}>{markup.escape(line[-1])}</td></tr>")
        parts.append("</tbody></table>")
    for name, functions in behind(result):
        parts += [f"<h2>Functions that differ most, {markup.escape(name)}</h2>", "<ul>"]
        parts += [f"<li><code>{markup.escape(line)}</code></li>" for line in functions] + ["</ul>"]
    if result["no_suspects"]:
        parts.append(f"<p>The functions behind it are not known: {markup.escape(result['no_suspects'])}</p>")
    parts += [f"<p>{markup.escape(line)}</p>" for line in troubles(result)]
    return "\n".join(parts + ["</body></html>", ""])
