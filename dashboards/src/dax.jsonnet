// SPDX-License-Identifier: GPL-2.0
// Fsdax: page faults by their size, why they fall back from huge pages, reads and writes.
local lib = import 'iomapscope.libsonnet';

local sel = lib.facet('op', 'dax_op');
local by = 'instance, device, op';
local at = '{{instance}} {{device}} {{op}}';
local hist = 'iomap_dax_duration_seconds';
local huge = ', op="dax_fault_pmd"';

lib.dashboard(
  'dax',
  'Fsdax: faults, huge pages and why they are not to be had, syncs for MAP_SYNC, reads and writes.',
  lib.variables(hist + '_count', [['op', 'dax_op', 'Operation', hist + '_count']]),
  [
    lib.row('Rate and errors', [
      lib.timeseries('Faults, reads and writes', 'dax_fault_pte is a fault of a small page, dax_fault_pmd of a huge one. Many small ones where the file is large: see the fallbacks.', 'ops',
                     [lib.target(lib.sumRate(by, hist + '_count', sel), at)], w=8),
      lib.timeseries('What fails', 'The process gets SIGBUS, or an error. Beyond the end of the file it is the program, otherwise the medium: fires IomapDaxErrors. Which: "iomapscope dax --errors".', 'ops',
                     [lib.target(lib.sumRate(by, 'iomap_dax_errors_total', sel), at)], w=8),
      lib.timeseries('Bytes read and written', 'By read() and write(); what is done through mappings is nobody\'s to count.', 'Bps',
                     [lib.target(lib.sumRate(by, 'iomap_dax_bytes_total', sel), at)], w=8),
    ]),
    lib.row('Latency', [
      lib.heatmap('Latency', 'Of faults, reads and writes. Faults of huge pages that are zeroed first take some hundred microseconds.', 's', hist, sel),
      lib.timeseries('Percentiles', 'Of all that is chosen above.', 's', lib.percentiles(hist, sel), logarithmic=true),
      lib.timeseries('Slowest hundredth by operation', 'A millisecond and more: allocation in the file system (see the dashboard Mapping lookups), or the sync below.', 's',
                     [lib.target(lib.quantile('0.99', by, hist, sel), at)], thresholds=lib.steps(0.001, 0.01)),
      lib.timeseries('Time in syncs for MAP_SYNC', 'Syncs in progress on average. A first write to each page of such a mapping commits metadata; preallocate and write once before mapping to avoid it.', 'none',
                     [lib.target(lib.sumRate(by, 'iomap_dax_sync_seconds_total', sel), at)]),
    ]),
    lib.row('Huge pages', [
      lib.stat('Fall back from huge pages', 'Of all faults that began with a huge page. Above a half fires IomapDaxHugePageFallbacks; why is beside.', 'percentunit',
               [lib.target('sum(%s)\n/\nsum(%s)' % [lib.rate('iomap_dax_fallbacks_total', lib.device + huge), lib.rate(hist + '_count', lib.device + huge)], 'fall back')],
               lib.steps(0.1, 0.5), w=6, h=8),
      lib.timeseries('Share that falls back', 'By device. 0 is a file system laid out for huge pages (mkfs with a stripe unit of 2 MiB, files preallocated and aligned).', 'percentunit',
                     [lib.target(lib.ratio('instance, device', lib.rate('iomap_dax_fallbacks_total', lib.device + huge), lib.rate(hist + '_count', lib.device + huge)), '{{instance}} {{device}}')], w=9, thresholds=lib.steps(0.1, 0.5)),
      lib.timeseries('Why', 'extent, unaligned: the file is not laid out for it; vma_start, vma_end, colour: the program maps at an address or offset that does not fit; eof: the file\'s end. An empty reason: this kernel cannot tell.', 'ops',
                     [lib.target(lib.sumRate('instance, device, reason', 'iomap_dax_fallbacks_total', sel), '{{instance}} {{device}} {{reason}}')], w=9),
      lib.timeseries('What faults have mapped', 'page: storage; zero: a hole that is read; copy: a private copy.', 'ops',
                     [lib.target(lib.sumRate('op, mapped', 'iomap_dax_mapped_total', sel), '{{op}} {{mapped}}')], stack=true),
      lib.timeseries('Memory mapped by huge pages', 'The part of the memory that faults have mapped. Near 100 % is what huge pages are for.', 'percentunit',
                     [lib.target('%s\n/\n(%s + %s)' % [
                       lib.sum('instance, device', '512 * ' + lib.rate('iomap_dax_mapped_total', lib.device + huge)),
                       lib.sum('instance, device', '512 * ' + lib.rate('iomap_dax_mapped_total', lib.device + huge)),
                       lib.sumRate('instance, device', 'iomap_dax_mapped_total', lib.device + ', op="dax_fault_pte"'),
                     ], '{{instance}} {{device}}')], max=1),
    ]),
  ]
)
