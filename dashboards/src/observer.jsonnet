// SPDX-License-Identifier: GPL-2.0
// Whether the figures of the other dashboards can be trusted, and what it costs to have them.
local lib = import 'iomapscope.libsonnet';

local own = lib.own;
local at = '{{instance}}';
local each = '{{instance}} {{observer}}';

lib.dashboard(
  'observer',
  'The exporter itself: is it up, what does it observe by which source, what has it lost, what does it cost.',
  lib.variables(null),
  [
    lib.row('Can the figures be trusted?', [
      lib.stat('Exporters up', 'That Prometheus can scrape.', 'none', [lib.target('count(%s) or vector(0)' % lib.ours('up{%s} == 1' % own), 'up')], lib.steps(null, null)),
      lib.stat('Exporters down', 'That it cannot: see the state below; on the machine "systemctl status iomapscope-exporter". Fires IomapscopeDown.', 'none', [lib.target('count(%s) or vector(0)' % lib.ours('up{%s} == 0' % own), 'down')], lib.steps(null, 1)),
      lib.stat('Events lost', 'The part of all events that is not in the figures. Above 0.1 % fires IomapscopeEventsLost.', 'percentunit',
               [lib.target('sum(%s)\n/\nsum(%s)' % [lib.rate('iomapscope_events_lost_total', own), lib.rate('iomapscope_events_total', own)], 'lost')], lib.steps(0.0001, 0.001)),
      lib.stat('Fullest map', 'The map of which the largest part is taken. Full ones lose events, or put them under "other".', 'percentunit',
               [lib.target('max(iomapscope_map_entries{%s} / iomapscope_map_max_entries{%s})' % [own, own], 'fullest')], lib.steps(0.7, 0.9)),
      lib.stat('Slowest scrape', 'Time that an exporter took for its last answer. Above 1 s fires IomapscopeScrapeSlow.', 's', [lib.target('max(iomapscope_scrape_duration_seconds{%s})' % own, 'slowest')], lib.steps(0.1, 1)),
      lib.stat('Observers without a source', 'What these kernels cannot show: "iomapscope probe" says why. Stock kernels lack sources for some.', 'none', [lib.target('count(iomapscope_source_attached{%s, source="none"}) or vector(0)' % own, 'without')], lib.steps(1, null)),
      lib.states('Up', 'Whether Prometheus could scrape each exporter. Gaps: Prometheus did not know of it.', [lib.target('max by (instance) (%s)' % lib.ours('up{%s}' % own), at)], lib.mapping([['0', 'down', 'red'], ['1', 'up', 'green']]), w=12, h=7),
      lib.table('Exporters', 'Version, kernel, and when it was started. A start that you know nothing of: see the journal.', ['instance', 'version', 'kernel'],
                [['Started', 'dateTimeAsIso', null, '1000 * max by (instance, version, kernel) (process_start_time_seconds{%s} * on (job, instance) group_left (version, kernel) iomapscope_build_info{%s})' % [own, own], null]], w=12, h=7),
    ]),
    lib.row('Sources and loss', [
      lib.table('Sources', 'What each observer observes by. "none": this kernel has nothing for it. Another source than yesterday: another kernel, or a patch is missing.', ['instance', 'observer', 'source'],
                [['Attached', 'none', null, 'max by (instance, observer, source) (iomapscope_source_attached{%s})' % own, null]], w=12, h=8),
      lib.timeseries('Events', 'Seen by each observer. 0 where there is I/O: another program may hold what the observer needs, or it has no source.', 'ops',
                     [lib.target(lib.rate('iomapscope_events_total', own), each)]),
      lib.timeseries('Events in the metrics', 'Those that were counted. Events minus these are lost.', 'ops', [lib.target(lib.rate('iomapscope_events_emitted_total', own), each)], w=8),
      lib.timeseries('Events lost, by reason', 'What each reason means is in "iomapscope help lookups". map_full: more requests in flight than there is room for; raise --in-flight.', 'ops',
                     [lib.target(lib.rate('iomapscope_events_lost_total', own), '{{instance}} {{observer}} {{reason}}')], w=8),
      lib.timeseries('Programs skipped', 'Runs that the kernel left out since another program ran on that CPU; each may be an event less. Only stock sources have many. Fires IomapscopeProgramsSkipped.', 'ops',
                     [lib.target(lib.rate('iomapscope_programs_skipped_total', own), each)], w=8),
    ]),
    lib.row('Room', [
      lib.timeseries('Maps', 'The part of each map that is taken.', 'percentunit',
                     [lib.target('iomapscope_map_entries{%s} / iomapscope_map_max_entries{%s}' % [own, own], '{{instance}} {{observer}} {{map}}')], w=8, thresholds=lib.steps(0.7, 0.9), max=1),
      lib.timeseries('Entries', 'Keys of metrics, requests in flight, cgroups. What only ever grows is a leak.', 'none', [lib.target('iomapscope_map_entries{%s}' % own, '{{instance}} {{observer}} {{map}}')], w=8),
      lib.timeseries('Added to "other"', 'Events of a device or cgroup for which there was no room. Above 0 fires IomapscopeKeyOverflow.', 'ops', [lib.target(lib.rate('iomapscope_overflow_total', own), each)], w=8),
    ]),
    lib.row('Scrapes', [
      lib.timeseries('Time of a scrape', 'Inside the exporter, and as Prometheus sees it. Far apart: the network, or TLS.', 's',
                     [
                       lib.target('iomapscope_scrape_duration_seconds{%s}' % own, at + ' exporter'),
                       lib.target(lib.ours('scrape_duration_seconds{%s}' % own), at + ' Prometheus'),
                     ], w=8, thresholds=lib.steps(0.1, 1)),
      lib.timeseries('CPU of a scrape', 'On average. Grows with devices and cgroups.', 's',
                     [lib.target('%s\n/\n%s' % [lib.rate('iomapscope_scrape_cpu_seconds_total', own), lib.rate('iomapscope_scrapes_total', own)], at)], w=8),
      lib.timeseries('Series', 'That Prometheus keeps of each exporter. See docs/dashboards.md for how many to expect.', 'none', [lib.target(lib.ours('scrape_samples_scraped{%s}' % own), at)], w=8),
      lib.timeseries('Scrapes', 'Answered, and not. More than your Prometheus makes: somebody else asks, too. Failed ones fire IomapscopeScrapeErrors.', 'ops',
                     [
                       lib.target(lib.rate('iomapscope_scrapes_total', own), at + ' answered'),
                       lib.target(lib.rate('iomapscope_scrape_errors_total', own), at + ' failed'),
                     ]),
      lib.timeseries('Connections', 'Open, and refused as there were too many.', 'none',
                     [
                       lib.target('iomapscope_connections{%s}' % own, at + ' open'),
                       lib.target(lib.rate('iomapscope_connections_refused_total', own), at + ' refused a second'),
                     ]),
    ]),
    lib.row('What it costs', [
      lib.timeseries('CPU of the exporter', 'Of one CPU; what its programs cost in the kernel is not in it (docs/perf.md).', 'percentunit', [lib.target(lib.ours(lib.rate('process_cpu_seconds_total', own)), at)], w=8),
      lib.timeseries('Memory', 'Resident. Steady growth is a leak.', 'bytes', [lib.target(lib.ours('process_resident_memory_bytes{%s}' % own), at)], w=8),
      lib.timeseries('Descriptors', 'The part of the allowed ones that is open.', 'percentunit', [lib.target(lib.ours('process_open_fds{%s} / process_max_fds{%s}' % [own, own]), at)], w=8, thresholds=lib.steps(0.5, 0.8)),
    ]),
  ]
)
