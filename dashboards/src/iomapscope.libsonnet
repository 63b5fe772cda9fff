// SPDX-License-Identifier: GPL-2.0
// What the dashboards share: variables, links, queries, panels, and the layout of panels in rows.

local datasource = { type: 'prometheus', uid: '${datasource}' };

// Each dashboard's uid is fixed: links, provisioning and bookmarks go by it.
local dashboards = [
  ['overview', 'Overview'],
  ['lookups', 'Mapping lookups'],
  ['ioends', 'Writeback'],
  ['dio', 'Direct I/O'],
  ['dax', 'DAX'],
  ['neighbours', 'AIO and dm-io'],
  ['observer', 'Observer'],
];
local uid(name) = 'iomapscope-' + name;

{
  local lib = self,
  uid:: uid,

  // Matchers. The exporter itself has the first three; what is observed, device and fstype as well; facet is the label that names the
  // kind of operation, chosen by a variable of its own where the words are others.
  own:: 'cluster=~"$cluster", job=~"$job", instance=~"$instance"',
  device:: self.own + ', device=~"$device", fstype=~"$fstype"',
  facet(label, variable):: '%s, %s=~"$%s"' % [self.device, label, variable],

  // Queries.
  rate(metric, matchers):: 'rate(%s{%s}[$__rate_interval])' % [metric, matchers],
  sum(by, expr):: 'sum by (%s) (%s)' % [by, expr],
  sumRate(by, metric, matchers):: self.sum(by, self.rate(metric, matchers)),
  ratio(by, above, below):: '%s\n/\n%s' % [self.sum(by, above), self.sum(by, below)],
  quantile(q, by, metric, matchers)::
    'histogram_quantile(%s, %s)' % [q, self.sumRate(std.join(', ', ['le'] + (if by == '' then [] else [by])), metric + '_bucket', matchers)],
  buckets(metric, matchers):: self.sumRate('le', metric + '_bucket', matchers),

  // Metrics that other exporters have as well (up, process_...): only of ours, those that were there within a day included.
  ours(expr):: '%s and on (cluster, job, instance) last_over_time(iomapscope_build_info{%s}[1d])' % [expr, self.own],

  target(expr, legend, instant=false, format='time_series'):: {
    datasource: datasource,
    editorMode: 'code',
    expr: expr,
    format: format,
    instant: instant,
    range: !instant,
    legendFormat: legend,
  },
  now(expr, legend):: self.target(expr, legend, instant=true),
  percentiles(metric, matchers):: [
    lib.target(lib.quantile(q[0], '', metric, matchers), q[1])
    for q in [['0.5', 'p50'], ['0.9', 'p90'], ['0.99', 'p99'], ['0.999', 'p99.9']]
  ],

  // Colours from a value on.
  steps(warning, bad, good='green'):: {
    mode: 'absolute',
    steps: [{ color: good, value: null }]
           + (if warning == null then [] else [{ color: 'orange', value: warning }])
           + (if bad == null then [] else [{ color: 'red', value: bad }]),
  },
  anyIsBad:: self.steps(null, 1e-9),
  neutral:: self.steps(null, null, 'blue'),

  // Panels. Each has a width, a height and a text: what it shows, what a bad value is, where to look next.
  local panel(type, title, text, unit, targets, w, h) = {
    type: type,
    title: title,
    description: text,
    datasource: datasource,
    size:: [w, h],
    targets: [targets[i] { refId: std.char(65 + i) } for i in std.range(0, std.length(targets) - 1)],
    fieldConfig: { defaults: { unit: unit, color: { mode: 'palette-classic' }, thresholds: lib.steps(null, null) }, overrides: [] },
    options: {},
    transparent: false,
  },

  // thresholds: drawn as lines behind the curves.
  timeseries(title, text, unit, targets, w=12, h=8, thresholds=null, stack=false, max=null, min=0, logarithmic=false)::
    panel('timeseries', title, text, unit, targets, w, h) {
      fieldConfig+: {
        defaults+: {
          [if max != null then 'max']: max,
          [if min != null && !logarithmic then 'min']: min,
          [if thresholds != null then 'thresholds']: thresholds,
          custom: {
            drawStyle: 'line',
            lineInterpolation: 'linear',
            lineWidth: 1,
            fillOpacity: if stack then 40 else 10,
            showPoints: 'never',
            spanNulls: false,
            axisPlacement: 'auto',
            stacking: { mode: if stack then 'normal' else 'none', group: 'A' },
            scaleDistribution: if logarithmic then { type: 'log', log: 10 } else { type: 'linear' },
            thresholdsStyle: { mode: if thresholds == null then 'off' else 'dashed' },
          },
        },
      },
      options: {
        legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['lastNotNull', 'max'], sortBy: 'Max', sortDesc: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    },

  stat(title, text, unit, targets, thresholds, w=4, h=4, mappings=[])::
    panel('stat', title, text, unit, targets, w, h) {
      fieldConfig+: { defaults+: { color: { mode: 'thresholds' }, thresholds: thresholds, mappings: mappings, noValue: '-' } },
      options: {
        colorMode: 'background',
        graphMode: 'area',
        justifyMode: 'auto',
        orientation: 'auto',
        percentChangeColorMode: 'standard',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        showPercentChange: false,
        textMode: 'auto',
        wideLayout: true,
      },
    },

  bars(title, text, unit, targets, thresholds, w=12, h=8)::
    panel('bargauge', title, text, unit, targets, w, h) {
      fieldConfig+: { defaults+: { color: { mode: 'thresholds' }, thresholds: thresholds, min: 0 } },
      options: {
        displayMode: 'gradient',
        legend: { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: false },
        maxVizHeight: 300,
        minVizHeight: 16,
        minVizWidth: 8,
        namePlacement: 'auto',
        orientation: 'horizontal',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        showUnfilled: true,
        sizing: 'auto',
        valueMode: 'color',
      },
    },

  // Classic buckets: one series for each le, which Grafana takes apart.
  heatmap(title, text, unit, metric, matchers, w=12, h=8)::
    panel('heatmap', title, text, unit, [lib.target(lib.buckets(metric, matchers), '{{le}}', format='heatmap')], w, h) {
      fieldConfig: { defaults: { custom: { scaleDistribution: { type: 'linear' } } }, overrides: [] },
      options: {
        calculate: false,
        cellGap: 1,
        cellValues: { unit: 'ops' },
        color: { exponent: 0.5, fill: 'dark-orange', mode: 'scheme', reverse: false, scale: 'exponential', scheme: 'Oranges', steps: 64 },
        exemplars: { color: 'rgba(255,0,255,0.7)' },
        filterValues: { le: 1e-9 },
        legend: { show: true },
        rowsFrame: { layout: 'auto' },
        showValue: 'never',
        tooltip: { mode: 'single', showColorScale: false, yHistogram: true },
        yAxis: { axisPlacement: 'left', reverse: false, unit: unit },
      },
    },

  states(title, text, targets, mappings, w=24, h=8)::
    panel('state-timeline', title, text, 'none', targets, w, h) {
      fieldConfig+: { defaults+: { color: { mode: 'thresholds' }, mappings: mappings, custom: { fillOpacity: 80, lineWidth: 0 } } },
      options: {
        alignValue: 'left',
        legend: { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: true },
        mergeValues: true,
        rowHeight: 0.9,
        showValue: 'never',
        tooltip: { mode: 'single', sort: 'none' },
      },
    },

  mapping(values):: [{
    type: 'value',
    options: { [v[0]]: { text: v[1], color: v[2], index: std.parseInt(v[0]) } for v in values },
  }],

  // columns: [heading, unit, thresholds or null, expr, link or null]; keys: the labels that are the same in all queries.
  table(title, text, keys, columns, w=24, h=10)::
    panel('table', title, text, 'short', [lib.target(c[3], '', instant=true, format='table') for c in columns], w, h) {
      local value(i) = if std.length(columns) == 1 then 'Value' else 'Value #' + std.char(65 + i),
      fieldConfig+: {
        defaults+: {
          color: { mode: 'thresholds' },
          noValue: '-',
          custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false, filterable: true },
        },
        overrides: [
          {
            matcher: { id: 'byName', options: columns[i][0] },
            properties: [{ id: 'unit', value: columns[i][1] }]
                        + (if columns[i][2] == null then [] else [
                             { id: 'thresholds', value: columns[i][2] },
                             { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
                           ])
                        + (if columns[i][4] == null then [] else [{ id: 'links', value: [columns[i][4]] }]),
          }
          for i in std.range(0, std.length(columns) - 1)
        ],
      },
      options: { cellHeight: 'sm', frameIndex: 0, showHeader: true },
      transformations: [
        { id: 'merge', options: {} },
        {
          id: 'organize',
          options: {
            excludeByName: { Time: true },
            indexByName: { [keys[i]]: i for i in std.range(0, std.length(keys) - 1) }
                         + { [value(i)]: std.length(keys) + i for i in std.range(0, std.length(columns) - 1) },
            renameByName: { [value(i)]: columns[i][0] for i in std.range(0, std.length(columns) - 1) },
          },
        },
      ],
    },

  // A link from a row of a table to another dashboard, for the device of that row.
  rowLink(name, title):: {
    title: title,
    url: '/d/' + uid(name) + '?${__url_time_range}&${datasource:queryparam}&${cluster:queryparam}&${job:queryparam}'
         + '&var-instance=${__data.fields.instance}&var-device=${__data.fields.device}&var-fstype=${__data.fields.fstype}',
    targetBlank: false,
  },

  // Variables. One that has All asks for anything then, also for a label that is not there, as cluster often is not; but job and instance
  // always are.
  local variable(name, label, query, text, allValue='.*') = {
    type: 'query',
    name: name,
    label: label,
    description: text,
    datasource: datasource,
    definition:: null,
    query: { qryType: 1, query: query, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
    regex: '',
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: allValue,
    hide: 0,
    skipUrlSync: false,
    current: { selected: true, text: ['All'], value: ['$__all'] },
    options: [],
  },

  // what: null for the exporter alone, or the metric whose labels tell what there is; facets: [label, variable, shown as, metric].
  variables(what, facets=[]):: [
    {
      type: 'datasource',
      name: 'datasource',
      label: 'Data source',
      description: 'What answers the queries: Prometheus, or what speaks its language.',
      query: 'prometheus',
      regex: '',
      refresh: 1,
      multi: false,
      includeAll: false,
      hide: 0,
      skipUrlSync: false,
      options: [],
    },
    variable('cluster', 'Cluster', 'label_values(iomapscope_build_info, cluster)',
             'Label of your own; without one, All is right.'),
    variable('job', 'Job', 'label_values(iomapscope_build_info{cluster=~"$cluster"}, job)', 'Job of the scrape configuration.', '.+'),
    variable('instance', 'Instance', 'label_values(iomapscope_build_info{cluster=~"$cluster", job=~"$job"}, instance)',
             'Exporter, one a machine.', '.+'),
  ] + (if what == null then [] else [
         variable('fstype', 'File system', 'label_values(%s{%s}, fstype)' % [what, self.own], 'Type of the file system.'),
         variable('device', 'Device', 'label_values(%s{%s, fstype=~"$fstype"}, device)' % [what, self.own], 'Device of the file system.'),
       ]) + [
    variable(f[1], f[2], 'label_values(%s{%s}, %s)' % [f[3], self.device, f[0]], 'Kind of operation.')
    for f in facets
  ],

  row(title, panels):: { title: title, panels: panels },

  // Panels go from left to right, and below each other where the line is full.
  local place(rows) = std.foldl(
    function(at, row)
      local head = {
        type: 'row',
        id: at.id,
        title: row.title,
        collapsed: false,
        gridPos: { x: 0, y: at.y, w: 24, h: 1 },
        panels: [],
      };
      local body = std.foldl(
        function(line, p)
          local full = line.x + p.size[0] > 24;
          local x = if full then 0 else line.x;
          local y = if full then line.y + line.h else line.y;
          {
            x: x + p.size[0],
            y: y,
            h: if full then p.size[1] else std.max(line.h, p.size[1]),
            id: line.id + 1,
            panels: line.panels + [p { id: line.id, gridPos: { x: x, y: y, w: p.size[0], h: p.size[1] } }],
          },
        row.panels,
        { x: 0, y: at.y + 1, h: 0, id: at.id + 1, panels: [] }
      );
      { id: body.id, y: body.y + body.h, panels: at.panels + [head] + body.panels },
    rows,
    { id: 1, y: 0, panels: [] }
  ).panels,

  dashboard(name, text, variables, rows):: {
    local title = [d[1] for d in dashboards if d[0] == name][0],
    uid: uid(name),
    title: 'iomapscope: ' + title,
    description: text,
    tags: ['iomapscope', 'storage'],
    schemaVersion: 41,
    version: 1,
    // The source is here, not in a browser; "Save as" makes a copy that is.
    editable: false,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timepicker: { refresh_intervals: ['10s', '30s', '1m', '5m', '15m', '1h'] },
    fiscalYearStartMonth: 0,
    weekStart: '',
    links: [
      {
        type: 'link',
        title: d[1],
        tooltip: 'The same time and machines',
        url: '/d/' + uid(d[0]),
        icon: 'dashboard',
        tags: [],
        asDropdown: false,
        includeVars: true,
        keepTime: true,
        targetBlank: false,
      }
      for d in dashboards
      if d[0] != name
    ],
    annotations: {
      list: [
        {
          name: 'Exporter started',
          datasource: datasource,
          enable: true,
          hide: false,
          iconColor: 'purple',
          // Counters begin at 0 again; rate() knows, eyes may not.
          expr: 'changes(iomapscope_start_time_seconds{%s}[$__rate_interval]) > 0' % lib.own,
          titleFormat: 'Exporter started',
          textFormat: '{{instance}}',
          step: '',
        },
        {
          name: 'Alerts',
          datasource: datasource,
          enable: false,
          hide: false,
          iconColor: 'red',
          expr: 'ALERTS{%s, alertname=~"(Iomap|Aio|DmIo).*", alertstate="firing"}' % lib.own,
          titleFormat: '{{alertname}}',
          textFormat: '{{instance}} {{device}}',
          step: '',
        },
      ],
    },
    templating: { list: variables },
    panels: place(rows),
  },
}
