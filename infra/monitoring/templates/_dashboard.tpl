{{- /* monitoring.dashboard (list name dashboard): what Grafana imports; two panels to a row. */ -}}
{{- define "monitoring.dashboard" -}}
{{- $name := index . 0 -}}
{{- $dashboard := index . 1 -}}
uid: oblivion-{{ $name }}
title: {{ $dashboard.title | quote }}
tags: [oblivion]
schemaVersion: 39
refresh: 30s
time: {from: now-1h, to: now}
templating:
  list:
    - {name: source, label: Prometheus, type: datasource, query: prometheus}
panels:
  {{- range $index, $panel := $dashboard.panels }}
  - id: {{ add $index 1 }}
    type: timeseries
    title: {{ $panel.title | quote }}
    datasource: {type: prometheus, uid: "${source}"}
    gridPos: {h: 8, w: 12, x: {{ mul (mod $index 2) 12 }}, y: {{ mul (div $index 2) 8 }}}
    fieldConfig: {defaults: {unit: {{ $panel.unit }}, min: 0}, overrides: []}
    targets:
      {{- range $legend, $expression := $panel.queries }}
      - {refId: {{ printf "q%s" ($legend | sha256sum | trunc 6) }}, legendFormat: {{ $legend | quote }}, expr: {{ $expression | quote }}}
      {{- end }}
  {{- end }}
{{- end -}}
