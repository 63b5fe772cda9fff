/* SPDX-License-Identifier: GPL-2.0 */
/* Of rules.h, which says what the columns mean: what concerns ioends, folios under writeback, direct I/O, aio and dm-io. */
#ifndef IOMAPSCOPE_RULES_IO_H
#define IOMAPSCOPE_RULES_IO_H

#define IOEND_HOW "; detail: 0 as it was added, 1 as it was merged"

#define IO_FAULTS(FAULT) \
	FAULT(OTHER_FILE, IOEND_MERGE, "other-file", "a range, or an ioend, went into the ioend of another file", \
	      "got: inode number; expected: the ioend's" IOEND_HOW) \
	FAULT(FILE_GAP, IOEND_MERGE, "file-gap", "it does not follow in the file", \
	      "got: where it begins; expected: where the ioend ends" IOEND_HOW) \
	FAULT(DISK_GAP, IOEND_MERGE, "disk-gap", "it does not follow on the disk", \
	      "got: its sector; expected: the sector where the ioend ends" IOEND_HOW) \
	FAULT(OTHER_TYPE, IOEND_MERGE, "other-type", "its mapping is of another type", \
	      "got: its type; expected: the ioend's" IOEND_HOW) \
	FAULT(OTHER_SHARED, IOEND_MERGE, "other-shared", "only one of the two is shared", \
	      "got: flags of its mapping; expected: the ioend's" IOEND_HOW) \
	FAULT(OTHER_STATUS, IOEND_MERGE, "other-status", "its bio has ended with another status", \
	      "got: its status; expected: the ioend's" IOEND_HOW) \
	FAULT(WRITEBACK_ENDED_AGAIN, FOLIO_WRITEBACK_ONCE, "ended-again", "writeback that had ended, or not begun, has ended", \
	      "got: ends; expected: begins; detail: 0 the completion, 1 the submitter") \
	FAULT(POSITIVE_ERROR, DIO_RESULT, "positive-error", "the error of the request is no negative errno", \
	      "got: the error; expected: the errno that it may have meant; detail: the result") \
	FAULT(NO_ERRNO, DIO_RESULT, "no-errno", "the result is below every errno", \
	      "got: the result; expected: the lowest that there may be; detail: the error of the request") \
	FAULT(QUEUED_RESULT, DIO_RESULT, "queued-result", "it has completed with -EIOCBQUEUED", \
	      "got: the result; detail: the error of the request") \
	FAULT(QUEUED_WAITED, DIO_RESULT, "queued-waited", "a request that is to be waited for has returned -EIOCBQUEUED", \
	      "got: the result") \
	FAULT(FALLBACK_OF_READ, DIO_RESULT, "fallback-of-read", "a read has returned -ENOTBLK", \
	      "got: the result; detail: the error of the request") \
	FAULT(MORE_THAN_ASKED, DIO_RESULT, "more-than-asked", "more bytes than were asked for", \
	      "got: the result; expected: bytes asked for and done before, at most; detail: bytes done before") \
	FAULT(NOT_TRANSFERRED, DIO_RESULT, "not-transferred", "not as many bytes as were transferred", \
	      "got: the result; expected: bytes transferred and done before, for a read at most; detail: bytes done before") \
	FAULT(DONE_AGAIN, DIO_COMPLETE_ONCE, "done-again", "the last reference was dropped again", \
	      "got: how often; expected: once; detail: the route") \
	FAULT(COMPLETED_AGAIN, DIO_COMPLETE_ONCE, "completed-again", "the completion has begun again", \
	      "got: how often; expected: once; detail: the route") \
	FAULT(ENDED_AGAIN, DIO_COMPLETE_ONCE, "returned-again", "the request, which was over, has a result again", \
	      "got: how often; expected: once; detail: the result") \
	FAULT(BEFORE_BIOS, DIO_AFTER_BIOS, "before-bios", "it completes while bios are in flight", \
	      "got: bios in flight; expected: none; detail: references left") \
	FAULT(BIO_AFTER, DIO_AFTER_BIOS, "bio-after", "a bio has ended after the completion", \
	      "got: bios; expected: none; detail: the error of the bio") \
	FAULT(NOT_QUEUED, KIOCB_COMPLETE, "not-queued", \
	      "->ki_complete was called, and then the file returned a result of its own", \
	      "got: the result; expected: -EIOCBQUEUED; detail: calls") \
	FAULT(CALLED_AGAIN, KIOCB_COMPLETE, "called-again", "->ki_complete was called again", \
	      "got: calls; expected: once; detail: the result of this one") \
	FAULT(REFUSED_CALLED, KIOCB_COMPLETE, "refused-called", "->ki_complete was called of a request that io_submit() refused", \
	      "got: calls; expected: none; detail: the error") \
	FAULT(NEVER_CALLED, KIOCB_COMPLETE, "never-called", "the event is in the ring, and ->ki_complete was not called", \
	      "got: calls; expected: once; detail: the result") \
	FAULT(DM_ENDED_AGAIN, DMIO_NOTIFY, "request-ended-again", "a request that was over has ended", \
	      "got: ends; expected: once") \
	FAULT(NOTIFIED_AGAIN, DMIO_NOTIFY, "notified-again", "the owner was told again", "got: times; expected: once") \
	FAULT(BITS_BEYOND, DMIO_ERROR_BITS, "bits-beyond", "there are error bits without a region", \
	      "got: the bits; expected: the bits that there may be; detail: regions") \
	FAULT(REGION_BEYOND, DMIO_ERROR_BITS, "region-beyond", "the request has no region of this number", \
	      "got: the number; expected: the highest one")

#define IO_KINDS(KIND) \
	KIND(IOEND, "ioend", RULE_BIT(IOEND_MERGE)) \
	KIND(FOLIO, "folio", RULE_BIT(FOLIO_WRITEBACK_ONCE)) \
	KIND(DIO, "direct I/O request", RULE_BIT(DIO_RESULT) | RULE_BIT(DIO_COMPLETE_ONCE) | RULE_BIT(DIO_AFTER_BIOS)) \
	KIND(KIOCB, "kiocb", RULE_BIT(KIOCB_COMPLETE)) \
	KIND(DM_IO, "dm-io request", RULE_BIT(DMIO_NOTIFY) | RULE_BIT(DMIO_ERROR_BITS)) \
	KIND(NOTICE, "dm-io notification", RULE_BIT(DMIO_NOTIFY))

#define IO_TIMELINE(STEP) \
	STEP(IOEND_NEW, "ioend_new", "type", "reason", "the ioend has begun, for this range") \
	STEP(IOEND_ADD, "ioend_add", "type", "sector", "the range was added") \
	STEP(IOEND_MERGE, "ioend_merge", "type", "sector", "another ioend, of this range, was merged into it") \
	STEP(WRITEBACK, "wb_begin", "", "", "the folio is looked at for writeback") \
	STEP(WRITEBACK_SKIPPED, "wb_skipped", "i_size", "", "it is behind the end of the file, and not put under writeback") \
	STEP(WRITEBACK_SUBMITTED, "wb_submitted", "ranges", "error", "all of it is submitted") \
	STEP(WRITEBACK_END, "wb_end", "route", "", "its writeback has ended") \
	STEP(DIO_BEGIN, "dio_begin", "dio_flags", "wait", "the request has begun") \
	STEP(DIO_BIO, "dio_bio", "sector", "bios", "a bio is submitted; how many are in flight then") \
	STEP(DIO_BIO_END, "dio_bio_end", "error", "bios", "a bio has ended; how many are in flight then") \
	STEP(DIO_SUBMITTED, "dio_submit", "bytes", "wait", "the submission is over; what is left of the range") \
	STEP(DIO_DONE, "dio_done", "route", "error", "the last reference is dropped") \
	STEP(DIO_COMPLETE, "dio_complete", "route", "error", "the completion begins") \
	STEP(DIO_END, "dio_end", "ret", "error", "the result is known") \
	STEP(KIOCB_BEGIN, "kiocb_begin", "opcode", "fd", "io_submit() has taken it up") \
	STEP(KIOCB_ISSUED, "kiocb_issued", "ret", "route", "the file has been asked") \
	STEP(KIOCB_COMPLETE, "ki_complete", "res", "", "->ki_complete is called") \
	STEP(KIOCB_END, "kiocb_end", "res", "outcome", "its event is in the ring, or it was refused") \
	STEP(DM_BEGIN, "dm_begin", "regions", "sync", "the dm-io request has begun") \
	STEP(DM_REGION, "dm_region", "region", "status", "a region of it, in bytes") \
	STEP(DM_END, "dm_end", "error_bits", "sync", "all its bios have ended") \
	STEP(DM_NOTIFY, "dm_notify", "error_bits", "took_ns", "its owner has been told")

#endif
