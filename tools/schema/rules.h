/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What check verifies, each once: the rules, how each can be broken, what is watched from its begin to its end, and the steps of a
 * timeline. Programs, help, man page and docs/checks.md come from it.
 */
#ifndef IOMAPSCOPE_RULES_H
#define IOMAPSCOPE_RULES_H

#include "rules_io.h"

/* RULE(id, name, what must hold, what that rests on) */
#define RULES(RULE) \
	RULE(LOOKUP_COVERS, "lookup-covers", "a successful lookup gives a mapping that is not empty and covers the position that was asked for", \
	     "iomap_iter_done() in fs/iomap/iter.c; design.rst, ->iomap_begin") \
	RULE(LOOKUP_RELEASE, "lookup-release", "where the file system has ->iomap_end it is called once for each successful lookup, before the next " \
	     "lookup and the end of the operation", \
	     "iomap_iter() in fs/iomap/iter.c; design.rst, ->iomap_end") \
	RULE(STEP_LENGTH, "step-length", "what a step processed, and what ->iomap_end is told was written, is no more than what is left of the mapping " \
	     "and of the range", \
	     "iomap_iter_advance() in fs/iomap/iter.c, struct iomap_ops in include/linux/iomap.h") \
	RULE(NOWAIT_SLEEP, "nowait-sleep", "a lookup with IOMAP_NOWAIT does not sleep", \
	     "design.rst, ->iomap_begin, IOMAP_NOWAIT: trylocks, no blocking allocation, no synchronous metadata I/O") \
	RULE(NOWAIT_AGAIN, "nowait-again", "a lookup with IOMAP_NOWAIT that cannot go on without waiting fails with EAGAIN", \
	     "design.rst, ->iomap_begin, IOMAP_NOWAIT: return -EAGAIN as early as possible") \
	RULE(STALE_RETURNED, "stale-returned", "a successful lookup gives no mapping that is marked stale, and what was found stale is not worked on", \
	     "iomap_iter_done() in fs/iomap/iter.c, iomap_write_begin() in fs/iomap/buffered-io.c; design.rst, struct iomap, IOMAP_F_STALE") \
	RULE(OVERWRITE_ONLY, "overwrite-only", "a lookup with IOMAP_OVERWRITE_ONLY that succeeds gives one extent that is there, is not shared and " \
	     "covers the whole range", \
	     "operations.rst, IOMAP_OVERWRITE_ONLY in Direct Writes (written or unwritten) and in fsdax Writes (written)") \
	RULE(IOEND_MERGE, "ioend-merge", "ioends are merged, and ranges added to one, only where they follow each other in the file and on the disk, and " \
	     "type, flags and status are the same", \
	     "iomap_ioend_can_merge() and iomap_new_ioend_reason(), which is iomap_can_add_to_ioend() without the series, in fs/iomap/buffered-io.c") \
	RULE(FOLIO_WRITEBACK_ONCE, "folio-writeback-once", "the writeback of a folio ends once for each time that it began", \
	     "iomap_writepage_map() and iomap_finish_folio_write() in fs/iomap/buffered-io.c") \
	RULE(DIO_RESULT, "dio-result", "direct I/O returns what is documented: no more than was asked for, no positive error, -EIOCBQUEUED only for " \
	     "asynchronous requests, -ENOTBLK only for writes", \
	     "operations.rst, Direct I/O, Return Values; __iomap_dio_rw() and iomap_dio_complete() in fs/iomap/direct-io.c") \
	RULE(DIO_COMPLETE_ONCE, "dio-complete-once", "a direct I/O request completes once", \
	     "iomap_dio_complete() and iomap_dio_done() in fs/iomap/direct-io.c") \
	RULE(DIO_AFTER_BIOS, "dio-after-bios", "a direct I/O request completes after its last bio has ended", \
	     "struct iomap_dio, ref in fs/iomap/direct-io.c; operations.rst, Direct I/O") \
	RULE(DAX_PMD_ALIGNED, "dax-pmd-aligned", "what a huge page fault on an fsdax mapping installs is aligned to the huge page in file and memory, and " \
	     "the mapping covers all of it", \
	     "dax_iomap_direct_access() and dax_iomap_pmd_fault() in fs/dax.c") \
	RULE(KIOCB_COMPLETE, "kiocb-complete", "->ki_complete is called once if the request was queued, and not otherwise", \
	     "struct kiocb in include/linux/fs.h, aio_rw_done() in fs/aio.c") \
	RULE(DMIO_NOTIFY, "dmio-notify", "dm-io tells the owner of a request once that it is over", \
	     "dec_count() and complete_io() in drivers/md/dm-io.c") \
	RULE(DMIO_ERROR_BITS, "dmio-error-bits", "the error bits of a dm-io request are those of regions that it has", \
	     "dec_count() and dm_io() in drivers/md/dm-io.c; dm-io.rst")

enum check_rule {
#define RULE_ENUM(id, name, holds, rests) RULE_##id,
	RULES(RULE_ENUM)
#undef RULE_ENUM
	RULE_COUNT,
};

#define RULE_BIT(id) (1u << RULE_##id)

/* As the argument of --rules. */
#define RULES_CHOICES \
	"lookup-covers|lookup-release|step-length|nowait-sleep|nowait-again|stale-returned|overwrite-only|ioend-merge|folio-writeback-once|" \
	"dio-result|dio-complete-once|dio-after-bios|dax-pmd-aligned|kiocb-complete|dmio-notify|dmio-error-bits"

/* FAULT(id, rule, name, what is wrong, what the violation's numbers are: those that are not named here are null) */
#define FAULTS(FAULT) \
	FAULT(EMPTY, LOOKUP_COVERS, "empty", "the mapping has no bytes", "got: its length; detail: where it begins") \
	FAULT(BEGINS_LATER, LOOKUP_COVERS, "begins-later", "the mapping begins behind the position", \
	      "got: where it begins; expected: the last place where it may; detail: its length") \
	FAULT(ENDS_BEFORE, LOOKUP_COVERS, "ends-before", "the mapping ends before the position", \
	      "got: where it ends; expected: the first place where it may; detail: where it begins") \
	FAULT(NOT_RELEASED, LOOKUP_RELEASE, "not-released", "->iomap_end was not called for the mapping", "got: calls; expected: calls that there should be") \
	FAULT(RELEASED_AGAIN, LOOKUP_RELEASE, "released-again", "->iomap_end was called without a mapping, or again for the same", \
	      "got: calls; expected: calls that there should be") \
	FAULT(PROCESSED_TOO_MUCH, STEP_LENGTH, "processed-too-much", "a step has processed more than is left", \
	      "got: bytes processed; expected: bytes left, at most") \
	FAULT(WRITTEN_TOO_MUCH, STEP_LENGTH, "written-too-much", "->iomap_end was told that more was written than it was called for", \
	      "got: bytes written; expected: bytes of its range, at most") \
	FAULT(SLEPT, NOWAIT_SLEEP, "slept", "the task has slept in ->iomap_begin", "got: how often; expected: how often it may; detail: nanoseconds of the lookup") \
	FAULT(OTHER_ERROR, NOWAIT_AGAIN, "other-error", "it failed with another error, and the same lookup that may wait succeeded then", \
	      "got: the error; expected: the error that it should have; detail: nanoseconds from the one to the other") \
	FAULT(MARKED_STALE, STALE_RETURNED, "marked-stale", "the mapping that was returned is marked stale", "got: its flags; expected: the flags without the mark") \
	FAULT(WORKED_ON_STALE, STALE_RETURNED, "worked-on-stale", "bytes were processed behind the position where the mapping was found stale", \
	      "got: bytes processed; expected: bytes up to there, at most") \
	FAULT(NOT_WRITTEN, OVERWRITE_ONLY, "not-written", "the extent is none that can be overwritten", \
	      "got: its type; expected: the type that it should have; detail: its flags") \
	FAULT(ALLOCATED, OVERWRITE_ONLY, "allocated", "the extent is new", "got: its flags; expected: the flags without NEW; detail: its type") \
	FAULT(SHARED_EXTENT, OVERWRITE_ONLY, "shared-extent", "the extent is shared, and has to be copied", \
	      "got: its flags; expected: the flags without SHARED; detail: its type") \
	FAULT(RANGE_NOT_COVERED, OVERWRITE_ONLY, "range-not-covered", "the extent ends before the range does", "got: where it ends; expected: where the range ends") \
	FAULT(FILE_UNALIGNED, DAX_PMD_ALIGNED, "file-unaligned", "the range in the file is no huge page", \
	      "got: its length; expected: bytes of a huge page; detail: where it begins, which should be a multiple of that") \
	FAULT(MEMORY_UNALIGNED, DAX_PMD_ALIGNED, "memory-unaligned", "the memory is not aligned to a huge page", \
	      "got: page frame number in a huge page; expected: 0; detail: its page frame number") \
	FAULT(PAGE_NOT_COVERED, DAX_PMD_ALIGNED, "page-not-covered", "the mapping does not cover the huge page", \
	      "got: where it ends; expected: where the page ends; detail: where it begins") \
	IO_FAULTS(FAULT)

enum check_fault {
#define FAULT_ENUM(id, rule, name, doc, numbers) FAULT_##id,
	FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
	FAULT_COUNT,
};

/* KIND(id, name, rules that need it): what has a begin and an end. Without room for one its rules leave it unchecked. */
#define CHECK_KINDS(KIND) \
	KIND(ITER, "operation", RULE_BIT(LOOKUP_RELEASE) | RULE_BIT(STEP_LENGTH) | RULE_BIT(NOWAIT_SLEEP) | RULE_BIT(STALE_RETURNED)) \
	IO_KINDS(KIND)

enum check_kind {
#define KIND_ENUM(id, name, rules) CHECK_##id,
	CHECK_KINDS(KIND_ENUM)
#undef KIND_ENUM
	CHECK_KIND_COUNT,
};

/* STEP(id, name, its two numbers, doc) */
#define CHECK_TIMELINE(STEP) \
	STEP(BEGIN, "begin", "op", "ask_flags", "the operation has begun; its number in the kernel") \
	STEP(LOOKUP, "lookup", "ret", "took_ns", "->iomap_begin has returned") \
	STEP(MAPPED, "mapped", "type", "map_flags", "the mapping that it has returned, its range") \
	STEP(WORKED, "step", "processed", "map_flags", "the caller has come back from its work on the mapping; what was left of it") \
	STEP(STALE, "stale", "reason", "map_flags", "the mapping is to be looked up again from here") \
	STEP(RELEASE, "release", "written", "ret", "->iomap_end has returned") \
	STEP(DAX_ACCESS, "dax_access", "pfn", "ret", "where the memory of the range is") \
	IO_TIMELINE(STEP)

enum check_event_id {
#define STEP_ENUM(id, name, a, b, doc) STEP_##id,
	CHECK_TIMELINE(STEP_ENUM)
#undef STEP_ENUM
	CHECK_EVENT_COUNT,
};

#endif
