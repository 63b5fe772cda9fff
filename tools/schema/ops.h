/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vocabulary of lookups: operations, their groups, mapping types and flags. Each word is written here once.
 * The BPF programs and user space both include this file; a list is expanded by the macro its user passes.
 */
#ifndef IOMAPSCOPE_OPS_H
#define IOMAPSCOPE_OPS_H

/*
 * OP(id, name, group, doc). A patched kernel's IOMAP_OP_<id> means the same operation; the numbers need not be equal and
 * are matched by name. The order is the tool's own.
 */
#define IOMAP_OPS(OP) \
	OP(UNKNOWN, "unknown", "other", "a caller of iomap that does not name itself") \
	OP(READ, "read", "buffered", "read of one folio into the page cache") \
	OP(READAHEAD, "readahead", "buffered", "readahead into the page cache") \
	OP(WRITE, "write", "buffered", "write to the page cache") \
	OP(MKWRITE, "mkwrite", "buffered", "write fault on a page cache folio") \
	OP(ZERO, "zero", "buffered", "zeroing of a byte range through the page cache") \
	OP(UNSHARE, "unshare", "buffered", "unsharing of a byte range through the page cache") \
	OP(TRUNCATE, "truncate", "buffered", "zeroing of the rest of a block before a truncation") \
	OP(WRITEBACK, "writeback", "buffered", "writeback of dirty folios") \
	OP(DIO_READ, "dio_read", "dio", "direct read") \
	OP(DIO_WRITE, "dio_write", "dio", "direct write") \
	OP(DAX_READ, "dax_read", "dax", "read of an fsdax file") \
	OP(DAX_WRITE, "dax_write", "dax", "write to an fsdax file") \
	OP(DAX_FAULT_PTE, "dax_fault_pte", "dax", "page fault on an fsdax mapping, one page") \
	OP(DAX_FAULT_PMD, "dax_fault_pmd", "dax", "page fault on an fsdax mapping, one huge page") \
	OP(DAX_FAULT_PUD, "dax_fault_pud", "dax", "page fault on an fsdax mapping, a page above the huge one: it always falls back") \
	OP(DAX_ZERO, "dax_zero", "dax", "zeroing of a byte range of an fsdax file") \
	OP(DAX_UNSHARE, "dax_unshare", "dax", "unsharing of a byte range of an fsdax file") \
	OP(DAX_DEDUPE, "dax_dedupe", "dax", "comparison of two fsdax ranges before they are shared") \
	OP(SEEK_DATA, "seek_data", "seek", "lseek(SEEK_DATA)") \
	OP(SEEK_HOLE, "seek_hole", "seek", "lseek(SEEK_HOLE)") \
	OP(FIEMAP, "fiemap", "map", "FS_IOC_FIEMAP") \
	OP(SWAP_ACTIVATE, "swap_activate", "map", "swapon of a file") \
	OP(BMAP, "bmap", "map", "FIBMAP, and bmap() inside the kernel")

enum op {
#define OP_ENUM(id, name, group, doc) OP_##id,
	IOMAP_OPS(OP_ENUM)
#undef OP_ENUM
	OP_COUNT,
	OP_HIDDEN = 31,		/* the source cannot tell: null */
};

#define OP_SLOTS 32		/* every op number, OP_HIDDEN included, is below this */

/* MAPPING_TYPE(id, name, doc): IOMAP_<id> of include/linux/iomap.h, the numbers are the kernel's and have not moved. */
#define IOMAP_TYPES(TYPE) \
	TYPE(HOLE, "hole", "nothing is allocated") \
	TYPE(DELALLOC, "delalloc", "space is reserved, blocks are not chosen yet") \
	TYPE(MAPPED, "mapped", "blocks with data") \
	TYPE(UNWRITTEN, "unwritten", "blocks that read as zeroes until written") \
	TYPE(INLINE, "inline", "data inside the inode")

enum mapping_type {
#define TYPE_ENUM(id, name, doc) TYPE_##id,
	IOMAP_TYPES(TYPE_ENUM)
#undef TYPE_ENUM
	TYPE_COUNT,
};

/* REASON(id, name, doc): why an ioend was begun, enum iomap_ioend_reason of this project's kernel; the numbers are the same. */
#define IOEND_REASONS(REASON) \
	REASON(APPENDED, "appended", "no reason: the range went on with the ioend before") \
	REASON(FIRST, "first", "there was none before") \
	REASON(SHARED, "shared", "only one of the two is on shared blocks") \
	REASON(TYPE, "type", "the type of the mapping is another") \
	REASON(FILE_GAP, "file_gap", "not contiguous in the file") \
	REASON(DISK_GAP, "disk_gap", "not contiguous on the disk") \
	REASON(NR_FOLIOS, "nr_folios", "the one before has as many folios as may be completed in one go") \
	REASON(BIO_FULL, "bio_full", "the bio of the one before can take no more")

enum ioend_reason {
#define REASON_ENUM(id, name, doc) REASON_##id,
	IOEND_REASONS(REASON_ENUM)
#undef REASON_ENUM
	REASON_COUNT,
	REASON_HIDDEN = 31,	/* the source cannot tell: null */
};

/* REASON(id, name, doc): why an operation gives up a mapping, enum iomap_stale_reason of this project's kernel; the numbers are the same. */
#define STALE_REASONS(REASON) \
	REASON(INVALID, "invalid", "the file system refused it") \
	REASON(FLUSHED, "flushed", "zeroing has to write dirty page cache back over it first") \
	REASON(FORCED, "forced", "a policy asked for it: see inject")

/* WAIT(id, name, doc): who waits for a direct I/O request. */
#define DIO_WAITS(WAIT) \
	WAIT(SYNC, "sync", "the submitter, which asked for synchronous I/O") \
	WAIT(ASYNC, "async", "nobody here: it is queued, and its kiocb is told of the end (libaio, io_uring)") \
	WAIT(WAITED, "waited", "the submitter, though it asked for asynchronous I/O")

/* EXIT(id, name, doc), ROUTE(id, name, doc): enum iomap_dio_exit and iomap_dio_route of this project's kernel; the same numbers. */
#define DIO_EXITS(EXIT) \
	EXIT(EMPTY, "empty", "no bytes were asked for") \
	EXIT(NOMEM, "nomem", "there was no memory for the request") \
	EXIT(EOF, "eof", "a read that begins at or beyond the end of the file") \
	EXIT(FLUSH, "flush", "a read could not write back the page cache, or not without waiting") \
	EXIT(OVERWRITE, "overwrite", "a write was to be an overwrite only, and goes beyond the end of the file") \
	EXIT(INVALIDATE, "invalidate", "a write could not invalidate the page cache, and falls back to buffered I/O or is tried again") \
	EXIT(WORKQUEUE, "workqueue", "there is no workqueue for completions") \
	EXIT(PARTIAL, "partial", "the buffer needs to be faulted in first") \
	EXIT(FALLBACK, "fallback", "the file system wants the rest to be buffered I/O") \
	EXIT(AGAIN, "again", "it cannot be done without waiting, or not as it was asked for") \
	EXIT(ERROR, "error", "a lookup or an extent failed") \
	EXIT(STOPPED, "stopped", "a bio had failed by the time the next was due") \
	EXIT(SHORT, "short", "a read was cut at the end of the file")

#define DIO_ROUTES(ROUTE) \
	ROUTE(UNKNOWN, "unknown", "it was not observed") \
	ROUTE(SUBMITTER, "submitter", "the submitter, as all I/O had ended before it was done submitting") \
	ROUTE(WAITER, "waiter", "the submitter, which had to be woken up") \
	ROUTE(INLINE, "inline", "whoever ended the last bio, at once") \
	ROUTE(CALLER, "caller", "the issuer of the kiocb, in a task of its choice") \
	ROUTE(WORKQUEUE, "workqueue", "a worker of the super block's workqueue")

/* ACCESS(id, name, doc), MAPPED(...), COW(...): of fsdax. */
#define DAX_ACCESSES(ACCESS) \
	ACCESS(READ, "read", "of the file") \
	ACCESS(WRITE, "write", "to the file, or to a private copy of its page")

#define DAX_MAPPED(MAPPED) \
	MAPPED(PAGE, "page", "storage of the file; also where another task has just done so") \
	MAPPED(ZERO, "zero", "a page of zeroes, for a hole that is read") \
	MAPPED(COPY, "copy", "a private copy")

#define DAX_COWS(COW) \
	COW(NONE, "none", "there was no reason to copy") \
	COW(PRIVATE, "private", "a write to a private mapping") \
	COW(SHARED, "shared", "a write to blocks that are shared with another file or range")

/* FALLBACK(id, name, doc): enum dax_fallback_reason of this project's kernel, where the numbers are one more. */
#define DAX_FALLBACKS(FALLBACK) \
	FALLBACK(ORDER, "order", "fsdax does not map pages of this size") \
	FALLBACK(COLOUR, "colour", "address and file offset have different places within a huge page") \
	FALLBACK(PRIVATE, "private", "a write to a private mapping, which is copied page by page") \
	FALLBACK(VMA_START, "vma_start", "the huge page would begin before the mapping does") \
	FALLBACK(VMA_END, "vma_end", "the huge page would end behind the mapping") \
	FALLBACK(EOF, "eof", "the huge page would go beyond the end of the file") \
	FALLBACK(CONFLICT, "conflict", "a part of the range was mapped by small pages before") \
	FALLBACK(LOOKUP, "lookup", "the file system failed to look up a mapping") \
	FALLBACK(EXTENT, "extent", "the extent does not cover the huge page") \
	FALLBACK(TYPE, "type", "the extent has a type that cannot be mapped") \
	FALLBACK(ACCESS, "access", "the device failed to say where the memory is") \
	FALLBACK(SHORT, "short", "the device has less contiguous memory there") \
	FALLBACK(UNALIGNED, "unaligned", "the extent is not aligned to a huge page on the device") \
	FALLBACK(NO_DEVMAP, "no_devmap", "the device's memory has no struct pages") \
	FALLBACK(ZERO_FOLIO, "zero_folio", "there was no huge page of zeroes for a hole") \
	FALLBACK(RACE, "race", "another task has populated the page table meanwhile")

#define WORD_ENUM_ACCESS(id, name, doc) ACCESS_##id,
#define WORD_ENUM_MAPPED(id, name, doc) MAPPED_##id,
#define WORD_ENUM_COW(id, name, doc) COW_##id,
#define WORD_ENUM_FALLBACK(id, name, doc) FALLBACK_##id,
enum dax_access { DAX_ACCESSES(WORD_ENUM_ACCESS) ACCESS_COUNT };
enum dax_mapped { DAX_MAPPED(WORD_ENUM_MAPPED) MAPPED_COUNT, MAPPED_NOTHING = 31 };
enum dax_cow { DAX_COWS(WORD_ENUM_COW) COW_COUNT };
enum dax_fallback { DAX_FALLBACKS(WORD_ENUM_FALLBACK) FALLBACK_COUNT };

#define WORD_ENUM_WAIT(id, name, doc) WAIT_##id,
#define WORD_ENUM_EXIT(id, name, doc) EXIT_##id,
#define WORD_ENUM_ROUTE(id, name, doc) ROUTE_##id,
enum dio_wait { DIO_WAITS(WORD_ENUM_WAIT) WAIT_COUNT };
enum dio_exit { DIO_EXITS(WORD_ENUM_EXIT) EXIT_COUNT, EXIT_HIDDEN = 31 };
enum dio_route { DIO_ROUTES(WORD_ENUM_ROUTE) ROUTE_COUNT, ROUTE_HIDDEN = 31 };

/* OP(id, name, doc): IOCB_CMD_* of <linux/aio_abi.h>, matched by number in bpf/aio.bpf.c. */
#define AIO_OPS(OP) \
	OP(PREAD, "pread", "read into one buffer") \
	OP(PWRITE, "pwrite", "write from one buffer") \
	OP(FSYNC, "fsync", "fsync()") \
	OP(FDSYNC, "fdsync", "fdatasync()") \
	OP(POLL, "poll", "wait until the file is ready") \
	OP(PREADV, "preadv", "read into several buffers") \
	OP(PWRITEV, "pwritev", "write from several buffers") \
	OP(UNKNOWN, "unknown", "an opcode that there is not")

/* ROUTE(id, name, doc), CANCEL(id, name, doc): how an aio request came to its end, and who asked for the end. */
#define AIO_ROUTES(ROUTE) \
	ROUTE(INLINE, "inline", "carried out before io_submit() went on") \
	ROUTE(EARLY, "early", "queued, and complete before io_submit() went on") \
	ROUTE(QUEUED, "queued", "completed in its own time, after io_submit() had gone on") \
	ROUTE(REFUSED, "refused", "io_submit() refused it, and no event was posted")

#define AIO_CANCELS(CANCEL) \
	CANCEL(UNKNOWN, "unknown", "somebody did; the source cannot tell who") \
	CANCEL(USER, "user", "io_cancel() did") \
	CANCEL(CONTEXT, "context", "its context went away, by io_destroy() or as the process ended")

/* OP(id, name, doc): REQ_OP_* of <linux/blk_types.h> as far as dm-io knows them, matched by number in bpf/dmio.bpf.c. */
#define DM_OPS(OP) \
	OP(READ, "read", "read of one region") \
	OP(WRITE, "write", "write of the same data to each region") \
	OP(FLUSH, "flush", "flush of the write cache; most are a write without sectors that has PREFLUSH") \
	OP(DISCARD, "discard", "discard of the regions") \
	OP(SECURE_ERASE, "secure_erase", "secure erasure of the regions") \
	OP(WRITE_ZEROES, "write_zeroes", "zeroing of the regions") \
	OP(OTHER, "other", "another operation of the block layer")

/* MEMORY(id, name, doc): enum dm_io_mem_type; the numbers are the kernel's and have not moved. */
#define DM_MEMORIES(MEMORY) \
	MEMORY(PAGE_LIST, "page_list", "a list of pages") \
	MEMORY(BIO, "bio", "the pages of a bio") \
	MEMORY(VMA, "vma", "memory of vmalloc()") \
	MEMORY(KMEM, "kmem", "memory of kmalloc()")

#define DM_WAITS(WAIT) \
	WAIT(SYNC, "sync", "the submitter") \
	WAIT(ASYNC, "async", "nobody here: its owner is called back")

#define WORD_ENUM_AIO_OP(id, name, doc) AIO_OP_##id,
#define WORD_ENUM_AIO_ROUTE(id, name, doc) AIO_ROUTE_##id,
#define WORD_ENUM_CANCEL(id, name, doc) CANCEL_##id,
#define WORD_ENUM_DM_OP(id, name, doc) DM_OP_##id,
#define WORD_ENUM_DM_WAIT(id, name, doc) DM_WAIT_##id,
enum aio_op { AIO_OPS(WORD_ENUM_AIO_OP) AIO_OP_COUNT };
enum aio_route { AIO_ROUTES(WORD_ENUM_AIO_ROUTE) AIO_ROUTE_COUNT, AIO_ROUTE_HIDDEN = 31 };
enum aio_cancel { AIO_CANCELS(WORD_ENUM_CANCEL) CANCEL_COUNT, CANCEL_NONE = 31 };
enum dm_op { DM_OPS(WORD_ENUM_DM_OP) DM_OP_COUNT };
enum dm_wait { DM_WAITS(WORD_ENUM_DM_WAIT) DM_WAIT_COUNT };

/*
 * Flags are macros in the kernel and absent from BTF, so their bits are chosen by which fields exist (enum flag_era, lib/plan.h).
 * FLAG(name, bit up to 6.2, bit 6.3 to 6.14, bit from 6.15, doc); -1 where the flag does not exist.
 *   6.2 -> 6.3: IOMAP_F_ZONE_APPEND (bit 5) went, and XATTR moved from 6 to 5. In the same release struct iomap's page_ops
 *               became folio_ops, which is the mark used.
 *   6.15: SIZE_CHANGED and STALE moved from 8 and 9 to 14 and 15 (the fix of "iomap: rework IOMAP atomic flags"). In the
 *         same release iomap_iter.processed became status, which is the mark used.
 * Checked against the headers of 6.1, 6.12 and 6.18 and against the patches that added FOLIO_BATCH, INTEGRITY and FSVERITY.
 */
#define IOMAP_MAP_FLAGS(FLAG) \
	FLAG("NEW", 0, 0, 0, "blocks were allocated by this lookup and need zeroing") \
	FLAG("DIRTY", 1, 1, 1, "metadata must be committed before the data is durable") \
	FLAG("SHARED", 2, 2, 2, "blocks are shared with another file or range") \
	FLAG("MERGED", 3, 3, 3, "several block mappings merged into one") \
	FLAG("BUFFER_HEAD", 4, 4, 4, "the file system wants buffer heads") \
	FLAG("ZONE_APPEND", 5, -1, -1, "write by zone append") \
	FLAG("XATTR", 6, 5, 5, "an extended attribute's extent, not file data") \
	FLAG("BOUNDARY", -1, 6, 6, "I/O must not be merged with the mapping before") \
	FLAG("ANON_WRITE", -1, 7, 7, "the block is chosen when the bio is submitted") \
	FLAG("ATOMIC_BIO", -1, -1, 8, "written as one atomic bio") \
	FLAG("INTEGRITY", -1, -1, 9, "the file system handles integrity metadata") \
	FLAG("FSVERITY", -1, -1, 10, "fs-verity metadata beyond the end of the file") \
	FLAG("PRIVATE", 12, 12, 12, "for the file system's own use") \
	FLAG("FOLIO_BATCH", -1, -1, 13, "the lookup gathered the dirty folios of the range") \
	FLAG("SIZE_CHANGED", 8, 8, 14, "the operation changed the file's size") \
	FLAG("STALE", 9, 9, 15, "the mapping is not valid any longer")

/* What a lookup was asked for: IOMAP_<name> of include/linux/iomap.h. The bits have not moved since 6.1. */
#define IOMAP_ASK_FLAGS(FLAG) \
	FLAG("WRITE", 0, 0, 0, "allocate or convert blocks for writing") \
	FLAG("ZERO", 1, 1, 1, "zeroing, holes may be skipped") \
	FLAG("REPORT", 2, 2, 2, "report only (FIEMAP, seek)") \
	FLAG("FAULT", 3, 3, 3, "for a page fault") \
	FLAG("DIRECT", 4, 4, 4, "for direct I/O") \
	FLAG("NOWAIT", 5, 5, 5, "must not block") \
	FLAG("OVERWRITE_ONLY", 6, 6, 6, "only if nothing has to be allocated") \
	FLAG("UNSHARE", 7, 7, 7, "unshare blocks") \
	FLAG("DAX", 8, 8, 8, "for fsdax") \
	FLAG("ATOMIC", -1, 9, 9, "as one atomic write") \
	FLAG("DONTCACHE", -1, 10, 10, "drop the folios after use")

/* IOCB_<name> of include/linux/fs.h, and IOMAP_DIO_<name>. The bits have not moved since 6.1. */
#define IOCB_FLAGS(FLAG) \
	FLAG("HIPRI", 0, 0, 0, "polled") \
	FLAG("DSYNC", 1, 1, 1, "data durable at the end") \
	FLAG("SYNC", 2, 2, 2, "data and metadata durable at the end") \
	FLAG("NOWAIT", 3, 3, 3, "must not block") \
	FLAG("APPEND", 4, 4, 4, "at the end of the file") \
	FLAG("ATOMIC", -1, 6, 6, "as one atomic write") \
	FLAG("EVENTFD", 16, 16, 16, "an eventfd is told of the end") \
	FLAG("DIRECT", 17, 17, 17, "direct I/O") \
	FLAG("WRITE", 18, 18, 18, "a write") \
	FLAG("WAITQ", 19, 19, 19, "to be told when a page is there") \
	FLAG("NOIO", 20, 20, 20, "only what is cached") \
	FLAG("ALLOC_CACHE", 21, 21, 21, "bios may come from the cache of the CPU") \
	FLAG("DIO_CALLER_COMP", -1, 22, 22, "the caller completes in a task of its own")

#define IOMAP_DIO_FLAGS(FLAG) \
	FLAG("FORCE_WAIT", 0, 0, 0, "the submitter waits, whatever the kiocb says") \
	FLAG("OVERWRITE_ONLY", 1, 1, 1, "only if nothing has to be allocated") \
	FLAG("PARTIAL", 2, 2, 2, "stops where the buffer has to be faulted in")

/* VM_FAULT_<name> of include/linux/mm_types.h. The bits have not moved since 6.1. */
#define FAULT_RESULTS(FLAG) \
	FLAG("OOM", 0, 0, 0, "no memory") \
	FLAG("SIGBUS", 1, 1, 1, "an error, or beyond the end of the file") \
	FLAG("MAJOR", 2, 2, 2, "blocks were allocated") \
	FLAG("HWPOISON", 4, 4, 4, "the memory is poisoned") \
	FLAG("HWPOISON_LARGE", 5, 5, 5, "the memory of the huge page is poisoned") \
	FLAG("SIGSEGV", 6, 6, 6, "not allowed") \
	FLAG("NOPAGE", 8, 8, 8, "a page was mapped") \
	FLAG("LOCKED", 9, 9, 9, "a page is returned locked") \
	FLAG("RETRY", 10, 10, 10, "to be tried again") \
	FLAG("FALLBACK", 11, 11, 11, "falls back to smaller pages; no error") \
	FLAG("DONE_COW", 12, 12, 12, "a private copy was mapped") \
	FLAG("NEEDDSYNC", 13, 13, 13, "the file was to be synced first, for MAP_SYNC") \
	FLAG("COMPLETED", 14, 14, 14, "completed")

/* IOCB_FLAG_* and RWF_*: the interface of io_submit(), which does not move. */
#define AIO_FLAGS(FLAG) \
	FLAG("RESFD", 0, 0, 0, "an eventfd is told of the end") \
	FLAG("IOPRIO", 1, 1, 1, "with an I/O priority of its own")

#define RW_FLAGS(FLAG) \
	FLAG("HIPRI", 0, 0, 0, "high priority, polled if possible") \
	FLAG("DSYNC", 1, 1, 1, "data durable at the end") \
	FLAG("SYNC", 2, 2, 2, "data and metadata durable at the end") \
	FLAG("NOWAIT", 3, 3, 3, "must not block") \
	FLAG("APPEND", 4, 4, 4, "at the end of the file") \
	FLAG("NOAPPEND", 5, 5, 5, "at its offset, in spite of O_APPEND") \
	FLAG("ATOMIC", 6, 6, 6, "as one atomic write") \
	FLAG("DONTCACHE", 7, 7, 7, "drop the folios after use")

/* REQ_*: the kernel's bits move and are in its BTF; the tool's are these. */
#define DM_FLAGS(FLAG) \
	FLAG("SYNC", 0, 0, 0, "somebody waits for it") \
	FLAG("META", 1, 1, 1, "metadata") \
	FLAG("PRIO", 2, 2, 2, "before other I/O") \
	FLAG("IDLE", 3, 3, 3, "more of the kind will follow") \
	FLAG("FUA", 4, 4, 4, "durable at the end") \
	FLAG("PREFLUSH", 5, 5, 5, "what was written before is made durable first") \
	FLAG("RAHEAD", 6, 6, 6, "readahead, may fail at any time") \
	FLAG("BACKGROUND", 7, 7, 7, "in the background")

/* REQ_<name> of include/linux/blk_types.h, behind the eight bits of the operation. Only those that have not moved since 6.1. */
#define BIO_FLAGS(FLAG) \
	FLAG("SYNC", 11, 11, 11, "somebody waits for it") \
	FLAG("META", 12, 12, 12, "metadata of the file system") \
	FLAG("PRIO", 13, 13, 13, "before others") \
	FLAG("NOMERGE", 14, 14, 14, "not to be merged with others") \
	FLAG("IDLE", 15, 15, 15, "more is to come soon") \
	FLAG("FUA", 17, 17, 17, "durable at the end") \
	FLAG("PREFLUSH", 18, 18, 18, "the device's cache is flushed before") \
	FLAG("RAHEAD", 19, 19, 19, "readahead, may fail at any time") \
	FLAG("BACKGROUND", 20, 20, 20, "background I/O") \
	FLAG("NOWAIT", 21, 21, 21, "must not block")

/* The bits that the programs themselves look at. */
#define RESULT_FAILED	0x73u		/* OOM, SIGBUS, HWPOISON, HWPOISON_LARGE, SIGSEGV */
#define RESULT_NOPAGE	(1u << 8)
#define RESULT_FALLBACK	(1u << 11)
#define RESULT_DONE_COW	(1u << 12)
#define RESULT_SYNC	(1u << 13)
#define MAP_OF_SHARED	(1u << 2)

#define ASK_WRITE	(1u << 0)
#define ASK_ZERO	(1u << 1)
#define ASK_FAULT	(1u << 3)
#define ASK_DIRECT	(1u << 4)
#define ASK_UNSHARE	(1u << 7)
#define ASK_DAX		(1u << 8)

#define MAP_STALE_OLD	(1u << 9)
#define MAP_STALE_615	(1u << 15)

#define NULL_ADDR	(~0ULL)		/* IOMAP_NULL_ADDR */

/*
 * CALLER(function, op): who calls iomap_iter(), for stock kernels, where the operation is told from the return address. Names
 * from 6.1 on; one that a kernel does not have is not an error. iomap_truncate_page calls iomap_zero_range, so its own name
 * is met only where the compiler inlined that.
 */
#define IOMAP_CALLERS(CALLER) \
	CALLER(iomap_read_folio, OP_READ) \
	CALLER(iomap_readahead, OP_READAHEAD) \
	CALLER(iomap_file_buffered_write, OP_WRITE) \
	CALLER(iomap_page_mkwrite, OP_MKWRITE) \
	CALLER(iomap_zero_range, OP_ZERO) \
	CALLER(iomap_truncate_page, OP_TRUNCATE) \
	CALLER(iomap_file_unshare, OP_UNSHARE) \
	CALLER(iomap_seek_data, OP_SEEK_DATA) \
	CALLER(iomap_seek_hole, OP_SEEK_HOLE) \
	CALLER(iomap_fiemap, OP_FIEMAP) \
	CALLER(iomap_bmap, OP_BMAP) \
	CALLER(iomap_swapfile_activate, OP_SWAP_ACTIVATE) \
	CALLER(__iomap_dio_rw, CALLER_DIO) \
	CALLER(iomap_dio_rw, CALLER_DIO) \
	CALLER(dax_iomap_rw, CALLER_DAX_RW) \
	CALLER(dax_iomap_pte_fault, OP_DAX_FAULT_PTE) \
	CALLER(dax_iomap_pmd_fault, OP_DAX_FAULT_PMD) \
	CALLER(dax_iomap_fault, CALLER_DAX_FAULT) \
	CALLER(dax_file_unshare, OP_DAX_UNSHARE) \
	CALLER(dax_zero_range, OP_DAX_ZERO) \
	CALLER(dax_truncate_page, OP_DAX_ZERO) \
	CALLER(dax_dedupe_file_range_compare, OP_DAX_DEDUPE) \
	CALLER(dax_remap_file_range_prep, OP_DAX_DEDUPE)

/* Callers that serve several operations; the ask flags or the length tell which. Values beside enum op. */
enum caller_kind {
	CALLER_DIO = OP_SLOTS,
	CALLER_DAX_RW,
	CALLER_DAX_FAULT,
};

#endif
