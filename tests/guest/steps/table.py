#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Every event of the kernel series: the step it belongs to, its context, what it pairs with, and the case that makes it fire.

The one table: docs/events.md is written from it (table.py --markdown), and the cases in this directory check by it
what they have recorded.
"""

import collections
import sys

# Contexts: P process, W workqueue, S softirq, H hard interrupt.
CONTEXTS = {"P": "process", "W": "workqueue", "S": "softirq", "H": "IRQ"}
ANY = "PWSH"

Event = collections.namedtuple("Event", "system name step context case stock never")
EVENTS = collections.OrderedDict()


def _events(system, case, context, *rows, stock=False, never=None):
    for name, step in rows:
        assert name not in EVENTS, name
        EVENTS[name] = Event(system, name, step, context, case, stock, never)


# The steps are named as in operations.rst and design.rst of Documentation/filesystems/iomap. "W" is added where a kernel thread
# of a workqueue is the usual caller rather than a task.
_events(
    "iomap", "buffered", "PW",
    ("iomap_op_begin", "iteration: the operation begins"),
    ("iomap_lookup", "iteration: `->iomap_begin` has returned"),
    ("iomap_step", "iteration: the mapping has been worked on"),
    ("iomap_stale", "iteration: the mapping is no longer valid, and is looked up again"),
    ("iomap_release", "iteration: `->iomap_end` has returned"),
    ("iomap_op_end", "iteration: the operation ends"),
    ("iomap_fill_folio", "buffered read or write: how a range of a folio gets its contents"),
    ("iomap_read_folio_begin", "buffered read: a folio is taken up"),
    ("iomap_read_bio_add", "buffered read: a range is added to a bio"),
    ("iomap_read_submit", "buffered read: a bio is submitted"),
    ("iomap_write_throttle", "buffered write: `balance_dirty_pages`"),
    ("iomap_write_fault_in", "buffered write: the source is faulted in"),
    ("iomap_get_folio", "buffered write: `->get_folio`, the folio is got and locked"),
    ("iomap_put_folio", "buffered write: `->put_folio`, the folio is unlocked and put"),
    ("iomap_write_copy", "buffered write: the data is copied"),
    ("iomap_write_isize", "buffered write: the end of the file moves"),
    ("iomap_write_retry", "buffered write: a short copy is rejected and tried again"),
    ("iomap_write_failed", "buffered write failure: page cache behind the end of the file is dropped"),
    ("iomap_write_delalloc_release", "buffered write failure: a delayed allocation is given back"),
    ("iomap_write_delalloc_punch", "buffered write failure: one range of it is given back, by `punch`"),
    ("iomap_mkwrite_lock", "write fault (mmap): the folio is locked and checked"),
    ("iomap_mkwrite_end", "write fault (mmap): done"),
    ("iomap_truncate_page", "truncation: the rest of the last block is to be zeroed"),
    ("iomap_zero_check", "zeroing: is there dirty page cache to be written back?"),
    ("iomap_zero_skip", "zeroing: nothing to do for a hole or an unwritten extent"),
    ("iomap_zero_flush", "zeroing: dirty page cache was written back"),
    ("iomap_zero_iter", "zeroing: a range of the page cache is zeroed"),
    ("iomap_unshare_skip", "unsharing: nothing to do, the mapping is not shared"),
    ("iomap_unshare_iter", "unsharing: a range is about to be made dirty"),
    ("iomap_ifs_alloc", "folio state: allocated"),
    ("iomap_ifs_free", "folio state: freed"),
    ("iomap_set_range_dirty", "folio state: blocks become dirty"),
    ("iomap_release_folio_verdict", "folio state: what became of a folio to be released"),
    ("iomap_invalidate_folio_verdict", "folio state: what became of a folio to be invalidated"))
_events(
    "iomap", "buffered", ANY,
    ("iomap_read_end_io", "buffered read: a bio has come back"),
    ("iomap_finish_folio_read", "buffered read: a range of a folio has come back"),
    ("iomap_read_folio_end", "buffered read: the folio is about to be unlocked"),
    ("iomap_set_range_uptodate", "folio state: blocks become up to date"))
_events(
    "iomap", "buffered", "PW",
    ("iomap_iter", "iteration: `iomap_iter()` is called"),
    ("iomap_iter_dstmap", "iteration: the mapping that was looked up"),
    ("iomap_iter_srcmap", "iteration: the mapping to read from, if that is another one"),
    ("iomap_readpage", "buffered read: of one folio"),
    ("iomap_readahead", "buffered read: readahead"),
    ("iomap_release_folio", "folio state: a folio is to be released"),
    ("iomap_invalidate_folio", "folio state: a folio is to be invalidated"), stock=True)

_events(
    "iomap", "writeback", "PW",
    ("iomap_writepages_begin", "writeback: a pass over a file begins"),
    ("iomap_writepages_end", "writeback: the pass ends"),
    ("iomap_writeback_folio", "writeback: a dirty folio is about to be written"),
    ("iomap_writeback_eof", "writeback: what is done about a folio over the end of the file"),
    ("iomap_writeback_lookup", "writeback: `->map_blocks` has returned"),
    ("iomap_writeback_folio_end", "writeback: the folio has been dealt with"),
    ("iomap_clear_range_dirty", "folio state: blocks are no longer dirty"),
    ("iomap_ioend_new", "writeback: a new ioend"),
    ("iomap_add_to_ioend", "writeback: a range is added to an ioend"),
    ("iomap_ioend_prepare", "writeback: `->prepare_ioend` has returned"),
    ("iomap_ioend_submit", "writeback: the ioend is submitted"),
    ("iomap_ioend_sort", "writeback completion: `iomap_sort_ioends`"),
    ("iomap_ioend_merge", "writeback completion: `iomap_ioend_try_merge`"))
_events(
    "iomap", "errors", "PW",
    ("iomap_writeback_discard", "writeback: `->discard_folio`, the folio cannot be written"))
_events(
    "iomap", "writeback", ANY,
    ("iomap_ioend_bio_end", "writeback completion: the bio is complete"),
    ("iomap_ioend_finish", "writeback completion: `iomap_finish_ioends`"),
    ("iomap_folio_writeback_end", "writeback completion: writeback of the folio ends"))
_events(
    "iomap", "writeback", "PW",
    ("iomap_writepage", "writeback: a folio is about to be written"),
    ("iomap_writepage_map", "writeback: the mapping of a dirty range"), stock=True)

_events(
    "iomap", "directio", "P",
    ("iomap_dio_begin", "direct I/O: there is a request"),
    ("iomap_dio_flush", "direct read: dirty page cache is written back"),
    ("iomap_dio_invalidate", "direct write: page cache is written back and invalidated"),
    ("iomap_dio_extent", "direct I/O: an extent was dealt with"),
    ("iomap_dio_zero", "direct write: the rest of a block is zeroed"),
    ("iomap_dio_bio_submit", "direct I/O: a bio is submitted, maybe by `->submit_io`"),
    ("iomap_dio_submitted", "direct I/O: everything is submitted"),
    ("iomap_dio_wait", "direct I/O: the submitter has waited"))
_events(
    "iomap", "directio", ANY,
    ("iomap_dio_exit", "direct I/O: less is done than was asked for"),
    ("iomap_dio_bio_end", "direct I/O: a bio has ended"),
    ("iomap_dio_done", "direct I/O: the last bio has ended"),
    ("iomap_dio_complete_begin", "direct I/O completion: `iomap_dio_complete()` begins"),
    ("iomap_dio_end_io", "direct I/O completion: `->end_io` has returned"),
    ("iomap_dio_end", "direct I/O completion: the request is over"))
_events(
    "iomap", "directio", "PW",
    ("iomap_dio_invalidate_post", "direct write completion: page cache is invalidated once more"),
    ("iomap_dio_sync", "direct write completion: the data is made durable"))
_events(
    "iomap", "directio", "P",
    ("iomap_dio_rw_begin", "direct I/O: `iomap_dio_rw` is called"),
    ("iomap_dio_rw_queued", "direct I/O: returns `-EIOCBQUEUED`"), stock=True)
_events(
    "iomap", "directio", ANY,
    ("iomap_dio_complete", "direct I/O completion: the request is complete"), stock=True)
_events(
    "iomap", "errors", "P",
    ("iomap_dio_invalidate_fail", "direct write: page cache cannot be invalidated, buffered I/O follows"), stock=True)

_events(
    "iomap", "reports", "P",
    ("iomap_seek_extent", "seek: what became of an extent"),
    ("iomap_fiemap_extent", "FIEMAP: what became of an extent"),
    ("iomap_bmap_extent", "bmap: what became of the extent"),
    ("iomap_swap_extent", "swap activation: what became of an extent"),
    ("iomap_swap_add", "swap activation: a run of extents is added"))

_events(
    "fs_dax", "fsdax", "P",
    ("dax_iomap_fault", "fsdax fault: over"),
    ("dax_fault_access", "fsdax fault: the memory behind the mapping"),
    ("dax_fault_fallback", "fsdax fault: falls back to small pages, and why"),
    ("dax_fault_cow", "fsdax fault: a private copy is made"),
    ("dax_sync_fault", "fsdax synchronous fault: the sync begins"),
    ("dax_sync_fault_done", "fsdax synchronous fault: over"),
    ("dax_pmd_downgrade", "fsdax fault: a huge entry without storage is given up"),
    ("dax_rw_access", "fsdax read or write: the device is asked for memory"),
    ("dax_rw_copy", "fsdax read or write: data is copied"),
    ("dax_copy_around", "fsdax write: the rest of a shared block is copied"),
    ("dax_zero_iter", "fsdax zeroing: one mapping"),
    ("dax_unshare_iter", "fsdax unsharing: one mapping"),
    ("dax_range_compare", "fsdax deduplication: two ranges are compared"))
_events(
    "fs_dax", "fsdax", "PW",
    ("dax_entry_wait", "fsdax: has slept for the lock of an entry"),
    ("dax_writeback_entry", "fsdax writeback: an entry was dealt with"),
    ("dax_writeback_mapping_range", "fsdax writeback: over"))
_events(
    "fs_dax", "fsdax", "PW",
    ("dax_pmd_fault", "fsdax fault: of a huge page"),
    ("dax_pmd_fault_done", "fsdax fault: of a huge page, done"),
    ("dax_pmd_load_hole", "fsdax fault: a huge page of zeroes for a hole"),
    ("dax_pmd_insert_mapping", "fsdax fault: a huge page is about to be mapped"),
    ("dax_pte_fault", "fsdax fault: of a page"),
    ("dax_pte_fault_done", "fsdax fault: of a page, done"),
    ("dax_load_hole", "fsdax fault: a page of zeroes for a hole"),
    ("dax_insert_mapping", "fsdax fault: a page is about to be mapped"),
    ("dax_insert_pfn_mkwrite", "fsdax synchronous fault: the page is mapped"),
    ("dax_writeback_range", "fsdax writeback: begins"),
    ("dax_writeback_range_done", "fsdax writeback: done"),
    ("dax_writeback_one", "fsdax writeback: an entry was flushed"), stock=True)
_events(
    "fs_dax", "fsdax", "P",
    ("dax_pmd_load_hole_fallback", "fsdax fault: no huge page of zeroes"), stock=True,
    never="needs a lack of memory, or another task that populates the page table in the middle of the fault")
_events(
    "fs_dax", "fsdax", "P",
    ("dax_insert_pfn_mkwrite_no_entry", "fsdax synchronous fault: the entry is gone"), stock=True,
    never="needs a truncation between the fault and its sync, which the file system's locks leave a few instructions for")

_events(
    "aio", "aio", "P",
    ("aio_submit_begin", "kiocb: `io_submit()` is called"),
    ("aio_submit_stop", "kiocb: `io_submit()` stops at an iocb"),
    ("aio_submit_end", "kiocb: `io_submit()` returns"),
    ("aio_iocb_begin", "kiocb: a request begins"),
    ("aio_iocb_issued", "kiocb: the file has taken the request"),
    ("aio_getevents_begin", "kiocb: `io_getevents()` is called"),
    ("aio_getevents_end", "kiocb: `io_getevents()` returns"))
_events(
    "aio", "aio", ANY,
    ("aio_iocb_complete", "kiocb: `->ki_complete`, the result is known"),
    ("aio_iocb_cancel", "kiocb: a cancellation"),
    ("aio_iocb_end", "kiocb: the request is over"))

_events(
    "dm_io", "dmio", "PW",
    ("dm_io_begin", "dm-io: a request begins"),
    ("dm_io_region", "dm-io: the request is dispatched to a region"),
    ("dm_io_bio_submit", "dm-io: a bio is submitted"),
    ("dm_io_wait_begin", "dm-io: the owner waits"),
    ("dm_io_wait_end", "dm-io: the owner has waited"))
_events(
    "dm_io", "dmio", ANY,
    ("dm_io_bio_end", "dm-io: a bio has ended"),
    ("dm_io_end", "dm-io: the request is over"),
    ("dm_io_notify", "dm-io: the owner has been called back"))

SYSTEMS = ("iomap", "fs_dax", "aio", "dm_io")


class Pair:
    """begin with these key fields, and unless it is the exception, has one end with the same, in this order.

    key: fields of both, or a pair of tuples if they differ; "pid" is the task. begins/ends: a test on the fields that
    an event must pass to count.
    """

    def __init__(self, begin, end, key, begins=None, ends=None, note=""):
        self.begin, self.end, self.note = begin, end, note
        self.key = key if isinstance(key, tuple) else (tuple(key.split()),) * 2
        self.begins = begins or (lambda f: True)
        self.ends = ends or (lambda f: True)

    def __str__(self):
        return f"{self.begin} = {self.end}"


def _zero(f):
    return f["ret"] == "0"


def _request(f):
    """A direct I/O request of no bytes has no dio."""
    return int(f["dio"], 16) != 0


PAIRS = (
    Pair("iomap_op_begin", "iomap_op_end", "iter"),
    Pair("iomap_lookup", "iomap_step", "iter", begins=_zero, note="lookups that worked; but for deduplication"),
    Pair("iomap_read_folio_begin", "iomap_read_folio_end", "folio"),
    Pair("iomap_read_submit", "iomap_read_end_io", "bio"),
    Pair("iomap_get_folio", "iomap_put_folio", "folio", begins=_zero, note="if `ret` is zero"),
    Pair("iomap_mkwrite_lock", "iomap_mkwrite_end", "iter"),
    Pair("iomap_ifs_alloc", "iomap_ifs_free", "folio", begins=_zero, note="if `ret` is zero"),
    Pair("iomap_release_folio", "iomap_release_folio_verdict", (("pid", "ino", "offset"), ("pid", "ino", "pos"))),
    Pair("iomap_invalidate_folio", "iomap_invalidate_folio_verdict", (("pid", "ino", "offset"), ("pid", "ino", "pos"))),
    Pair("iomap_writepages_begin", "iomap_writepages_end", "wpc"),
    Pair("iomap_writeback_folio", "iomap_writeback_folio_end", "folio"),
    Pair("iomap_ioend_new", "iomap_ioend_submit", "ioend"),
    Pair("iomap_ioend_new", "iomap_ioend_finish", "ioend"),
    Pair("iomap_dio_begin", "iomap_dio_end", "dio", ends=_request),
    Pair("iomap_dio_submitted", "iomap_dio_done", "dio"),
    Pair("iomap_dio_done", "iomap_dio_complete_begin", "dio"),
    Pair("iomap_dio_complete_begin", "iomap_dio_end", "dio", note="but for requests that end before the first lookup"),
    Pair("iomap_dio_bio_submit", "iomap_dio_bio_end", "bio"),
    Pair("dax_pte_fault", "dax_pte_fault_done", "pid address"),
    Pair("dax_pmd_fault", "dax_pmd_fault_done", "pid address"),
    Pair("dax_sync_fault", "dax_sync_fault_done", "vmf"),
    Pair("dax_writeback_range", "dax_writeback_range_done", "pid ino"),
    Pair("aio_submit_begin", "aio_submit_end", "pid"),
    Pair("aio_getevents_begin", "aio_getevents_end", "pid"),
    Pair("aio_iocb_begin", "aio_iocb_end", "iocb"),
    Pair("dm_io_begin", "dm_io_end", "io"),
    Pair("dm_io_bio_submit", "dm_io_bio_end", "bio"),
    Pair("dm_io_end", "dm_io_notify", "context"),
    Pair("dm_io_wait_begin", "dm_io_wait_end", "context"),
)

# These only happen while the pair that begins so is open for their field.
WITHIN = {
    "iomap_lookup": ("iomap_op_begin", "iter"),
    "iomap_step": ("iomap_op_begin", "iter"),
    "iomap_stale": ("iomap_op_begin", "iter"),
    "iomap_release": ("iomap_op_begin", "iter"),
    "iomap_fill_folio": ("iomap_op_begin", "iter"),
    "iomap_read_bio_add": ("iomap_op_begin", "iter"),
    "iomap_get_folio": ("iomap_op_begin", "iter"),
    "iomap_write_throttle": ("iomap_op_begin", "iter"),
    "iomap_write_fault_in": ("iomap_op_begin", "iter"),
    "iomap_write_copy": ("iomap_get_folio", "folio"),
    "iomap_write_isize": ("iomap_get_folio", "folio"),
    "iomap_write_retry": ("iomap_op_begin", "iter"),
    "iomap_write_failed": ("iomap_op_begin", "iter"),
    "iomap_zero_skip": ("iomap_op_begin", "iter"),
    "iomap_zero_flush": ("iomap_op_begin", "iter"),
    "iomap_unshare_skip": ("iomap_op_begin", "iter"),
    "iomap_finish_folio_read": ("iomap_read_folio_begin", "folio"),
    "iomap_set_range_dirty": ("iomap_ifs_alloc", "folio"),
    "iomap_set_range_uptodate": ("iomap_ifs_alloc", "folio"),
    "iomap_clear_range_dirty": ("iomap_ifs_alloc", "folio"),
    "iomap_writeback_folio": ("iomap_writepages_begin", "wpc"),
    "iomap_writeback_lookup": ("iomap_writeback_folio", "folio"),
    "iomap_writeback_eof": ("iomap_writeback_folio", "folio"),
    "iomap_writeback_discard": ("iomap_writeback_folio", "folio"),
    "iomap_add_to_ioend": ("iomap_ioend_new", "ioend"),
    "iomap_ioend_prepare": ("iomap_ioend_new", "ioend"),
    "iomap_ioend_bio_end": ("iomap_ioend_new", "ioend"),
    "iomap_ioend_sort": ("iomap_ioend_new", "ioend"),
    "iomap_ioend_merge": ("iomap_ioend_new", "ioend"),
    "iomap_dio_flush": ("iomap_dio_begin", "dio"),
    "iomap_dio_invalidate": ("iomap_dio_begin", "dio"),
    "iomap_dio_extent": ("iomap_dio_begin", "dio"),
    "iomap_dio_zero": ("iomap_dio_begin", "dio"),
    "iomap_dio_bio_submit": ("iomap_dio_begin", "dio"),
    "iomap_dio_bio_end": ("iomap_dio_begin", "dio"),
    "iomap_dio_submitted": ("iomap_dio_begin", "dio"),
    "iomap_dio_wait": ("iomap_dio_begin", "dio"),
    "iomap_dio_end_io": ("iomap_dio_complete_begin", "dio"),
    "iomap_dio_invalidate_post": ("iomap_dio_complete_begin", "dio"),
    "iomap_dio_sync": ("iomap_dio_complete_begin", "dio"),
    "iomap_seek_extent": ("iomap_op_begin", "iter"),
    "dax_fault_access": ("iomap_op_begin", "iter"),
    "dax_fault_cow": ("iomap_op_begin", "iter"),
    "dax_rw_access": ("iomap_op_begin", "iter"),
    "dax_rw_copy": ("iomap_op_begin", "iter"),
    "dax_copy_around": ("iomap_op_begin", "iter"),
    "dax_zero_iter": ("iomap_op_begin", "iter"),
    "dax_unshare_iter": ("iomap_op_begin", "iter"),
    "dax_range_compare": ("iomap_op_begin", "iter"),
    "aio_submit_stop": ("aio_submit_begin", "pid"),
    "aio_iocb_issued": ("aio_iocb_begin", "iocb"),
    "aio_iocb_complete": ("aio_iocb_begin", "iocb"),
    "aio_iocb_cancel": ("aio_iocb_begin", "iocb"),
    "dm_io_region": ("dm_io_begin", "io"),
    "dm_io_bio_submit": ("dm_io_begin", "io"),
    "dm_io_bio_end": ("dm_io_begin", "io"),
}

# Sums of counts that are equal once nothing is in flight, for observers that only count. A term is an event, or an event, a field
# and the value that counts.
COUNTS = (
    (("iomap_op_begin",), ("iomap_op_end",)),
    ((("iomap_lookup", "ret", 0),), ("iomap_step",)),
    (("iomap_read_folio_begin",), ("iomap_read_folio_end",)),
    (("iomap_read_submit",), ("iomap_read_end_io",)),
    ((("iomap_get_folio", "ret", 0),), ("iomap_put_folio",)),
    (("iomap_mkwrite_lock",), ("iomap_mkwrite_end",)),
    ((("iomap_ifs_alloc", "ret", 0),), ("iomap_ifs_free",)),
    (("iomap_release_folio",), ("iomap_release_folio_verdict",)),
    (("iomap_invalidate_folio",), ("iomap_invalidate_folio_verdict",)),
    (("iomap_writepages_begin",), ("iomap_writepages_end",)),
    (("iomap_writeback_folio",), ("iomap_writeback_folio_end",)),
    (("iomap_writeback_folio",), ("iomap_folio_writeback_end", ("iomap_writeback_eof", "verdict", "SKIPPED"))),
    (("iomap_writeback_folio",), ("iomap_writepage",)),
    ((("iomap_writeback_lookup", "ret", 0),), ("iomap_writepage_map",)),
    (("iomap_ioend_new",), ("iomap_ioend_submit",)),
    (("iomap_ioend_new",), ("iomap_ioend_finish",)),
    (("iomap_dio_rw_begin",), ("iomap_dio_end",)),
    (("iomap_dio_rw_begin",), ("iomap_dio_begin", ("iomap_dio_exit", "reason", "EMPTY"),
                               ("iomap_dio_exit", "reason", "NOMEM"))),
    (("iomap_dio_bio_submit",), ("iomap_dio_bio_end",)),
    (("iomap_dio_submitted",), ("iomap_dio_done",)),
    (("iomap_dio_done",), ("iomap_dio_complete_begin",)),
    (("iomap_dio_complete_begin",), ("iomap_dio_complete",)),
    (("dax_iomap_fault",), ("dax_pte_fault_done", "dax_pmd_fault_done", ("dax_fault_fallback", "reason", "ORDER"))),
    (("dax_pte_fault",), ("dax_pte_fault_done",)),
    (("dax_pmd_fault",), ("dax_pmd_fault_done",)),
    (("dax_sync_fault",), ("dax_sync_fault_done",)),
    (("dax_writeback_range",), ("dax_writeback_range_done",)),
    (("aio_submit_begin",), ("aio_submit_end",)),
    (("aio_getevents_begin",), ("aio_getevents_end",)),
    (("aio_iocb_begin",), ("aio_iocb_end",)),
    ((("aio_iocb_end", "outcome", "POSTED"),), ("aio_iocb_issued",)),
    ((("aio_iocb_end", "outcome", "POSTED"),), ("aio_iocb_complete",)),
    (("dm_io_begin",), ("dm_io_end",)),
    (("dm_io_end",), ("dm_io_notify",)),
    (("dm_io_bio_submit",), ("dm_io_bio_end",)),
    (("dm_io_wait_begin",), ("dm_io_wait_end",)),
)

# Each value of the fields that say why: the case that provokes it, or, behind "-", why none does, behind "~", the race that only
# chance provokes.
VALUES = {
    ("iomap_stale", "reason"): {"INVALID": "buffered", "FLUSHED": "buffered"},
    ("iomap_fill_folio", "route"): {
        "UPTODATE": "buffered", "OVERWRITE": "buffered", "ZERO": "buffered", "INLINE": "buffered", "READ": "buffered",
        "READ_SYNC": "buffered"},
    ("iomap_read_bio_add", "reason"): {
        "MERGED": "buffered", "FIRST": "buffered", "DISCONTIG": "buffered", "FULL": "buffered"},
    ("iomap_write_delalloc_punch", "reason"): {
        "CLEAN_RANGE": "buffered", "CLEAN_BLOCKS": "buffered", "REST": "buffered"},
    ("iomap_release_folio_verdict", "verdict"): {
        "DIRTY": "buffered", "DETACHED": "buffered", "PARTIAL": "- only of an invalidation"},
    ("iomap_invalidate_folio_verdict", "verdict"): {
        "PARTIAL": "buffered", "DETACHED": "buffered", "DIRTY": "- only of a release"},
    ("iomap_writeback_eof", "verdict"): {"SKIPPED": "writeback", "ZEROED": "writeback"},
    ("iomap_folio_writeback_end", "route"): {"COMPLETED": "writeback", "SUBMITTED": "errors"},
    ("iomap_ioend_new", "reason"): {
        "APPENDED": "- only of iomap_add_to_ioend", "FIRST": "writeback", "SHARED": "writeback", "TYPE": "writeback",
        "FILE_GAP": "writeback", "DISK_GAP": "writeback", "NR_FOLIOS": "writeback", "BIO_FULL": "writeback"},
    ("iomap_add_to_ioend", "reason"): {
        "APPENDED": "writeback", "FIRST": "writeback", "SHARED": "writeback", "TYPE": "writeback",
        "FILE_GAP": "writeback", "DISK_GAP": "writeback", "NR_FOLIOS": "writeback", "BIO_FULL": "writeback"},
    ("iomap_dio_exit", "reason"): {
        "EMPTY": "directio", "NOMEM": "- needs an allocation of 100 bytes that fails", "EOF": "directio",
        "FLUSH": "directio",
        "OVERWRITE": "- XFS and ext4 look at the size before, and only a truncation in between could lead here",
        "INVALIDATE": "directio", "WORKQUEUE": "- needs a workqueue that cannot be allocated", "PARTIAL": "directio",
        "FALLBACK": "directio", "AGAIN": "directio", "ERROR": "directio", "STOPPED": "errors", "SHORT": "directio"},
    ("iomap_dio_extent", "via"): {
        "NONE": "- a file system that gives a write a hole", "BIO": "directio", "ZERO": "directio", "INLINE": "directio"},
    ("iomap_dio_done", "route"): {
        "UNKNOWN": "- only of iomap_dio_complete_begin", "SUBMITTER": "errors", "WAITER": "directio", "INLINE": "directio",
        "CALLER": "- nobody sets IOCB_DIO_CALLER_COMP in Linux 6.12", "WORKQUEUE": "directio"},
    ("iomap_dio_complete_begin", "route"): {
        "UNKNOWN": "- only if the events are switched on in the middle of a request", "SUBMITTER": "errors", "WAITER": "directio",
        "INLINE": "directio", "CALLER": "- as above", "WORKQUEUE": "directio"},
    ("iomap_seek_extent", "verdict"): {
        "REPORTED": "reports", "HOLE": "reports", "DATA": "reports", "CACHED": "reports", "UNCACHED": "reports"},
    ("iomap_fiemap_extent", "verdict"): {
        "REPORTED": "reports", "HOLE": "reports", "COUNTED": "reports", "FULL": "reports", "FAULT": "reports",
        "DROPPED": "reports"},
    ("iomap_bmap_extent", "verdict"): {"REPORTED": "reports", "UNMAPPED": "reports", "FLUSH": "errors"},
    ("iomap_swap_extent", "verdict"): {
        "HELD": "reports", "MERGED": "reports", "UNALLOCATED": "reports", "SHARED": "reports",
        "INLINE": "- no file system has both inline data and swap files by iomap",
        "DIRTY": "- swapon syncs the file before", "OTHER_BDEV": "- needs a file on several devices",
        "DROPPED": "- needs the swap code to fail"},
    ("iomap_swap_add", "verdict"): {
        "REPORTED": "reports", "TOO_SHORT": "reports", "ENOUGH": "reports", "DROPPED": "reports",
        "FAILED": "- needs an allocation that fails"},
    ("dax_fault_fallback", "reason"): {
        "ORDER": "fsdax", "COLOUR": "fsdax", "PRIVATE": "fsdax", "VMA_START": "fsdax", "VMA_END": "fsdax", "EOF": "fsdax",
        "CONFLICT": "fsdax", "LOOKUP": "fsdax", "EXTENT": "fsdax", "UNALIGNED": "fsdax", "ACCESS": "fsdax",
        "TYPE": "- a write that gets a hole", "SHORT": "- a pmem device is one piece",
        "NO_DEVMAP": "- all memory that XFS and ext4 accept has pages", "ZERO_FOLIO": "- needs a lack of memory",
        "RACE": "~ needs two faults of the same huge page at the same time"},
    ("dax_rw_access", "mode"): {"ACCESS": "fsdax", "RECOVERY_WRITE": "fsdax"},
    ("dax_rw_copy", "route"): {"READ": "fsdax", "HOLE": "fsdax", "WRITE": "fsdax", "RECOVERY": "fsdax"},
    ("dax_writeback_entry", "outcome"): {
        "FLUSHED": "fsdax", "GONE": "~ a truncation while writeback waits", "MOVED": "~ a write to a shared extent while it waits",
        "DONE": "~ another writeback while it waits", "BAD": "- a damaged tree"},
    ("aio_iocb_issued", "route"): {"INLINE": "aio", "QUEUED": "aio"},
    ("aio_iocb_end", "outcome"): {"POSTED": "aio", "REJECTED": "aio"},
    ("aio_iocb_cancel", "reason"): {"USER": "aio", "CTX": "aio"},
}


def partners(name):
    """What the event pairs with, in words."""
    said = []
    for pair in PAIRS:
        if name in (pair.begin, pair.end):
            other = pair.end if name == pair.begin else pair.begin
            own = pair.key[0] if name == pair.begin else pair.key[1]
            note = f" ({pair.note})" if pair.note else ""
            said.append(f"`{other}` by {', '.join('task' if key == 'pid' else f'`{key}`' for key in own)}{note}")
    if name in WITHIN:
        begin, key = WITHIN[name]
        said.append(f"within `{begin}` by {'task' if key == 'pid' else f'`{key}`'}")
    return "; ".join(said)


def context(event):
    return ", ".join(CONTEXTS[letter] for letter in event.context)


def markdown():
    lines = [f"{len(EVENTS)} events, {sum(not e.stock for e in EVENTS.values())} of which the series adds."]
    for system in SYSTEMS:
        lines += ["", f"### {system}", "", "| event | step | context | pairs with | case |", "|---|---|---|---|---|"]
        for e in EVENTS.values():
            if e.system == system:
                name = f"`{e.name}`" + (" (stock)" if e.stock else "")
                case = f"none: {e.never}" if e.never else e.case
                lines.append(f"| {name} | {e.step} | {context(e)} | {partners(e.name)} | {case} |")
    lines += ["", "### Reasons, routes and verdicts", "", "Each value, and the case that provokes it.", "",
              "| event | field | values |", "|---|---|---|"]
    for (name, field), values in VALUES.items():
        reached = ", ".join(f"{value} ({case})" for value, case in values.items() if case[0] not in "-~")
        rest = "; ".join(f"{value}: {why[2:]}" for value, why in values.items() if why[0] == "-")
        chance = "; ".join(f"{value}: {why[2:]}" for value, why in values.items() if why[0] == "~")
        lines.append(f"| `{name}` | `{field}` | {reached}" + (f". Not provoked: {rest}" if rest else "") +
                     (f". By chance only: {chance}" if chance else "") + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--markdown"]:
        sys.exit("usage: table.py --markdown")
    sys.stdout.write(markdown())
