// SPDX-License-Identifier: GPL-2.0
// Direct I/O: requests from begin to end, whoever waits for them.
local lib = import 'iomapscope.libsonnet';

local sel = lib.facet('op', 'dio_op');
local by = 'instance, device, op';
local at = '{{instance}} {{device}} {{op}}';
local hist = 'iomap_dio_duration_seconds';
local patched = ' Needs this project\'s events.';

lib.dashboard(
  'dio',
  'Direct I/O through iomap: latency by phase, mapping or device, fallbacks, and how requests are cut and completed.',
  lib.variables(hist + '_count', [['op', 'dio_op', 'Operation', hist + '_count']]),
  [
    lib.row('Rate and errors', [
      lib.timeseries('Requests', 'Ended, by operation.', 'ops', [lib.target(lib.sumRate(by, hist + '_count', sel), at)], w=8),
      lib.timeseries('Requests that fail', 'The program got an error (a fallback to buffered I/O is none). EAGAIN of requests that must not wait is left out. Which file and errno: "iomapscope dio --errors".', 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_dio_errors_total', sel) + ' - ' + lib.sumRate(by, 'iomap_dio_would_block_total', sel), at)], w=8),
      lib.timeseries('Bytes', 'Transferred, by operation.', 'Bps', [lib.target(lib.sumRate(by, 'iomap_dio_bytes_total', sel), at)], w=8),
    ]),
    lib.row('Latency: the mapping or the device?', [
      lib.heatmap('Latency', 'A band for the device\'s cache and one for its medium are normal. A band that moves up: see the phases beside; a cloud above: few slow requests, see the percentiles.', 's', hist, sel),
      lib.timeseries('Mean time in each phase', 'setup: until the last bio is submitted; device; queue: waiting for a worker; completion: what the file system does at the end. mapping (drawn apart) is part of setup and device.' + patched, 's',
                     [
                       lib.target(lib.ratio('phase', lib.rate('iomap_dio_phase_seconds_total', sel + ', phase!="mapping"'), lib.rate('iomap_dio_phases_total', sel + ', phase!="mapping"')), '{{phase}}'),
                     ], stack=true),
      lib.timeseries('Percentiles', 'Of all that is chosen above.', 's', lib.percentiles(hist, sel), logarithmic=true),
      lib.timeseries('Slowest hundredth by operation', 'Above 500 ms fires IomapDirectIOSlowDevice, or IomapDirectIOSlowMapping if lookups take most of the time.', 's',
                     [lib.target(lib.quantile('0.99', by, hist, sel), at)], thresholds=lib.steps(0.1, 0.5)),
      lib.timeseries('Mapping share', 'The part of the time that goes into lookups, told by the lookups themselves. Above a half: the file system (see the dashboard Mapping lookups); near 0: the device.', 'percentunit',
                     [lib.target(lib.ratio(by, lib.rate('iomap_lookup_duration_seconds_sum', sel), lib.rate(hist + '_sum', sel)), at)], thresholds=lib.steps(0.2, 0.5)),
      lib.timeseries('Mean time in the mapping', 'Of one request.' + patched, 's',
                     [lib.target(lib.ratio(by, lib.rate('iomap_dio_phase_seconds_total', sel + ', phase="mapping"'), lib.rate('iomap_dio_phases_total', sel + ', phase="mapping"')), at)]),
    ]),
    lib.row('In flight', [
      lib.timeseries('In flight', 'Begun and not ended. A value that stays while nothing ends is a device that hangs (IomapDirectIOStuck).', 'none',
                     [lib.target(lib.sum(by, 'iomap_dio_in_flight{%s}' % sel), at)]),
      lib.timeseries('Who waits', 'sync: the submitter asked for it; async: nobody; waited: the submitter was to wait though it asked for asynchronous I/O. Much of waited makes an io_uring or libaio program block: extending writes, or O_DSYNC.', 'ops',
                     [lib.target(lib.sumRate('wait', 'iomap_dio_waits_total', sel), '{{wait}}')], stack=true),
    ]),
    lib.row('Fallbacks', [
      lib.timeseries('Requests cut short, by cause', 'invalidate and fallback: done by buffered I/O instead (slow, and it fills the page cache); again: asked not to wait; eof, short: the end of the file, which is normal.' + patched, 'ops',
                     [lib.target(lib.sumRate('instance, device, cause', 'iomap_dio_fallbacks_total', sel), '{{instance}} {{device}} {{cause}}')]),
      lib.timeseries('Share done by buffered I/O', 'Requests that fell back to buffered I/O. 10 % fires IomapDirectIOFallbacks: programs mix mapped or buffered access with direct I/O on the same file, or the file system cannot do it directly.' + patched, 'percentunit',
                     [lib.target(lib.ratio(by, lib.rate('iomap_dio_fallbacks_total', sel + ', cause=~"fallback|invalidate"'), lib.rate(hist + '_count', sel)), at)], thresholds=lib.steps(0.01, 0.1)),
    ]),
    lib.row('How requests are cut and completed', [
      lib.heatmap('Lengths asked for', 'By the programs. Small ones cost the most per byte.', 'bytes', 'iomap_dio_request_bytes', sel, w=8),
      lib.timeseries('Mappings a request', 'Above 1 the file is fragmented, or requests are larger than its extents.' + patched, 'none',
                     [lib.target(lib.ratio(by, lib.rate('iomap_dio_extents_total', sel), lib.rate(hist + '_count', sel)), at)], w=8),
      lib.timeseries('Bios a request', 'More than one for each mapping: requests are larger than a bio may be.' + patched, 'none',
                     [lib.target(lib.ratio(by, lib.rate('iomap_dio_bios_total', sel), lib.rate(hist + '_count', sel)), at)], w=8),
      lib.timeseries('Routes of completion', 'workqueue costs a context switch: writes that extend the file, convert unwritten extents or are O_DSYNC go there. Preallocate and write zeroes once to avoid it.' + patched, 'ops',
                     [lib.target(lib.sumRate('route', 'iomap_dio_completions_total', sel), '{{route}}')], w=24, stack=true),
    ]),
  ]
)
