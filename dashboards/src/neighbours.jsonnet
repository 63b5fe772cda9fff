// SPDX-License-Identifier: GPL-2.0
// The layers beside iomap: Linux AIO above direct I/O, dm-io below file systems.
local lib = import 'iomapscope.libsonnet';

local aio = lib.facet('op', 'aio_op');
// File systems know nothing of dm-io, whose devices are others: neither is filtered by.
local dm = lib.own + ', op=~"$dm_op"';
local by = 'instance, device, op';
local at = '{{instance}} {{device}} {{op}}';

lib.dashboard(
  'neighbours',
  'Linux AIO (libaio), from io_submit() to its event, and the device mapper\'s dm-io with its regions. io_uring is neither.',
  lib.variables('aio_duration_seconds_count', [['op', 'aio_op', 'AIO opcode', 'aio_duration_seconds_count']])
  + [lib.variables(null, [['op', 'dm_op', 'dm-io operation', 'dm_io_duration_seconds_count']])[4] {
    query+: { query: 'label_values(dm_io_duration_seconds_count{%s}, op)' % lib.own },
  }],
  [
    lib.row('Linux AIO', [
      lib.timeseries('AIO requests', 'Ended, by opcode. A drop while they are in flight: the device, or direct I/O below.', 'ops', [lib.target(lib.sumRate(by, 'aio_duration_seconds_count', aio), at)], w=8),
      lib.timeseries('AIO requests that fail', 'Failed, or refused by io_submit(). Compare with the failures of direct I/O: what is not there was refused before. Which: "iomapscope aio --errors".', 'ops',
                     [lib.target(lib.sumRate(by, 'aio_errors_total', aio), at)], w=8),
      lib.timeseries('AIO in flight', 'Submitted and not ended; a poll may wait for ever. A value that stays while nothing ends: AioStuck.', 'none',
                     [lib.target(lib.sum(by, 'aio_in_flight{%s}' % aio), at)], w=8),
      lib.heatmap('AIO latency', 'What it is above that of direct I/O is waiting in front of it or behind.', 's', 'aio_duration_seconds', aio),
      lib.timeseries('AIO percentiles', 'Of the opcodes chosen above; leave poll out, which waits for others.', 's', lib.percentiles('aio_duration_seconds', aio), logarithmic=true),
      lib.timeseries('AIO slowest hundredth by opcode', 'fsync and fdsync are carried out by a worker, and take what the device\'s cache takes to be flushed.', 's',
                     [lib.target(lib.quantile('0.99', by, 'aio_duration_seconds', aio), at)], w=8, thresholds=lib.steps(0.1, 0.5)),
      lib.timeseries('AIO routes', 'inline: io_submit() itself did the work and blocked meanwhile, so it is no asynchronous I/O: buffered files, or a file system that cannot.', 'ops',
                     [lib.target(lib.sumRate('route', 'aio_completions_total', aio), '{{route}}')], w=8, stack=true),
      lib.timeseries('AIO cancelled', 'By io_cancel(), or as the process ended. A burst is a program that died.', 'ops',
                     [lib.target(lib.sumRate(by, 'aio_cancelled_total', aio), at)], w=8),
    ]),
    lib.row('dm-io', [
      lib.timeseries('dm-io requests', 'Of mirrors, snapshots and kcopyd, by the device of the first region. Much of it without your doing is a mirror that resynchronises.', 'ops',
                     [lib.target(lib.sumRate(by, 'dm_io_duration_seconds_count', dm), at)], w=8),
      lib.timeseries('dm-io regions that fail', 'A leg of a mirror does not take its writes: it is lost or about to be (DmIoRegionErrors). Which device: "iomapscope dmio --errors".', 'ops',
                     [lib.target(lib.sumRate(by, 'dm_io_failed_regions_total', dm), at)], w=8),
      lib.timeseries('dm-io requests that fail', 'Requests of which a region failed. As many as regions: always the same leg.', 'ops',
                     [lib.target(lib.sumRate(by, 'dm_io_errors_total', dm), at)], w=8),
      lib.heatmap('dm-io latency', 'To the end of the last region: the slowest leg decides.', 's', 'dm_io_duration_seconds', dm),
      lib.timeseries('dm-io percentiles', 'Of the operations chosen above.', 's', lib.percentiles('dm_io_duration_seconds', dm), logarithmic=true),
      lib.timeseries('dm-io in flight', 'Begun and not ended. A value that stays while nothing ends: DmIoStuck.', 'none',
                     [lib.target(lib.sum(by, 'dm_io_in_flight{%s}' % dm), at)], w=8),
      lib.timeseries('Regions a request', 'The legs that a write goes to; a mirror of two that falls to 1 runs without its second leg, or copies.', 'none',
                     [lib.target(lib.ratio(by, lib.rate('dm_io_regions_total', dm), lib.rate('dm_io_duration_seconds_count', dm)), at)], w=8),
      lib.heatmap('dm-io lengths', 'Of all regions of a request together.', 'bytes', 'dm_io_bytes', dm, w=8),
    ]),
  ]
)
