# SPDX-License-Identifier: GPL-2.0
"""The histograms that the kernel adds up hold each lookup once, under the right key and in the right bucket."""

import fractions
import math
import os
import time

import tool
from mixture import ALL_XFS, HOLES, ON_EXT4, ON_XFS, ON_XFS_FILE, OTHERS, REFUSED, Mixture


def bucket_errors(h):
    """What is wrong in one histogram, as text; empty if nothing is."""
    wrong, below, most, last = [], 0, 0, -1
    for bucket in h["buckets"]:
        low, high, count = bucket["gt_ns"], bucket["le_ns"], bucket["count"]
        # The first holds 0 and 1 ns, each other one up to the next power of two, the last all the rest.
        if high is not None and (high & (high - 1) or low != (-1 if high == 1 else high // 2)):
            wrong.append(f"bounds {low} {high}")
        if low < last or count <= 0:
            wrong.append(f"order {low} after {last}, count {count}")
        last = low if high is None else high
        below += (low + 1) * count
        most += (high if high is not None else 2**63) * count
    if sum(bucket["count"] for bucket in h["buckets"]) != h["timed"]:
        wrong.append("the buckets are not all that is timed")
    if h["timed"] > h["count"] or h["errors"] > h["count"]:
        wrong.append("more timed or failed than counted")
    if h["timed"]:
        top = h["buckets"][-1]
        if not below <= h["total_ns"] <= most:
            wrong.append(f"the total is not between {below} and {most}")
        if h["avg_ns"] != h["total_ns"] // h["timed"]:
            wrong.append("the average is not total / timed")
        if h["max_ns"] is not None and not top["gt_ns"] < h["max_ns"] <= (top["le_ns"] or h["max_ns"]):
            wrong.append("the maximum is not in the highest bucket")
    return "; ".join(wrong)


def percentile_errors(h):
    """Which percentiles lie where they cannot, as text."""
    wrong = []
    if not h["timed"]:
        return "" if set(h["percentiles_ns"].values()) == {None} else "some of nothing"
    for text, ns in h["percentiles_ns"].items():
        rank = math.ceil(fractions.Fraction(text) * h["timed"] / 100)
        below = sum(b["count"] for b in h["buckets"] if b["le_ns"] is not None and b["le_ns"] < ns)
        upto = sum(b["count"] for b in h["buckets"] if b["gt_ns"] < ns)
        if not below < rank <= upto or ns > h["max_ns"]:
            wrong.append(f"{text}: {ns}, rank {rank} of {h['timed']}, {below} below and {upto} up to its bucket")
    return "; ".join(wrong)


def observe(t, env, work, name, *args):
    work.prepare()
    lookups = env.lookups("--hist", *args)
    work.do()
    lookups.stop()
    hists = lookups.hists
    tool.balanced(t, lookups, name, streamed=False)
    t.equal((lookups.events, {h["event"] for h in hists}), ([], {"hist"}), f"{name}: histograms only")
    t.equal(sum(h["count"] for h in hists), lookups.summary["emitted"], f"{name}: their sum is what was emitted")
    bad = [(h, bucket_errors(h)) for h in hists if bucket_errors(h)]
    t.ok(not bad, f"{name}: the buckets are consistent", bad)
    return hists


def counts(hists, *keys):
    return {(tuple(h[key] for key in keys) if len(keys) > 1 else h[keys[0]]): h["count"] for h in hists}


def run(t, env):
    work = Mixture(env)
    by_op = {"seek_data": ON_XFS_FILE, "seek_hole": HOLES, "dio_write": REFUSED}
    for source in env.sources:
        name = f"by op, {source}"
        hists = observe(t, env, work, name, "-d", env.xfs.mount, "--source", source)
        t.equal(counts(hists, "op"), by_op, f"{name}: counts")
        t.equal({h["op"]: h["errors"] for h in hists}, {"seek_data": 0, "seek_hole": 0, "dio_write": REFUSED},
                f"{name}: errors")
        timed = {op: n for op, n in by_op.items() if source != "iomap_iter+dstmap" or op != "dio_write"}
        t.equal({h["op"]: h["timed"] for h in hists if h["timed"]}, timed, f"{name}: timed")

    hists = observe(t, env, work, "by type", "--by", "type", "-d", env.xfs.mount)
    t.equal(counts(hists, "type"), {"mapped": ON_XFS_FILE, "hole": HOLES, None: REFUSED}, "by type: counts")

    # Without a filter the rest of the machine is there as well.
    hists = observe(t, env, work, "by dev", "--by", "dev", "--op", "seek,dio_write")
    mine = {dev: n for dev, n in counts(hists, "dev").items() if dev in (env.xfs.dev, env.ext4.dev)}
    t.equal(mine, {env.xfs.dev: ALL_XFS, env.ext4.dev: ON_EXT4}, "by dev: counts")

    hists = observe(t, env, work, "by ino", "--by", "ino", "-d", env.xfs.mount)
    t.equal(counts(hists, "dev", "ino"),
            {(env.xfs.dev, os.stat(work.xfs_file).st_ino): ON_XFS_FILE,
             (env.xfs.dev, os.stat(work.hole).st_ino): HOLES + REFUSED}, "by ino: counts")

    hists = observe(t, env, work, "by comm", "--by", "comm", "-d", env.xfs.mount)
    t.equal(counts(hists, "comm"), {"seek": ON_XFS + 1, "otherseek": OTHERS, "fail": REFUSED + 1},
            "by comm: counts")

    hists = observe(t, env, work, "filtered", "-d", env.xfs.mount, "--errors")
    t.equal(counts(hists, "op"), {"dio_write": REFUSED}, "filtered: counts")

    # Percentiles lie in the bucket where so many are counted, whatever list is asked for.
    hists = observe(t, env, work, "percentiles", "-d", env.xfs.mount, "--percentiles", "25,50,99.99,100")
    t.ok(hists and all(list(h["percentiles_ns"]) == ["25", "50", "99.99", "100"] for h in hists), "percentiles: those asked for", hists[:1])
    t.ok(hists and not any(percentile_errors(h) for h in hists), "percentiles: each in its bucket",
         [(h, percentile_errors(h)) for h in hists])

    # The intervals of a run add up to the whole: none counts anything twice or leaves anything out.
    lookups = env.lookups("--hist", "--interval", "100ms", "-f", work.xfs_file)
    for burst in (100, 200, 300):
        tool.workload("seek", "-n", burst, work.xfs_file)
        time.sleep(0.25)
    lookups.stop()
    intervals = [h["count"] for h in lookups.hists]
    t.equal((sum(intervals), lookups.summary["emitted"]), (600, 600), "--interval: the deltas add up", intervals)
    t.ok(len(intervals) >= 3 and len({h["time"] for h in lookups.hists}) == len(intervals),
         "--interval: each burst has an interval", intervals)
    bad = [bucket_errors(h) for h in lookups.hists if bucket_errors(h)]
    t.ok(not bad, "--interval: the buckets are consistent", bad)
    tool.balanced(t, lookups, "--interval", streamed=False)
