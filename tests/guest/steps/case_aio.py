# SPDX-License-Identifier: GPL-2.0
"""Linux AIO: each way for a request to begin, to be refused, to be cancelled and to end."""

import errno
import os
import signal

import machine
from machine import FDSYNC, FSYNC, PAGE, POLL, PREAD, PWRITE, Aio
from trace import Recorder, check, select

POLLIN, POLLOUT = 1, 4
READABLE = 0x41         # POLLIN | POLLRDNORM


def requests(t, fs):
    context = Aio()
    memory = machine.buffer(65536)
    direct = machine.direct(fs.file("direct", 65536))
    cached = fs.open("cached")
    reader, writer = os.pipe()
    iocb = Aio.iocb
    many = [iocb(PREAD, direct, 0x101, memory, PAGE, 8192), iocb(PWRITE, cached, 0x102, memory, 100, 5),
            iocb(FSYNC, cached, 0x103), iocb(POLL, reader, 0x104, buf=POLLIN), iocb(POLL, writer, 0x105, buf=POLLOUT),
            iocb(FDSYNC, direct, 0x106)]
    t.equal(context.submit(*many), 6, "six requests")
    got = dict(context.events(5))
    t.equal(got, {0x101: PAGE, 0x102: 100, 0x103: 0, 0x105: POLLOUT, 0x106: 0}, "five results")
    os.write(writer, b"x")
    t.equal(context.events(1), [(0x104, READABLE)], "and the poll, when there is something to read")
    os.read(reader, 1)

    refused = {}
    good, bad = iocb(PREAD, direct, 0x201, memory, PAGE), iocb(PREAD, 999, 0x202, memory, PAGE)
    refused["the second"] = context.submit(good, bad)
    t.equal(context.events(1), [(0x201, PAGE)], "the one before a refused one is carried out")
    refused["an unknown opcode"] = context.submit(iocb(77, direct, 0x203, memory, PAGE))
    refused["a reserved field"] = context.submit(iocb(PREAD, direct, 0x204, memory, PAGE, reserved2=1))
    refused["a poll with a length"] = context.submit(iocb(POLL, reader, 0x205, size=1, buf=POLLIN))
    t.equal(context.submit(iocb(PREAD, direct, 0x206, memory, PAGE, 1)), 1, "a request that fails is a request")
    t.equal(context.events(1), [(0x206, -errno.EINVAL)], "and has a result")
    t.equal(refused, {"the second": 1, "an unknown opcode": -errno.EINVAL, "a reserved field": -errno.EINVAL,
                      "a poll with a length": -errno.EINVAL}, "what is refused")
    t.equal(context.events(1, timeout=0.01), [], "a wait that times out")

    polls = [iocb(POLL, reader, 0x301, buf=POLLIN), iocb(POLL, reader, 0x302, buf=POLLIN)]
    context.submit(*polls)
    t.equal(context.cancel(polls[0]), -errno.EINPROGRESS, "io_cancel()")
    t.equal([data for data, _ in context.events(1)], [0x301], "of which there is a result")
    t.equal(context.destroy(), 0, "io_destroy() with a poll in flight")
    wrong = Aio.__new__(Aio)
    wrong.context = 0x1234
    t.equal((wrong.submit(good), wrong.events(1)), (-errno.EINVAL, -errno.EINVAL), "no such context")
    for fd in (direct, cached, reader, writer):
        os.close(fd)


def killed(t, fs):
    """A process that dies with requests in flight."""
    reader, writer = os.pipe()
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        context = Aio()
        memory = machine.buffer(PAGE)
        fd = os.open(fs.path("direct"), os.O_RDWR | os.O_DIRECT)
        context.submit(Aio.iocb(POLL, reader, 0x401, buf=POLLIN), Aio.iocb(PREAD, fd, 0x402, memory, PAGE))
        os.write(told, b"x")
        signal.pause()
    os.read(ready, 1)
    os.kill(child, signal.SIGKILL)
    t.equal(os.waitpid(child, 0)[1], signal.SIGKILL, "a process dies with a poll in flight")
    for fd in (reader, writer, ready, told):
        os.close(fd)


def run(t):
    fs = machine.Mounted("xfs", "/dev/vda")
    with Recorder() as recorder:
        with fs:
            requests(t, fs)
            killed(t, fs)
    events = recorder.events
    check(t, events)
    ends = {int(e.f["user_data"], 16): e for e in select(events, "aio_iocb_end")}
    t.equal({data: int(ends[data].f["res"]) for data in (0x101, 0x102, 0x103, 0x104, 0x206)},
            {0x101: PAGE, 0x102: 100, 0x103: 0, 0x104: READABLE, 0x206: -errno.EINVAL},
            "the results are those that the process got")
    t.equal({data for data, e in ends.items() if e.f["outcome"] == "REJECTED"}, {0x202, 0x203, 0x205},
            "those that were begun and refused are told")
    t.equal(len(select(events, "aio_submit_stop")), 4, "io_submit() says where it stops")
    issued = {int(e.f["user_data"], 16): e.f["route"] for e in select(events, "aio_iocb_issued")}
    t.equal((issued[0x101], issued[0x102], issued[0x103], issued[0x104]), ("QUEUED", "INLINE", "QUEUED", "QUEUED"), "the routes")
    cancelled = {int(e.f["user_data"], 16): e.f["reason"] for e in select(events, "aio_iocb_cancel")}
    t.equal(cancelled, {0x301: "USER", 0x302: "CTX", 0x401: "CTX"}, "who cancels")
    iocbs = {e.f["iocb"] for e in select(events, "aio_iocb_begin")}
    direct = [e for e in select(events, "iomap_dio_begin")]
    t.ok(direct and {e.f["iocb"] for e in direct} <= iocbs, "a direct read is followed through iomap by its iocb",
         [e.text for e in direct])
    got = [int(e.f["ret"]) for e in select(events, "aio_getevents_end")]
    t.equal((sum(n for n in got if n > 0), got.count(0), got[-1]), (9, 1, -errno.EINVAL),
            "io_getevents() brings as many as it says")
    return events
