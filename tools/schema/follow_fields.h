/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What follow shows: the fields of a request, those of each of its steps, and the kinds of steps, each once. See lookup_fields.h for
 * what the columns of a field mean.
 */
#ifndef IOMAPSCOPE_FOLLOW_FIELDS_H
#define IOMAPSCOPE_FOLLOW_FIELDS_H

#include "common_fields.h"

#define FOLLOW_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", "when the request began") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always follow; unfinished for one whose end was not seen") \
	FIELD(request, __u64, DEC, "REQUEST", 7, 0, "", "its number, in the order in which requests began") \
	FIELD(op, __u8, OP, "OP", -13, 1, "", "operation; null if the source cannot tell") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 0, "", "name of the thread that began it") \
	TASK_FIELDS(FIELD) \
	FIELD(dev, __u32, DEV, "DEV", -7, 0, "", \
	      "device number of the file system; of the device itself if the file is a block device") \
	FIELD(ino, __u64, DEC, "INO", 9, 0, "", "inode number") \
	FIELD(pos, __u64, SIZE, "POS", 9, 0, "bytes", "start of the range asked for") \
	FIELD(len, __u64, SIZE, "LEN", 9, 0, "bytes", "length of the range asked for") \
	FIELD(done, __u64, SIZE, "DONE", 9, 1, "bytes", "bytes transferred; null if it failed, or is not of a kind that says") \
	FIELD(ret, __s32, RET, "RET", -9, 1, "errno", "0, or the negative errno of the request; null if its end was not seen") \
	FIELD(steps, __u32, DEC, "STEPS", 5, 0, "", "steps that follow; in JSON they are the array timeline") \
	FIELD(steps_lost, __u32, DEC, NULL, 0, 0, "", "steps that were lost") \
	FIELD(latency_ns, __u64, DURATION, "LATENCY", 8, 1, "nanoseconds", "from its first step to its last; null if its end was not seen") \
	FIELD(source, __u8, SOURCE, NULL, 0, 0, "", "what in the kernel the steps come from, see probe") \
	PATH_FIELDS(FIELD) \
	STACK_FIELDS(FIELD)

#define STEP_FIELDS(FIELD) \
	FIELD(offset_ns, __u64, DURATION, "OFFSET", 9, 0, "nanoseconds", "time since the begin of the request") \
	FIELD(delta_ns, __u64, DURATION, "DELTA", 8, 0, "nanoseconds", "time since the step before") \
	FIELD(layer, __u8, LAYER, "LAYER", -7, 0, "", "layer that it is of") \
	FIELD(step, __u8, STEP, "STEP", -10, 0, "", "what happened, see the steps") \
	FIELD(depth, __u8, DEC, NULL, 0, 0, "", "how many things of the request this one is nested in; the indentation") \
	FIELD(id, __u32, DEC, NULL, 0, 0, "", "which kiocb, direct I/O, operation, ioend or bio of the request it is of: their numbers, from 1") \
	FIELD(under, __u32, DEC, NULL, 0, 1, "", "at a begin: the one that it is part of") \
	FIELD(comm, struct task_comm, COMM, NULL, 0, 1, "", "name of the thread that did it; null where a completion may have run in anybody's") \
	FIELD(tid, __u32, DEC, NULL, 0, 1, "", "that thread, in the initial PID namespace") \
	FIELD(op, __u8, OP, NULL, 0, 1, "", "at a begin: the operation") \
	FIELD(dev, __u32, DEV, NULL, 0, 1, "", "at a begin that of the file, of a bio that of the device that it is sent to") \
	FIELD(ino, __u64, DEC, NULL, 0, 1, "", "at a begin: inode number of the file") \
	FIELD(pos, __u64, SIZE, NULL, 0, 1, "bytes", "start of the range of the file that it is about") \
	FIELD(len, __u64, SIZE, NULL, 0, 1, "bytes", "length of that range") \
	FIELD(ret, __s64, RESULT, NULL, 0, 1, "", "its result: a negative errno, or 0, or a number of bytes")

/*
 * LAYER(id, name, doc): from the top to the bottom.
 */
#define FOLLOW_LAYERS(LAYER) \
	LAYER(KIOCB, "kiocb", "an asynchronous request of libaio, from io_submit() to its event") \
	LAYER(FAULT, "fault", "a page fault on an fsdax mapping") \
	LAYER(PASS, "pass", "a pass of writeback over one file") \
	LAYER(DIO, "dio", "a direct I/O request") \
	LAYER(OP, "op", "an operation of iomap, one walk over mappings") \
	LAYER(MAP, "map", "the mappings of an operation or a pass") \
	LAYER(FOLIO, "folio", "the page cache, or the memory of fsdax") \
	LAYER(IOEND, "ioend", "a unit of writeback") \
	LAYER(BIO, "bio", "a bio, as iomap sees it") \
	LAYER(DEVICE, "device", "a bio in the block layer, and on the device")

/*
 * STEP(id, layer, name, has, values, doc)
 *   has     which of the common fields mean something, SHOWS_*
 *   values  LIST of VALUE(name, kind), the record's numbers in their order; at most STEP_VALUES
 */
#define FOLLOW_STEPS(STEP) \
	STEP(KIOCB_BEGIN, KIOCB, "begin", SHOWS_FILE | SHOWS_RANGE | SHOWS_TASK, \
	     LIST(VALUE("opcode", DEC), VALUE("fd", DEC), VALUE("user_data", HEX)), "io_submit() took it up") \
	STEP(KIOCB_QUEUED, KIOCB, "queued", SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), \
	     "the file completes it in its own time, and io_submit() goes on") \
	STEP(KIOCB_INLINE, KIOCB, "inline", SHOWS_RET | SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), \
	     "it was carried out before io_submit() went on") \
	STEP(KIOCB_COMPLETE, KIOCB, "complete", SHOWS_RET, LIST(VALUE("took_ns", DURATION)), "its result is known") \
	STEP(KIOCB_CANCEL, KIOCB, "cancel", SHOWS_RET, LIST(VALUE("reason", DEC)), "its owner was asked to cancel it") \
	STEP(KIOCB_POSTED, KIOCB, "posted", SHOWS_RET, LIST(VALUE("slot", DEC), VALUE("took_ns", DURATION)), \
	     "its event is in the ring of the context") \
	STEP(KIOCB_REJECTED, KIOCB, "rejected", SHOWS_RET | SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), "io_submit() refused it") \
	\
	STEP(FAULT_BEGIN, FAULT, "begin", SHOWS_FILE | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("flags", HEX)), \
	     "a fault on an fsdax mapping; flags are the kernel's FAULT_FLAG_*") \
	STEP(FAULT_ACCESS, FAULT, "access", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("pfn", HEX)), \
	     "the device was asked for the memory behind a mapping") \
	STEP(FAULT_INSERT, FAULT, "insert", SHOWS_TASK, LIST(), "a page is about to be put into the page table") \
	STEP(FAULT_COW, FAULT, "cow", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), \
	     "a page was copied for a private mapping, and mapped") \
	STEP(FAULT_FALLBACK, FAULT, "fallback", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("reason", DEC)), \
	     "small pages are to be used instead; the reason is a number of the kernel's enum dax_fallback_reason") \
	STEP(FAULT_SYNC, FAULT, "sync", SHOWS_FILE | SHOWS_RANGE | SHOWS_TASK, LIST(), "a synchronous fault is to be made durable") \
	STEP(FAULT_SYNCED, FAULT, "synced", SHOWS_RET | SHOWS_TASK, LIST(VALUE("result", HEX), VALUE("took_ns", DURATION)), "its sync is done") \
	STEP(FAULT_END, FAULT, "end", SHOWS_RET | SHOWS_TASK, LIST(VALUE("result", HEX)), \
	     "it is over; result is the kernel's vm_fault_t, one that is an error gives EFAULT") \
	\
	STEP(PASS_BEGIN, PASS, "begin", SHOWS_FILE | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("nr_to_write", DEC), VALUE("flags", HEX)), \
	     "dirty folios of a file are to be written back; flags are the kernel's IOMAP_WB_*") \
	STEP(PASS_END, PASS, "end", SHOWS_RET | SHOWS_TASK, LIST(VALUE("pages", DEC), VALUE("took_ns", DURATION)), \
	     "all of its ioends are submitted") \
	\
	STEP(DIO_BEGIN, DIO, "begin", SHOWS_FILE | SHOWS_RANGE | SHOWS_TASK, \
	     LIST(VALUE("iocb_flags", IOCB_FLAGS), VALUE("dio_flags", DIO_FLAGS), VALUE("wait", WAIT)), "the request enters iomap") \
	STEP(DIO_FLUSH, DIO, "flush", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), \
	     "a read has written back what the page cache has of its range") \
	STEP(DIO_INVALIDATE, DIO, "invalidate", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), \
	     "a write has thrown out what the page cache has of its range") \
	STEP(DIO_ZERO, DIO, "zero", SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("tail", DEC)), "the rest of a block is to be zeroed on the device") \
	STEP(DIO_EXIT, DIO, "exit", SHOWS_RET | SHOWS_RANGE, LIST(VALUE("reason", EXIT)), "less is done than was asked for") \
	STEP(DIO_SUBMITTED, DIO, "submitted", SHOWS_RET | SHOWS_TASK, LIST(VALUE("submitted", SIZE), VALUE("waits", DEC)), \
	     "all bios are on their way; waits: the submitter stays for them") \
	STEP(DIO_QUEUED, DIO, "queued", SHOWS_TASK, LIST(), "the submitter goes on, and leaves the bios to themselves") \
	STEP(DIO_WAIT, DIO, "waited", SHOWS_RET | SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), "the submitter has waited for the bios") \
	STEP(DIO_DONE, DIO, "done", SHOWS_RET, LIST(VALUE("route", ROUTE)), "all bios have ended; the route says who completes it") \
	STEP(DIO_COMPLETE, DIO, "complete", SHOWS_RET, LIST(VALUE("route", ROUTE), VALUE("delay_ns", DURATION)), \
	     "its completion begins, so long after all bios had ended") \
	STEP(DIO_END_IO, DIO, "end_io", SHOWS_RET, \
	     LIST(VALUE("unwritten", DEC), VALUE("cow", DEC), VALUE("took_ns", DURATION)), \
	     "the file system has done its part, as to convert unwritten extents") \
	STEP(DIO_INVALIDATE_POST, DIO, "reinvalidate", SHOWS_RET | SHOWS_RANGE, LIST(VALUE("took_ns", DURATION)), \
	     "a write has thrown out of the page cache what came back meanwhile") \
	STEP(DIO_SYNC, DIO, "synced", SHOWS_RET | SHOWS_RANGE, LIST(VALUE("took_ns", DURATION)), "what a synchronous write has written is durable") \
	STEP(DIO_END, DIO, "end", SHOWS_RET, LIST(), "the request is over") \
	\
	STEP(OP_BEGIN, OP, "begin", SHOWS_FILE | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("flags", ASK_FLAGS)), "the operation begins") \
	STEP(OP_END, OP, "end", SHOWS_RET | SHOWS_TASK, LIST(), "the operation is over; bios may be in flight") \
	\
	STEP(LOOKUP, MAP, "lookup", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, \
	     LIST(VALUE("type", TYPE), VALUE("map_flags", MAP_FLAGS), VALUE("map_pos", SIZE), VALUE("map_len", SIZE), VALUE("addr", SIZE), \
		  VALUE("took_ns", DURATION)), \
	     "the file system was asked for a mapping of the range, and answered; of writeback, only if that is another one than before") \
	STEP(WORK, MAP, "step", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(), "one step on the mapping: bytes done, or an error") \
	STEP(STALE, MAP, "stale", SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("flushed", DEC)), \
	     "the mapping is not valid any longer, or dirty page cache over it has to be written back first (flushed)") \
	STEP(RELEASE, MAP, "release", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("written", SIZE), VALUE("took_ns", DURATION)), \
	     "the file system got its mapping back") \
	\
	STEP(FOLIO_GET, FOLIO, "get", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, \
	     LIST(VALUE("folio_pos", SIZE), VALUE("folio_len", SIZE), VALUE("took_ns", DURATION)), "a folio was found or allocated, and locked") \
	STEP(FOLIO_FAULT_IN, FOLIO, "fault_in", SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("missing", SIZE), VALUE("took_ns", DURATION)), \
	     "the source of a write was faulted in") \
	STEP(FOLIO_COPY, FOLIO, "copy", SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("copied", SIZE), VALUE("took_ns", DURATION)), \
	     "data was copied into a folio") \
	STEP(FOLIO_THROTTLE, FOLIO, "throttle", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), \
	     "the writer went through the throttling of dirty pages") \
	STEP(FOLIO_FLUSH, FOLIO, "flush", SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("took_ns", DURATION)), \
	     "a zeroing has written back what was dirty in its range") \
	STEP(DAX_COPY, FOLIO, "dax_copy", SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("copied", SIZE), VALUE("took_ns", DURATION)), \
	     "data was moved between user space and the memory of an fsdax file") \
	\
	STEP(IOEND_NEW, IOEND, "new", SHOWS_FILE | SHOWS_RANGE | SHOWS_TASK, \
	     LIST(VALUE("sector", DEC), VALUE("type", TYPE), VALUE("map_flags", MAP_FLAGS), VALUE("reason", REASON)), "an ioend is begun") \
	STEP(IOEND_SUBMIT, IOEND, "submit", SHOWS_FILE | SHOWS_RET | SHOWS_RANGE | SHOWS_TASK, \
	     LIST(VALUE("sector", DEC), VALUE("bytes", SIZE), VALUE("ranges", DEC)), "its bio is about to be submitted, with what was added to it") \
	STEP(IOEND_BIO_END, IOEND, "bio_end", SHOWS_RET, LIST(), "its bio has ended") \
	STEP(IOEND_MERGE, IOEND, "merge", SHOWS_RANGE, LIST(VALUE("next_pos", SIZE), VALUE("next_len", SIZE)), \
	     "another one, which is next in the file, is completed with it") \
	STEP(IOEND_FINISH, IOEND, "finish", SHOWS_RET, LIST(), "writeback of its folios ends") \
	\
	STEP(BIO_SUBMIT, BIO, "submit", SHOWS_DEV | SHOWS_RANGE | SHOWS_TASK, LIST(VALUE("sector", DEC), VALUE("opf", OPF)), \
	     "a bio of a direct I/O request, or one that reads into the page cache, is about to be submitted") \
	STEP(BIO_END, BIO, "end", SHOWS_RET, LIST(), "iomap is told that it has ended") \
	\
	STEP(DEVICE_QUEUE, DEVICE, "queue", SHOWS_DEV | SHOWS_TASK, \
	     LIST(VALUE("sector", DEC), VALUE("bytes", SIZE), VALUE("opf", OPF)), "a bio enters the block layer") \
	STEP(DEVICE_SPLIT, DEVICE, "split", SHOWS_DEV | SHOWS_TASK, LIST(VALUE("sector", DEC), VALUE("bytes", SIZE)), \
	     "it is too large for the device, and its front goes on as a bio of its own") \
	STEP(DEVICE_MERGE, DEVICE, "merge", SHOWS_DEV, LIST(VALUE("sector", DEC), VALUE("bytes", SIZE)), \
	     "it was merged into a request of the block layer that others are in") \
	STEP(DEVICE_ISSUE, DEVICE, "issue", SHOWS_DEV, LIST(VALUE("sector", DEC), VALUE("bytes", SIZE)), \
	     "the device is told; sector and bytes are those of the block layer's request, with all bios that are in it") \
	STEP(DEVICE_REQUEUE, DEVICE, "requeue", SHOWS_DEV, LIST(), "the device did not take it") \
	STEP(DEVICE_COMPLETE, DEVICE, "complete", SHOWS_DEV | SHOWS_RET, LIST(VALUE("bytes", SIZE), VALUE("device_ns", DURATION)), \
	     "the device has answered, so long after it was told") \
	STEP(DEVICE_END, DEVICE, "end", SHOWS_RET, LIST(), "the block layer is done with the bio")

#define STEP_VALUES 6

/* Which of a step's common fields mean something. */
#define SHOWS_DEV	(1u << 0)
#define SHOWS_FILE	(1u << 1)	/* dev, ino, op */
#define SHOWS_RANGE	(1u << 2)
#define SHOWS_RET	(1u << 3)
#define SHOWS_TASK	(1u << 4)

#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) FF_##id,
enum follow_field { FOLLOW_FIELDS(FIELD_ENUM) FF_COUNT };
#undef FIELD_ENUM
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) SF_##id,
enum step_field { STEP_FIELDS(FIELD_ENUM) SF_COUNT };
#undef FIELD_ENUM

#define LAYER_ENUM(id, name, doc) LAYER_##id,
enum follow_layer { FOLLOW_LAYERS(LAYER_ENUM) LAYER_COUNT };
#undef LAYER_ENUM
#define STEP_ENUM(id, layer, name, has, values, doc) FOLLOW_##id,
enum follow_step { FOLLOW_STEPS(STEP_ENUM) FOLLOW_STEP_COUNT };
#undef STEP_ENUM

#endif
