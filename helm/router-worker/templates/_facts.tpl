{{- /* What router-worker is, for the library chart. */ -}}
{{- define "router-worker.facts" -}}
http: true
metrics: true
role: oblivion_router_worker
redis: true
keys: [master, signing]
outside: [slack, clickup, model]
callers: []
calls: [postgres, redis, ingestion, sandbox]
# Slack, ClickUp and the model.
internet: true
environment:
  - {name: OBLIVION_PUBLIC_URL, value: {{ .Values.lib.global.publicUrl | quote }}}
  - {name: OBLIVION_INGESTION_URL, value: "http://{{ include "oblivion.nameOf" (list . "ingestion") }}"}
  {{- if .Values.lib.global.sandbox.enabled }}
  - {name: OBLIVION_WEBHOOK_BASE_URL, value: "http://{{ include "oblivion.nameOf" (list . "ingestion") }}"}
  {{- else }}
  - {name: OBLIVION_WEBHOOK_BASE_URL, value: {{ .Values.lib.global.publicUrl | quote }}}
  {{- end }}
{{- end -}}
