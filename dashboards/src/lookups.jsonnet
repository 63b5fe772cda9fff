// SPDX-License-Identifier: GPL-2.0
// What file systems are asked for, what they answer, and how long they take; steps, stale mappings and releases that follow.
local lib = import 'iomapscope.libsonnet';

local sel = lib.facet('op', 'op');
local by = 'instance, device, op';
local at = '{{instance}} {{device}} {{op}}';
local dev = '{{instance}} {{device}}';
local hist = 'iomap_lookup_duration_seconds';
local patched = ' Needs this project\'s events.';

lib.dashboard(
  'lookups',
  'Mapping lookups (->iomap_begin): rate, latency, errors, what mappings look like, and what is done with them.',
  lib.variables('iomap_lookups_total', [['op', 'op', 'Operation', 'iomap_lookups_total']]),
  [
    lib.row('Rate and errors', [
      lib.timeseries('Lookups', 'By operation. A rise without more I/O: fragmentation, or a program that searches for holes; see the lengths of mappings below.', 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_lookups_total', sel), at)], w=8),
      lib.timeseries('Lookups that fail', 'On reading operations damage or a device that fails; on writing ones ENOSPC, EDQUOT or EAGAIN, too. Which it is: "iomapscope lookups --errors" on the machine.', 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_lookup_errors_total', sel), at)], w=8),
      lib.timeseries('Share that fails', 'Of the lookups of an operation. 1 % of a reading operation fires IomapReadLookupErrors. dio_write may fail often with EAGAIN where programs use io_uring.', 'percentunit',
                     [lib.target(lib.ratio(by, lib.rate('iomap_lookup_errors_total', sel), lib.rate('iomap_lookups_total', sel)), at)],
                     w=8, thresholds=lib.steps(0.01, 0.05)),
    ]),
    lib.row('Latency', [
      lib.heatmap('Latency', 'Two bands are normal: cached metadata (microseconds) and metadata from the device (milliseconds). A band that rises or a new one: choose the device above, then see by operation.', 's', hist, sel),
      lib.timeseries('Percentiles', 'Of all that is chosen above. p99 far above p50 is the second band of the heatmap.', 's',
                     lib.percentiles(hist, sel), logarithmic=true),
      lib.timeseries('Slowest hundredth by operation', 'Reading operations that are slow read metadata from the device; writing ones wait for allocation, the log, or a lock. Stacks tell: "iomapscope lookups --min-latency 10ms --stacks".', 's',
                     [lib.target(lib.quantile('0.99', by, hist, sel), at)], thresholds=lib.steps(0.01, 0.1)),
      lib.timeseries('Time in lookups', 'Lookups in progress on average. 1 is a thread that does nothing else: that is CPU, or waiting, that the file system costs.', 'none',
                     [lib.target(lib.sumRate(by, hist + '_sum', sel), at)]),
    ]),
    lib.row('Mappings', [
      lib.heatmap('Lengths of mappings', 'Of the mappings returned. Short ones mean fragmentation (or a cache that is asked page by page): more lookups and smaller requests for the same data.', 'bytes', 'iomap_lookup_mapping_bytes', sel, w=8),
      lib.timeseries('Mean length', 'By device. A mean that falls over weeks is a file system that fragments: xfs_fsr, e4defrag, or larger preallocation.', 'bytes',
                     [lib.target(lib.ratio('instance, device', lib.rate('iomap_lookup_mapping_bytes_sum', sel), lib.rate('iomap_lookup_mapping_bytes_count', sel)), dev)], w=8),
      lib.timeseries('Types', 'Holes and unwritten mappings of reads are files that are sparse or preallocated; delalloc are writes whose blocks are not chosen yet.', 'ops',
                     [lib.target(lib.sumRate('type', 'iomap_lookup_mappings_total', sel), '{{type}}')], w=8, stack=true),
      lib.timeseries('Shared mappings', 'The part of lookups that returned blocks shared with another file (reflink, snapshots). Writes to them copy.', 'percentunit',
                     [lib.target(lib.ratio(by, lib.rate('iomap_lookup_shared_total', sel), lib.rate('iomap_lookups_total', sel)), at)]),
      lib.timeseries('Copy on write', 'The part of lookups with a source mapping: data is copied first. Much of it makes writes slow and fragments the file.', 'percentunit',
                     [lib.target(lib.ratio(by, lib.rate('iomap_lookup_cow_total', sel), lib.rate('iomap_lookups_total', sel)), at)], thresholds=lib.steps(0.5, null)),
    ]),
    lib.row('Steps and stale mappings (patched kernels)', [
      lib.timeseries('Bytes a step', 'Work done at once on a mapping. Falls with fragmentation and with small folios.' + patched, 'bytes',
                     [lib.target(lib.ratio(by, lib.rate('iomap_step_bytes_total', sel), lib.rate('iomap_steps_total', sel)), at)], w=8),
      lib.timeseries('Steps', 'Units of work on mappings, by operation.' + patched, 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_steps_total', sel), at)], w=8),
      lib.timeseries('Steps that fail', 'The mapping was there, the work on it failed: memory, a signal, a user buffer that is not there.' + patched, 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_step_errors_total', sel), at)], w=8),
      lib.timeseries('Stale mappings', 'Mappings that were no longer valid once the folio was locked, by reason: somebody else changes the same file (writeback, truncation, another writer).' + patched, 'ops',
                     [lib.target(lib.sumRate('instance, device, reason', 'iomap_stale_mappings_total', sel), '{{instance}} {{device}} {{reason}}')]),
      lib.timeseries('Stale share', 'Of the lookups; each is one done again. 10 % and more fires IomapStaleMappingStorm: writers and writeback fight over the same range.' + patched, 'percentunit',
                     [lib.target(lib.ratio(by, lib.rate('iomap_stale_mappings_total', sel), lib.rate('iomap_lookups_total', sel)), at)], thresholds=lib.steps(0.01, 0.1)),
    ]),
    lib.row('Releases (patched kernels)', [
      lib.timeseries('Releases', 'Calls of ->iomap_end, by operation.' + patched, 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_releases_total', sel), at)], w=8),
      lib.timeseries('Releases that fail', 'The file system could not give back what the operation did not use. Above 0 fires IomapReleaseErrors.' + patched, 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_release_errors_total', sel), at)], w=8),
      lib.timeseries('Slowest hundredth of releases', 'Time in ->iomap_end. Slow ones punch out delayed allocations after a short write, or commit metadata.' + patched, 's',
                     [lib.target(lib.quantile('0.99', by, 'iomap_release_duration_seconds', sel), at)], w=8, thresholds=lib.steps(0.01, 0.1)),
    ]),
  ]
)
