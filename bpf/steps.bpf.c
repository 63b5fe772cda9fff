// SPDX-License-Identifier: GPL-2.0
/*
 * What an iterator does with the mappings that it has looked up, for metrics alone: steps, mappings that went stale, releases. One
 * source, the events of this project's kernel, each of which says all.
 */
#include "observe.bpf.h"
#include "ops.h"
#include "steps.h"

const volatile struct steps_config steps_cfg;

enum {
	STATS_STEP,
	STATS_STALE,
	STATS_RELEASE,
};

/* Where an event of @op on @inode is added up, or NULL if it is not the time; it is counted then. */
static __always_inline struct metric_value *event_of(struct observe_stats *st, __u32 program, struct inode *inode, unsigned int op)
{
	__u64 fs = metric_fs(inode);
	struct metric_value *v;

	if (!metering())
		return NULL;
	st->seen++;
	v = metric_at(program, &fs, inode_dev(inode), metric_cgroup(), steps_cfg.op_map[op & (OP_SLOTS - 1)]);
	if (!v)
		st->map_full++;
	return v;
}

SEC("tp_btf/iomap_step")
int BPF_PROG(step, void *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, void *iomap,
	     __s64 processed)
{
	struct observe_stats *st = stats_of(STATS_STEP);
	struct metric_value *v = st ? event_of(st, STATS_STEP, inode, op) : NULL;

	if (!v)
		return 0;
	st->emitted++;
	v->sum[STEP_COUNT]++;
	if (processed < 0)
		v->sum[STEP_ERRORS]++;
	else
		v->sum[STEP_BYTES] += processed;
	return 0;
}

SEC("tp_btf/iomap_stale")
int BPF_PROG(stale, void *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, void *iomap,
	     unsigned int reason)
{
	struct observe_stats *st = stats_of(STATS_STALE);
	struct metric_value *v = st ? event_of(st, STATS_STALE, inode, op) : NULL;

	if (!v)
		return 0;
	st->emitted++;
	add_word(v, reason);
	return 0;
}

SEC("tp_btf/iomap_release")
int BPF_PROG(release, void *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, void *iomap,
	     __s64 written, int ret, __u64 duration_ns)
{
	struct observe_stats *st = stats_of(STATS_RELEASE);
	struct metric_value *v = st ? event_of(st, STATS_RELEASE, inode, op) : NULL;

	if (v)
		add_metric(st, v, ret < 0, true, duration_ns);
	return 0;
}
