/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every observer's programs do alike: filter, count, aggregate, and hand records to user space. An observer's file
 * has its own logic alone. Included once by each.
 */
#ifndef IOMAPSCOPE_OBSERVE_BPF_H
#define IOMAPSCOPE_OBSERVE_BPF_H

#include "kernel.h"
#include "observe.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct observe_config cfg;
struct observe_state state;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STATS_COUNT);
	__type(key, __u32);
	__type(value, struct observe_stats);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct hist_key);
	__type(value, struct hist);
} hists SEC(".maps");

static const struct hist no_hist;

static __always_inline struct observe_stats *stats_of(__u32 program)
{
	return bpf_map_lookup_elem(&stats, &program);
}

static __always_inline __u32 inode_dev(struct inode *inode)
{
	if ((inode->i_mode & S_IFMT) == S_IFBLK)
		return inode->i_rdev;
	return inode->i_sb->s_dev;
}

/* The same by a pointer that the verifier does not know. */
static __always_inline __u32 far_inode_dev(struct inode *inode)
{
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFBLK)
		return BPF_CORE_READ(inode, i_rdev);
	return BPF_CORE_READ(inode, i_sb, s_dev);
}

static __always_inline bool comm_differs(void)
{
	struct task_comm comm;
	int i;

	bpf_get_current_comm(&comm, sizeof(comm));
	for (i = 0; i < (int)sizeof(comm.s); i++) {
		if (comm.s[i] != cfg.comm.s[i])
			return true;
		if (!comm.s[i])
			return false;
	}
	return false;
}

static __always_inline bool dev_differs(__u32 dev)
{
	__u32 i;

	for (i = 0; i < DEV_MAX && i < cfg.devs; i++) {
		if (dev == cfg.dev[i])
			return false;
	}
	return true;
}

/* Whether the filters leave the current task out. Asked where the work is submitted. */
static __always_inline bool task_filtered(void)
{
	if (cfg.pid || !cfg.hist) {
		__u32 pid = bpf_get_current_pid_tgid() >> 32;

		if (cfg.pid && pid != cfg.pid)
			return true;
		if (!cfg.hist && pid == cfg.self)
			return true;
	}
	return cfg.by_comm && comm_differs();
}

static __always_inline bool file_filtered(__u32 dev, __u64 ino)
{
	if (cfg.devs && dev_differs(dev))
		return true;
	return cfg.by_ino && ino != cfg.ino;
}

static __always_inline bool op_filtered(__u32 op)
{
	return cfg.op_mask && !(cfg.op_mask & (1u << (op & (HIST_SLOTS - 1))));
}

/* The only filters that have to wait for the end. */
static __always_inline bool result_filtered(bool failed, bool timed, __u64 latency_ns)
{
	if (cfg.errors && !failed)
		return true;
	return cfg.min_latency_ns && !(timed && latency_ns >= cfg.min_latency_ns);
}

/*
 * The histogram that the configuration asks for, NULL if there is no room. @slot: the index where it is one of an array. @comm: of the task that
 * submitted, NULL for the current one.
 */
static __always_inline struct hist *hist_of(struct observe_stats *st, __u32 program, __u32 slot, __u32 dev, __u64 ino,
					    const struct task_comm *comm)
{
	struct hist_key key = {};
	struct hist *h;

	if (cfg.hist_by < BY_DEV)
		return &st->hist[slot & (HIST_SLOTS - 1)];
	key.stats = program;
	if (cfg.hist_by == BY_COMM) {
		if (comm)
			__builtin_memcpy(&key, comm, 16);
		else
			bpf_get_current_comm(&key, 16);
	} else {
		key.a = dev;
		if (cfg.hist_by == BY_INO)
			key.b = ino;
	}
	h = bpf_map_lookup_elem(&hists, &key);
	if (h)
		return h;
	/* Another CPU may be first: what counts is that the key is there afterwards. */
	bpf_map_update_elem(&hists, &key, &no_hist, BPF_NOEXIST);
	return bpf_map_lookup_elem(&hists, &key);
}

static __always_inline void aggregate(struct observe_stats *st, struct hist *h, bool failed, bool timed, __u64 latency_ns)
{
	if (!h) {
		st->map_full++;
		return;
	}
	if (failed)
		h->errors++;
	if (timed) {
		h->total_ns += latency_ns;
		if (latency_ns > h->max_ns)
			h->max_ns = latency_ns;
		h->bucket[hist_bucket(latency_ns)]++;
	} else {
		h->count++;
	}
}

/* Room in the ring for a record of @size, or NULL: the event is accounted for then. */
static __always_inline void *reserve(struct observe_stats *st, __u64 size)
{
	void *e;

	if (cfg.count && state.tickets >= cfg.count) {
		st->filtered++;
		return NULL;
	}
	e = bpf_ringbuf_reserve(&ring, size, 0);
	if (!e) {
		st->ring_full++;
		return NULL;
	}
	/* The ticket is drawn after the reservation: a full ring uses none up. */
	if (cfg.count && __sync_fetch_and_add(&state.tickets, 1) >= cfg.count) {
		bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		st->filtered++;
		return NULL;
	}
	return e;
}

static __always_inline void submit(struct observe_stats *st, void *e, __u64 size)
{
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	__u64 flags = BPF_RB_NO_WAKEUP;

	/* The reader looks by itself now and then; it is woken as the ring passes the mark, not for each record beyond. */
	if (used >= cfg.wakeup_bytes && used < cfg.wakeup_bytes + 4 * size)
		flags = BPF_RB_FORCE_WAKEUP;
	if (cfg.count && state.tickets >= cfg.count)
		flags = BPF_RB_FORCE_WAKEUP;
	st->emitted++;
	bpf_ringbuf_submit(e, flags);
}

#endif
