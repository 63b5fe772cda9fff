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

/* The cgroup of --cgroup: nothing below it is left out. Only made if it is asked for. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct top_key);
	__type(value, struct top_value);
} tops SEC(".maps");

/* What has no room in it is added to an array, by facet and program. Only made if metrics are asked for, as are the cgroups that have room. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct metric_key);
	__type(value, struct metric_value);
} metrics SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct metric_value);
} metrics_other SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} metric_cgroups SEC(".maps");

static const struct hist no_hist;
static const struct top_value no_top;
static const struct metric_value no_metric;
static const __u64 present = 1;

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

static __always_inline bool metering(void)
{
	/* Also that cfg.hist is set. */
	return cfg.hist_by == BY_METRICS;
}

static __always_inline __u64 metric_fs(struct inode *inode)
{
	if ((inode->i_mode & S_IFMT) == S_IFBLK)
		return METRIC_FS_BDEV;
	return (__u64)inode->i_sb->s_type;
}

static __always_inline __u64 far_metric_fs(struct inode *inode)
{
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFBLK)
		return METRIC_FS_BDEV;
	return (__u64)BPF_CORE_READ(inode, i_sb, s_type);
}

#define PATH_HIST_NS	1000000000ull

/* The paths of the files that were met. One that lost its place is found anew, unless it is an old one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct path_key);
	__type(value, struct path_value);
} paths SEC(".maps");

/*
 * Where a path is put together; a program may be preempted by another one, but not by itself. All that changes on the way is in
 * here and not on the stack, where the verifier would follow each value that it can have.
 */
struct path_room {
	__u64 inode;
	__u64 name, root;	/* dentries: how far we are, and where to */
	__u64 version;
	__u8 copy;		/* take the text along */
	__u8 arrived, lost;
	__u32 busy;		/* a program that has interrupted another one on this CPU goes without a path */
	struct path_value value;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STATS_COUNT);
	__type(key, __u32);
	__type(value, struct path_room);
} path_rooms SEC(".maps");

static __always_inline __u64 path_mix(__u64 version, __u64 value)
{
	version = (version ^ value) * 0x9e3779b97f4a7c15;
	return version ^ version >> 29;
}

static __always_inline __u64 alias_offset(void)
{
	if (bpf_core_field_exists(struct dentry___named, d_u.d_alias))
		return bpf_core_field_offset(struct dentry___named, d_u.d_alias);
	return bpf_core_field_offset(struct dentry___unnamed, d_alias);
}

/*
 * A name of the inode: the first one that it still has, otherwise the first one that it had. No lock is needed: names that are found
 * stay readable as long as the program runs (RCU).
 */
static __always_inline struct dentry *name_of(struct inode *inode, bool *deleted)
{
	struct hlist_node *node = BPF_CORE_READ(inode, i_dentry.first);
	struct dentry *first = NULL;
	int i;

	*deleted = false;
	for (i = 0; i < 4 && node; i++) {
		struct dentry *dentry = (void *)node - alias_offset();

		if (BPF_CORE_READ(dentry, d_hash.pprev) || BPF_CORE_READ(dentry, d_parent) == dentry)
			return dentry;
		if (!first)
			first = dentry;
		node = BPF_CORE_READ(node, next);
	}
	*deleted = true;
	return first;
}

/* One component of the path. Returns 1 at the end of the way. */
static long path_step(__u32 index, __u32 *program)
{
	struct path_room *room = bpf_map_lookup_elem(&path_rooms, program);
	struct path_value *value;
	struct dentry *dentry, *parent;
	__u32 sequence, used;
	__u64 hash_len;
	long n;

	if (!room)
		return 1;
	value = &room->value;
	dentry = (struct dentry *)room->name;
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry) {
		/* A tree that is not connected to its root has no path. */
		room->arrived = (__u64)dentry == room->root;
		room->lost = !room->arrived;
		return 1;
	}
	sequence = BPF_CORE_READ(dentry, d_seq.seqcount.sequence);
	hash_len = BPF_CORE_READ(dentry, d_name.hash_len);
	room->lost = sequence & 1;	/* it is being changed */
	room->version = path_mix(path_mix(path_mix(room->version, (__u64)dentry), hash_len), sequence);
	room->name = (__u64)parent;
	if (!room->copy || value->cut)
		return room->lost ? 1 : 0;
	used = value->used;
	if (used > PATH_TEXT - PATH_NAME) {
		value->cut = true;
		return room->lost ? 1 : 0;
	}
	n = bpf_probe_read_kernel_str(value->text + used, PATH_NAME, BPF_CORE_READ(dentry, d_name.name));
	if (n <= 1 || n != (__u32)(hash_len >> 32) + 1)
		room->lost = true;
	else
		value->used = used + n;
	return room->lost ? 1 : 0;
}

/*
 * From a name up to the root of its file system. Returns @version mixed with all that the path is made of, among it the counters that
 * a rename changes; 0 if it cannot be told.
 */
static __always_inline __u64 path_climb(__u32 program, struct path_room *room, struct dentry *dentry, __u64 version, bool copy)
{
	room->name = (__u64)dentry;
	room->version = version;
	room->copy = copy;
	room->arrived = room->lost = false;
	bpf_loop(PATH_DEPTH, path_step, &program, 0);
	if (!room->arrived)
		room->value.cut = true;
	return room->lost ? 0 : room->version;
}

/* Of the inode in the room. Verified once, and not wherever it is called from: so it can take no pointer. */
__noinline __u64 path_look(__u32 program, __u32 dev, __u64 ino)
{
	struct path_key key = { .ino = ino, .dev = dev };
	struct path_value *value;
	struct path_room *room;
	struct dentry *dentry;
	struct inode *inode;
	__u64 version, seed;
	bool deleted;
	__u32 mode;

	/* Before 6.8 this is verified even if nothing calls it, and then the maps are not there. */
	if (!cfg.paths)
		return 0;
	room = bpf_map_lookup_elem(&path_rooms, &program);
	if (!room)
		return 0;
	inode = (struct inode *)room->inode;
	value = &room->value;
	if (cfg.hist) {
		struct path_value *known = bpf_map_lookup_elem(&paths, &key);

		/* One path for each key: that of the file which has the number now, where it was a second ago at most. */
		if (known && known->generation == BPF_CORE_READ(inode, i_generation) && bpf_ktime_get_ns() - known->since_ns < PATH_HIST_NS)
			return 0;
	}
	if (!bpf_core_field_exists(struct dentry, d_parent) || !bpf_core_field_exists(struct dentry, d_name.hash_len) ||
	    !bpf_core_field_exists(struct dentry, d_seq.seqcount.sequence) || !bpf_core_field_exists(struct dentry, d_hash.pprev) ||
	    !bpf_core_field_exists(struct inode, i_dentry.first) || !bpf_core_field_exists(struct super_block, s_root))
		return 0;
	mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	value->generation = BPF_CORE_READ(inode, i_generation);
	value->nlink = BPF_CORE_READ(inode, i_nlink);
	value->used = 0;
	value->directory = mode == S_IFDIR;
	value->block = mode == S_IFBLK;
	value->cut = false;
	value->deleted = false;
	version = 1;
	if (!value->block) {
		dentry = name_of(inode, &deleted);
		/* It has a name, but not in the cache. */
		if (!dentry || (deleted && value->nlink))
			return 0;
		if (!value->nlink)
			deleted = true;
		value->deleted = deleted;
		room->root = (__u64)BPF_CORE_READ(inode, i_sb, s_root);
		seed = path_mix((__u64)value->generation << 1 | deleted, value->nlink);
		version = path_climb(program, room, dentry, seed, false);
		if (!version)
			return 0;
		if (!cfg.hist) {
			key.version = version;
			if (bpf_map_lookup_elem(&paths, &key))
				return version;
		}
		/* What was renamed in between shows in the version. */
		value->cut = false;
		if (path_climb(program, room, dentry, seed, true) != version)
			return 0;
	} else if (!cfg.hist) {
		key.version = version;
		if (bpf_map_lookup_elem(&paths, &key))
			return version;
	}
	value->since_ns = bpf_ktime_get_ns();
	return bpf_map_update_elem(&paths, &key, value, BPF_ANY) ? 0 : version;
}

/*
 * What a record says of the path of its file, to be asked for where the work is submitted: the version of the entry that user space
 * finds in @paths, 0 if the path is not known. @program: STATS_*. The verifier need not know @inode.
 */
static __always_inline __u64 path_of(__u32 program, struct inode *inode, __u32 dev, __u64 ino)
{
	struct path_room *room;
	__u64 version;

	if (!cfg.paths)
		return 0;
	room = bpf_map_lookup_elem(&path_rooms, &program);
	if (!room || __sync_val_compare_and_swap(&room->busy, 0, 1))
		return 0;
	room->inode = (__u64)inode;
	version = path_look(program, dev, ino);
	room->busy = 0;
	return version;
}

/* Each stack that was met, once. Two that fall on the same place do not share it: the second one is lost. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, STACK_DEPTH * sizeof(__u64));
} stacks SEC(".maps");

/* The stacks that --stacks asks for, to be taken where the work is submitted. */
static __always_inline struct stack_ids stacks_of(void *ctx, struct observe_stats *st)
{
	struct stack_ids ids = { -1, -1 };

	if (cfg.stacks & STACKS_KERNEL) {
		ids.kernel = bpf_get_stackid(ctx, &stacks, 0);
		if (ids.kernel < 0)
			__sync_fetch_and_add(&st->stacks_lost, 1);
	}
	if (cfg.stacks & STACKS_USER) {
		ids.user = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
		if (ids.user < 0 && !(bpf_get_current_task_btf()->flags & PF_NO_USER_CODE))
			__sync_fetch_and_add(&st->stacks_lost, 1);
	}
	return ids;
}

/* Who submitted a piece of work, and to which file: noted there, as its end runs in anybody's context. */
struct submitter {
	__u64 ino, cgroup;
	union {
		__u64 path;
		__u64 fs;	/* for metrics, as struct metric_key has it */
	};
	struct task_comm comm;
	struct stack_ids stacks;
	__u32 pid, tid, dev;
	__u16 facet;		/* for metrics, as has been counted where it began */
	__u8 begun;		/* it has been */
};

static __always_inline void note_inode(struct submitter *by, struct inode *inode)
{
	by->dev = inode_dev(inode);
	by->ino = inode->i_ino;
	if (metering())
		by->fs = metric_fs(inode);
}

/* The same by a pointer that the verifier does not know. */
static __always_inline void note_far_inode(struct submitter *by, struct inode *inode)
{
	by->dev = far_inode_dev(inode);
	by->ino = BPF_CORE_READ(inode, i_ino);
	if (metering())
		by->fs = far_metric_fs(inode);
}

/* The cgroup of the current task, if it has room among those that metrics are told of. */
static __always_inline __u64 metric_cgroup(void)
{
	__u64 id;

	if (!cfg.metric_cgroups)
		return 0;
	id = bpf_get_current_cgroup_id();
	if (bpf_map_lookup_elem(&metric_cgroups, &id))
		return id;
	/* Another CPU may be first: what counts is that it is there afterwards. */
	bpf_map_update_elem(&metric_cgroups, &id, &present, BPF_NOEXIST);
	return bpf_map_lookup_elem(&metric_cgroups, &id) ? id : METRIC_CGROUP_OTHER;
}

static __always_inline void note_task(struct submitter *by)
{
	__u64 id = bpf_get_current_pid_tgid();

	by->pid = id >> 32;
	by->tid = id;
	if (metering())
		by->cgroup = metric_cgroup();
	/* Most histograms are not of tasks. */
	if (cfg.hist && cfg.hist_by != BY_COMM && cfg.hist_by != BY_TOP)
		return;
	by->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(&by->comm, sizeof(by->comm));
}

/* What takes long, and is only wanted of work that the filters let through. @inode: NULL if there is no file. */
static __always_inline void note_place(void *ctx, struct observe_stats *st, __u32 program, struct submitter *by, struct inode *inode)
{
	if (inode && !metering())
		by->path = path_of(program, inode, by->dev, by->ino);
	by->stacks = stacks_of(ctx, st);
}

/* The fields of a record of any type (TASK_FIELDS, STACK_FIELDS) that the submitter has. */
#define fill_task(e, by) do { \
	(e)->comm = (by)->comm; \
	(e)->pid = (by)->pid; \
	(e)->tid = (by)->tid; \
	(e)->cgroup = (by)->cgroup; \
	(e)->kstack = (by)->stacks.kernel; \
	(e)->ustack = (by)->stacks.user; \
} while (0)

/* And those of the file, PATH_FIELDS among them. */
#define fill_file(e, by) do { \
	(e)->dev = (by)->dev; \
	(e)->ino = (by)->ino; \
	(e)->path = (by)->path; \
	(e)->path_was = 0; \
} while (0)

static __always_inline bool other_comm(const struct task_comm *comm, const volatile struct task_comm *wanted)
{
	int i;

	for (i = 0; i < (int)sizeof(comm->s); i++) {
		if (comm->s[i] != wanted->s[i])
			return true;
		if (!comm->s[i])
			return false;
	}
	return false;
}

static __always_inline bool comm_differs(void)
{
	struct task_comm comm;

	bpf_get_current_comm(&comm, sizeof(comm));
	return other_comm(&comm, &cfg.comm);
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
	if (cfg.by_cgroup && bpf_current_task_under_cgroup(&cgroups, 0) != 1)
		return true;
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
	hist_count(h, failed, timed, latency_ns);
}

static __always_inline struct top_key top_key_of(__u32 program, const struct submitter *by)
{
	return (struct top_key) {
		.ino = by->ino, .cgroup = by->cgroup, .comm = by->comm, .dev = by->dev, .pid = by->pid, .stats = program,
	};
}

/*
 * Adds an event to top's table. Counted in emitted as well: what user space finds missing in the table went with a key that it took
 * out while a program was about to add to it.
 */
static __always_inline void add_to_top(struct observe_stats *st, const struct top_key *key, __u64 bytes, bool failed, bool timed,
				       __u64 latency_ns)
{
	struct top_value *v = bpf_map_lookup_elem(&tops, key);
	__u32 round, slot;

	if (!v) {
		bpf_map_update_elem(&tops, key, &no_top, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&tops, key);
		if (!v) {
			st->map_full++;
			return;
		}
	}
	st->emitted++;
	aggregate(st, &v->hist, failed, timed, latency_ns);
	v->bytes += bytes;
	round = state.round;
	slot = round & 1;
	if (v->round[slot] != round) {
		v->round[slot] = round;
		v->max_ns[slot] = 0;
	}
	if (timed && latency_ns > v->max_ns[slot])
		v->max_ns[slot] = latency_ns;
}

static __always_inline struct metric_value *other_metric(__u32 program, __u32 facet)
{
	__u32 slot = facet - cfg.metric_first;

	slot = (slot < cfg.metric_facets ? slot : 0) * cfg.metric_programs + program;
	return bpf_map_lookup_elem(&metrics_other, &slot);
}

/* Of a key that is not there yet. Out of line, as it hardly ever happens. */
static __noinline struct metric_value *new_metric(const struct metric_key *key)
{
	struct file_system_type *type = (void *)key->fs;
	struct metric_value *v;
	__u64 name[2] = {};

	bpf_map_update_elem(&metrics, key, &no_metric, BPF_NOEXIST);
	v = bpf_map_lookup_elem(&metrics, key);
	if (v && key->fs > METRIC_FS_OTHER) {
		bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(type, name));
		*(volatile __u64 *)&v->name[1] = name[1];
		*(volatile __u64 *)&v->name[0] = name[0];
	}
	return v;
}

/*
 * Where work of this file system type, device and cgroup is added up; NULL never, but the verifier does not know. @program: which adds,
 * STATS_*. What has no room is marked so, to find the same place again.
 */
static __always_inline struct metric_value *metric_at(__u32 program, __u64 *fs, __u32 dev, __u64 cgroup, __u32 facet)
{
	struct metric_key key = { .fs = *fs, .cgroup = cgroup, .dev = dev, .facet = facet, .stats = program };
	struct metric_value *v;

	if (*fs != METRIC_FS_OTHER) {
		v = bpf_map_lookup_elem(&metrics, &key);
		if (!v)
			v = new_metric(&key);
		if (v)
			return v;
		*fs = METRIC_FS_OTHER;
	}
	return other_metric(program, facet);
}

/* Each event once. Counted in emitted as well: what is missing in the table then went with a key that was taken out meanwhile. */
static __always_inline void add_metric(struct observe_stats *st, struct metric_value *v, bool failed, bool timed, __u64 latency_ns)
{
	__u64 n;

	st->emitted++;
	if (failed)
		v->errors++;
	if (!timed) {
		v->untimed++;
		return;
	}
	v->ns += latency_ns;
	n = metric_latency_slot(hist_bucket(latency_ns));
	/* The bound has to be seen on the very register that is the index. */
	asm volatile("" : "+r"(n));
	if (n < METRIC_LATENCIES)
		v->latency[n]++;
}

static __always_inline void add_size(struct metric_value *v, __u64 bytes)
{
	__u64 sum = v->bytes + bytes;
	__u64 n = metric_size_slot(hist_bucket(bytes));

	if (sum < bytes)
		v->bytes_high++;
	v->bytes = sum;
	asm volatile("" : "+r"(n));
	if (n < METRIC_SIZES)
		v->size[n]++;
}

static __always_inline void add_word(struct metric_value *v, __u32 word)
{
	__u64 index = word;

	asm volatile("" : "+r"(index));
	if (index < METRIC_WORDS)
		v->word[index]++;
}

/*
 * What was counted as begun under this key ends under "other", where the key of the program that sees the end had no room. Out of line, as it
 * hardly ever happens. A key that was taken out meanwhile has no begin any more.
 */
static __noinline int move_begun(const struct metric_key *key)
{
	struct metric_value *v = bpf_map_lookup_elem(&metrics, key);

	if (v)
		__sync_fetch_and_add(&v->dropped, 1);
	return 0;
}

/* Adds what was in flight up at its end. What else it tells is added to the value returned, unless that is NULL. */
static __always_inline struct metric_value *end_metric(struct observe_stats *st, __u32 program, const struct submitter *by, __u32 facet,
						       bool failed, __u64 latency_ns)
{
	__u64 fs = by->fs;
	struct metric_value *v = metric_at(program, &fs, by->dev, by->cgroup, facet);

	if (!v) {
		st->map_full++;
		return NULL;
	}
	if (by->begun && fs != by->fs) {
		struct metric_key began = { .fs = by->fs, .cgroup = by->cgroup, .dev = by->dev, .facet = by->facet, .stats = STATS_END };

		move_begun(&began);
	}
	if (!by->begun || fs != by->fs)
		__sync_fetch_and_add(&v->begun, 1);
	add_metric(st, v, failed, true, latency_ns);
	return v;
}

/* What is put into the table of those in flight, or is there, counts as begun from now on. @program: that sees ends. */
static __always_inline void begin_metric(__u32 program, struct submitter *by, __u32 facet)
{
	struct metric_value *v = metric_at(program, &by->fs, by->dev, by->cgroup, facet);

	by->facet = facet;
	by->begun = 1;
	if (v)
		__sync_fetch_and_add(&v->begun, 1);
}

/* What was in flight has ended unseen, or had no room to be. */
static __always_inline void drop_metric(__u32 program, const struct submitter *by)
{
	__u64 fs = by->fs;
	struct metric_value *v = by->begun ? metric_at(program, &fs, by->dev, by->cgroup, by->facet) : NULL;

	if (v)
		__sync_fetch_and_add(&v->dropped, 1);
}

/* Puts what begins, as @by says, into the table of those in flight; both there and in @f the submitter is first. False: no room. */
static __always_inline bool add_flight(struct observe_stats *st, __u32 program, void *flights, const __u64 *key, const void *f,
				       const struct submitter *by)
{
	struct submitter *old;

	if (!metering())
		return !bpf_map_update_elem(flights, key, f, BPF_ANY);
	if (!bpf_map_update_elem(flights, key, f, BPF_NOEXIST))
		return true;
	/* One at this address whose end was not seen. Without metrics it is missing in the sum at the end. */
	old = bpf_map_lookup_elem(flights, key);
	if (old) {
		__sync_fetch_and_add(&st->unmatched_begin, 1);
		drop_metric(program, old);
		if (!bpf_map_update_elem(flights, key, f, BPF_ANY))
			return true;
	}
	drop_metric(program, by);
	return false;
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

/* The reader looks by itself now and then; it is woken as the ring passes the mark, not for each record beyond. */
static __always_inline __u64 wakeup_flags(__u64 size)
{
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	return used >= cfg.wakeup_bytes && used < cfg.wakeup_bytes + 4 * size ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void submit(struct observe_stats *st, void *e, __u64 size)
{
	__u64 flags = wakeup_flags(size);

	if (cfg.count && state.tickets >= cfg.count)
		flags = BPF_RB_FORCE_WAKEUP;
	st->emitted++;
	bpf_ringbuf_submit(e, flags);
}

#endif
