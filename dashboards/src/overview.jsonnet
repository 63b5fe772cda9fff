// SPDX-License-Identifier: GPL-2.0
// Which device, file system and kind of operation, since when, failing or slow, and is it the mapping or the device?
local lib = import 'iomapscope.libsonnet';

local sel = lib.facet('op', 'op');
local any = lib.device;
local keys = ['instance', 'device', 'fstype'];
local by = std.join(', ', keys);
local at = '{{instance}} {{device}} {{fstype}}';

lib.dashboard(
  'overview',
  'Which devices and file systems hurt: what fails, what is slow, since when, and whether it is the mapping or the device.',
  lib.variables('iomap_lookups_total', [['op', 'op', 'Operation', 'iomap_lookups_total']]),
  [
    lib.row('Is anything wrong?', [
      lib.stat(
        'Alerts firing',
        'Alerts of iomapscope that fire for these machines. More than 0: the list is in Alertmanager, and each alert names its runbook.',
        'none',
        [lib.target('count(ALERTS{%s, alertname=~"(Iomap|Aio|DmIo).*", alertstate="firing"}) or vector(0)' % lib.own, 'alerts')],
        lib.steps(null, 1)
      ),
      lib.stat(
        'Devices that fail',
        'Devices on which direct I/O, writeback or DAX has failed within the last 5 minutes. More than 0: see which in the table below, then the dashboard of the operation.',
        'none',
        [lib.target('count(instance_device:iomap_errors:rate5m{%s} > 0) or vector(0)' % any, 'devices')],
        lib.steps(null, 1)
      ),
      lib.stat(
        'Slow devices',
        'Devices where the slowest hundredth of some kind of operation takes 100 ms or more. More than 0: the table tells of which kind; whether it is the mapping or the device is told in the row below it.',
        'none',
        [lib.target('count(instance_device:iomap_duration_seconds:p99_rate5m{%s} >= 0.1) or vector(0)' % any, 'devices')],
        lib.steps(1, null)
      ),
      lib.stat(
        'In flight',
        'Direct I/O requests and ioends that are begun and not ended. A number that stays while nothing is completed is a device that hangs: see the dashboards Direct I/O and Writeback.',
        'none',
        [lib.target('sum(iomap_dio_in_flight{%s}) + (sum(iomap_ioends_in_flight{%s}) or vector(0))' % [any, any], 'requests')],
        lib.neutral
      ),
      lib.stat(
        'Devices observed',
        'Devices with file systems that use iomap. Fewer than there should be: an exporter is down (beside), or nobody has used the file system since it was started.',
        'none',
        [lib.target('count(count by (instance, device) (instance_device_op:iomap_lookups:rate5m{%s}))' % any, 'devices')],
        lib.neutral
      ),
      lib.stat(
        'Exporters down',
        'Exporters that Prometheus cannot scrape. More than 0: nothing is known of these machines, see the dashboard Observer.',
        'none',
        [lib.target('count(%s) or vector(0)' % lib.ours('up{%s} == 0' % lib.own), 'exporters')],
        lib.steps(null, 1)
      ),
    ]),
    lib.row('Which device, since when?', [
      lib.states(
        'State of each device',
        'Well, slow (the slowest hundredth of some kind of operation takes 100 ms or more), or failing (direct I/O, writeback or DAX returned errors). Where a colour begins, the trouble began: zoom in there, and read on in the table.',
        [lib.target('max by (%s) (instance_device:iomap_state:max5m{%s})' % [by, any], at)],
        lib.mapping([['0', 'well', 'green'], ['1', 'slow', 'orange'], ['2', 'failing', 'red']]),
        h=8
      ),
      lib.table(
        'Devices',
        'The last 5 minutes of each device; each value is that of its slowest operation, or the sum. Sort by a column; a value links to the dashboard that explains it. "-": nothing of the kind happened, or this kernel cannot tell.',
        keys,
        [
          ['Failed', 'ops', lib.anyIsBad, 'sum by (%s) (instance_device:iomap_errors:rate5m{%s})' % [by, any], lib.rowLink('dio', 'Direct I/O')],
          ['Lookups', 'ops', null, 'sum by (%s) (instance_device_op:iomap_lookups:rate5m{%s})' % [by, sel], lib.rowLink('lookups', 'Mapping lookups')],
          ['Lookup p99', 's', lib.steps(0.01, 0.1), 'max by (%s) (instance_device_op:iomap_lookup_duration_seconds:p99_rate5m{%s})' % [by, sel], lib.rowLink('lookups', 'Mapping lookups')],
          ['Failed lookups', 'ops', null, 'sum by (%s) (instance_device_op:iomap_lookup_errors:rate5m{%s})' % [by, sel], lib.rowLink('lookups', 'Mapping lookups')],
          ['Direct I/O', 'ops', null, 'sum by (%s) (instance_device_op:iomap_dio_requests:rate5m{%s})' % [by, sel], lib.rowLink('dio', 'Direct I/O')],
          ['Direct I/O p99', 's', lib.steps(0.1, 0.5), 'max by (%s) (instance_device_op:iomap_dio_duration_seconds:p99_rate5m{%s})' % [by, sel], lib.rowLink('dio', 'Direct I/O')],
          ['Mapping share', 'percentunit', lib.steps(0.2, 0.5), 'max by (%s) (instance_device_op:iomap_dio_mapping:ratio_rate5m{%s})' % [by, sel], lib.rowLink('dio', 'Direct I/O')],
          ['Writeback', 'ops', null, 'sum by (%s) (instance_device_type:iomap_ioends:rate5m{%s})' % [by, any], lib.rowLink('ioends', 'Writeback')],
          ['Writeback p99', 's', lib.steps(1, 5), 'max by (%s) (instance_device_type:iomap_ioend_duration_seconds:p99_rate5m{%s})' % [by, any], lib.rowLink('ioends', 'Writeback')],
          ['DAX p99', 's', lib.steps(0.001, 0.01), 'max by (%s) (instance_device_op:iomap_dax_duration_seconds:p99_rate5m{%s})' % [by, sel], lib.rowLink('dax', 'DAX')],
        ],
        h=9
      ),
      lib.bars(
        'Where time is spent',
        'Operations in progress on average (direct I/O, writeback and DAX), the ten most loaded devices: 1 is one operation at any time. A device that stands out without an error is where the waiting is; which operation it is, is in the panel beside.',
        'none',
        [lib.now('topk(10, sum by (%s) (instance_device:iomap_duration_seconds:rate5m{%s}))' % [by, any], at)],
        lib.neutral
      ),
      lib.bars(
        'Which operation is slow',
        'The slowest hundredth of each kind of lookup and direct I/O, the ten worst. A lookup up here means that the file system searches or waits for its metadata; direct I/O without its lookup means the device.',
        's',
        [
          lib.now('topk(5, max by (instance, device, op) (instance_device_op:iomap_lookup_duration_seconds:p99_rate5m{%s}))' % sel, '{{instance}} {{device}} lookup of {{op}}'),
          lib.now('topk(5, max by (instance, device, op) (instance_device_op:iomap_dio_duration_seconds:p99_rate5m{%s}))' % sel, '{{instance}} {{device}} {{op}}'),
        ],
        lib.steps(0.1, 0.5)
      ),
    ]),
    lib.row('Failing: since when, and what?', [
      lib.timeseries(
        'Operations that fail',
        'By kind. Anything above 0 is data that was not read or written as asked for; read on in the dashboard of that kind, and with "iomapscope dio --errors" (or ioends, dax) on the machine.',
        'ops',
        [
          lib.target('sum by (instance, device, op) (instance_device_op:iomap_dio_errors:rate5m{%s} - instance_device_op:iomap_dio_would_block:rate5m{%s})' % [sel, sel], '{{instance}} {{device}} {{op}}'),
          lib.target('sum by (instance, device) (instance_device_type:iomap_ioend_errors:rate5m{%s})' % any, '{{instance}} {{device}} writeback'),
          lib.target('sum by (instance, device, op) (instance_device_op:iomap_dax_errors:rate5m{%s})' % sel, '{{instance}} {{device}} {{op}}'),
        ]
      ),
      lib.timeseries(
        'Lookups that fail',
        'A full file system (ENOSPC), a quota, and EAGAIN of requests that must not wait show here as well as damage. On operations that only read it is damage, or a device: see the dashboard Mapping lookups.',
        'ops',
        [lib.target('sum by (instance, device, op) (instance_device_op:iomap_lookup_errors:rate5m{%s})' % sel, '{{instance}} {{device}} {{op}}')]
      ),
    ]),
    lib.row('Slow: the mapping or the device?', [
      lib.timeseries(
        'Mapping share of direct I/O',
        'The part of direct I/O\'s time that goes into looking up mappings. Above a half the file system is to blame (fragmentation, allocation, a lock, metadata that is not cached); near 0 it is the device and what is below.',
        'percentunit',
        [lib.target('max by (instance, device, op) (instance_device_op:iomap_dio_mapping:ratio_rate5m{%s})' % sel, '{{instance}} {{device}} {{op}}')],
        w=8, thresholds=lib.steps(0.2, 0.5)
      ),
      lib.timeseries(
        'Lookups, slowest hundredth',
        'Time in the file system. Normal is microseconds while metadata is cached; milliseconds mean that it is read from the device, or a lock. Next: dashboard Mapping lookups.',
        's',
        [lib.target('max by (instance, device, op) (instance_device_op:iomap_lookup_duration_seconds:p99_rate5m{%s})' % sel, '{{instance}} {{device}} {{op}}')],
        w=8, thresholds=lib.steps(0.01, 0.1)
      ),
      lib.timeseries(
        'Direct I/O, slowest hundredth',
        'From begin to end, whoever waits. Compare with the lookups beside: what they do not explain is the device. Next: dashboard Direct I/O.',
        's',
        [lib.target('max by (instance, device, op) (instance_device_op:iomap_dio_duration_seconds:p99_rate5m{%s})' % sel, '{{instance}} {{device}} {{op}}')],
        w=8, thresholds=lib.steps(0.1, 0.5)
      ),
      lib.timeseries(
        'Writeback, slowest hundredth',
        'Of ioends, from their begin to their finish. Seconds are normal while much is written at once; fsync() waits as long. Next: dashboard Writeback.',
        's',
        [lib.target('max by (instance, device, type) (instance_device_type:iomap_ioend_duration_seconds:p99_rate5m{%s})' % any, '{{instance}} {{device}} {{type}}')],
        w=8, thresholds=lib.steps(1, 5)
      ),
      lib.timeseries(
        'DAX, slowest hundredth',
        'Of faults, reads and writes. Microseconds are normal; a millisecond and more is an allocation, a sync for MAP_SYNC, or huge pages being zeroed. Next: dashboard DAX.',
        's',
        [lib.target('max by (instance, device, op) (instance_device_op:iomap_dax_duration_seconds:p99_rate5m{%s})' % sel, '{{instance}} {{device}} {{op}}')],
        w=8, thresholds=lib.steps(0.001, 0.01)
      ),
      lib.timeseries(
        'Load',
        'Operations in progress on average, by device. Load that rises while the rates below do not is waiting.',
        'none',
        [lib.target('sum by (%s) (instance_device:iomap_duration_seconds:rate5m{%s})' % [by, any], at)],
        w=8
      ),
    ]),
    lib.row('What is going on?', [
      lib.timeseries(
        'Lookups',
        'By device. A rise without more I/O is fragmentation (more mappings for the same range) or a program that searches for holes: see the dashboard Mapping lookups.',
        'ops',
        [lib.target(lib.sumRate(by, 'iomap_lookups_total', sel), at)],
        w=8
      ),
      lib.timeseries(
        'Direct I/O',
        'Requests by device. A drop while the latency rises is a slow device, a drop alone a program that asks for less.',
        'ops',
        [lib.target(lib.sumRate(by, 'iomap_dio_duration_seconds_count', sel), at)],
        w=8
      ),
      lib.timeseries(
        'Direct I/O, bytes',
        'Transferred, by device.',
        'Bps',
        [lib.target(lib.sumRate(by, 'iomap_dio_bytes_total', sel), at)],
        w=8
      ),
    ]),
    lib.row('Above and below', [
      lib.timeseries(
        'Linux AIO, slowest hundredth',
        'From io_submit() to the event. Much more than direct I/O takes: requests wait in front of it. Next: dashboard AIO and dm-io.',
        's',
        [lib.target('max by (instance, device, op) (instance_device_op:aio_duration_seconds:p99_rate5m{%s, op!="poll"})' % any, '{{instance}} {{device}} {{op}}')],
        w=8
      ),
      lib.timeseries(
        'dm-io, slowest hundredth',
        'Mirrors and snapshots of the device mapper; a write waits for the slowest leg. Next: dashboard AIO and dm-io.',
        's',
        [lib.target('max by (instance, device, op) (instance_device_op:dm_io_duration_seconds:p99_rate5m{%s})' % lib.own, '{{instance}} {{device}} {{op}}')],
        w=8
      ),
      lib.timeseries(
        'Failures above and below',
        'Linux AIO requests that failed or were refused, and dm-io requests of which a region failed: a leg of a mirror is lost or about to be.',
        'ops',
        [
          lib.target('sum by (instance, device) (instance_device_op:aio_errors:rate5m{%s})' % any, '{{instance}} {{device}} aio'),
          lib.target('sum by (instance, device) (instance_device_op:dm_io_errors:rate5m{%s})' % lib.own, '{{instance}} {{device}} dm-io'),
        ],
        w=8
      ),
    ]),
  ]
)
