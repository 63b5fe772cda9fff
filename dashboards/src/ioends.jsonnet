// SPDX-License-Identifier: GPL-2.0
// Writeback: ioends, from their begin to their finish.
local lib = import 'iomapscope.libsonnet';

local sel = lib.facet('type', 'type');
local by = 'instance, device, type';
local at = '{{instance}} {{device}} {{type}}';
local dev = '{{instance}} {{device}}';
local hist = 'iomap_ioend_duration_seconds';
local patched = ' Needs this project\'s events.';

lib.dashboard(
  'ioends',
  'Writeback through iomap: how fast it is, why ioends are small, and what fails. File systems that write back without iomap, as ext4, have none.',
  lib.variables('iomap_ioends_total', [['type', 'type', 'Mapping type', 'iomap_ioends_total']]),
  [
    lib.row('Rate and errors', [
      lib.timeseries('Ioends', 'Finished, by the type of their mapping. unwritten ones convert extents at their end, which costs a transaction each.', 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_ioends_total', sel), at)], w=8),
      lib.timeseries('Ioends that fail', 'Anything above 0 is data that is not on the disk: the next fsync() says EIO once, the page cache may forget. Fires IomapWritebackErrors. Which file: "iomapscope ioends --errors".', 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_ioend_errors_total', sel), at)], w=8),
      lib.timeseries('Bytes', 'Written back, by device.', 'Bps',
                     [lib.target(lib.sumRate('instance, device', 'iomap_ioend_bytes_sum', sel), dev)], w=8),
    ]),
    lib.row('Latency', [
      lib.heatmap('Latency', 'From begin to finish. An ioend waits for the others of the same writeback: seconds are normal under load. A whole band that moves up is the device.', 's', hist, sel),
      lib.timeseries('Percentiles', 'Of all that is chosen above.', 's', lib.percentiles(hist, sel), logarithmic=true),
      lib.timeseries('Slowest hundredth by device', 'fsync() and sync() wait as long. Compare devices of the same kind; then see the phases below.', 's',
                     [lib.target(lib.quantile('0.99', by, hist, sel), at)], thresholds=lib.steps(1, 5)),
      lib.timeseries('Mean time in each phase', 'build: waiting for more folios; device: from submission to the end of the bio; completion: conversion of extents, waiting for a worker. The one that grows is to blame.' + patched, 's',
                     [lib.target(lib.ratio('phase', lib.rate('iomap_ioend_phase_seconds_total', sel), lib.rate('iomap_ioend_phases_total', sel)), '{{phase}}')], stack=true),
    ]),
    lib.row('Backlog', [
      lib.timeseries('In flight', 'Begun and not finished. A value that stays while nothing finishes is a device that hangs (IomapWritebackStuck).', 'none',
                     [lib.target(lib.sum(by, 'iomap_ioends_in_flight{%s}' % sel), at)]),
      lib.timeseries('Time to drain', 'In flight, divided by how many finish a second: how long a sync() would take. 30 s is how old dirty data may become by default; beyond that the device does not keep up (IomapWritebackBacklog).', 's',
                     [lib.target('%s\n/\n(%s > 0)' % [lib.sum('instance, device', 'iomap_ioends_in_flight{%s}' % sel), lib.sumRate('instance, device', 'iomap_ioends_total', sel)], dev)], thresholds=lib.steps(10, 30)),
    ]),
    lib.row('Size: why are they small?', [
      lib.heatmap('Lengths of ioends', 'Large is good. Small ones: random writes, fragmentation, or see beside why a new one was begun.', 'bytes', 'iomap_ioend_bytes', sel, w=8),
      lib.timeseries('Why ioends were begun', 'file_gap and disk_gap: the data is scattered in the file or on the disk; type and shared: the kind of mapping changed. An empty reason: this kernel cannot tell.', 'ops',
                     [lib.target(lib.sumRate('reason', 'iomap_ioends_total', sel), '{{reason}}')], w=8, stack=true),
      lib.timeseries('Mean length', 'By device. Falls with random writes and with fragmentation; the reasons are beside.', 'bytes',
                     [lib.target(lib.ratio('instance, device', lib.rate('iomap_ioend_bytes_sum', sel), lib.rate('iomap_ioend_bytes_count', sel)), dev)], w=8),
      lib.timeseries('Merged at completion', 'The part of ioends that were completed together with another one: cheaper conversions. Falls with random writes.' + patched, 'percentunit',
                     [lib.target(lib.ratio('instance, device', lib.rate('iomap_ioend_merged_total', sel), lib.rate('iomap_ioends_total', sel)), dev)]),
      lib.timeseries('Folios an ioend', 'Together with the length: how large folios are. Many small ones cost CPU at completion.' + patched, 'none',
                     [lib.target(lib.ratio('instance, device', lib.rate('iomap_ioend_folios_total', sel), lib.rate('iomap_ioends_total', sel)), dev)]),
    ]),
  ]
)
