/* SPDX-License-Identifier: GPL-2.0 */
/* The Linux AIO event, each field once: see lookup_fields.h for what the columns mean. */
#ifndef IOMAPSCOPE_AIO_FIELDS_H
#define IOMAPSCOPE_AIO_FIELDS_H

#include "common_fields.h"

#define AIO_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", "when the request was over") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always aio") \
	FIELD(op, __u8, AIO_OP, "OP", -7, 0, "", "opcode of the iocb") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 0, "", "name of the thread that called io_submit()") \
	TASK_FIELDS(FIELD) \
	FIELD(dev, __u32, DEV, "DEV", -7, 1, "", \
	      "device number of the file system; of the device itself if the file is a block device; null if there is no file") \
	FIELD(ino, __u64, DEC, "INO", 9, 1, "", "inode number; null if there is no file") \
	FIELD(fd, __u32, DEC, NULL, 0, 1, "", "the descriptor that the iocb names, checked or not") \
	FIELD(ctx, __u64, HEX, NULL, 0, 0, "", "the context, as io_setup() has named it") \
	FIELD(iocb, __u64, HEX, NULL, 0, 1, "", "address of the iocb in the process, which its event names as obj") \
	FIELD(data, __u64, HEX, NULL, 0, 1, "", "aio_data of the iocb, which its event brings back") \
	FIELD(pos, __u64, SIZE, "POS", 9, 1, "bytes", "start of the range asked for, of reads and writes") \
	FIELD(len, __u64, SIZE, "LEN", 9, 1, "bytes", "length of the range asked for; null for preadv and pwritev, which have segments") \
	FIELD(segments, __u64, DEC, NULL, 0, 1, "", "of preadv and pwritev: how many buffers") \
	FIELD(done, __u64, SIZE, "DONE", 9, 1, "bytes", "bytes transferred, of reads and writes that did not fail") \
	FIELD(revents, __u32, HEX, NULL, 0, 1, "", "of a poll: what the file is ready for, POLLIN is 1") \
	FIELD(ret, __s32, RET, "RET", -9, 0, "errno", "0, or the negative errno of the request, or with which it was refused") \
	FIELD(route, __u8, AIO_ROUTE, "ROUTE", -7, 1, "", "how it came to its end") \
	FIELD(cancel, __u8, CANCEL, "CANCEL", -7, 1, "", "who cancelled it; null if nobody did") \
	FIELD(posted, __u8, DEC, NULL, 0, 0, "", "events that were put into the ring of the context: 1, or 0 if it was refused") \
	FIELD(submit_ns, __u64, DURATION, "SUBMIT", 8, 1, "nanoseconds", \
	      "from its begin until its file had carried it out or queued it: how long it kept io_submit()") \
	FIELD(flight_ns, __u64, DURATION, "FLIGHT", 8, 1, "nanoseconds", "from there to its completion; null if that came first") \
	FIELD(post_ns, __u64, DURATION, NULL, 0, 1, "nanoseconds", "from its completion until its event was put into the ring") \
	FIELD(latency_ns, __u64, DURATION, "LATENCY", 8, 0, "nanoseconds", "from its begin, when io_submit() took it up, to its end") \
	SOURCE_FIELDS(FIELD) \
	FIELD(flags, __u32, AIO_FLAGS, NULL, 0, 1, "", "flags of the iocb, joined by |") \
	FIELD(rw_flags, __u32, RW_FLAGS, NULL, 0, 1, "", "aio_rw_flags of the iocb, joined by |") \
	PATH_FIELDS(FIELD) \
	STACK_FIELDS(FIELD)

enum aio_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) AF_##id,
	AIO_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	AF_COUNT,
};

#endif
