/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rules of check have in common: the table of what has begun, its timeline, and violations. Included by check.bpf.c, before
 * the programs of each part.
 *
 * A rule is written like this. The program that sees the begin of an object calls check_begin(); one that sees something of it,
 * check_find(), and where that is NULL, leaves it alone: its begin was not seen, the filters left it out, or there was no room. It notes
 * the step with check_step(), counts with check_counted() each time that it compares, and calls check_violation() if it does not hold. The
 * program that sees the end calls check_forget().
 */
#ifndef IOMAPSCOPE_CHECK_BPF_H
#define IOMAPSCOPE_CHECK_BPF_H

#include "check.h"
#include "observe.bpf.h"

const volatile struct check_config check_cfg;

/* Read by user space. */
struct check_keys keys[CHECK_SETS];
struct check_counts counts[CHECK_CPUS];
__u64 violations[RULE_COUNT];
__u64 no_room[CHECK_KIND_COUNT];

struct check_state states[CHECK_STATES] SEC(".bss.states");

/* Whether the rule is to be checked; what is not asked for the verifier removes. */
static __always_inline bool asked(enum check_rule rule)
{
	return check_cfg.rules >> rule & 1;
}

/* Exact, as a program may be interrupted, or preempted, by another one that counts the same rule. */
static __always_inline void check_counted(enum check_rule rule)
{
	__sync_fetch_and_add(&counts[bpf_get_smp_processor_id() & (CHECK_CPUS - 1)].checked[rule], 1);
}

/* Whether the filters leave out what the current task begins. @inode: NULL if there is none. Costs nothing without filters. */
static __always_inline bool check_left_out(struct inode *inode)
{
	if (cfg.pid && (__u32)(bpf_get_current_pid_tgid() >> 32) != cfg.pid)
		return true;
	if (cfg.by_cgroup && bpf_current_task_under_cgroup(&cgroups, 0) != 1)
		return true;
	if (cfg.by_comm && comm_differs())
		return true;
	if (!cfg.devs && !cfg.by_ino)
		return false;
	return !inode || file_filtered(far_inode_dev(inode), BPF_CORE_READ(inode, i_ino));
}

/* The key of an object: its address, which the verifier lets us calculate with only as the difference of two. */
#define CHECK_KEY(pointer) ((__u64)(pointer) - (__u64)&keys)

/* Addresses are aligned, so that CHECK_ENDED is free, and their first byte is always the same. */
static __always_inline __u64 key_of_kind(__u64 key, enum check_kind kind)
{
	return (key ^ (__u64)(kind + 1) << 56) & ~CHECK_ENDED;
}

static __always_inline __u32 set_of_key(__u64 key)
{
	return key * 0x9e3779b97f4a7c15ULL >> 32 & (check_cfg.sets - 1) & (CHECK_SETS - 1);
}

static __always_inline __u64 *way_at(int place)
{
	return &keys[(__u32)place / CHECK_WAYS & (CHECK_SETS - 1)].way[place & (CHECK_WAYS - 1)];
}

/* Where it is in the table, -1: it is not. A function of its own, as the next one, which is verified once. */
__noinline int check_place(__u64 key)
{
	__u32 set = set_of_key(key & ~CHECK_ENDED);
	int i;

	for (i = 0; i < CHECK_WAYS; i++) {
		if (keys[set].way[i] == key)
			return set * CHECK_WAYS + i;
	}
	return -1;
}

/*
 * A place for it: the one that it has or had, a free one, or that of another one that has ended, any of them, so that what comes late for one of
 * them may still find it. -1: there is none. One that is unfinished comes last, and then stays unchecked.
 */
__noinline int check_take(__u64 key)
{
	__u32 set = set_of_key(key), turn;
	struct check_state *s;
	__u64 old, *way;
	int i;

	for (i = 0; i < CHECK_WAYS; i++) {
		old = keys[set].way[i];
		/* If it has ended, another CPU may just be taking its place. */
		if (old == key || (old == (key | CHECK_ENDED) && __sync_val_compare_and_swap(&keys[set].way[i], old, key) == old))
			return set * CHECK_WAYS + i;
	}
	for (i = 0; i < CHECK_WAYS; i++) {
		if (!keys[set].way[i] && !__sync_val_compare_and_swap(&keys[set].way[i], 0, key))
			return set * CHECK_WAYS + i;
	}
	turn = bpf_get_prandom_u32();
	for (i = 0; i < 2 * CHECK_WAYS; i++) {
		__u32 place = set * CHECK_WAYS + (turn + i) % CHECK_WAYS;

		way = way_at(place);
		old = *way;
		s = &states[place & (CHECK_STATES - 1)];
		if (!(old & CHECK_ENDED) || (s->unfinished && i < CHECK_WAYS) || __sync_val_compare_and_swap(way, old, key) != old)
			continue;
		if (s->unfinished && s->kind < CHECK_KIND_COUNT)
			__sync_fetch_and_add(&no_room[s->kind], 1);
		return place;
	}
	return -1;
}

static __always_inline struct check_state *check_at(int place)
{
	return place < 0 ? NULL : &states[place & (CHECK_STATES - 1)];
}

/*
 * An object of this kind begins. NULL if there is no room, which is counted for the rules of the kind. One at the same address whose end
 * was not seen is forgotten. @key: of CHECK_KEY(), or an address that is a number to the verifier.
 */
static __always_inline struct check_state *check_begin(__u64 key, enum check_kind kind)
{
	struct check_state *s = check_at(check_take(key_of_kind(key, kind)));
	int i;

	if (!s) {
		__sync_fetch_and_add(&no_room[kind], 1);
		return NULL;
	}
	s->key = key;
	s->kind = kind;
	s->begin_ns = bpf_ktime_get_ns();
	s->last_ns = 0;
	s->steps = 0;
	s->unfinished = 0;
	for (i = 0; i < (int)(sizeof(s->v) / sizeof(s->v[0])); i++)
		s->v[i] = 0;
	return s;
}

/* One that has begun and not ended. */
static __always_inline struct check_state *check_find(__u64 key, enum check_kind kind)
{
	return check_at(check_place(key_of_kind(key, kind)));
}

/* One that has ended, and of whose address nothing else has begun: NULL also if its place was needed since. */
static __always_inline struct check_state *check_find_ended(__u64 key, enum check_kind kind)
{
	return check_at(check_place(key_of_kind(key, kind) | CHECK_ENDED));
}

/* The first of the two, or else the second. */
static __always_inline struct check_state *check_find_any(__u64 key, enum check_kind kind)
{
	struct check_state *s = check_find(key, kind);

	return s ? s : check_find_ended(key, kind);
}

/* It has ended. Its state stays until the place is needed, for check_find_ended(). */
static __always_inline void check_forget(__u64 key, enum check_kind kind)
{
	int place = check_place(key_of_kind(key, kind));

	if (place >= 0)
		*(volatile __u64 *)way_at(place) = key_of_kind(key, kind) | CHECK_ENDED;
}

static __always_inline void put_step(struct check_state *s, __u64 ns, enum check_event_id event, __u64 pos, __u64 len, __s64 a, __s64 b)
{
	struct check_step *step = &s->step[s->steps++ & (CHECK_STEPS - 1)];

	s->last_ns = ns;
	step->ns = ns;
	step->pos = pos;
	step->len = len;
	step->a = a;
	step->b = b;
	step->event = event;
}

/* A step of its timeline. Where two come at the same time one may overwrite the other. */
static __always_inline void check_step(struct check_state *s, enum check_event_id event, __u64 pos, __u64 len, __s64 a, __s64 b)
{
	put_step(s, bpf_ktime_get_ns() - s->begin_ns, event, pos, len, a, b);
}

/* One more of the same moment as the last one. */
static __always_inline void check_step_now(struct check_state *s, enum check_event_id event, __u64 pos, __u64 len, __s64 a, __s64 b)
{
	put_step(s, s->last_ns, event, pos, len, a, b);
}

/* A violation, as its program describes it. What it leaves out is 0. */
struct check_found {
	enum check_rule rule;
	enum check_fault fault;
	__u32 op;			/* enum op, OP_HIDDEN: null */
	__u64 pos, len;
	__s64 got, expected, detail;
	__u64 nulls;			/* CF_BIT() of those that mean nothing */
	bool missing;			/* something was not seen: it counts only where the kernel has left out no program */
};

/*
 * Hands it to user space. @s: with the timeline, NULL: there is none. @inode: NULL if there is no file; the verifier need not know it. A
 * function of its own, as it hardly ever happens; not a global one, which could not be given these pointers.
 */
static __noinline int check_report(void *ctx, struct check_state *s, struct inode *inode, const struct check_found *found)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);
	__u64 id = bpf_get_current_pid_tgid();
	struct check_event *e;
	__u32 rule = found->rule;

	/* While the programs go, one after the other, some events are not seen any more: what is found then means nothing. */
	if (!st || rule >= RULE_COUNT || state.stopping)
		return 0;
	/* Programs share these counters, so that each has to be changed in one step. */
	__sync_fetch_and_add(&st->seen, 1);
	/* The tool's own output must not make it print more. Operations are found by who does them, all else by anybody. */
	if (id >> 32 == cfg.self && (!s || s->kind == CHECK_ITER)) {
		__sync_fetch_and_add(&st->filtered, 1);
		return 0;
	}
	__sync_fetch_and_add(&violations[rule], 1);
	e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&st->ring_full, 1);
		return 0;
	}
	e->nulls = found->nulls;
	e->time = bpf_ktime_get_ns();
	e->event = 0;
	e->rule = rule;
	e->fault = found->fault;
	e->op = found->op;
	if (found->op == OP_HIDDEN)
		e->nulls |= CF_BIT(op);
	bpf_get_current_comm(&e->comm, sizeof(e->comm));
	e->pid = id >> 32;
	e->tid = id;
	e->cgroup = bpf_get_current_cgroup_id();
	e->dev = 0;
	e->ino = 0;
	e->path = 0;
	e->path_was = 0;
	if (inode) {
		e->dev = far_inode_dev(inode);
		e->ino = BPF_CORE_READ(inode, i_ino);
		e->path = path_of(STATS_BEGIN, inode, e->dev, e->ino);
	} else {
		e->nulls |= CF_BIT(dev) | CF_BIT(ino);
	}
	e->pos = found->pos;
	e->len = found->len;
	e->got = found->got;
	e->expected = found->expected;
	e->detail = found->detail;
	e->source = cfg.source;
	e->missing = found->missing;
	e->kstack = e->ustack = -1;
	if (cfg.stacks) {
		struct stack_ids stacks = stacks_of(ctx, st);

		e->kstack = stacks.kernel;
		e->ustack = stacks.user;
	}
	e->steps = 0;
	if (s) {
		e->steps = s->steps;
		__builtin_memcpy(e->step, s->step, sizeof(e->step));
	}
	__sync_fetch_and_add(&st->emitted, 1);
	/* It is wanted at once, and there are few. */
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* check_violation(ctx, state, inode, .rule = RULE_X, .fault = FAULT_X, .op = ..., .pos = ..., ...) */
#define check_violation(ctx, s, inode, ...) do { \
	struct check_found found_ = { __VA_ARGS__ }; \
	\
	check_report(ctx, s, (void *)(inode), &found_); \
} while (0)

#endif
