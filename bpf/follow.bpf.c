// SPDX-License-Identifier: GPL-2.0
/*
 * Follows requests through every layer: one program for each event that the kernel has. One of three sources is loaded:
 *
 *   FOLLOW_SOURCE_EVENTS  this project's events
 *   FOLLOW_SOURCE_FEXIT   stock events, functions of writeback, failed lookups
 *   FOLLOW_SOURCE_STOCK   stock events
 *
 * and below each of them the events of the block layer. What is followed has an identity, and an entry in a table under it, from the
 * event that begins it to the one that ends it: that is how what happens in an interrupt or a worker is known to belong to a
 * request. Only a begin asks what its task is at, and joins that; what joins nothing is a request of its own, where the filters
 * are asked.
 *
 * Accounting: a request is counted as seen at its begin. Each of its identities holds a reference. With the last one it ends, and
 * its end record counts it as emitted; user space may still leave it out. Steps that are lost are counted with their request.
 */
#include <asm/ptrace.h>

#include "follow.h"
#include "observe.bpf.h"
#include "ioend.bpf.h"
#include "iteration.bpf.h"

/* Set by user space before load: there are programs that see the end of iomap_read_folio() and iomap_readahead(). */
const volatile bool reads_return;

__u64 requests_begun;

/* What an identity is the address of. */
enum identity {
	IS_KIOCB,
	IS_DIO,			/* on stock kernels the address of its kiocb */
	IS_OP,			/* the iterator */
	IS_PASS,
	IS_IOEND,
	IS_FAULT,
	IS_BIO,			/* one that iomap's events tell the end of */
	IS_BLOCK_BIO,		/* any other */
};

struct followed {
	__u64 request;
	__u64 under;		/* the identity that this one is part of */
	__u64 outer;		/* what the task that is at it was at before */
	__u64 outer_request;
	__u64 bio;		/* ioend: the one to be submitted; operation: the one that is being filled */
	__u64 since_ns;		/* bio: issued; operation: the lookup's begin, 0: it has ended */
	__u64 pos, len;		/* operation: the lookup's range; pass: of the last mapping */
	__u64 addr;		/* pass: of the last mapping */
	__u64 mark;		/* of the system call in which a task was at it, see entry_mark() */
	__u32 tid;		/* the task that is at it, 0: none */
	__u32 ranges;		/* ioend: what was added */
	__u8 kind;		/* enum identity */
	__u8 depth;
	__u8 bytes;		/* a positive result is a number of bytes */
	__u8 over;		/* operation: only its last bio is to come */
	__u8 announced;		/* bio: no step has been told yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct followed);
} followed SEC(".maps");

struct whole {
	__u64 identities;	/* that have begun and not ended */
	__u64 lost;		/* steps */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct whole);
} requests SEC(".maps");

/* What a task is at: an identity, which is of this request if it is still there. */
struct task_at {
	__u64 id;
	__u64 request;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_at);
} tasks SEC(".maps");

static __always_inline struct task_at *task_at(bool create)
{
	return bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), NULL, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}

/* Programs share these counters, and interrupt each other: all is atomic. */
static __always_inline void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline void send(struct follow_record *r)
{
	bpf_ringbuf_submit(r, wakeup_flags(sizeof(*r)));
}

static __always_inline void fill(struct follow_record *r, __u64 request, __u64 id, __u8 step, __u8 depth)
{
	__u64 task = bpf_get_current_pid_tgid();

	__builtin_memset(r, 0, sizeof(*r));
	r->time = bpf_ktime_get_ns();
	r->request = request;
	r->id = id;
	r->step = step;
	r->depth = depth;
	r->op = OP_HIDDEN;
	r->pid = task >> 32;
	r->tid = task;
	bpf_get_current_comm(&r->comm, sizeof(r->comm));
}

static __always_inline void lose_step(__u64 request)
{
	struct whole *q = bpf_map_lookup_elem(&requests, &request);

	if (q)
		count(&q->lost);
}

/* One identity less; the request ends with the last. */
static __noinline int drop(__u64 request)
{
	struct whole *q = bpf_map_lookup_elem(&requests, &request);
	struct observe_stats *st = stats_of(STATS_END);
	struct follow_record *r;

	if (!q || !st || __sync_fetch_and_add(&q->identities, -1) != 1)
		return 0;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (r) {
		fill(r, request, 0, 0, 0);
		r->flags = FOLLOW_LAST;
		r->value[0] = q->lost;
		count(&st->emitted);
		send(r);
	} else {
		count(&st->ring_full);
	}
	bpf_map_delete_elem(&requests, &request);
	return 0;
}

/* What is at this address is followed no longer. */
static __noinline int forget(__u64 id)
{
	struct followed *f = bpf_map_lookup_elem(&followed, &id), *child;
	__u64 request, bio;

	if (!f)
		return 0;
	request = f->request;
	bio = f->kind == IS_IOEND ? f->bio : 0;
	/* The bio of an ioend has ended before it; if the block layer has not told, it never saw it. */
	child = bio ? bpf_map_lookup_elem(&followed, &bio) : NULL;
	if (child && child->under == id && child->request == request && !bpf_map_delete_elem(&followed, &bio))
		drop(request);
	/* Two may try, one succeeds. */
	if (!bpf_map_delete_elem(&followed, &id))
		drop(request);
	return 0;
}

static __always_inline struct followed *followed_of(__u64 id, enum identity kind)
{
	struct followed *f = bpf_map_lookup_elem(&followed, &id);

	return f && f->kind == kind ? f : NULL;
}

/* A record for a step of @f, or NULL. */
static __always_inline struct follow_record *step_of(struct followed *f, __u64 id, enum follow_step step, int deeper)
{
	struct follow_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		lose_step(f->request);
		return NULL;
	}
	fill(r, f->request, id, step, f->depth + deeper);
	return r;
}

/* A step of what is at this address, if that is followed; below its begin and end. */
static __always_inline struct follow_record *step_at(const void *address, enum identity kind, enum follow_step step)
{
	struct followed *f = followed_of((__u64)address, kind);

	return f ? step_of(f, (__u64)address, step, 1) : NULL;
}

struct start {
	void *ctx;		/* the program's, of what may be a request of its own */
	__u64 id;
	__u64 under;		/* 0: what the task is at */
	__u64 pos, len, ino;
	struct inode *inode;	/* of the file, if it may be a request of its own */
	__u32 dev;
	__u8 op;
	__u8 kind;		/* enum identity */
	__u8 step;		/* enum follow_step */
	bool enter;		/* the task is at it from now on */
	bool bytes;
	bool joins_only;	/* no request of its own */
};

/*
 * Whether what the task was at, @f under @id, is over though nothing has told so: another system call has begun; or, as stacks grow down,
 * an iterator begins at its address or above. (Deduplication has two iterators in one frame.)
 */
static __always_inline bool is_stale(const struct followed *f, __u64 id, const struct start *s, __u64 mark)
{
	if (f->mark != mark || s->kind == IS_KIOCB)
		return true;
	return f->kind == IS_OP && s->kind == IS_OP && s->id >= id && s->op != OP_DAX_DEDUPE;
}

/* The task goes back to what it was at before @f. */
static __always_inline void go_back(struct task_at *t, const struct followed *f)
{
	t->id = f->outer;
	t->request = f->outer_request;
}

/* What @t, the current task, is at, unless that is gone: then it is at nothing. */
static __always_inline struct followed *still_at(struct task_at *t)
{
	__u64 id = t->id;
	struct followed *f = id ? bpf_map_lookup_elem(&followed, &id) : NULL;

	if (f && f->request == t->request && f->tid == (__u32)bpf_get_current_pid_tgid())
		return f;
	t->id = 0;
	return NULL;
}

/* What the task is at, NULL if that is nothing that is followed. */
static __always_inline struct followed *current_at(struct task_at *t, const struct start *s, __u64 mark)
{
	struct followed *f;
	__u64 id;
	int i;

	for (i = 0; i < 4 && t; i++) {
		f = still_at(t);
		if (!f)
			return NULL;
		id = t->id;
		if (!is_stale(f, id, s, mark))
			return f;
		go_back(t, f);
		forget(id);
	}
	return NULL;
}

/*
 * Something begins. If its task is at something that is followed, it is part of that, otherwise it is a request of its own, if the
 * filters let it. Returns the record of the step that this is, or NULL: then all is accounted for.
 */
static __always_inline struct follow_record *begin(const struct start *s)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);
	struct followed f = {}, *under;
	struct follow_record *r;
	struct whole *q;
	struct task_at *t;
	__u64 id = s->id, key = s->under, path = 0;
	struct stack_ids stacks = { -1, -1 };

	if (!state.enabled || !st)
		return NULL;
	/* What was at this address has ended unseen. */
	if (bpf_map_lookup_elem(&followed, &id))
		forget(id);
	t = task_at(false);
	f.mark = entry_mark();
	f.kind = s->kind;
	f.bytes = s->bytes;
	if (key) {
		under = bpf_map_lookup_elem(&followed, &key);
	} else {
		under = current_at(t, s, f.mark);
		if (under && t)
			key = t->id;
	}
	if (under) {
		f.request = under->request;
		f.depth = under->depth + 1;
		f.under = key;
	} else {
		if (state.stopping || s->joins_only)
			return NULL;
		count(&st->seen);
		if (task_filtered() || file_filtered(s->dev, s->ino) || op_filtered(s->op)) {
			count(&st->filtered);
			return NULL;
		}
		f.request = __sync_fetch_and_add(&requests_begun, 1) + 1;
		path = path_of(STATS_BEGIN, s->inode, s->dev, s->ino);
		stacks = stacks_of(s->ctx, st);
	}
	key = f.request;
	if (under) {
		q = bpf_map_lookup_elem(&requests, &key);
		if (!q)
			return NULL;
		count(&q->identities);
	} else {
		struct whole first = { .identities = 1 };

		if (bpf_map_update_elem(&requests, &key, &first, BPF_ANY)) {
			count(&st->map_full);
			return NULL;
		}
	}
	if (s->enter) {
		f.tid = bpf_get_current_pid_tgid();
		t = task_at(true);
		if (t) {
			f.outer = t->id;
			f.outer_request = t->request;
			t->id = id;
			t->request = f.request;
		}
	}
	if (bpf_map_update_elem(&followed, &id, &f, BPF_ANY)) {
		if (under) {
			/* It goes on unfollowed: what happens to it is not seen. */
			lose_step(f.request);
			drop(f.request);
		} else {
			count(&st->map_full);
			bpf_map_delete_elem(&requests, &key);
		}
		if (t && s->enter)
			go_back(t, &f);
		return NULL;
	}
	/* Last, as the verifier of 6.1 lets nobody ask twice whether there is a record. */
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		if (under) {
			lose_step(f.request);
			return NULL;
		}
		count(&st->ring_full);
		bpf_map_delete_elem(&followed, &id);
		bpf_map_delete_elem(&requests, &key);
		if (t && s->enter)
			go_back(t, &f);
		return NULL;
	}
	fill(r, f.request, id, s->step, f.depth + (s->kind == IS_BLOCK_BIO));
	r->flags = FOLLOW_BEGINS | (under ? 0 : FOLLOW_FIRST);
	r->under = f.under;
	r->pos = s->pos;
	r->len = s->len;
	r->ino = s->ino;
	r->dev = s->dev;
	r->op = s->op;
	r->cgroup = bpf_get_current_cgroup_id();
	r->path = path;
	r->stacks = stacks;
	return r;
}

/* The task is no longer at @f, nor at what is part of it and has ended unseen. */
static __always_inline void leave(struct followed *f, __u64 id)
{
	struct followed *inner;
	struct task_at *t;
	__u64 at;
	int i;

	if (!f->tid || f->tid != (__u32)bpf_get_current_pid_tgid())
		return;
	t = task_at(false);
	for (i = 0; i < 4 && t && t->id != id; i++) {
		inner = still_at(t);
		if (!inner || inner->request != f->request)
			break;
		at = t->id;
		go_back(t, inner);
		forget(at);
	}
	f->tid = 0;
	if (t)
		go_back(t, f);
}

/* The task goes on with @f, which another one has left. */
static __always_inline void enter(struct followed *f, __u64 id)
{
	struct task_at *t;

	if (f->tid)
		return;
	t = task_at(true);
	if (!t)
		return;
	f->tid = bpf_get_current_pid_tgid();
	f->mark = entry_mark();
	f->outer = t->id;
	f->outer_request = t->request;
	t->id = id;
	t->request = f->request;
}

/* @r is the last step of @f. */
static __always_inline void end(struct followed *f, __u64 id, struct follow_record *r, __s64 ret)
{
	if (r) {
		r->flags = FOLLOW_RESULT | (f->bytes ? FOLLOW_BYTES : 0);
		r->ret = ret;
		send(r);
	}
	leave(f, id);
	forget(id);
}

/* What the kernel's blk_status_to_errno() says. From 14 on a status is another one in each kernel: see status_flags(). */
static __always_inline int status_error(__u32 status)
{
	switch (status) {
	case 0: return 0;
	case 1: return -95;		/* EOPNOTSUPP */
	case 2: return -110;		/* ETIMEDOUT */
	case 3: return -28;		/* ENOSPC */
	case 4: return -67;		/* ENOLINK */
	case 5: return -121;		/* EREMOTEIO */
	case 6: return -52;		/* EBADE */
	case 7: return -61;		/* ENODATA */
	case 8: return -84;		/* EILSEQ */
	case 9: return -12;		/* ENOMEM */
	case 10: return -5;		/* EIO */
	case 11: return -78;		/* EREMCHG */
	case 12: return -11;		/* EAGAIN */
	case 13: return -16;		/* EBUSY */
	}
	return -5;
}

static __always_inline __u16 status_flags(__u32 status)
{
	return status > 13 ? FOLLOW_NO_RET : 0;
}

static __always_inline void set_range(struct follow_record *r, __u64 pos, __u64 len)
{
	r->pos = pos;
	r->len = len;
}

/* A step with a range, a result and the time that it took. */
static __always_inline void timed_step(const void *address, enum identity kind, enum follow_step step, __u64 pos, __u64 len, __s64 ret,
				       __u64 took_ns)
{
	struct follow_record *r = step_at(address, kind, step);

	if (!r)
		return;
	set_range(r, pos, len);
	r->ret = ret;
	r->value[0] = took_ns;
	send(r);
}

/* Linux AIO */

#define IOCB_CMD_PREAD		0
#define IOCB_CMD_PWRITE		1
#define IOCB_CMD_PREADV		7
#define IOCB_CMD_PWRITEV	8

static __always_inline __u32 op_of_kiocb(unsigned int opcode, const struct file *file, const struct inode *inode)
{
	bool write = opcode == IOCB_CMD_PWRITE || opcode == IOCB_CMD_PWRITEV;

	if (!write && opcode != IOCB_CMD_PREAD && opcode != IOCB_CMD_PREADV)
		return OP_HIDDEN;
	if (inode->i_flags & S_DAX)
		return write ? OP_DAX_WRITE : OP_DAX_READ;
	if (file->f_iocb_flags & IOCB_DIRECT)
		return write ? OP_DIO_WRITE : OP_DIO_READ;
	return write ? OP_WRITE : OP_READ;
}

SEC("tp_btf/aio_iocb_begin")
int BPF_PROG(kiocb_begin, void *iocb, struct file *file, unsigned long ctx_id, __u64 user_iocb, __u64 user_data, unsigned int opcode, int fd,
	     long long pos, __u64 len, __u64 buf, unsigned int flags, int rw_flags)
{
	struct start s = {
		.ctx = ctx,
		.id = (__u64)iocb,
		.pos = pos,
		.len = len,
		.kind = IS_KIOCB,
		.step = FOLLOW_KIOCB_BEGIN,
		.enter = true,
	};
	struct follow_record *r;
	struct inode *inode;

	/* One without a file is refused at once. */
	if (!file)
		return 0;
	inode = file->f_inode;
	s.dev = inode_dev(inode);
	s.ino = inode->i_ino;
	s.inode = inode;
	s.op = op_of_kiocb(opcode, file, inode);
	s.bytes = s.op != OP_HIDDEN;
	r = begin(&s);
	if (r) {
		r->value[0] = opcode;
		r->value[1] = (__u32)fd;
		r->value[2] = user_data;
		send(r);
	}
	return 0;
}

SEC("tp_btf/aio_iocb_issued")
int BPF_PROG(kiocb_issued, void *iocb, void *inode, __u64 user_iocb, __u64 user_data, unsigned int route, long ret, __u64 duration_ns)
{
	struct followed *f = followed_of((__u64)iocb, IS_KIOCB);
	struct follow_record *r;

	if (!f)
		return 0;
	r = step_of(f, (__u64)iocb, ret == -EIOCBQUEUED ? FOLLOW_KIOCB_QUEUED : FOLLOW_KIOCB_INLINE, 1);
	if (r) {
		r->ret = ret == -EIOCBQUEUED ? 0 : ret;
		r->value[0] = duration_ns;
		send(r);
	}
	leave(f, (__u64)iocb);
	return 0;
}

SEC("tp_btf/aio_iocb_complete")
int BPF_PROG(kiocb_complete, void *iocb, void *inode, __u64 user_iocb, __u64 user_data, __s64 res, __u64 duration_ns)
{
	timed_step(iocb, IS_KIOCB, FOLLOW_KIOCB_COMPLETE, 0, 0, res, duration_ns);
	return 0;
}

SEC("tp_btf/aio_iocb_cancel")
int BPF_PROG(kiocb_cancel, void *iocb, void *inode, __u64 user_iocb, __u64 user_data, unsigned int reason, int ret)
{
	timed_step(iocb, IS_KIOCB, FOLLOW_KIOCB_CANCEL, 0, 0, ret, reason);
	return 0;
}

#define AIO_OUTCOME_REJECTED 1

SEC("tp_btf/aio_iocb_end")
int BPF_PROG(kiocb_end, void *iocb, void *inode, unsigned long ctx_id, __u64 user_iocb, __u64 user_data, unsigned int outcome, __s64 res,
	     unsigned int slot, __u64 duration_ns)
{
	struct followed *f = followed_of((__u64)iocb, IS_KIOCB);
	struct follow_record *r;

	if (!f)
		return 0;
	if (outcome == AIO_OUTCOME_REJECTED) {
		r = step_of(f, (__u64)iocb, FOLLOW_KIOCB_REJECTED, 0);
		if (r)
			r->value[0] = duration_ns;
	} else {
		r = step_of(f, (__u64)iocb, FOLLOW_KIOCB_POSTED, 0);
		if (r) {
			r->value[0] = slot;
			r->value[1] = duration_ns;
		}
	}
	end(f, (__u64)iocb, r, res);
	return 0;
}

/* fsdax */

#define PAGE_BYTES	4096ULL
#define PMD_BYTES	(2ULL << 20)

/* VM_FAULT_OOM, SIGBUS, HWPOISON, HWPOISON_LARGE, SIGSEGV */
#define VM_FAULT_BAD	(0x1 | 0x2 | 0x10 | 0x20 | 0x40)
#define EFAULT		14

static __always_inline void fault_begin(void *ctx, struct inode *inode, struct vm_fault *vmf, __u32 op, __u64 size)
{
	struct start s = {
		.ctx = ctx,
		.id = (__u64)vmf,
		.pos = vmf->pgoff * PAGE_BYTES & ~(size - 1),
		.len = size,
		.dev = inode_dev(inode),
		.ino = inode->i_ino,
		.inode = inode,
		.op = op,
		.kind = IS_FAULT,
		.step = FOLLOW_FAULT_BEGIN,
		.enter = true,
	};
	struct follow_record *r = begin(&s);

	if (r) {
		r->value[0] = vmf->flags;
		send(r);
	}
}

static __always_inline void fault_end(void *vmf, unsigned int result)
{
	struct followed *f = followed_of((__u64)vmf, IS_FAULT);
	struct follow_record *r;

	if (!f)
		return;
	r = step_of(f, (__u64)vmf, FOLLOW_FAULT_END, 0);
	if (r)
		r->value[0] = result;
	end(f, (__u64)vmf, r, result & VM_FAULT_BAD ? -EFAULT : 0);
}

SEC("tp_btf/dax_pte_fault")
int BPF_PROG(fault_pte, struct inode *inode, struct vm_fault *vmf, int result)
{
	fault_begin(ctx, inode, vmf, OP_DAX_FAULT_PTE, PAGE_BYTES);
	return 0;
}

SEC("tp_btf/dax_pmd_fault")
int BPF_PROG(fault_pmd, struct inode *inode, struct vm_fault *vmf, unsigned long max_pgoff, int result)
{
	fault_begin(ctx, inode, vmf, OP_DAX_FAULT_PMD, PMD_BYTES);
	return 0;
}

SEC("tp_btf/dax_pte_fault_done")
int BPF_PROG(fault_pte_done, void *inode, void *vmf, int result)
{
	fault_end(vmf, result);
	return 0;
}

SEC("tp_btf/dax_pmd_fault_done")
int BPF_PROG(fault_pmd_done, void *inode, void *vmf, unsigned long max_pgoff, int result)
{
	fault_end(vmf, result);
	return 0;
}

SEC("tp_btf/dax_fault_access")
int BPF_PROG(fault_access, void *iter, void *inode, unsigned int op, void *vmf, long long pos, __u64 len, void *iomap, __u64 pfn, int ret)
{
	timed_step(vmf, IS_FAULT, FOLLOW_FAULT_ACCESS, pos, len, ret, pfn);
	return 0;
}

SEC("tp_btf/dax_insert_mapping")
int BPF_PROG(fault_insert, void *inode, void *vmf)
{
	timed_step(vmf, IS_FAULT, FOLLOW_FAULT_INSERT, 0, 0, 0, 0);
	return 0;
}

SEC("tp_btf/dax_pmd_insert_mapping")
int BPF_PROG(fault_insert_pmd, void *inode, void *vmf)
{
	timed_step(vmf, IS_FAULT, FOLLOW_FAULT_INSERT, 0, 0, 0, 0);
	return 0;
}

SEC("tp_btf/dax_fault_cow")
int BPF_PROG(fault_cow, void *iter, void *inode, unsigned int op, void *vmf, long long pos, __u64 len, void *iomap, int error,
	     unsigned int result, __u64 duration_ns)
{
	timed_step(vmf, IS_FAULT, FOLLOW_FAULT_COW, pos, len, error, duration_ns);
	return 0;
}

SEC("tp_btf/dax_fault_fallback")
int BPF_PROG(fault_fallback, void *inode, void *vmf, long long pos, __u64 len, unsigned int reason, int error)
{
	timed_step(vmf, IS_FAULT, FOLLOW_FAULT_FALLBACK, pos, len, error, reason);
	return 0;
}

SEC("tp_btf/dax_sync_fault")
int BPF_PROG(fault_sync, struct inode *inode, void *vmf, long long pos, __u64 len)
{
	struct start s = {
		.ctx = ctx,
		.id = (__u64)vmf,
		.pos = pos,
		.len = len,
		.dev = inode_dev(inode),
		.ino = inode->i_ino,
		.inode = inode,
		.op = len > PAGE_BYTES ? OP_DAX_FAULT_PMD : OP_DAX_FAULT_PTE,
		.kind = IS_FAULT,
		.step = FOLLOW_FAULT_SYNC,
		.enter = true,
	};
	struct follow_record *r = begin(&s);

	if (r)
		send(r);
	return 0;
}

SEC("tp_btf/dax_sync_fault_done")
int BPF_PROG(fault_synced, void *inode, void *vmf, long long pos, __u64 len, int error, unsigned int result, __u64 sync_ns)
{
	struct followed *f = followed_of((__u64)vmf, IS_FAULT);
	struct follow_record *r;

	if (!f)
		return 0;
	r = step_of(f, (__u64)vmf, FOLLOW_FAULT_SYNCED, 0);
	if (r) {
		r->value[0] = result;
		r->value[1] = sync_ns;
	}
	end(f, (__u64)vmf, r, error);
	return 0;
}

SEC("tp_btf/dax_rw_copy")
int BPF_PROG(dax_copy, void *iter, void *inode, unsigned int op, long long pos, __u64 len, unsigned int route, __u64 copied,
	     __u64 duration_ns)
{
	struct follow_record *r = step_at(iter, IS_OP, FOLLOW_DAX_COPY);

	if (r) {
		set_range(r, pos, len);
		r->value[0] = copied;
		r->value[1] = duration_ns;
		send(r);
	}
	return 0;
}

/* Direct I/O */

static __always_inline void dio_begins(void *ctx, __u64 id, __u64 under, struct inode *inode, __u64 pos, __u64 len, __u32 op, __u32 iocb_flags,
				       __u32 dio_flags, __u32 wait)
{
	struct start s = {
		.ctx = ctx,
		.id = id,
		.under = under,
		.pos = pos,
		.len = len,
		.dev = inode_dev(inode),
		.ino = inode->i_ino,
		.inode = inode,
		.op = op,
		.kind = IS_DIO,
		.step = FOLLOW_DIO_BEGIN,
		.enter = true,
		.bytes = true,
	};
	struct follow_record *r = begin(&s);

	if (r) {
		r->value[0] = iocb_flags;
		r->value[1] = dio_flags;
		r->value[2] = wait;
		send(r);
	}
}

SEC("tp_btf/iomap_dio_begin")
int BPF_PROG(dio_begin, void *dio, struct kiocb *iocb, struct inode *inode, long long pos, __u64 len, unsigned int op,
	     unsigned int dio_flags, __u64 done_before, bool wait)
{
	__u64 kiocb = (__u64)iocb;

	dio_begins(ctx, (__u64)dio, followed_of(kiocb, IS_KIOCB) ? kiocb : 0, inode, pos, len, iteration_cfg.op_map[op & (OP_SLOTS - 1)],
		   iocb->ki_flags, dio_flags, !iocb->ki_complete ? WAIT_SYNC : wait ? WAIT_WAITED : WAIT_ASYNC);
	return 0;
}

SEC("tp_btf/iomap_dio_flush")
int BPF_PROG(dio_flush, void *dio, void *iocb, void *inode, long long pos, __u64 len, __s64 ret, __u64 duration_ns)
{
	timed_step(dio, IS_DIO, FOLLOW_DIO_FLUSH, pos, len, ret, duration_ns);
	return 0;
}

SEC("tp_btf/iomap_dio_invalidate")
int BPF_PROG(dio_invalidate, void *dio, void *iocb, void *inode, long long pos, __u64 len, __s64 ret, __u64 duration_ns)
{
	timed_step(dio, IS_DIO, FOLLOW_DIO_INVALIDATE, pos, len, ret, duration_ns);
	return 0;
}

SEC("tp_btf/iomap_dio_invalidate_post")
int BPF_PROG(dio_invalidate_post, void *dio, void *iocb, void *inode, long long pos, __u64 len, __s64 ret, __u64 duration_ns)
{
	timed_step(dio, IS_DIO, FOLLOW_DIO_INVALIDATE_POST, pos, len, ret, duration_ns);
	return 0;
}

SEC("tp_btf/iomap_dio_zero")
int BPF_PROG(dio_zero, void *dio, void *iocb, void *inode, long long pos, __u64 len, void *iomap, bool tail)
{
	timed_step(dio, IS_DIO, FOLLOW_DIO_ZERO, pos, len, 0, tail);
	return 0;
}

SEC("tp_btf/iomap_dio_exit")
int BPF_PROG(dio_exit, void *dio, void *iocb, void *inode, long long pos, __u64 len, unsigned int reason, int ret)
{
	timed_step(dio, IS_DIO, FOLLOW_DIO_EXIT, pos, len, ret, reason);
	return 0;
}

SEC("tp_btf/iomap_dio_bio_submit")
int BPF_PROG(dio_bio, void *dio, struct bio *bio, void *iocb, struct inode *inode, long long pos, __u64 len, __u64 sector, __u32 opf)
{
	struct start s = {
		.id = (__u64)bio,
		.under = (__u64)dio,
		.pos = pos,
		.len = len,
		.dev = BPF_CORE_READ(bio, bi_bdev, bd_dev),
		.op = OP_HIDDEN,
		.kind = IS_BIO,
		.step = FOLLOW_BIO_SUBMIT,
		.joins_only = true,
	};
	struct follow_record *r;

	if (!followed_of((__u64)dio, IS_DIO))
		return 0;
	r = begin(&s);
	if (r) {
		r->value[0] = sector;
		r->value[1] = opf;
		send(r);
	}
	return 0;
}

static __always_inline void bio_ends(__u64 bio, int error)
{
	struct followed *f = followed_of(bio, IS_BIO);

	if (f)
		end(f, bio, step_of(f, bio, FOLLOW_BIO_END, 0), error);
}

SEC("tp_btf/iomap_dio_bio_end")
int BPF_PROG(dio_bio_end, void *dio, void *bio, void *iocb, void *inode, unsigned int status, int error)
{
	bio_ends((__u64)bio, error);
	return 0;
}

SEC("tp_btf/iomap_dio_submitted")
int BPF_PROG(dio_submitted, void *dio, void *iocb, void *inode, long long pos, __u64 len, __u64 submitted, int error, bool wait)
{
	struct followed *f = followed_of((__u64)dio, IS_DIO);
	struct follow_record *r;

	if (!f)
		return 0;
	r = step_of(f, (__u64)dio, FOLLOW_DIO_SUBMITTED, 1);
	if (r) {
		r->ret = error;
		r->value[0] = submitted;
		r->value[1] = wait;
		send(r);
	}
	/* It may be gone from here on. */
	if (!wait)
		leave(f, (__u64)dio);
	return 0;
}

SEC("tp_btf/iomap_dio_wait")
int BPF_PROG(dio_wait, void *dio, void *iocb, void *inode, long long pos, __u64 len, __s64 ret, __u64 duration_ns)
{
	timed_step(dio, IS_DIO, FOLLOW_DIO_WAIT, 0, 0, ret, duration_ns);
	return 0;
}

SEC("tp_btf/iomap_dio_done")
int BPF_PROG(dio_done, void *dio, void *iocb, void *inode, long long pos, __u64 len, unsigned int route, int error)
{
	timed_step(dio, IS_DIO, FOLLOW_DIO_DONE, 0, 0, error, route);
	return 0;
}

SEC("tp_btf/iomap_dio_complete_begin")
int BPF_PROG(dio_complete, void *dio, void *iocb, void *inode, long long pos, __u64 len, unsigned int route, int error, __u64 delay_ns)
{
	struct followed *f = followed_of((__u64)dio, IS_DIO);
	struct follow_record *r;

	if (!f)
		return 0;
	r = step_of(f, (__u64)dio, FOLLOW_DIO_COMPLETE, 1);
	if (r) {
		r->ret = error;
		r->value[0] = route;
		r->value[1] = delay_ns;
		send(r);
	}
	/* Where this is a task, the rest is its work: a write may have to be synced. */
	if (route == ROUTE_SUBMITTER || route == ROUTE_CALLER || route == ROUTE_WORKQUEUE)
		enter(f, (__u64)dio);
	return 0;
}

SEC("tp_btf/iomap_dio_end_io")
int BPF_PROG(dio_end_io, void *dio, void *iocb, void *inode, long long pos, __u64 len, int error, bool unwritten, bool cow, int ret,
	     __u64 duration_ns)
{
	struct follow_record *r = step_at(dio, IS_DIO, FOLLOW_DIO_END_IO);

	if (r) {
		r->ret = ret;
		r->value[0] = unwritten;
		r->value[1] = cow;
		r->value[2] = duration_ns;
		send(r);
	}
	return 0;
}

SEC("tp_btf/iomap_dio_sync")
int BPF_PROG(dio_sync, void *dio, void *iocb, void *inode, long long pos, __u64 len, __s64 ret, __u64 duration_ns)
{
	timed_step(dio, IS_DIO, FOLLOW_DIO_SYNC, pos, len, ret, duration_ns);
	return 0;
}

static __always_inline void dio_ends(__u64 id, __s64 ret)
{
	struct followed *f = followed_of(id, IS_DIO);

	if (f)
		end(f, id, step_of(f, id, FOLLOW_DIO_END, 0), ret);
}

SEC("tp_btf/iomap_dio_end")
int BPF_PROG(dio_end, void *dio, void *iocb, void *inode, long long pos, __u64 len, int error, __s64 ret)
{
	dio_ends((__u64)dio, ret);
	return 0;
}

SEC("tp_btf/iomap_dio_rw_begin")
int BPF_PROG(rw_begin, struct kiocb *iocb, struct iov_iter *iter, unsigned int dio_flags, __u64 done_before)
{
	/* As iomap itself: nothing is done for no bytes. */
	if (iter->count)
		dio_begins(ctx, (__u64)iocb, 0, iocb->ki_filp->f_inode, iocb->ki_pos, iter->count,
			   iter->data_source ? OP_DIO_WRITE : OP_DIO_READ, iocb->ki_flags, dio_flags,
			   !iocb->ki_complete ? WAIT_SYNC : dio_flags & DIO_FORCE_WAIT ? WAIT_WAITED : WAIT_ASYNC);
	return 0;
}

/* The request may be over already: only the task tells which one it was. */
SEC("tp_btf/iomap_dio_rw_queued")
int BPF_PROG(rw_queued, void *inode)
{
	struct task_at *t = task_at(false);
	struct follow_record *r;
	struct followed *f;
	__u64 id;

	f = t ? still_at(t) : NULL;
	if (!f || f->kind != IS_DIO)
		return 0;
	id = t->id;
	r = step_of(f, id, FOLLOW_DIO_QUEUED, 1);
	if (r)
		send(r);
	leave(f, id);
	return 0;
}

SEC("tp_btf/iomap_dio_complete")
int BPF_PROG(rw_complete, void *iocb, int error, __s64 ret)
{
	dio_ends((__u64)iocb, ret);
	return 0;
}

/* A request that ended before its first lookup has no other end. */
SEC("fexit/__iomap_dio_rw")
int BPF_PROG(rw_return, void *iocb, void *iter, void *ops, void *dops, unsigned int dio_flags, void *private, __u64 done_before,
	     void *dio)
{
	__s64 ret = (__s64)dio;

	if (ret == 0 || (ret < 0 && ret >= -4095 && ret != -EIOCBQUEUED))
		dio_ends((__u64)iocb, ret);
	return 0;
}

/* Operations and their mappings */

static __always_inline struct follow_record *op_begins(void *ctx, __u64 iter, struct inode *inode, __u32 op, __u64 pos, __u64 len)
{
	struct start s = {
		.ctx = ctx,
		.id = iter,
		.pos = pos,
		.len = len,
		.dev = inode_dev(inode),
		.ino = inode->i_ino,
		.inode = inode,
		.op = op,
		.kind = IS_OP,
		.step = FOLLOW_OP_BEGIN,
		.enter = true,
	};

	return begin(&s);
}

static __always_inline void set_mapping(struct follow_record *r, __u32 type, __u32 flags, __u64 pos, __u64 len, __u64 addr, __u64 took_ns,
					bool failed)
{
	r->value[0] = type;
	r->value[1] = flags;
	r->value[2] = pos;
	r->value[3] = len;
	r->value[4] = addr;
	r->value[5] = took_ns;
	r->value_nulls = failed ? 0x1f : addr == NULL_ADDR ? 0x10 : 0;
}

SEC("tp_btf/iomap_op_begin")
int BPF_PROG(op_begin, void *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len)
{
	struct follow_record *r = op_begins(ctx, (__u64)iter, inode, iteration_cfg.op_map[op & (OP_SLOTS - 1)], pos, len);

	if (r) {
		r->value[0] = flags;
		send(r);
	}
	return 0;
}

SEC("tp_btf/iomap_lookup")
int BPF_PROG(op_lookup, void *iter, void *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, struct iomap *iomap,
	     void *srcmap, int ret, __u64 duration_ns)
{
	struct follow_record *r = step_at(iter, IS_OP, FOLLOW_LOOKUP);

	if (r) {
		set_range(r, pos, len);
		r->ret = ret < 0 ? ret : 0;
		set_mapping(r, iomap->type, iomap->flags, iomap->offset, iomap->length, iomap->addr, duration_ns, ret < 0);
		send(r);
	}
	return 0;
}

SEC("tp_btf/iomap_step")
int BPF_PROG(op_step, void *iter, void *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, void *iomap, __s64 processed)
{
	timed_step(iter, IS_OP, FOLLOW_WORK, pos, len, processed, 0);
	return 0;
}

SEC("tp_btf/iomap_stale")
int BPF_PROG(op_stale, void *iter, void *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, void *iomap,
	     unsigned int reason)
{
	timed_step(iter, IS_OP, FOLLOW_STALE, pos, len, 0, reason);
	return 0;
}

SEC("tp_btf/iomap_release")
int BPF_PROG(op_release, void *iter, void *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, void *iomap, __s64 written,
	     int ret, __u64 duration_ns)
{
	struct follow_record *r = step_at(iter, IS_OP, FOLLOW_RELEASE);

	if (r) {
		set_range(r, pos, len);
		r->ret = ret;
		r->value[0] = written;
		r->value[1] = duration_ns;
		send(r);
	}
	return 0;
}

SEC("tp_btf/iomap_op_end")
int BPF_PROG(op_end, void *iter, void *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, int ret)
{
	struct followed *f = followed_of((__u64)iter, IS_OP);
	struct follow_record *r;

	if (!f)
		return 0;
	r = step_of(f, (__u64)iter, FOLLOW_OP_END, 0);
	if (!f->bio) {
		end(f, (__u64)iter, r, ret);
		return 0;
	}
	/* A read submits its last bio after this. */
	f->over = true;
	if (r) {
		r->flags = FOLLOW_RESULT;
		r->ret = ret;
		send(r);
	}
	return 0;
}

/* Reads into the page cache */

SEC("tp_btf/iomap_read_bio_add")
int BPF_PROG(read_bio_add, void *iter, void *inode, unsigned int op, void *folio, void *bio)
{
	struct followed *f = followed_of((__u64)iter, IS_OP);

	if (f)
		f->bio = (__u64)bio;
	return 0;
}

SEC("tp_btf/iomap_read_submit")
int BPF_PROG(read_submit, void *iter, void *inode, unsigned int op, struct bio *bio, long long pos, __u64 len, __u64 sector)
{
	struct followed *f = followed_of((__u64)iter, IS_OP);
	struct start s = {
		.id = (__u64)bio,
		.under = (__u64)iter,
		.pos = pos,
		.len = len,
		.dev = BPF_CORE_READ(bio, bi_bdev, bd_dev),
		.op = OP_HIDDEN,
		.kind = IS_BIO,
		.step = FOLLOW_BIO_SUBMIT,
		.joins_only = true,
	};
	struct follow_record *r;

	if (!f)
		return 0;
	r = begin(&s);
	if (r) {
		r->value[0] = sector;
		r->value[1] = BPF_CORE_READ(bio, bi_opf);
		send(r);
	}
	f->bio = 0;
	if (f->over) {
		leave(f, (__u64)iter);
		forget((__u64)iter);
	}
	return 0;
}

SEC("tp_btf/iomap_read_end_io")
int BPF_PROG(read_end, void *inode, void *bio, long long pos, __u64 len, int error)
{
	bio_ends((__u64)bio, error);
	return 0;
}

/* The page cache of writes */

SEC("tp_btf/iomap_write_throttle")
int BPF_PROG(folio_throttle, void *iter, void *inode, unsigned int op, long long pos, __u64 len, int ret, __u64 duration_ns)
{
	timed_step(iter, IS_OP, FOLLOW_FOLIO_THROTTLE, pos, len, ret, duration_ns);
	return 0;
}

SEC("tp_btf/iomap_write_fault_in")
int BPF_PROG(folio_fault_in, void *iter, void *inode, unsigned int op, long long pos, __u64 len, __u64 missing, __u64 duration_ns)
{
	struct follow_record *r = step_at(iter, IS_OP, FOLLOW_FOLIO_FAULT_IN);

	if (r) {
		set_range(r, pos, len);
		r->value[0] = missing;
		r->value[1] = duration_ns;
		send(r);
	}
	return 0;
}

SEC("tp_btf/iomap_get_folio")
int BPF_PROG(folio_get, void *iter, void *inode, unsigned int op, void *folio, long long pos, __u64 len, long long folio_pos,
	     __u64 folio_len, int ret, __u64 duration_ns)
{
	struct follow_record *r = step_at(iter, IS_OP, FOLLOW_FOLIO_GET);

	if (r) {
		set_range(r, pos, len);
		r->ret = ret;
		r->value[0] = folio_pos;
		r->value[1] = folio_len;
		r->value[2] = duration_ns;
		r->value_nulls = ret ? 3 : 0;
		send(r);
	}
	return 0;
}

SEC("tp_btf/iomap_write_copy")
int BPF_PROG(folio_copy, void *iter, void *inode, unsigned int op, void *folio, long long pos, __u64 len, __u64 copied, __u64 duration_ns)
{
	struct follow_record *r = step_at(iter, IS_OP, FOLLOW_FOLIO_COPY);

	if (r) {
		set_range(r, pos, len);
		r->value[0] = copied;
		r->value[1] = duration_ns;
		send(r);
	}
	return 0;
}

SEC("tp_btf/iomap_zero_flush")
int BPF_PROG(folio_flush, void *iter, void *inode, unsigned int op, long long pos, __u64 len, int ret, __u64 duration_ns)
{
	timed_step(iter, IS_OP, FOLLOW_FOLIO_FLUSH, pos, len, ret, duration_ns);
	return 0;
}

/* The stock events of the iterator */

/* How far the last step came, by the one field or the other. */
static __always_inline __s64 processed_of(struct iomap_iter *iter)
{
	if (bpf_core_field_exists(struct iomap_iter___status, status)) {
		struct iomap_iter___status *now = (void *)iter;

		return now->status < 0 ? now->status : iter->pos - now->iter_start_pos;
	}
	if (bpf_core_field_exists(struct iomap_iter___processed, processed))
		return ((struct iomap_iter___processed *)iter)->processed;
	return 0;
}

static __always_inline void stock_op_end(struct followed *f, __u64 id, __s64 ret)
{
	struct follow_record *r = step_of(f, id, FOLLOW_OP_END, 0);

	/* A read submits its last bio after this, and returns. */
	if (!f->over) {
		end(f, id, r, ret);
	} else if (r) {
		r->flags = FOLLOW_RESULT;
		r->ret = ret;
		send(r);
	}
}

/* iomap_iter() is called: for the first time, or with what came of the last mapping. */
static __always_inline void iterate(void *ctx, struct iomap_iter *iter, unsigned long caller)
{
	__u64 id = (__u64)iter, pos, len;
	struct follow_record *r;
	struct followed *f;
	bool follows;

	if (!state.enabled)
		return;
	follows = lookup_follows(iter, &pos, &len);
	f = followed_of(id, IS_OP);
	if (!iter->iomap.length) {
		__u32 op = op_of(caller_at(caller), iter->flags, len);

		r = op_begins(ctx, id, iter->inode, op, pos, len);
		if (r) {
			r->value[0] = iter->flags;
			send(r);
		}
		f = followed_of(id, IS_OP);
		if (!f)
			return;
		f->over = reads_return && (op == OP_READ || op == OP_READAHEAD);
	} else if (f) {
		__s64 processed = processed_of(iter);

		r = step_of(f, id, FOLLOW_WORK, 1);
		if (r) {
			set_range(r, f->pos, f->len);
			r->ret = processed;
			send(r);
		}
		if (!follows) {
			stock_op_end(f, id, processed < 0 ? processed : 0);
			return;
		}
	} else {
		return;
	}
	f->since_ns = bpf_ktime_get_ns();
	f->pos = pos;
	f->len = len;
}

SEC("tp_btf/iomap_iter")
int BPF_PROG(iter_begin, struct iomap_iter *iter, const void *ops, unsigned long caller)
{
	iterate(ctx, iter, caller);
	return 0;
}

/* With fexit on the function, the event takes the trampoline for the caller. */
SEC("fentry/iomap_iter")
int BPF_PROG(iter_enter, struct iomap_iter *iter, const void *ops)
{
	iterate(ctx, iter, caller_of_function(ctx, 2));
	return 0;
}

SEC("tp_btf/iomap_iter_dstmap")
int BPF_PROG(iter_map, void *inode, struct iomap *iomap)
{
	__u64 id = (__u64)iomap - bpf_core_field_offset(struct iomap_iter, iomap);
	struct followed *f = followed_of(id, IS_OP);
	struct follow_record *r;

	if (!f)
		return 0;
	r = step_of(f, id, FOLLOW_LOOKUP, 1);
	if (r) {
		set_range(r, f->pos, f->len);
		set_mapping(r, iomap->type, iomap->flags, iomap->offset, iomap->length, iomap->addr, r->time - f->since_ns, false);
		send(r);
	}
	f->since_ns = 0;
	return 0;
}

/* Only a lookup that failed is news. */
SEC("fexit/iomap_iter")
int BPF_PROG(iter_end, struct iomap_iter *iter, const void *ops, int ret)
{
	struct followed *f = followed_of((__u64)iter, IS_OP);
	struct follow_record *r;

	if (!f || !f->since_ns || ret > 0)
		return 0;
	r = step_of(f, (__u64)iter, FOLLOW_LOOKUP, 1);
	if (r) {
		set_range(r, f->pos, f->len);
		r->ret = ret;
		set_mapping(r, 0, 0, 0, 0, 0, r->time - f->since_ns, true);
		send(r);
	}
	f->since_ns = 0;
	stock_op_end(f, (__u64)iter, ret);
	return 0;
}

/* A read has returned: the operation that its task is at is this one, if that has waited for it. */
static __always_inline void read_returns(void)
{
	struct task_at *t = task_at(false);
	struct followed *f;
	__u64 id;

	f = t ? still_at(t) : NULL;
	if (f && f->kind == IS_OP && f->over) {
		id = t->id;
		leave(f, id);
		forget(id);
	}
}

SEC("fexit/iomap_read_folio")
int BPF_PROG(read_folio_return)
{
	read_returns();
	return 0;
}

SEC("fexit/iomap_readahead")
int BPF_PROG(readahead_return)
{
	read_returns();
	return 0;
}

/* Writeback */

static __always_inline struct follow_record *pass_begins(void *ctx, __u64 wpc, struct inode *inode, __u32 dev, __u64 ino, __u64 pos, __u64 len)
{
	struct start s = {
		.ctx = ctx,
		.id = wpc,
		.pos = pos,
		.len = len,
		.dev = dev,
		.ino = ino,
		.inode = inode,
		.op = OP_WRITEBACK,
		.kind = IS_PASS,
		.step = FOLLOW_PASS_BEGIN,
		.enter = true,
	};

	return begin(&s);
}

SEC("tp_btf/iomap_writepages_begin")
int BPF_PROG(pass_begin, void *wpc, struct inode *inode, long long pos, __u64 len, long nr_to_write, unsigned int flags)
{
	struct follow_record *r = pass_begins(ctx, (__u64)wpc, inode, inode_dev(inode), inode->i_ino, pos, len);

	if (r) {
		r->value[0] = nr_to_write;
		r->value[1] = flags;
		send(r);
	}
	return 0;
}

static __always_inline void pass_ends(__u64 wpc, __s64 pages, int ret, __u64 took_ns, __u8 nulls)
{
	struct followed *f = followed_of(wpc, IS_PASS);
	struct follow_record *r;

	if (!f)
		return;
	r = step_of(f, wpc, FOLLOW_PASS_END, 0);
	if (r) {
		r->value[0] = pages;
		r->value[1] = took_ns;
		r->value_nulls = nulls;
	}
	end(f, wpc, r, ret);
}

SEC("tp_btf/iomap_writepages_end")
int BPF_PROG(pass_end, void *wpc, void *inode, long long pos, __u64 len, long nr_pages, int ret, __u64 duration_ns)
{
	pass_ends((__u64)wpc, nr_pages, ret, duration_ns, 0);
	return 0;
}

/* One for each dirty range of each folio, most of which the same mapping answers: only another one is told. */
SEC("tp_btf/iomap_writeback_lookup")
int BPF_PROG(pass_lookup, void *wpc, void *inode, void *folio, long long pos, __u64 len, struct iomap *iomap, int ret, __u64 duration_ns)
{
	struct followed *f = followed_of((__u64)wpc, IS_PASS);
	struct follow_record *r;

	if (!f || (!ret && f->pos == (__u64)iomap->offset && f->len == iomap->length && f->addr == iomap->addr))
		return 0;
	r = step_of(f, (__u64)wpc, FOLLOW_LOOKUP, 1);
	if (r) {
		set_range(r, pos, len);
		r->ret = ret;
		set_mapping(r, iomap->type, iomap->flags, iomap->offset, iomap->length, iomap->addr, duration_ns, ret < 0);
		send(r);
	}
	f->pos = iomap->offset;
	f->len = iomap->length;
	f->addr = iomap->addr;
	return 0;
}

SEC("tp_btf/iomap_ioend_new")
int BPF_PROG(ioend_new, void *ioend, struct inode *inode, long long pos, __u64 len, __u64 sector, unsigned short type,
	     unsigned short flags, void *wpc, unsigned int reason)
{
	struct start s = {
		.ctx = ctx,
		.id = (__u64)ioend,
		.under = followed_of((__u64)wpc, IS_PASS) ? (__u64)wpc : 0,
		.pos = pos,
		.len = len,
		.dev = inode_dev(inode),
		.ino = inode->i_ino,
		.inode = inode,
		.op = OP_WRITEBACK,
		.kind = IS_IOEND,
		.step = FOLLOW_IOEND_NEW,
	};
	struct follow_record *r = begin(&s);

	if (r) {
		r->value[0] = sector;
		r->value[1] = type;
		r->value[2] = flags;
		r->value[3] = reason;
		send(r);
	}
	return 0;
}

SEC("tp_btf/iomap_add_to_ioend")
int BPF_PROG(ioend_add, void *inode, __u64 pos, unsigned int dirty_len, void *iomap, void *ioend)
{
	struct followed *f = followed_of((__u64)ioend, IS_IOEND);

	if (f)
		f->ranges++;
	return 0;
}

/* The block layer will tell of the bio, under the ioend. */
static __always_inline void expect_bio(struct followed *f, __u64 ioend, __u64 bio)
{
	__u64 request = f->request, key = bio;
	struct followed child = { .request = request, .under = ioend, .kind = IS_BLOCK_BIO, .depth = f->depth + 1, .announced = true };
	struct whole *q;

	if (bpf_map_lookup_elem(&followed, &key))
		forget(key);
	q = bpf_map_lookup_elem(&requests, &request);
	if (!q)
		return;
	count(&q->identities);
	if (bpf_map_update_elem(&followed, &key, &child, BPF_ANY)) {
		count(&q->lost);
		drop(request);
		return;
	}
	f->bio = bio;
}

SEC("tp_btf/iomap_ioend_submit")
int BPF_PROG(ioend_submit, void *ioend, struct inode *inode, long long pos, __u64 len, __u64 sector, unsigned short type,
	     unsigned short flags, void *bio, unsigned int bio_len, __u32 opf, int error)
{
	struct followed *f = followed_of((__u64)ioend, IS_IOEND);
	struct follow_record *r;

	if (!f)
		return 0;
	r = step_of(f, (__u64)ioend, FOLLOW_IOEND_SUBMIT, 1);
	if (r) {
		set_range(r, pos, len);
		r->dev = inode_dev(inode);
		r->ino = inode->i_ino;
		r->op = OP_WRITEBACK;
		r->ret = error;
		r->value[0] = sector;
		r->value[1] = bio_len;
		r->value[2] = f->ranges;
		send(r);
	}
	if (!error)
		expect_bio(f, (__u64)ioend, (__u64)bio);
	return 0;
}

SEC("tp_btf/iomap_ioend_bio_end")
int BPF_PROG(ioend_bio_end, void *ioend, void *inode, long long pos, __u64 len, __u64 sector, unsigned short type, unsigned short flags,
	     int error)
{
	timed_step(ioend, IS_IOEND, FOLLOW_IOEND_BIO_END, 0, 0, error, 0);
	return 0;
}

SEC("tp_btf/iomap_ioend_merge")
int BPF_PROG(ioend_merge, void *ioend, void *inode, long long pos, __u64 len, void *next, long long next_pos, __u64 next_len)
{
	struct follow_record *r = step_at(ioend, IS_IOEND, FOLLOW_IOEND_MERGE);

	if (r) {
		set_range(r, pos, len);
		r->value[0] = next_pos;
		r->value[1] = next_len;
		send(r);
	}
	return 0;
}

static __always_inline void ioend_ends(__u64 ioend, int error)
{
	struct followed *f = followed_of(ioend, IS_IOEND);

	if (f)
		end(f, ioend, step_of(f, ioend, FOLLOW_IOEND_FINISH, 0), error);
}

SEC("tp_btf/iomap_ioend_finish")
int BPF_PROG(ioend_finish, void *ioend, void *inode, long long pos, __u64 len, __u64 sector, unsigned short type, unsigned short flags,
	     int error)
{
	ioend_ends((__u64)ioend, error);
	return 0;
}

/* Writeback on stock kernels, by its functions */

static __always_inline void stock_pass(void *ctx, void *wpc, struct inode *inode, struct writeback_control *wbc)
{
	__u64 pos = BPF_CORE_READ(wbc, range_start);
	struct follow_record *r = pass_begins(ctx, (__u64)wpc, inode, far_inode_dev(inode), BPF_CORE_READ(inode, i_ino), pos,
					      BPF_CORE_READ(wbc, range_end) - pos + 1);

	if (r) {
		r->value[0] = BPF_CORE_READ(wbc, nr_to_write);
		r->value_nulls = 2;
		send(r);
	}
}

SEC("fentry/iomap_writepages")
int BPF_PROG(writepages, void *mapping, void *wbc, void *wpc)
{
	stock_pass(ctx, wpc, BPF_CORE_READ((struct address_space *)mapping, host), wbc);
	return 0;
}

SEC("fexit/iomap_writepages")
int BPF_PROG(writepages_return, void *mapping, void *wbc, void *wpc, void *ops, int ret)
{
	pass_ends((__u64)wpc, 0, ret, 0, 3);
	return 0;
}

SEC("fentry/iomap_writepages")
int BPF_PROG(writepages_wpc, void *wpc)
{
	struct iomap_writepage_ctx___wb_ctx *ctx_ = wpc;

	stock_pass(ctx, wpc, BPF_CORE_READ(ctx_, inode), BPF_CORE_READ(ctx_, wbc));
	return 0;
}

SEC("fexit/iomap_writepages")
int BPF_PROG(writepages_wpc_return, void *wpc, int ret)
{
	pass_ends((__u64)wpc, 0, ret, 0, 3);
	return 0;
}

static __always_inline void stock_submit(void *ctx, struct iomap_ioend *ioend)
{
	struct start s = {
		.ctx = ctx,
		.id = (__u64)ioend,
		.op = OP_WRITEBACK,
		.kind = IS_IOEND,
		.step = FOLLOW_IOEND_SUBMIT,
	};
	struct ioend_state now;
	struct follow_record *r;
	struct inode *inode;
	struct followed *f;

	if (!state.enabled || !ioend)
		return;
	read_ioend(&now, ioend);
	s.pos = now.pos;
	s.len = now.len;
	inode = now.inode;
	s.dev = far_inode_dev(inode);
	s.ino = BPF_CORE_READ(inode, i_ino);
	s.inode = inode;
	r = begin(&s);
	if (r) {
		r->value[0] = now.sector;
		r->value[1] = now.bytes;
		r->value_nulls = now.chain ? 6 : 4;
		send(r);
	}
	f = followed_of((__u64)ioend, IS_IOEND);
	if (f && !now.chain)
		expect_bio(f, (__u64)ioend, (__u64)ioend + bpf_core_field_offset(struct iomap_ioend, io_bio));
}

static __always_inline void stock_finish(struct iomap_ioend *ioend, int error)
{
	ioend = ioend_ending(ioend, &error);
	if (ioend)
		ioend_ends((__u64)ioend, error);
}

SEC("fentry/iomap_submit_ioend")
int BPF_PROG(submit_wpc, void *wpc)
{
	stock_submit(ctx, BPF_CORE_READ((struct iomap_writepage_ctx___ioend *)wpc, ioend));
	return 0;
}

SEC("fentry/iomap_submit_ioend")
int BPF_PROG(submit_ioend, void *wpc, void *ioend)
{
	stock_submit(ctx, ioend);
	return 0;
}

SEC("fentry/iomap_ioend_writeback_submit")
int BPF_PROG(submit_wb_ctx, void *wpc)
{
	stock_submit(ctx, BPF_CORE_READ((struct iomap_writepage_ctx___wb_ctx *)wpc, wb_ctx));
	return 0;
}

SEC("fentry/iomap_finish_ioend")
int BPF_PROG(finish, void *ioend, int error)
{
	stock_finish(ioend, error);
	return 0;
}

SEC("fentry/iomap_finish_ioend_buffered")
int BPF_PROG(finish_buffered, void *ioend)
{
	ioend_ends((__u64)ioend, BPF_CORE_READ((struct iomap_ioend___split *)ioend, io_error));
	return 0;
}

SEC("fentry/iomap_finish_ioend_buffered_write")
int BPF_PROG(finish_buffered_write, void *ioend)
{
	ioend_ends((__u64)ioend, BPF_CORE_READ((struct iomap_ioend___split *)ioend, io_error));
	return 0;
}

/* The block layer */

static __always_inline struct followed *followed_bio(__u64 bio)
{
	struct followed *f = bpf_map_lookup_elem(&followed, &bio);

	return f && (f->kind == IS_BIO || f->kind == IS_BLOCK_BIO) ? f : NULL;
}

static __always_inline void set_bio(struct follow_record *r, struct bio *bio)
{
	r->dev = BPF_CORE_READ(bio, bi_bdev, bd_dev);
	r->value[0] = BPF_CORE_READ(bio, bi_iter.bi_sector);
	r->value[1] = BPF_CORE_READ(bio, bi_iter.bi_size);
	r->value[2] = BPF_CORE_READ(bio, bi_opf);
}

/* A bio that iomap has not told of is part of what its submitter is at: metadata, the log, or any on a stock kernel. */
static __always_inline struct follow_record *bio_begins(struct bio *bio, __u64 under, enum follow_step step)
{
	struct start s = {
		.id = (__u64)bio,
		.under = under,
		.op = OP_HIDDEN,
		.kind = IS_BLOCK_BIO,
		.step = step,
		.joins_only = true,
	};

	return begin(&s);
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(device_queue, struct bio *bio)
{
	struct followed *f = followed_bio((__u64)bio);
	struct follow_record *r;
	bool begins;

	if (f) {
		begins = f->announced;
		f->announced = false;
		r = step_of(f, (__u64)bio, FOLLOW_DEVICE_QUEUE, 1);
		if (!r)
			return 0;
		if (begins) {
			r->flags = FOLLOW_BEGINS;
			r->under = f->under;
		}
	} else {
		struct task_at *t = task_at(false);

		if (!t || !t->id)
			return 0;
		r = bio_begins(bio, 0, FOLLOW_DEVICE_QUEUE);
		if (!r)
			return 0;
	}
	set_bio(r, bio);
	send(r);
	return 0;
}

SEC("tp_btf/block_split")
int BPF_PROG(device_split, struct bio *bio, unsigned int rest)
{
	__u64 whole = (__u64)BPF_CORE_READ(bio, bi_private);
	struct follow_record *r;

	if (!followed_bio(whole))
		return 0;
	r = bio_begins(bio, whole, FOLLOW_DEVICE_SPLIT);
	if (r) {
		set_bio(r, bio);
		send(r);
	}
	return 0;
}

static __always_inline void merge(struct bio *bio)
{
	struct followed *f = followed_bio((__u64)bio);
	struct follow_record *r = f ? step_of(f, (__u64)bio, FOLLOW_DEVICE_MERGE, 1) : NULL;

	if (r) {
		set_bio(r, bio);
		send(r);
	}
}

SEC("tp_btf/block_bio_backmerge")
int BPF_PROG(device_backmerge, struct bio *bio)
{
	merge(bio);
	return 0;
}

SEC("tp_btf/block_bio_frontmerge")
int BPF_PROG(device_frontmerge, struct bio *bio)
{
	merge(bio);
	return 0;
}

#define BIOS_MAX 1024	/* of one request of the block layer that are looked at */

/* What happens to a request of the block layer happens to each of its bios. */
struct bio_walk {
	__u64 bio;
	__u64 sector, len;	/* of the request */
	__u32 covered, bytes;	/* completion: so far, and in all; 32 bits wrap around, which ends the verifier's search */
	__u32 status;
	__u32 step;
};

static long each_bio(__u32 i, void *data)
{
	struct bio_walk *w = data;
	struct bio *bio = (struct bio *)w->bio;
	struct follow_record *r;
	struct followed *f;
	bool whole;
	__u32 size;

	/* A flush has no bytes, and may have a bio. */
	if (!bio || (w->step == FOLLOW_DEVICE_COMPLETE && i && w->covered >= w->bytes))
		return 1;
	size = BPF_CORE_READ(bio, bi_iter.bi_size);
	whole = w->covered + size <= w->bytes;
	f = followed_bio(w->bio);
	if (!f)
		goto next;
	r = step_of(f, w->bio, w->step, 1);
	if (w->step == FOLLOW_DEVICE_ISSUE)
		f->since_ns = r ? r->time : bpf_ktime_get_ns();
	if (r) {
		r->dev = BPF_CORE_READ(bio, bi_bdev, bd_dev);
		if (w->step == FOLLOW_DEVICE_COMPLETE) {
			r->ret = status_error(w->status);
			r->flags = status_flags(w->status);
			r->value[0] = whole ? size : w->bytes - w->covered;
			r->value[1] = r->time - f->since_ns;
			r->value_nulls = f->since_ns ? 0 : 2;
		} else {
			r->value[0] = w->sector;
			r->value[1] = w->len;
		}
		send(r);
	}
	/* The block layer tells no other end of a bio that was in a request. */
	if (w->step == FOLLOW_DEVICE_COMPLETE && f->kind == IS_BLOCK_BIO && whole)
		forget(w->bio);
next:
	w->covered += size;
	w->bio = (__u64)BPF_CORE_READ(bio, bi_next);
	return 0;
}

static __always_inline void walk(struct request *rq, enum follow_step step, __u32 status, __u32 bytes)
{
	struct bio_walk w = {
		.bio = (__u64)rq->bio,
		.sector = rq->__sector,
		.len = rq->__data_len,
		.bytes = bytes,
		.status = status,
		.step = step,
	};

	bpf_loop(BIOS_MAX, each_bio, &w, 0);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(device_issue, struct request *rq)
{
	walk(rq, FOLLOW_DEVICE_ISSUE, 0, 0);
	return 0;
}

SEC("tp_btf/block_rq_requeue")
int BPF_PROG(device_requeue, struct request *rq)
{
	walk(rq, FOLLOW_DEVICE_REQUEUE, 0, 0);
	return 0;
}

/* The bios are still as they were, and the first @bytes of them are done. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(device_complete, struct request *rq, unsigned int status, unsigned int bytes)
{
	walk(rq, FOLLOW_DEVICE_COMPLETE, status, bytes);
	return 0;
}

/* And only of one that was in none, it tells this. */
SEC("tp_btf/block_bio_complete")
int BPF_PROG(device_end, void *queue, struct bio *bio)
{
	struct followed *f = followed_bio((__u64)bio);
	struct follow_record *r;

	if (!f)
		return 0;
	r = step_of(f, (__u64)bio, FOLLOW_DEVICE_END, 1);
	if (r) {
		r->flags = status_flags(bio->bi_status) | (f->kind == IS_BLOCK_BIO ? FOLLOW_RESULT : 0);
		r->ret = status_error(bio->bi_status);
		send(r);
	}
	if (f->kind == IS_BLOCK_BIO) {
		leave(f, (__u64)bio);
		forget((__u64)bio);
	}
	return 0;
}
