{{- /* What cli is, for the library chart. */ -}}
{{- define "cli.facts" -}}
role: oblivion_cli
redis: true
keys: [master, signing]
outside: [slack, clickup]
calls: [postgres, redis, sandbox, ingestion, gateway, mcp-hub]
internet: true
# It waits to be used: kubectl exec deploy/{{ include "oblivion.fullname" . }} -- oblivion tenants list
command: [sleep, infinity]
environment:
  - {name: OBLIVION_PUBLIC_URL, value: {{ .Values.lib.global.publicUrl | quote }}}
  {{- if .Values.lib.global.sandbox.enabled }}
  - {name: OBLIVION_WEBHOOK_BASE_URL, value: "http://{{ include "oblivion.nameOf" (list . "ingestion") }}"}
  {{- end }}
{{- end -}}
