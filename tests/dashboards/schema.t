#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The dashboards against Grafana's own types (@grafana/schema): each is compiled as a value of its type, every panel's options and field
configuration as those of its kind, so that a name that there is not, a word that is not allowed, or a part that is missing is an error."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import dashboards  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

# Panel type: the room of its types in the package, and whether it has a FieldConfig of its own.
PANELS = {"timeseries": ("timeseries", True), "stat": ("stat", False), "table": ("table", True), "heatmap": ("heatmap", True),
          "bargauge": ("bargauge", False), "state-timeline": ("statetimeline", True)}

# Enumerations are written as their values in JSON, which TypeScript does not take for members.
PRELUDE = """
import type * as common from '@grafana/schema';
import type * as dashboard from '@grafana/schema/dist/types/raw/dashboard/x/types.gen';
type Plain<T> =
  T extends string ? (string extends T ? T : `${T}`) :
  T extends number ? (number extends T ? T : `${T}` extends `${infer N extends number}` ? N : never) :
  T extends boolean | null | undefined ? T :
  T extends Array<infer U> ? Array<Plain<U>> :
  T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
// A query of Prometheus; the package has none. By public/app/plugins/datasource/prometheus of Grafana.
interface Target {
  datasource: { type: 'prometheus'; uid: string };
  refId: string;
  expr: string;
  legendFormat: string;
  format: 'time_series' | 'table' | 'heatmap';
  instant: boolean;
  range: boolean;
  editorMode: 'code' | 'builder';
}
// What the type leaves open, and annotations of Prometheus have.
type Annotation = Plain<dashboard.AnnotationQuery> & { expr: string; step: string; titleFormat: string; textFormat: string };
type Panel = Omit<Plain<dashboard.Panel>, 'targets'> & { targets: Target[] };
type Whole = Omit<Plain<dashboard.Dashboard>, 'panels' | 'annotations'> & {
  panels: Array<Panel | Plain<dashboard.RowPanel>>;
  annotations: { list: Annotation[] };
};
"""


def typescript():
    """(source, {line: what it is about})."""
    lines = PRELUDE.splitlines()
    for room, _ in PANELS.values():
        path = f"@grafana/schema/dist/types/raw/composable/{room}/panelcfg/x/types.gen"
        lines.append(f"import type * as {room} from '{path}';")
    about = {}

    def value(what, kind, content):
        lines.append(f"export const v{len(lines)}: {kind} = {json.dumps(content)};")
        about[len(lines)] = what

    for dashboard in dashboards.load().values():
        value(dashboard["title"], "Whole", dashboard)
        for panel in dashboards.panels(dashboard):
            what = f"{dashboard['title']} / {panel['title']}"
            room, has_fields = PANELS[panel["type"]]
            value(f"{what}: options", f"Plain<{room}.Options>", panel["options"])
            value(f"{what}: fieldConfig", "Plain<dashboard.FieldConfigSource>", panel["fieldConfig"])
            custom = panel["fieldConfig"]["defaults"].get("custom")
            if has_fields:
                value(f"{what}: custom", f"Partial<Plain<{room}.FieldConfig>>", custom)
            elif custom is not None:
                value(f"{what}: custom", "never", custom)
    return "\n".join(lines) + "\n", about


def compile_with(directory, source):
    """{line: [message]} of the compiler."""
    path = os.path.join(directory, "check.ts")
    with open(path, "w") as file:
        file.write(source)
    done = subprocess.run(["node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext",
                           "--moduleResolution", "node10", "--ignoreDeprecations", "5.0", "--target", "es2022", "check.ts"],
                          cwd=directory, capture_output=True, text=True, timeout=300)
    errors = {}
    for line in done.stdout.splitlines():
        found = re.match(r"check\.ts\((\d+),\d+\): (error .*)", line)
        if found:
            errors.setdefault(int(found.group(1)), []).append(found.group(2))
    if done.returncode and not errors:
        raise AssertionError(f"tsc: {done.returncode} {done.stdout}{done.stderr}")
    return errors


def main():
    done = subprocess.run([os.path.join(dashboards.TOP, "scripts", "grafana-schema")], capture_output=True, text=True)
    if done.returncode:
        skip_all(done.stderr.strip().replace("\n", " "))
    directory = done.stdout.strip()
    t = Tap()
    source, about = typescript()
    errors = compile_with(directory, source)
    for line, what in about.items():
        if line in errors or "/" not in what:
            t.equal(errors.pop(line, []), [], what)
    t.equal(errors, {}, f"{len(about)} values have their types, and the types are found")
    # That the types are those of Grafana, and not anything: each of these mistakes is found.
    for mistake, right, wrong in (("an unknown option", '"showUnfilled":', '"showFilled":'),
                                  ("a word that is not allowed", '"mode": "multi"', '"mode": "several"'),
                                  ("a part that is missing", '"gridPos": {', '"gridpos": {'),
                                  ("a number for a word", '"unit": "ops"', '"unit": 1'),
                                  ("another kind of query", '"format": "heatmap"', '"format": "buckets"')):
        t.ok(source.count(right) and compile_with(directory, source.replace(right, wrong)), f"{mistake} is an error")
    sys.exit(t.done())


main()
