/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules of check on ioends, folios under writeback, direct I/O, aio and dm-io. Of CHECK_SOURCE_STOCK are rw_begin, rw_complete
 * and dio_queued, all others of CHECK_SOURCE_EVENTS. Included by check.bpf.c.
 *
 * What is followed is known by its address, from an event that only its submitter fires, in a task. A kernel leaves a program out that
 * an interrupt meets while it is running, which a begin is not, or, if it preempts programs (6.18 is one), that another task meets. So
 * what is told at completions may be missing, and on some kernels a begin: an object that has ended is another one then. No rule takes
 * what was not seen for what did not happen, or the one for the other, unless it says so (missing).
 *
 * Ends are noted also while the tool is detaching, and nothing is judged then: what begins is not seen any more.
 */

/* The object at this address is not to be followed; an older one that was must not get what is told of this one. */
static __always_inline void check_drop(__u64 key, enum check_kind kind)
{
	__u64 old = key_of_kind(key, kind);
	int place = check_place(old);

	if (place < 0) {
		old |= CHECK_ENDED;
		place = check_place(old);
	}
	/* The place of one that has ended may become another one's meanwhile. */
	if (place >= 0)
		__sync_val_compare_and_swap(way_at(place), old, 0);
}

/* One that has ended, and has not until check_forget(), so that its place stays its own. */
static __always_inline struct check_state *check_revive(__u64 key, enum check_kind kind)
{
	__u64 of_kind = key_of_kind(key, kind), old = of_kind | CHECK_ENDED;
	int place = check_place(old);

	if (place < 0 || __sync_val_compare_and_swap(way_at(place), old, of_kind) != old)
		return NULL;
	return check_at(place);
}

/* It begins, if the filters let it through. */
static __always_inline struct check_state *io_begin(__u64 key, enum check_kind kind, struct inode *inode)
{
	if (check_left_out(inode)) {
		check_drop(key, kind);
		return NULL;
	}
	return check_begin(key, kind);
}

/*
 * ioend-merge. An ioend lives from iomap_alloc_ioend() to iomap_finish_ioend(), also if it has been merged into another one, whose
 * list it is on then. A range is added where the ioend ends: in the file that is io_offset + io_size, which the end of the file may
 * have cut, so that nothing can follow; on the disk the end of its bio, which is not cut. Type and IOMAP_F_SHARED are those of its
 * mapping. That a new one was begun where the old one could have gone on (too many folios, a full bio) breaks nothing. Ioends that
 * a file system merges in its own completion (XFS) follow each other by io_offset, io_sector and io_size; of their types only
 * IOMAP_UNWRITTEN is told apart, and their status is that of both, as iomap_finish_ioends() ends them all with one error.
 */
enum { ADDED, MERGED };		/* detail of its faults */

SEC("tp_btf/iomap_ioend_new")
int BPF_PROG(ioend_new, void *ioend, struct inode *inode, long long pos, __u64 len, __u64 sector, unsigned short type,
	     unsigned short flags, void *wpc, unsigned int reason)
{
	struct check_state *s;

	if (!state.running)
		return 0;
	s = io_begin(CHECK_KEY(ioend), CHECK_IOEND, inode);
	if (!s)
		return 0;
	s->ioend.inode = CHECK_KEY(inode);
	s->ioend.ino = inode->i_ino;
	s->ioend.pos = pos;
	s->ioend.sector = sector;
	s->ioend.type = type;
	s->ioend.flags = flags;
	check_step(s, STEP_IOEND_NEW, pos, len, type, reason);
	return 0;
}

#define IOEND_FAULT(id, got_, expected_, how) \
	check_violation(ctx, s, inode, .rule = RULE_IOEND_MERGE, .fault = FAULT_##id, .op = OP_WRITEBACK, .pos = pos, .len = len, \
			.got = got_, .expected = expected_, .detail = how)

SEC("tp_btf/iomap_add_to_ioend")
int BPF_PROG(ioend_add, struct inode *inode, __u64 pos, unsigned int dirty_len, struct iomap *iomap, void *ioend, void *folio,
	     unsigned int len, long long ioend_pos, __u64 ioend_len)
{
	struct check_state *s = check_find(CHECK_KEY(ioend), CHECK_IOEND);
	__u64 sector, end, disk_end;

	if (!s || !state.running)
		return 0;
	sector = (iomap->addr + pos - iomap->offset) >> 9;
	end = s->ioend.pos + s->ioend.size;
	disk_end = s->ioend.sector + (s->ioend.bytes >> 9);
	check_step(s, STEP_IOEND_ADD, pos, len, iomap->type, sector);
	check_counted(RULE_IOEND_MERGE);
	if (CHECK_KEY(inode) != s->ioend.inode)
		IOEND_FAULT(OTHER_FILE, inode->i_ino, s->ioend.ino, ADDED);
	else if (pos != end)
		IOEND_FAULT(FILE_GAP, pos, end, ADDED);
	else if (sector != disk_end)
		IOEND_FAULT(DISK_GAP, sector, disk_end, ADDED);
	else if (iomap->type != s->ioend.type)
		IOEND_FAULT(OTHER_TYPE, iomap->type, s->ioend.type, ADDED);
	else if ((iomap->flags ^ s->ioend.flags) & MAP_OF_SHARED)
		IOEND_FAULT(OTHER_SHARED, iomap->flags, s->ioend.flags, ADDED);
	s->ioend.size = ioend_len;
	s->ioend.bytes += len;
	return 0;
}

SEC("tp_btf/iomap_ioend_merge")
int BPF_PROG(ioend_merge, struct iomap_ioend *ioend, struct inode *inode, __u64 first, __u64 size, struct iomap_ioend *next,
	     __u64 pos, __u64 len)
{
	struct check_state *s = check_find(CHECK_KEY(ioend), CHECK_IOEND);
	__u64 sector, disk_end;
	__u16 type, next_type;

	if (!s || !state.running)
		return 0;
	sector = next->io_sector;
	disk_end = ioend->io_sector + (size >> 9);
	type = BPF_CORE_READ((struct iomap_ioend___type *)ioend, io_type);
	next_type = BPF_CORE_READ((struct iomap_ioend___type *)next, io_type);
	check_step(s, STEP_IOEND_MERGE, pos, len, next_type, sector);
	check_counted(RULE_IOEND_MERGE);
	if (next->io_inode != ioend->io_inode)
		IOEND_FAULT(OTHER_FILE, next->io_inode->i_ino, inode->i_ino, MERGED);
	else if (pos != first + size)
		IOEND_FAULT(FILE_GAP, pos, first + size, MERGED);
	else if (sector != disk_end)
		IOEND_FAULT(DISK_GAP, sector, disk_end, MERGED);
	else if ((type == TYPE_UNWRITTEN) != (next_type == TYPE_UNWRITTEN))
		IOEND_FAULT(OTHER_TYPE, next_type, type, MERGED);
	else if ((ioend->io_flags ^ next->io_flags) & MAP_OF_SHARED)
		IOEND_FAULT(OTHER_SHARED, next->io_flags, ioend->io_flags, MERGED);
	else if (ioend->io_bio.bi_status != next->io_bio.bi_status)
		IOEND_FAULT(OTHER_STATUS, next->io_bio.bi_status, ioend->io_bio.bi_status, MERGED);
	return 0;
}

SEC("tp_btf/iomap_ioend_finish")
int BPF_PROG(ioend_finish, void *ioend)
{
	check_forget(CHECK_KEY(ioend), CHECK_IOEND);
	return 0;
}

/*
 * folio-writeback-once. iomap_writepage_map() begins it, with the folio locked, and it ends once: by the completion of the last
 * ioend that the folio is in, which may come before the submission is over where the folio is one block, or by the submitter, if
 * nothing was written or all of it was complete by then. A folio behind the end of the file (SKIPPED) is not put under writeback,
 * and has no end. One that never ends is waited for by whoever looks at it next, so that its next begin never comes.
 */
SEC("tp_btf/iomap_writeback_folio")
int BPF_PROG(folio_begin, struct inode *inode, __u64 pos, __u64 len, void *folio)
{
	struct check_state *s;

	if (!state.running)
		return 0;
	s = io_begin(CHECK_KEY(folio), CHECK_FOLIO, inode);
	if (!s)
		return 0;
	s->folio.begun = 1;
	check_step(s, STEP_WRITEBACK, pos, len, 0, 0);
	return 0;
}

SEC("tp_btf/iomap_writeback_eof")
int BPF_PROG(folio_eof, struct inode *inode, void *folio, __u64 pos, __u64 len, __u64 size, unsigned int verdict)
{
	struct check_state *s = check_find(CHECK_KEY(folio), CHECK_FOLIO);

	/* enum iomap_wb_eof of this project's kernel: 0 is skipped. */
	if (!s || verdict)
		return 0;
	s->folio.begun = 0;
	check_step(s, STEP_WRITEBACK_SKIPPED, pos, len, size, 0);
	check_forget(CHECK_KEY(folio), CHECK_FOLIO);
	return 0;
}

SEC("tp_btf/iomap_writeback_folio_end")
int BPF_PROG(folio_submitted, struct inode *inode, __u64 pos, __u64 len, void *folio, void *wpc, unsigned int ranges, int error)
{
	struct check_state *s = check_find(CHECK_KEY(folio), CHECK_FOLIO);

	if (s)
		check_step(s, STEP_WRITEBACK_SUBMITTED, pos, len, ranges, error);
	return 0;
}

SEC("tp_btf/iomap_folio_writeback_end")
int BPF_PROG(folio_end, struct inode *inode, void *folio, __u64 pos, __u64 len, unsigned int route)
{
	struct check_state *s = check_find(CHECK_KEY(folio), CHECK_FOLIO);
	bool again = !s;

	if (again)
		s = check_find_ended(CHECK_KEY(folio), CHECK_FOLIO);
	if (!s)
		return 0;
	if (state.running) {
		check_counted(RULE_FOLIO_WRITEBACK_ONCE);
		check_step(s, STEP_WRITEBACK_END, pos, len, route, 0);
		s->folio.ended++;
	}
	if (!again)
		check_forget(CHECK_KEY(folio), CHECK_FOLIO);
	else if (state.running)
		check_violation(ctx, s, inode, .rule = RULE_FOLIO_WRITEBACK_ONCE, .fault = FAULT_WRITEBACK_ENDED_AGAIN,
				.op = OP_WRITEBACK, .pos = pos, .len = len, .got = s->folio.ended,
				.expected = s->folio.begun, .detail = route, .missing = true);
	return 0;
}

/*
 * Direct I/O. A request lives from iomap_dio_begin to iomap_dio_end, where the result is known that its caller, or ->ki_complete,
 * gets: at once if it ends before its first lookup (end of file, an invalidation that fails, an OVERWRITE_ONLY write behind the
 * end). iomap_dio_done tells that the last reference is dropped, by the submitter or the last bio; then the waiter, a worker, the
 * caller of ->ki_complete or the last bio itself runs iomap_dio_complete(), which begins with iomap_dio_complete_begin. File
 * systems may call __iomap_dio_rw() and iomap_dio_complete() apart (btrfs, gfs2), and several requests, one after the other, may
 * serve one kiocb, each with what was done before (done_before).
 *
 * dio-result. What is not negative is the number of bytes that were transferred, with those done before: never more than was asked
 * for, for a write as many as were submitted; what a read has got behind the end of the file is not counted. Nothing (0) is no
 * error: the end of the file, or a write that falls back in ->iomap_begin. ->end_io may give any errno in place of the device's.
 * -ENOTBLK is for writes alone (to be done through the page cache), and -EIOCBQUEUED is only told to a submitter who does not wait,
 * and never a result.
 *
 * dio-complete-once. None of done, complete_begin and end comes again before another request begins at the address.
 *
 * dio-after-bios. Each bio holds a reference. A bio that ends after the completion breaks the rule, as does a completion while
 * references are left and bios in flight. Both are asked, as the end of a bio may have been missed: then no reference is left.
 */
SEC("tp_btf/iomap_dio_begin")
int BPF_PROG(dio_begin, void *dio, struct kiocb *iocb, struct inode *inode, long long pos, __u64 len, unsigned int op,
	     unsigned int dio_flags, __u64 done_before, bool wait)
{
	struct check_state *s;

	if (!state.running)
		return 0;
	s = io_begin((__u64)dio, CHECK_DIO, inode);
	if (!s)
		return 0;
	s->dio.pos = pos;
	s->dio.len = len;
	s->dio.before = done_before;
	s->dio.op = iteration_cfg.op_map[op & (OP_SLOTS - 1)];
	s->dio.waits = wait;
	check_step(s, STEP_DIO_BEGIN, pos, len, dio_flags, wait);
	return 0;
}

#define DIO_FAULT(rule_, id, ...) \
	check_violation(ctx, s, inode, .rule = RULE_##rule_, .fault = FAULT_##id, .op = s->dio.op, .pos = s->dio.pos, \
			.len = s->dio.len, __VA_ARGS__)

/* How many references are left, as the kernel counts them. */
static __always_inline int references(void *dio)
{
	return BPF_CORE_READ((struct iomap_dio___ref *)dio, ref.counter);
}

/* It is complete while bios are in flight. */
static __always_inline void completes(void *ctx, struct check_state *s, struct inode *inode, void *dio)
{
	int left;

	if (!asked(RULE_DIO_AFTER_BIOS))
		return;
	left = s->dio.bios > 0 ? references(dio) : 0;
	if (left > 0 && !s->dio.told) {
		s->dio.told = 1;
		DIO_FAULT(DIO_AFTER_BIOS, BEFORE_BIOS, .got = s->dio.bios, .expected = 0, .detail = left, .missing = true);
	}
	s->dio.complete = 1;
}

SEC("tp_btf/iomap_dio_bio_submit")
int BPF_PROG(dio_bio_submit, void *dio, void *bio, struct kiocb *iocb, struct inode *inode, __u64 pos, __u64 len, __u64 sector)
{
	struct check_state *s = check_find((__u64)dio, CHECK_DIO);

	if (!s)
		return 0;
	__sync_fetch_and_add(&s->dio.bios, 1);
	s->dio.submitted = 1;
	check_step(s, STEP_DIO_BIO, pos, len, sector, s->dio.bios);
	return 0;
}

SEC("tp_btf/iomap_dio_bio_end")
int BPF_PROG(dio_bio_end, void *dio, void *bio, struct kiocb *iocb, struct inode *inode, unsigned int status, int error)
{
	struct check_state *s = check_find((__u64)dio, CHECK_DIO);

	if (s)
		__sync_fetch_and_add(&s->dio.bios, -1);
	else
		s = check_find_ended((__u64)dio, CHECK_DIO);
	if (!s || !state.running)
		return 0;
	check_step(s, STEP_DIO_BIO_END, s->dio.pos, s->dio.len, error, s->dio.bios);
	if (s->dio.complete && !s->dio.told) {
		s->dio.told = 1;
		DIO_FAULT(DIO_AFTER_BIOS, BIO_AFTER, .got = 1, .expected = 0, .detail = error, .missing = true);
	}
	return 0;
}

/* The submission is over; what its caller is told comes next, when the request may be gone. */
struct dio_call {
	__u64 dio, begin_ns;
	__u64 waits;		/* 0: no, 1: yes, CALL_NONE: not known */
};
#define CALL_NONE 2

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct dio_call);
} dio_calls SEC(".maps");

/* What the current task is told next is about the request @s; NULL: about one that is not followed. */
static __always_inline void note_call(__u64 dio, struct check_state *s, bool waits)
{
	struct dio_call *call = bpf_task_storage_get(&dio_calls, bpf_get_current_task_btf(), NULL,
						     s ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);

	if (!call)
		return;
	call->waits = CALL_NONE;
	if (s) {
		call->dio = dio;
		call->begin_ns = s->begin_ns;
		call->waits = waits;
	}
}

SEC("tp_btf/iomap_dio_submitted")
int BPF_PROG(dio_submitted, void *dio, struct kiocb *iocb, struct inode *inode, __u64 pos, __u64 left, __u64 submitted, int error,
	     bool wait)
{
	struct check_state *s = check_find((__u64)dio, CHECK_DIO);

	if (s)
		check_step(s, STEP_DIO_SUBMITTED, pos, left, submitted, wait);
	note_call((__u64)dio, s, s && (wait || s->dio.waits));
	return 0;
}

SEC("tp_btf/iomap_dio_rw_queued")
int BPF_PROG(dio_queued, struct inode *inode, __u64 pos, __u64 len)
{
	struct dio_call *call = bpf_task_storage_get(&dio_calls, bpf_get_current_task_btf(), NULL, 0);
	struct check_state *s;

	if (!call || call->waits == CALL_NONE || !state.running)
		return 0;
	if (call->waits) {
		s = check_find_any(call->dio, CHECK_DIO);
		if (s && s->begin_ns != call->begin_ns)
			s = NULL;
		check_violation(ctx, s, inode, .rule = RULE_DIO_RESULT, .fault = FAULT_QUEUED_WAITED,
				.op = s ? s->dio.op : OP_HIDDEN, .pos = pos, .len = len, .got = -EIOCBQUEUED,
				.nulls = CF_BIT(expected) | CF_BIT(detail), .missing = true);
	}
	call->waits = CALL_NONE;
	return 0;
}

SEC("tp_btf/iomap_dio_done")
int BPF_PROG(dio_done, void *dio, struct kiocb *iocb, struct inode *inode, __u64 pos, __u64 len, unsigned int route, int error)
{
	struct check_state *s = check_find_any((__u64)dio, CHECK_DIO);

	if (!s || !state.running)
		return 0;
	check_step(s, STEP_DIO_DONE, pos, len, route, error);
	if (asked(RULE_DIO_COMPLETE_ONCE) && ++s->dio.done > 1)
		DIO_FAULT(DIO_COMPLETE_ONCE, DONE_AGAIN, .got = s->dio.done, .expected = 1, .detail = route, .missing = true);
	completes(ctx, s, inode, dio);
	return 0;
}

SEC("tp_btf/iomap_dio_complete_begin")
int BPF_PROG(dio_complete, void *dio, struct kiocb *iocb, struct inode *inode, __u64 pos, __u64 len, unsigned int route, int error)
{
	struct check_state *s = check_find_any((__u64)dio, CHECK_DIO);

	if (!s || !state.running)
		return 0;
	check_step(s, STEP_DIO_COMPLETE, pos, len, route, error);
	if (asked(RULE_DIO_COMPLETE_ONCE) && ++s->dio.completed > 1)
		DIO_FAULT(DIO_COMPLETE_ONCE, COMPLETED_AGAIN, .got = s->dio.completed, .expected = 1, .detail = route, .missing = true);
	completes(ctx, s, inode, dio);
	return 0;
}

/* @done: bytes, RESULT_ALONE: the source does not tell. */
#define RESULT_ALONE (~0ULL)

static __always_inline void check_dio_result(void *ctx, struct check_state *s, struct inode *inode, __u64 done, int error,
					     __s64 ret)
{
	__s64 most = s->dio.len + s->dio.before, all = done + s->dio.before;
	bool write = s->dio.op == OP_DIO_WRITE;

	check_counted(RULE_DIO_RESULT);
	if (error > 0)
		DIO_FAULT(DIO_RESULT, POSITIVE_ERROR, .got = error, .expected = -error, .detail = ret);
	else if (ret < -MAX_ERRNO)
		DIO_FAULT(DIO_RESULT, NO_ERRNO, .got = ret, .expected = -MAX_ERRNO, .detail = error);
	else if (ret == -EIOCBQUEUED)
		DIO_FAULT(DIO_RESULT, QUEUED_RESULT, .got = ret, .detail = error, .nulls = CF_BIT(expected));
	else if (ret == -ENOTBLK && !write)
		DIO_FAULT(DIO_RESULT, FALLBACK_OF_READ, .got = ret, .detail = error, .nulls = CF_BIT(expected), .missing = true);
	else if (ret > most)
		DIO_FAULT(DIO_RESULT, MORE_THAN_ASKED, .got = ret, .expected = most, .detail = s->dio.before, .missing = true);
	else if (done != RESULT_ALONE && ret > 0 && (write ? ret != all : ret > all))
		DIO_FAULT(DIO_RESULT, NOT_TRANSFERRED, .got = ret, .expected = all, .detail = s->dio.before, .missing = true);
}

SEC("tp_btf/iomap_dio_end")
int BPF_PROG(dio_end, void *dio, struct kiocb *iocb, struct inode *inode, long long pos, __u64 done, int error, __s64 ret)
{
	struct check_state *s = check_find((__u64)dio, CHECK_DIO);
	bool again = !s;

	/* One of nothing, or without memory, has none. */
	if (!dio)
		return 0;
	if (again)
		s = check_find_ended((__u64)dio, CHECK_DIO);
	if (!s)
		return 0;
	if (state.running) {
		check_step(s, STEP_DIO_END, pos, done, ret, error);
		s->dio.complete = 1;
		if (asked(RULE_DIO_COMPLETE_ONCE)) {
			check_counted(RULE_DIO_COMPLETE_ONCE);
			if (again)
				DIO_FAULT(DIO_COMPLETE_ONCE, ENDED_AGAIN, .got = 2, .expected = 1, .detail = ret, .missing = true);
		}
		if (asked(RULE_DIO_AFTER_BIOS) && s->dio.submitted)
			check_counted(RULE_DIO_AFTER_BIOS);
		if (asked(RULE_DIO_RESULT) && !again)
			check_dio_result(ctx, s, inode, done, error, ret);
	}
	if (!again)
		check_forget((__u64)dio, CHECK_DIO);
	return 0;
}

/*
 * The same on a stock kernel from 6.6 on, by the address of the kiocb, which has one request at a time: what its caller returns,
 * and when, but not what is done for it. One that ends before its first lookup has no end, so that its state must not wait for it:
 * it is found as one that has ended, and is unfinished: what was in need of its place leaves it unchecked, which is counted.
 */
SEC("tp_btf/iomap_dio_rw_begin")
int BPF_PROG(rw_begin, struct kiocb *iocb, struct iov_iter *iter, unsigned int dio_flags, __u64 done_before)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	struct check_state *s;
	bool waits;

	if (!state.running)
		return 0;
	waits = !iocb->ki_complete || dio_flags & DIO_FORCE_WAIT;
	/* Nothing is done for no bytes. */
	s = iter->count ? io_begin(CHECK_KEY(iocb), CHECK_DIO, inode) : NULL;
	note_call(CHECK_KEY(iocb), s, waits);
	if (!s)
		return 0;
	s->dio.pos = iocb->ki_pos;
	s->dio.len = iter->count;
	s->dio.before = done_before;
	s->dio.op = iter->data_source ? OP_DIO_WRITE : OP_DIO_READ;
	s->dio.waits = waits;
	check_step(s, STEP_DIO_BEGIN, s->dio.pos, s->dio.len, dio_flags, waits);
	s->unfinished = 1;
	check_forget(CHECK_KEY(iocb), CHECK_DIO);
	return 0;
}

SEC("tp_btf/iomap_dio_complete")
int BPF_PROG(rw_complete, struct kiocb *iocb, int error, __s64 ret)
{
	struct check_state *s = check_revive(CHECK_KEY(iocb), CHECK_DIO);
	struct inode *inode = iocb->ki_filp->f_inode;

	if (!s)
		return 0;
	s->unfinished = 0;
	if (state.running) {
		check_step(s, STEP_DIO_END, s->dio.pos, s->dio.len, ret, error);
		s->dio.completed++;
		if (asked(RULE_DIO_COMPLETE_ONCE)) {
			check_counted(RULE_DIO_COMPLETE_ONCE);
			if (s->dio.completed > 1)
				DIO_FAULT(DIO_COMPLETE_ONCE, ENDED_AGAIN, .got = s->dio.completed, .expected = 1, .detail = ret, .missing = true);
		}
		if (asked(RULE_DIO_RESULT) && s->dio.completed == 1)
			check_dio_result(ctx, s, inode, RESULT_ALONE, error, ret);
	}
	check_forget(CHECK_KEY(iocb), CHECK_DIO);
	return 0;
}

/*
 * kiocb-complete, for the reads and writes of Linux AIO: what fsyncs and polls do has no kiocb of its own. The file's ->read_iter
 * or ->write_iter returns -EIOCBQUEUED, and calls ->ki_complete once, maybe before it returns, or anything else, and does not: then
 * aio calls it itself, after aio_iocb_issued. What io_submit() refuses (REJECTED) has no call. The request is gone with its event
 * in the ring, which io_cancel() and the end of its process do not change. The requests of io_uring have no events.
 */
static __always_inline bool reads_or_writes(unsigned int opcode)
{
	/* IOCB_CMD_PREAD, PWRITE, PREADV, PWRITEV */
	return opcode == 0 || opcode == 1 || opcode == 7 || opcode == 8;
}

SEC("tp_btf/aio_iocb_begin")
int BPF_PROG(kiocb_begin, void *iocb, struct file *file, unsigned long ctx_id, __u64 user_iocb, __u64 user_data,
	     unsigned int opcode, int fd, long long pos, __u64 len)
{
	struct check_state *s;

	if (!state.running)
		return 0;
	if (!reads_or_writes(opcode) || !file) {
		check_drop(CHECK_KEY(iocb), CHECK_KIOCB);
		return 0;
	}
	s = io_begin(CHECK_KEY(iocb), CHECK_KIOCB, file->f_inode);
	if (!s)
		return 0;
	s->kiocb.pos = pos;
	s->kiocb.len = len;
	check_step(s, STEP_KIOCB_BEGIN, pos, len, opcode, fd);
	return 0;
}

#define KIOCB_FAULT(id, ...) \
	check_violation(ctx, s, inode, .rule = RULE_KIOCB_COMPLETE, .fault = FAULT_##id, .op = OP_HIDDEN, .pos = s->kiocb.pos, \
			.len = s->kiocb.len, __VA_ARGS__)

SEC("tp_btf/aio_iocb_issued")
int BPF_PROG(kiocb_issued, void *iocb, struct inode *inode, __u64 user_iocb, __u64 user_data, unsigned int route, long ret)
{
	struct check_state *s = check_find(CHECK_KEY(iocb), CHECK_KIOCB);

	if (!s || !state.running)
		return 0;
	check_step(s, STEP_KIOCB_ISSUED, s->kiocb.pos, s->kiocb.len, ret, route);
	/* enum aio_route of this project's kernel: 0 is inline. */
	if (!route && s->kiocb.completed && !s->kiocb.told) {
		s->kiocb.told = 1;
		KIOCB_FAULT(NOT_QUEUED, .got = ret, .expected = -EIOCBQUEUED, .detail = s->kiocb.completed, .missing = true);
	}
	return 0;
}

SEC("tp_btf/aio_iocb_complete")
int BPF_PROG(kiocb_complete, void *iocb, struct inode *inode, __u64 user_iocb, __u64 user_data, __s64 res)
{
	struct check_state *s = check_find(CHECK_KEY(iocb), CHECK_KIOCB);
	__u32 times;

	if (!s)
		s = check_find_ended(CHECK_KEY(iocb), CHECK_KIOCB);
	if (!s || !state.running)
		return 0;
	times = __sync_fetch_and_add(&s->kiocb.completed, 1) + 1;
	check_step(s, STEP_KIOCB_COMPLETE, s->kiocb.pos, s->kiocb.len, res, 0);
	if (times > 1 && !s->kiocb.told) {
		s->kiocb.told = 1;
		KIOCB_FAULT(CALLED_AGAIN, .got = times, .expected = 1, .detail = res, .missing = true);
	}
	return 0;
}

static __always_inline void check_calls(void *ctx, struct check_state *s, struct inode *inode, unsigned int outcome, __s64 res)
{
	check_step(s, STEP_KIOCB_END, s->kiocb.pos, s->kiocb.len, res, outcome);
	check_counted(RULE_KIOCB_COMPLETE);
	/* enum aio_outcome of this project's kernel: 0 is posted. */
	if (outcome && s->kiocb.completed)
		KIOCB_FAULT(REFUSED_CALLED, .got = s->kiocb.completed, .expected = 0, .detail = res, .missing = true);
	else if (!outcome && !s->kiocb.completed)
		KIOCB_FAULT(NEVER_CALLED, .got = 0, .expected = 1, .detail = res, .missing = true);
}

SEC("tp_btf/aio_iocb_end")
int BPF_PROG(kiocb_end, void *iocb, struct inode *inode, unsigned long ctx_id, __u64 user_iocb, __u64 user_data,
	     unsigned int outcome, __s64 res)
{
	struct check_state *s = check_find(CHECK_KEY(iocb), CHECK_KIOCB);

	if (!s)
		return 0;
	if (state.running)
		check_calls(ctx, s, inode, outcome, res);
	check_forget(CHECK_KEY(iocb), CHECK_KIOCB);
	return 0;
}

/*
 * dmio-notify. A request lives from dm_io_begin to dm_io_end, in dispatch_io() already if no bio is in flight any more, or none was
 * needed. Its struct is free then, and complete_io() calls the owner's function with its context, before dm_io_notify. That knows
 * neither the request, nor is the context its own: several requests of an owner may share one, and it may be gone by then. But end
 * and notification follow each other in one call, so that only what an interrupt, or the owner's function, ends comes between. So
 * the task that is current has a notice outstanding from dm_io_end on. Once it was given, another one of the same function and
 * context breaks the rule, unless an end was missed.
 *
 * dmio-error-bits. Bit n is region n's; there is none without its region.
 */
SEC("tp_btf/dm_io_begin")
int BPF_PROG(dm_begin, void *io, void *client, unsigned int regions, unsigned int opf, unsigned int memory, bool sync,
	     unsigned short ioprio, void *fn, void *context)
{
	struct check_state *s;

	if (!state.running)
		return 0;
	s = io_begin((__u64)io, CHECK_DM_IO, NULL);
	if (!s)
		return 0;
	s->dm.regions = regions;
	check_step(s, STEP_DM_BEGIN, 0, 0, regions, sync);
	return 0;
}

#define DM_FAULT(rule_, id, ...) \
	check_violation(ctx, s, NULL, .rule = RULE_##rule_, .fault = FAULT_##id, .op = OP_HIDDEN, __VA_ARGS__)
#define DM_NULLS (CF_BIT(pos) | CF_BIT(len))

SEC("tp_btf/dm_io_region")
int BPF_PROG(dm_region, void *io, unsigned int region, struct block_device *bdev, __u64 sector, __u64 count, unsigned int opf,
	     unsigned char status)
{
	struct check_state *s = check_find((__u64)io, CHECK_DM_IO);

	if (!s || !state.running)
		return 0;
	check_step(s, STEP_DM_REGION, sector << 9, count << 9, region, status);
	if (region >= s->dm.regions && asked(RULE_DMIO_ERROR_BITS))
		DM_FAULT(DMIO_ERROR_BITS, REGION_BEYOND, .pos = sector << 9, .len = count << 9, .got = region,
			 .expected = s->dm.regions - 1, .nulls = CF_BIT(detail), .missing = true);
	return 0;
}

static __always_inline void check_error_bits(void *ctx, struct check_state *s, __u64 bits)
{
	__u64 regions = s->dm.regions, known = regions < 64 ? (1ULL << regions) - 1 : ~0ULL;

	check_counted(RULE_DMIO_ERROR_BITS);
	if (bits & ~known)
		DM_FAULT(DMIO_ERROR_BITS, BITS_BEYOND, .got = bits, .expected = known, .detail = regions, .nulls = DM_NULLS, .missing = true);
}

/* The task that is current owes the owner a notification. */
static __always_inline void owe_notice(struct check_state *s)
{
	__u64 task = bpf_get_current_task();
	struct check_state *notice = check_find(task, CHECK_NOTICE);
	__u32 outstanding = notice ? notice->notice.outstanding : 0;

	notice = check_begin(task, CHECK_NOTICE);
	if (!notice)
		return;
	notice->notice.outstanding = outstanding + 1;
	/* Its timeline is that of the request. */
	notice->begin_ns = s->begin_ns;
	notice->steps = s->steps;
	__builtin_memcpy(notice->step, s->step, sizeof(s->step));
}

SEC("tp_btf/dm_io_end")
int BPF_PROG(dm_end, void *io, void *client, unsigned long error_bits, bool sync, void *fn, void *context)
{
	struct check_state *s = check_find((__u64)io, CHECK_DM_IO);
	bool again = !s;

	if (again)
		s = check_find_ended((__u64)io, CHECK_DM_IO);
	if (!s || !state.running) {
		/* The notification of a request that is not followed is none of ours. */
		if (asked(RULE_DMIO_NOTIFY))
			check_drop(bpf_get_current_task(), CHECK_NOTICE);
	} else {
		check_step(s, STEP_DM_END, 0, 0, error_bits, sync);
		if (asked(RULE_DMIO_NOTIFY)) {
			if (again)
				DM_FAULT(DMIO_NOTIFY, DM_ENDED_AGAIN, .got = 2, .expected = 1, .nulls = DM_NULLS | CF_BIT(detail), .missing = true);
			owe_notice(s);
		}
		if (asked(RULE_DMIO_ERROR_BITS) && !again)
			check_error_bits(ctx, s, error_bits);
	}
	if (!again)
		check_forget((__u64)io, CHECK_DM_IO);
	return 0;
}

SEC("tp_btf/dm_io_notify")
int BPF_PROG(dm_notify, unsigned long error_bits, bool sync, void *fn, void *context, __u64 duration_ns)
{
	__u64 task = bpf_get_current_task();
	struct check_state *s = check_find(task, CHECK_NOTICE);
	bool again = !s;

	if (again)
		s = check_find_ended(task, CHECK_NOTICE);
	if (!s)
		return 0;
	if (!state.running) {
		check_drop(task, CHECK_NOTICE);
		return 0;
	}
	check_step(s, STEP_DM_NOTIFY, 0, 0, error_bits, duration_ns);
	if (again) {
		if (s->notice.fn == (__u64)fn && s->notice.context == (__u64)context)
			DM_FAULT(DMIO_NOTIFY, NOTIFIED_AGAIN, .got = 2, .expected = 1, .nulls = DM_NULLS | CF_BIT(detail),
				 .missing = true);
		return 0;
	}
	check_counted(RULE_DMIO_NOTIFY);
	s->notice.fn = (__u64)fn;
	s->notice.context = (__u64)context;
	if (--s->notice.outstanding == 0)
		check_forget(task, CHECK_NOTICE);
	return 0;
}
