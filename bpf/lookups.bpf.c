// SPDX-License-Identifier: GPL-2.0
/*
 * Observer of iomap lookups. One of three sources is loaded:
 *
 *   SOURCE_LOOKUP  lookup                 one event that says all, no state
 *   SOURCE_FEXIT   iter_enter + iter_end  a stock event and the function's return, state in a table by the iterator's address
 *   SOURCE_DSTMAP  iter_begin + iter_map  stock events, state in a table by task, in a few slots each
 *
 * Accounting: every lookup counted in seen is counted once more, as emitted, filtered or lost for a reason. On the stock
 * sources seen is counted when the lookup begins, so one that never ends is what is missing from the sum.
 */
#include <asm/ptrace.h>

#include "lookups.h"
#include "observe.bpf.h"
#include "iteration.bpf.h"

const volatile struct lookup_config lookup_cfg;

__s64 begin_failed;		/* lookups whose begin got no room and whose end has not been met */

static __always_inline bool has_cookie(void)
{
	return bpf_core_field_exists(struct iomap___cookie, validity_cookie);
}

/* The outcome of a lookup, apart from the mapping. */
struct outcome {
	__u32 program;		/* STATS_* of the program that reports it */
	__u32 op;
	__u32 flags;
	__u32 dev;
	__u64 ino;
	struct inode *inode;	/* NULL: @path and @stacks are known already */
	union {
		__u64 path;
		__u64 fs;	/* for metrics */
	};
	struct stack_ids stacks;
	__u64 pos, len;
	__u64 time_ns;
	__u64 latency_ns;
	__s32 ret;
	bool failed;
	bool timed;
};

static __always_inline bool is_filtered(const struct outcome *o)
{
	return task_filtered() || file_filtered(o->dev, o->ino) || op_filtered(o->op) ||
	       result_filtered(o->failed, o->timed, o->latency_ns);
}

/* The bytes of the asked range that @map, if there is one, is the mapping of: some ask to the end of all files. */
static __always_inline void add_up_top(struct observe_stats *st, const struct outcome *o, struct iomap *map)
{
	struct top_key key = { .ino = o->ino, .dev = o->dev, .stats = o->program };
	__u64 end = o->pos + o->len, bytes = 0;

	if (map) {
		if (end > map->offset + map->length)
			end = map->offset + map->length;
		if (end > o->pos)
			bytes = end - o->pos;
	}
	key.pid = bpf_get_current_pid_tgid() >> 32;
	key.cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(&key.comm, sizeof(key.comm));
	if (o->inode)
		path_of(o->program, o->inode, o->dev, o->ino);
	add_to_top(st, &key, bytes, o->failed, o->timed, o->latency_ns);
}

static __always_inline void add_up(struct observe_stats *st, const struct outcome *o, __u32 type)
{
	__u32 slot = cfg.hist_by == BY_OP ? o->op : type;

	if (cfg.paths && o->inode)
		path_of(o->program, o->inode, o->dev, o->ino);
	aggregate(st, hist_of(st, o->program, slot, o->dev, o->ino, NULL), o->failed, o->timed, o->latency_ns);
}

/* @map: what it has returned, NULL if it failed. @copied: there is a source mapping. */
static __always_inline void meter(struct observe_stats *st, struct outcome *o, struct iomap *map, bool copied)
{
	struct metric_value *v = metric_at(o->program, &o->fs, o->dev, metric_cgroup(), o->op);

	if (!v) {
		st->map_full++;
		return;
	}
	add_metric(st, v, o->failed, o->timed, o->latency_ns);
	if (!map)
		return;
	add_size(v, map->length);
	if (map->type < TYPE_COUNT)
		add_word(v, map->type);
	if (map->flags & MAP_OF_SHARED)
		v->sum[LOOKUP_SHARED]++;
	if (copied)
		v->sum[LOOKUP_COW]++;
}

static __always_inline void fill(struct lookup_event *e, const struct outcome *o)
{
	__u64 id = bpf_get_current_pid_tgid();

	e->nulls = 0;
	e->time = o->time_ns;
	e->event = 0;
	e->op = o->op;
	if (o->op == OP_HIDDEN)
		e->nulls |= LF_BIT(op);
	bpf_get_current_comm(&e->comm, sizeof(e->comm));
	e->pid = id >> 32;
	e->tid = id;
	e->cgroup = bpf_get_current_cgroup_id();
	e->dev = o->dev;
	e->ino = o->ino;
	e->pos = o->pos;
	e->len = o->len;
	e->ret = o->ret;
	e->latency_ns = o->latency_ns;
	if (!o->timed)
		e->nulls |= LF_BIT(latency_ns);
	e->source = cfg.source;
	e->ask_flags = o->flags;
	e->path = o->inode ? path_of(o->program, o->inode, o->dev, o->ino) : o->path;
	e->path_was = 0;
	e->kstack = o->stacks.kernel;
	e->ustack = o->stacks.user;
}

#define NO_SOURCE_MAPPING (LF_BIT(src_type) | LF_BIT(src_addr) | LF_BIT(src_pos) | LF_BIT(src_len))
#define NO_MAPPING (LF_BIT(type) | LF_BIT(addr) | LF_BIT(map_pos) | LF_BIT(map_len) | LF_BIT(flags) | \
		    LF_BIT(cookie) | NO_SOURCE_MAPPING)

static __always_inline void fill_mapping(struct lookup_event *e, struct iomap *map)
{
	e->type = map->type;
	e->addr = map->addr;
	if (e->addr == NULL_ADDR)
		e->nulls |= LF_BIT(addr);
	e->map_pos = map->offset;
	e->map_len = map->length;
	e->flags = map->flags;
	if (has_cookie())
		e->cookie = ((struct iomap___cookie *)map)->validity_cookie;
	else
		e->nulls |= LF_BIT(cookie);
}

static __always_inline void fill_source(struct lookup_event *e, __u32 type, __u64 addr, __u64 pos, __u64 len)
{
	e->src_type = type;
	e->src_addr = addr;
	if (addr == NULL_ADDR)
		e->nulls |= LF_BIT(src_addr);
	e->src_pos = pos;
	e->src_len = len;
}

/*
 * A lookup with its mapping. @src is a pointer that the verifier knows, or NULL: then the source mapping is read from the
 * iterator at @src_addr, which it does not.
 */
static __always_inline void report(void *ctx, struct observe_stats *st, struct outcome *o, struct iomap *map, struct iomap *src,
				   __u64 src_addr)
{
	struct lookup_event *e;

	if (is_filtered(o)) {
		st->filtered++;
		return;
	}
	if (metering()) {
		if (o->failed)
			meter(st, o, NULL, false);
		else
			meter(st, o, map, (src ? src->type : BPF_CORE_READ((struct iomap *)src_addr, type)) != TYPE_HOLE);
		return;
	}
	if (cfg.hist && cfg.hist_by == BY_TOP) {
		add_up_top(st, o, o->failed ? NULL : map);
		return;
	}
	if (cfg.hist) {
		add_up(st, o, cfg.hist_by != BY_TYPE ? 0 : o->failed ? TYPE_NONE : map->type);
		return;
	}
	e = reserve(st, sizeof(*e));
	if (!e)
		return;
	if (o->inode)
		o->stacks = stacks_of(ctx, st);
	fill(e, o);
	if (o->failed) {
		e->nulls |= NO_MAPPING;
	} else {
		fill_mapping(e, map);
		if (src) {
			if (src->type != TYPE_HOLE)
				fill_source(e, src->type, src->addr, src->offset, src->length);
			else
				e->nulls |= NO_SOURCE_MAPPING;
		} else {
			struct iomap *far = (struct iomap *)src_addr;
			__u32 type = BPF_CORE_READ(far, type);

			if (type != TYPE_HOLE)
				fill_source(e, type, BPF_CORE_READ(far, addr), BPF_CORE_READ(far, offset),
					    BPF_CORE_READ(far, length));
			else
				e->nulls |= NO_SOURCE_MAPPING;
		}
	}
	submit(st, e, sizeof(*e));
}

struct plain_cpu plain[PLAIN_CPUS] SEC(".bss.plain");

static __always_inline struct plain_cpu *plain_of_cpu(void)
{
	return &plain[bpf_get_smp_processor_id() & (PLAIN_CPUS - 1)];
}

/*
 * The same for a program that has nothing but its arguments so far. Around a call the compiler saves and restores registers of its
 * caller; a pair of instructions like this one the kernel takes away where it puts the number's instructions in place of the call
 * ("bpf_fastcall", kernel/bpf/verifier.c, from 6.12 on).
 */
static __always_inline struct plain_cpu *plain_of_cpu_at_begin(__u64 **ctx)
{
	register __u64 *args asm("r1") = *ctx;
	register __u64 number asm("r0");
	__u64 kept;

	asm volatile("*(u64 *)%[kept] = r1; call %[get]; r1 = *(u64 *)%[kept];"
		     : "=r"(number), "+r"(args), [kept]"=m"(kept)
		     : [get]"i"(BPF_FUNC_get_smp_processor_id)
		     : "r2", "r3", "r4", "r5");
	*ctx = args;
	return &plain[number & (PLAIN_CPUS - 1)];
}

static __always_inline void add_plain(struct plain_cpu *cpu, __u32 slot, bool failed, __u64 ns)
{
	struct hist *h = &cpu->slot[slot & (HIST_SLOTS - 1)].hist;

	if (failed)
		h->errors++;
	h->total_ns += ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	if (ns < HIST_TABLE) {
		void *at = (void *)h + hist_table[ns];

		/* ++*(__u64 *)(at + offsetof(struct hist, bucket)), which the compiler would do behind a jump. */
		asm volatile("r0 = *(u64 *)(%[at] + %[bucket]); r0 += 1; *(u64 *)(%[at] + %[bucket]) = r0;"
			     : : [at]"r"(at), [bucket]"i"(offsetof(struct hist, bucket)) : "r0", "memory");
	} else {
		h->bucket[hist_bucket(ns)]++;
	}
}

/*
 * In place of lookup where cfg.plain is set, one for each key. They read no argument that they do not need, seen follows from what they add up, and
 * operations are the kernel's numbers, which user space translates.
 */
SEC("tp_btf/iomap_lookup")
int lookup_by_op(__u64 *ctx)
{
	struct plain_cpu *cpu = plain_of_cpu_at_begin(&ctx);

	add_plain(cpu, ctx[2], (int)ctx[8] < 0, ctx[9]);
	return 0;
}

SEC("tp_btf/iomap_lookup")
int lookup_by_type(__u64 *ctx)
{
	struct plain_cpu *cpu = plain_of_cpu_at_begin(&ctx);
	int ret = ctx[8];

	add_plain(cpu, ret < 0 ? TYPE_NONE : ((struct iomap *)ctx[6])->type, ret < 0, ctx[9]);
	return 0;
}

SEC("tp_btf/iomap_lookup")
int BPF_PROG(lookup, struct iomap_iter *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos,
	     __u64 len, struct iomap *iomap, struct iomap *srcmap, int ret, __u64 duration_ns)
{
	struct observe_stats *st = stats_of(STATS_END);
	struct outcome o = {
		.program = STATS_END,
		.op = lookup_cfg.need_op ? iteration_cfg.op_map[op & (OP_SLOTS - 1)] : OP_HIDDEN,
		.flags = flags,
		.pos = pos,
		.len = len,
		.latency_ns = duration_ns,
		.timed = true,
		.ret = ret < 0 ? ret : 0,
		.failed = ret < 0,
		.inode = inode,
	};

	if (!st)
		return 0;
	st->seen++;
	if (!cfg.hist)
		o.time_ns = bpf_ktime_get_ns();
	if (!cfg.hist || cfg.devs || cfg.hist_by == BY_DEV || cfg.hist_by == BY_INO || cfg.hist_by == BY_TOP || cfg.hist_by == BY_METRICS)
		o.dev = inode_dev(inode);
	if (metering())
		o.fs = metric_fs(inode);
	if (!cfg.hist || cfg.by_ino || cfg.hist_by == BY_INO || cfg.hist_by == BY_TOP)
		o.ino = inode->i_ino;
	report(ctx, st, &o, iomap, srcmap, 0);
	return 0;
}

/* The range that the mapping now in @iter was looked up for. */
static __always_inline void range_of_last(struct iomap_iter *iter, struct outcome *o)
{
	o->pos = iter->pos;
	o->len = iter->len;
	if (bpf_core_field_exists(struct iomap_iter___status, iter_start_pos)) {
		o->pos = ((struct iomap_iter___status *)iter)->iter_start_pos;
		o->len += iter->pos - o->pos;
	}
}

#define WAYS	4
#define DEAD_NS	10000000000LL	/* what has waited for so long is of a lookup whose end was skipped, and of a task that is gone */

/* A lookup that has begun. */
struct slot {
	__u64 start_ns;
	__u64 pos, len;
	__u64 ino;
	__u64 entry;		/* see entry_mark() */
	__u64 path;		/* see path_of() */
	struct stack_ids stacks;
	__u32 dev;
	__u32 flags;
	__u32 op;
};

#define SLOTS 4

/*
 * What the stock events leave to remember, in a table by the address of struct task_struct: a few instructions, where the storage of a
 * task takes hundreds. A task is in it while it has a slot in use.
 */
struct task_slots {
	__u64 id;		/* of the task; another one may have got its address */
	__u64 iter[SLOTS];	/* addresses of the iterators, on the task's stack; 0: the slot is free */
	struct slot slot[SLOTS];
};

#define TASK_SETS 1024		/* powers of two, as is WAYS */
#define TASK_BITS 10

static struct {
	__u64 way[WAYS];	/* the tasks, 0: free */
} tasks[TASK_SETS];

static struct task_slots task_slots[TASK_SETS * WAYS] SEC(".bss.tasks");

static __always_inline __u32 set_of_task(__u64 task)
{
	return task * 0x9e3779b97f4a7c15ULL >> (64 - TASK_BITS);
}

/* Where the task is in the table, -1: it is not. A function of its own, as the others here, which is verified once. */
__noinline int find_task(__u64 task)
{
	__u32 set = set_of_task(task);
	int i;

	for (i = 0; i < WAYS; i++) {
		if (tasks[set].way[i] == task)
			return set * WAYS + i;
	}
	return -1;
}

static __always_inline struct task_slots *slots_at(int place)
{
	return &task_slots[place & (TASK_SETS * WAYS - 1)];
}

/* All places of the set are taken: one of a task that seems to be gone, with what it had, or -1. */
static __noinline int take_dead_task(__u32 set, __u64 task)
{
	__u64 now = bpf_ktime_get_ns(), dead;
	struct task_slots *t;
	int i, j;

	set &= TASK_SETS - 1;
	for (i = 0; i < WAYS; i++) {
		bool used = false, alive = false;

		dead = tasks[set].way[i];
		t = slots_at(set * WAYS + i);
		/* Without a slot in use it is about to get one, or to be left. */
		for (j = 0; j < SLOTS; j++) {
			if (!t->iter[j])
				continue;
			used = true;
			if ((__s64)(now - t->slot[j].start_ns) < DEAD_NS)
				alive = true;
		}
		if (used && !alive && dead && __sync_val_compare_and_swap(&tasks[set].way[i], dead, task) == dead) {
			for (j = 0; j < SLOTS; j++)
				t->iter[j] = 0;
			return set * WAYS + i;
		}
	}
	return -1;
}

__noinline int take_task(__u64 task)
{
	__u32 set = set_of_task(task);
	int i;

	for (i = 0; i < WAYS; i++) {
		if (!tasks[set].way[i] && !__sync_val_compare_and_swap(&tasks[set].way[i], 0, task))
			return set * WAYS + i;
	}
	return take_dead_task(set, task);
}

static __always_inline void leave_task(int place, const struct task_slots *t)
{
	if (!(t->iter[0] | t->iter[1] | t->iter[2] | t->iter[3]))
		*(volatile __u64 *)&tasks[(__u32)place / WAYS & (TASK_SETS - 1)].way[place & (WAYS - 1)] = 0;
}

/* A slot whose lookup is over without our having seen its end. A function of its own, which is verified once. */
__noinline int abandon(struct slot *slot)
{
	struct outcome o = {
		.program = STATS_BEGIN,
		.failed = true,
	};
	struct observe_stats *st = stats_of(STATS_BEGIN);
	struct lookup_event *e;

	if (!st || !slot)
		return 0;
	o.op = slot->op;
	o.flags = slot->flags;
	o.dev = slot->dev;
	o.ino = slot->ino;
	o.pos = slot->pos;
	o.len = slot->len;
	o.path = slot->path;
	o.stacks = slot->stacks;
	o.time_ns = slot->start_ns;
	if (is_filtered(&o)) {
		st->filtered++;
		return 0;
	}
	if (metering()) {
		meter(st, &o, NULL, false);
		return 0;
	}
	if (cfg.hist && cfg.hist_by == BY_TOP) {
		add_up_top(st, &o, NULL);
		return 0;
	}
	if (cfg.hist) {
		add_up(st, &o, TYPE_NONE);
		return 0;
	}
	e = reserve(st, sizeof(*e));
	if (!e)
		return 0;
	fill(e, &o);
	e->nulls |= NO_MAPPING | LF_BIT(ret);
	submit(st, e, sizeof(*e));
	return 0;
}

struct late {
	__u64 start_ns;
	__u32 op;
};

/*
 * Stacks grow down: of the operations of one task that are alive, the inner ones have the lower addresses. A slot at this
 * iterator's address or below therefore belongs to a lookup that is over. (Deduplication has two iterators in one frame,
 * but looks up for one only after the other's lookup has returned.) A slot above may be an outer lookup that is still
 * in the file system, or one of an earlier system call, as those do not all start at the same address.
 *
 * Returns whether one was this very loop's, which goes on: its end was skipped.
 */
static __always_inline bool clear_slots(struct task_slots *t, struct iomap_iter *iter, __u64 entry, struct late *found)
{
	__u64 id = bpf_get_current_pid_tgid(), addr = (__u64)iter;
	bool late = false;
	int i;

	/* What a task that is gone has left. */
	if (t->id != id) {
		for (i = 0; i < SLOTS; i++)
			t->iter[i] = 0;
		return false;
	}
	for (i = 0; i < SLOTS; i++) {
		if (!t->iter[i] || (t->iter[i] > addr && t->slot[i].entry == entry))
			continue;
		if (t->iter[i] == addr && iter->iomap.length) {
			found->start_ns = t->slot[i].start_ns;
			found->op = t->slot[i].op;
			late = true;
		} else {
			abandon(&t->slot[i]);
		}
		t->iter[i] = 0;
	}
	return late;
}

/* A free slot. Lookups are not nested this deep: if there is none, the outermost of them, which has the highest address, is a dead one. */
static __always_inline int take_slot(struct task_slots *t)
{
	int i, found = 0;

	for (i = 0; i < SLOTS; i++) {
		if (!t->iter[i])
			return i;
	}
	for (i = 1; i < SLOTS; i++) {
		if (t->iter[i] > t->iter[found & (SLOTS - 1)])
			found = i;
	}
	abandon(&t->slot[found & (SLOTS - 1)]);
	return found;
}

/* What the address is of, as last found: address << 8 | caller_at(). One word each, so that no half of one is read. */
#define CACHE_BITS 6

static __u64 caller_cache[1 << CACHE_BITS];

static __noinline __u64 find_caller(__u64 *line, __u64 address)
{
	__u64 known = address << 8 | (__u8)caller_at(address);

	if (line)
		*line = known;
	return known;
}

static __always_inline __u32 known_caller(__u64 address)
{
	__u64 *line = &caller_cache[address * 0x9e3779b97f4a7c15ULL >> (64 - CACHE_BITS)], known = *line;

	if ((known ^ address << 8) >> 8)
		known = find_caller(line, address);
	return (__u8)known;
}

/*
 * The end of the lookup before was skipped. If the loop goes on, here is its mapping, and only the latency is lost. Out of line, as it
 * hardly ever happens. @op: OP_SLOTS if its begin did not note it.
 */
static __noinline int late_end(void *ctx, struct iomap_iter *iter, __u64 start_ns, __u32 op)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);
	struct outcome o = {
		.program = STATS_BEGIN,
		.op = op < OP_SLOTS ? op : lookup_cfg.need_op ? op_of_flags(iter->flags, iter->len) : OP_HIDDEN,
		.flags = iter->flags,
		.dev = inode_dev(iter->inode),
		.ino = iter->inode->i_ino,
		.inode = iter->inode,
		.time_ns = start_ns,
	};

	if (!st)
		return 0;
	if (metering())
		o.fs = metric_fs(iter->inode);
	if (iter->iomap.length) {
		range_of_last(iter, &o);
		report(ctx, st, &o, &iter->iomap, &iter->srcmap, 0);
	} else {
		st->unmatched_begin++;
	}
	return 0;
}

/* What its record says, where there will be one. */
static __always_inline void note_lookup(void *ctx, struct observe_stats *st, struct slot *slot, struct iomap_iter *iter, __u64 pos, __u64 len)
{
	slot->pos = pos;
	slot->len = len;
	slot->flags = iter->flags;
	slot->dev = inode_dev(iter->inode);
	slot->ino = iter->inode->i_ino;
	/* The file of one that fails may be gone when that is noticed. */
	slot->path = metering() ? metric_fs(iter->inode) : 0;
	slot->stacks = (struct stack_ids){ -1, -1 };
	if ((cfg.paths || cfg.stacks) && !task_filtered() && !file_filtered(slot->dev, slot->ino) && !op_filtered(slot->op)) {
		slot->path = path_of(STATS_BEGIN, iter->inode, slot->dev, slot->ino);
		slot->stacks = stacks_of(ctx, st);
	}
}

SEC("tp_btf/iomap_iter")
int BPF_PROG(iter_begin, struct iomap_iter *iter, const void *ops, unsigned long caller)
{
	__u64 task = bpf_get_current_task(), pos, len, entry;
	struct observe_stats *st;
	struct task_slots *t;
	struct slot *slot;
	struct late late = {};
	bool follows;
	int place, i;

	if (!state.running)
		return 0;
	follows = lookup_follows(iter, &pos, &len);
	place = find_task(task);
	if (place < 0 && !follows)
		return 0;
	st = stats_of(STATS_BEGIN);
	if (!st)
		return 0;
	if (follows)
		st->seen++;
	entry = entry_mark();
	if (place < 0) {
		place = take_task(task);
		if (place < 0) {
			st->map_full++;
			__sync_fetch_and_add(&begin_failed, 1);
			return 0;
		}
		t = slots_at(place);
	} else {
		t = slots_at(place);
		if (clear_slots(t, iter, entry, &late))
			late_end(ctx, iter, late.start_ns, late.op);
		if (!follows) {
			leave_task(place, t);
			return 0;
		}
	}
	t->id = bpf_get_current_pid_tgid();
	i = take_slot(t) & (SLOTS - 1);
	slot = &t->slot[i];
	slot->op = lookup_cfg.need_op ? op_of(known_caller(caller), iter->flags, len) : OP_HIDDEN;
	slot->entry = entry;
	if (!cfg.plain)
		note_lookup(ctx, st, slot, iter, pos, len);
	slot->start_ns = bpf_ktime_get_ns();
	/* Last, as from now on the slot is in use. */
	*(volatile __u64 *)&t->iter[i] = (__u64)iter;
	return 0;
}

/* A mapping without its begin. */
static __always_inline void unmatched_end(struct observe_stats *st)
{
	if (state.stopping)
		return;		/* begun after the last that we took up */
	if (begin_failed > 0) {
		__sync_fetch_and_add(&begin_failed, -1);
		return;
	}
	st->seen++;
	st->unmatched_end++;
}

static __noinline int mapping_without_begin(void)
{
	struct observe_stats *st = stats_of(STATS_END);

	if (st && state.enabled)
		unmatched_end(st);
	return 0;
}

/* The slot of the iterator's lookup, -1 if that began unseen. */
static __always_inline int slot_of(const struct task_slots *t, __u64 addr)
{
	int i;

	for (i = 0; i < SLOTS; i++) {
		if (t->iter[i] == addr)
			return i;
	}
	return -1;
}

/* The lookup in it is over, and has been read: others may have the slot, and the task's place. */
static __always_inline void leave_slot(int place, struct task_slots *t, int slot)
{
	*(volatile __u64 *)&t->iter[slot & (SLOTS - 1)] = 0;
	leave_task(place, t);
}

#define ITERATOR_OF(iomap) ((__u64)(iomap) - bpf_core_field_offset(struct iomap_iter, iomap))

SEC("tp_btf/iomap_iter_dstmap")
int BPF_PROG(iter_map, struct inode *inode, struct iomap *iomap)
{
	__u64 now = bpf_ktime_get_ns(), addr = ITERATOR_OF(iomap);
	int place = find_task(bpf_get_current_task());
	struct outcome o = { .program = STATS_END };
	struct task_slots *t = slots_at(place);
	int index = place < 0 ? -1 : slot_of(t, addr);
	struct slot *slot = &t->slot[index & (SLOTS - 1)];
	struct observe_stats *st = stats_of(STATS_END);

	if (index < 0)
		return mapping_without_begin();
	if (!st)
		return 0;
	o.op = slot->op;
	o.flags = slot->flags;
	o.dev = slot->dev;
	o.ino = slot->ino;
	o.path = slot->path;
	o.stacks = slot->stacks;
	o.pos = slot->pos;
	o.len = slot->len;
	o.time_ns = now;
	o.latency_ns = now - slot->start_ns;
	o.timed = true;
	leave_slot(place, t, index);
	report(ctx, st, &o, iomap, NULL, addr + bpf_core_field_offset(struct iomap_iter, srcmap));
	return 0;
}

/* In place of iter_map where cfg.plain is set. @slot: where it is counted, -1: under its operation. */
static __always_inline int map_plain(struct iomap *iomap, int slot)
{
	__u64 now = bpf_ktime_get_ns();
	int place = find_task(bpf_get_current_task());
	struct task_slots *t = slots_at(place);
	int index = place < 0 ? -1 : slot_of(t, ITERATOR_OF(iomap));
	struct slot *mine = &t->slot[index & (SLOTS - 1)];
	__u64 ns;

	if (index < 0)
		return mapping_without_begin();
	if (slot < 0)
		slot = mine->op;
	ns = now - mine->start_ns;
	leave_slot(place, t, index);
	add_plain(plain_of_cpu(), slot, false, ns);
	return 0;
}

SEC("tp_btf/iomap_iter_dstmap")
int BPF_PROG(iter_map_by_op, void *inode, struct iomap *iomap)
{
	return map_plain(iomap, -1);
}

SEC("tp_btf/iomap_iter_dstmap")
int BPF_PROG(iter_map_by_type, void *inode, struct iomap *iomap)
{
	return map_plain(iomap, iomap->type);
}

/*
 * With fexit each lookup that begins also ends, in the same task, so that all that has to wait is when it began. It does so in a
 * table by the iterator's address, which is on the task's stack: a few instructions, where the storage of a task takes hundreds.
 */
#define SETS	1024	/* a power of two */

struct pending {
	__u64 key;		/* 0: free */
	__u64 start_ns;
};

static struct pending_set {
	struct pending way[WAYS];
} pending[SETS];

/* The key of an iterator. The verifier lets no pointer be multiplied; the difference of two is a number. */
static __always_inline __u64 key_of(struct iomap_iter *iter)
{
	return (__u64)iter - (__u64)&pending;
}

static __always_inline struct pending_set *set_of(__u64 key)
{
	return &pending[key * 0x9e3779b97f4a7c15ULL >> 54];
}

/* One that is taken has no time until it is written: before, it has that of nobody. */
static __always_inline void free_way(struct pending *way)
{
	*(volatile __u64 *)&way->start_ns = 0;
	*(volatile __u64 *)&way->key = 0;
}

static __noinline int take_dead(struct pending_set *set, __u64 key)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);
	__u64 now = bpf_ktime_get_ns(), dead;
	struct pending *way;
	int i;

	if (!st || !set)
		return 0;
	for (i = 0; i < WAYS; i++) {
		way = &set->way[i];
		dead = way->key;
		if (dead && way->start_ns && now > way->start_ns && now - way->start_ns > DEAD_NS &&
		    __sync_val_compare_and_swap(&way->key, dead, key) == dead) {
			way->start_ns = now;
			st->unmatched_begin++;
			return 0;
		}
	}
	st->map_full++;
	__sync_fetch_and_add(&begin_failed, 1);
	return 0;
}

SEC("tp_btf/iomap_iter")
int BPF_PROG(iter_enter, struct iomap_iter *iter)
{
	__u64 pos, len, key = key_of(iter), late_ns = 0;
	struct pending_set *set = set_of(key);
	struct observe_stats *st;
	struct pending *way;
	bool follows;
	int i;

	if (!state.running)
		return 0;
	follows = lookup_follows(iter, &pos, &len);
	for (i = 0; i < WAYS; i++) {
		way = &set->way[i];
		if (way->key == key) {
			late_ns = way->start_ns;
			free_way(way);
		}
	}
	/* Behind the loop: the verifier goes through each of its rounds by itself. */
	if (late_ns)
		late_end(ctx, iter, late_ns, OP_SLOTS);
	if (!follows)
		return 0;
	st = stats_of(STATS_BEGIN);
	if (!st)
		return 0;
	st->seen++;
	for (i = 0; i < WAYS; i++) {
		way = &set->way[i];
		if (!way->key && !__sync_val_compare_and_swap(&way->key, 0, key)) {
			way->start_ns = bpf_ktime_get_ns();
			return 0;
		}
	}
	take_dead(set, key);
	return 0;
}

/* The operation of a lookup that ends; the caller is told by the frame of the trampoline. */
static __always_inline __u32 op_at_end(void *ctx, struct iomap_iter *iter)
{
	__u64 address;

	if (!lookup_cfg.need_op)
		return OP_HIDDEN;
	if (!iteration_cfg.ranges)
		return op_of_flags(iter->flags, iter->len);
	address = caller_of_function(ctx, 2);
	if (!address)
		return op_of_flags(iter->flags, iter->len);
	return op_of(known_caller(address), iter->flags, iter->len);
}

/* Since when the iterator's lookup has been under way; 0 if none has, as at the end of a loop. */
static __always_inline __u64 take_start(struct iomap_iter *iter)
{
	__u64 key = key_of(iter);
	struct pending_set *set = set_of(key);
	int i;

	for (i = 0; i < WAYS; i++) {
		if (set->way[i].key == key) {
			__u64 start_ns = set->way[i].start_ns;

			free_way(&set->way[i]);
			return start_ns;
		}
	}
	return 0;
}

static __noinline int end_without_begin(int ret)
{
	struct observe_stats *st = stats_of(STATS_END);

	/* Before all programs are attached a begin may have gone unseen. */
	if (st && ret > 0 && state.enabled)
		unmatched_end(st);
	return 0;
}

SEC("fexit/iomap_iter")
int BPF_PROG(iter_end, struct iomap_iter *iter, const void *ops, int ret)
{
	__u64 now = bpf_ktime_get_ns(), start_ns;
	struct outcome o = { .program = STATS_END };
	struct observe_stats *st;

	start_ns = take_start(iter);
	if (!start_ns)
		return end_without_begin(ret);
	st = stats_of(STATS_END);
	if (!st)
		return 0;
	o.op = op_at_end(ctx, iter);
	o.flags = iter->flags;
	o.dev = inode_dev(iter->inode);
	o.ino = iter->inode->i_ino;
	o.inode = iter->inode;
	o.pos = iter->pos;
	o.len = iter->len;
	o.time_ns = now;
	o.latency_ns = now - start_ns;
	o.timed = true;
	o.failed = ret <= 0;
	o.ret = ret < 0 ? ret : 0;
	if (metering())
		o.fs = metric_fs(iter->inode);
	report(ctx, st, &o, &iter->iomap, &iter->srcmap, 0);
	return 0;
}

/* In place of iter_end where cfg.plain is set. */
SEC("fexit/iomap_iter")
int BPF_PROG(iter_end_by_op, struct iomap_iter *iter, const void *ops, int ret)
{
	__u64 start_ns = take_start(iter), ns;
	__u32 slot;

	if (!start_ns)
		return end_without_begin(ret);
	ns = bpf_ktime_get_ns() - start_ns;
	slot = op_at_end(ctx, iter);
	add_plain(plain_of_cpu(), slot, ret <= 0, ns);
	return 0;
}

SEC("fexit/iomap_iter")
int BPF_PROG(iter_end_by_type, struct iomap_iter *iter, const void *ops, int ret)
{
	__u64 start_ns = take_start(iter), ns;

	if (!start_ns)
		return end_without_begin(ret);
	ns = bpf_ktime_get_ns() - start_ns;
	add_plain(plain_of_cpu(), ret <= 0 ? TYPE_NONE : iter->iomap.type, ret <= 0, ns);
	return 0;
}
