// SPDX-License-Identifier: GPL-2.0
/*
 * The policy of iomapscope inject: rules that make steps of iomap fail, wait or shrink; and the observer of what the kernel has made
 * of it.
 *
 * Each step asks a function of its own, which all go through the same table of rules. The first rule that lets the call through and
 * whose turn it is gives the verdict. Which one it was is noted under the address of the call's context, for the event that follows.
 *
 * Whether a rule acts on its n-th call is a function of the seed, the rule and n alone.
 */
#include "inject.h"
#include "observe.bpf.h"

const volatile struct inject_config inject_cfg;
struct inject_count counts[RULES_MAX];

/* Calls of which the event has not come yet: one a context, and those do not nest deeply. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} acting SEC(".maps");

/* What a rule compares, and the one that acts: from 1 on, 0 for none. */
struct call {
	__u64 ino, len;
	__u32 dev, pid;
	__u32 step, op, allowed;
	__u32 rule;
	__u8 nowait, asynchronous;
};

static __always_inline __u64 mix(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static __always_inline bool rule_comm_differs(const volatile struct inject_rule *rule)
{
	struct task_comm comm;

	bpf_probe_read_kernel(&comm, sizeof(comm), bpf_get_current_task_btf()->comm);
	return other_comm(&comm, &rule->comm);
}

/* At which level it is matters to nobody: a number belongs to one cgroup. */
static __always_inline bool other_cgroup(__u64 cgroup)
{
	int level;

	for (level = 0; level < CGROUP_DEPTH; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);

		if (!id)
			return true;
		if (id == cgroup)
			return false;
	}
	return true;
}

static __always_inline bool other_dev(const volatile struct inject_rule *rule, __u32 dev)
{
	__u32 i;

	for (i = 0; i < RULE_DEVS && i < rule->devs; i++) {
		if (dev == rule->dev[i])
			return false;
	}
	return rule->devs;
}

/* Where the current task has not asked for the work, a rule that is about tasks cannot be for it. */
static __always_inline bool other_task(const volatile struct inject_rule *rule, const struct call *call)
{
	if (!rule->pid && !rule->by_comm && !rule->by_cgroup)
		return false;
	if (call->asynchronous || (rule->pid && call->pid != rule->pid))
		return true;
	return (rule->by_comm && rule_comm_differs(rule)) || (rule->by_cgroup && other_cgroup(rule->cgroup));
}

/* What a rule asks for: a cap of no less than there is, nothing. */
static __always_inline __u32 asked(const volatile struct inject_rule *rule, const struct call *call)
{
	return rule->cap < call->len ? rule->verdicts : rule->verdicts & ~VERDICT_BIT(CAP);
}

/* Of that, what the kernel is going to do. */
static __always_inline __u32 possible(const volatile struct inject_rule *rule, const struct call *call)
{
	__u32 can = asked(rule, call) & call->allowed;

	return rule->error != -EAGAIN || call->nowait ? can : can & ~VERDICT_BIT(ERROR);
}

static long try_rule(__u32 index, struct call *call)
{
	const volatile struct inject_rule *rule;
	struct inject_count *count;
	__u64 n;

	if (index >= RULES_MAX)
		return 1;
	rule = &inject_cfg.rule[index];
	count = &counts[index];
	if (!(rule->steps >> call->step & 1) || (rule->ops && !(rule->ops >> call->op & 1)))
		return 0;
	if ((rule->by_ino && rule->ino != call->ino) || other_dev(rule, call->dev) || other_task(rule, call))
		return 0;
	if (!asked(rule, call))
		return 0;
	n = __sync_fetch_and_add(&count->matched, 1);
	if (n < rule->after)
		return 0;
	if (rule->every && (n - rule->after + 1) % rule->every)
		return 0;
	/* Twice, so that no rule draws what another one does with another seed. */
	if (mix(mix(mix(inject_cfg.seed) + index) + n) >> 32 >= rule->chance)
		return 0;
	/* What the kernel is going to ignore uses nothing up. */
	if (rule->times && count->taken >= rule->times)
		return 0;
	if (rule->times && possible(rule, call) && __sync_fetch_and_add(&count->taken, 1) >= rule->times)
		return 0;
	call->rule = index + 1;
	return 1;
}

static __always_inline __u32 op_of(const struct iomap_control_ctx *at)
{
	__u32 step = at->step;

	/* The kernel has no number for what writeback is part of. */
	if (step == INJECT_WRITEBACK_MAP || step == INJECT_IOEND_SUBMIT || step == INJECT_IOEND_END)
		return OP_WRITEBACK;
	return inject_cfg.op_map[at->op & (OP_SLOTS - 1)];
}

static __always_inline int decide(struct iomap_control_ctx *at, struct iomap_control_verdict *verdict)
{
	const volatile struct inject_rule *rule;
	struct call call = {};
	__u64 key = (__u64)at;

	call.pid = bpf_get_current_pid_tgid() >> 32;
	call.asynchronous = at->asynchronous;
	/* What is done to the tool's own output must not make it print more. */
	if (call.pid == cfg.self && !call.asynchronous)
		return 0;
	call.ino = at->inode->i_ino;
	call.dev = inode_dev(at->inode);
	call.step = at->step & 31;
	call.op = op_of(at) & (OP_SLOTS - 1);
	call.allowed = at->allowed;
	call.len = at->len;
	call.nowait = at->flags >> ASK_NOWAIT & 1;
	bpf_loop(inject_cfg.rules, try_rule, &call, 0);
	if (!call.rule)
		return 0;
	rule = &inject_cfg.rule[(call.rule - 1) & (RULES_MAX - 1)];
	verdict->error = rule->error;
	verdict->delay_us = rule->delay_us;
	verdict->cap = rule->cap;
	verdict->stale = !!(rule->verdicts & VERDICT_BIT(STALE));
	verdict->fallback = !!(rule->verdicts & VERDICT_BIT(FALLBACK));
	verdict->defer = !!(rule->verdicts & VERDICT_BIT(DEFER));
	bpf_map_update_elem(&acting, &key, &call.rule, BPF_ANY);
	return 0;
}

/* The functions, and the member of the policy that each is. */
#define STEPS(STEP) \
	STEP(lookup) STEP(mapped) STEP(step) STEP(revalidate) STEP(copy) STEP(release) STEP(writeback_map) STEP(ioend_submit) \
	STEP(ioend_end) STEP(dio_begin) STEP(dio_bio) STEP(dio_end) STEP(dax_fault)

#define STEP_FUNCTION(name) \
	SEC("struct_ops/" #name) \
	int BPF_PROG(name, struct iomap_control_ctx *at, struct iomap_control_verdict *verdict) \
	{ \
		return decide(at, verdict); \
	}
STEPS(STEP_FUNCTION)

#define STEP_MEMBER(step) .step = (void *)step,
/* The name is set by user space, so that several of these can be attached. */
SEC(".struct_ops.link")
struct iomap_control_ops policy = { STEPS(STEP_MEMBER) .name = "inject" };

static __always_inline bool other_policy(struct iomap_control_ops *ops)
{
	char name[POLICY_NAME];
	int i;

	bpf_probe_read_kernel(name, sizeof(name), ops->name);
	for (i = 0; i < POLICY_NAME; i++) {
		if (name[i] != inject_cfg.name[i])
			return true;
		if (!name[i])
			return false;
	}
	return false;
}

/* The rule that has asked for it, from 1 on; 0 if it could not be noted. */
static __always_inline __u32 rule_of(__u64 at, unsigned int applied, unsigned int ignored)
{
	__u32 *found = bpf_map_lookup_elem(&acting, &at), rule;
	struct inject_count *count;

	if (!found)
		return 0;
	rule = *found;
	bpf_map_delete_elem(&acting, &at);
	count = &counts[(rule - 1) & (RULES_MAX - 1)];
	if (applied)
		__sync_fetch_and_add(&count->applied, 1);
	if (ignored)
		__sync_fetch_and_add(&count->ignored, 1);
	return rule;
}

SEC("tp_btf/iomap_control")
int BPF_PROG(told, struct iomap_control_ops *ops, struct inode *inode, struct iomap_control_ctx *at,
	     struct iomap_control_verdict *said, unsigned int applied, unsigned int ignored)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);
	struct submitter by = {};
	struct inject_event *e;
	__u64 delay_ns;
	__u32 rule, op;

	if (!st || other_policy(ops))
		return 0;
	st->seen++;
	rule = rule_of((__u64)at, applied, ignored);
	op = op_of(at);
	delay_ns = said->delay_us * 1000ull;
	/* The verifier has to see the bounds of this, and not of what it is made of. */
	asm volatile("" : "+r"(delay_ns));
	note_inode(&by, inode);
	if (cfg.hist) {
		__u32 slot = cfg.hist_by == BY_OP ? op : at->step;

		aggregate(st, hist_of(st, STATS_BEGIN, slot, by.dev, by.ino, NULL), applied & VERDICT_BIT(ERROR),
			  applied & VERDICT_BIT(DELAY), delay_ns);
		return 0;
	}
	e = reserve(st, sizeof(*e));
	if (!e)
		return 0;
	note_task(&by);
	note_place(ctx, st, STATS_BEGIN, &by, inode);
	e->nulls = 0;
	e->time = bpf_ktime_get_ns();
	e->event = 0;
	e->rule = rule;
	e->step = at->step;
	e->op = op;
	fill_task(e, &by);
	fill_file(e, &by);
	e->pos = at->pos;
	e->len = at->len;
	e->error = said->error;
	e->delay_ns = delay_ns;
	e->cap = said->cap;
	e->applied = applied;
	e->ignored = ignored;
	e->source = cfg.source;
	if (!rule)
		e->nulls |= JF_BIT(rule);
	if (at->asynchronous) {
		e->nulls |= JF_BIT(comm) | JF_BIT(pid) | JF_BIT(tid) | JF_BIT(cgroup);
		e->ustack = -1;
	}
	if (!said->error)
		e->nulls |= JF_BIT(error);
	if (!delay_ns)
		e->nulls |= JF_BIT(delay_ns);
	if (!said->cap)
		e->nulls |= JF_BIT(cap);
	submit(st, e, sizeof(*e));
	return 0;
}
