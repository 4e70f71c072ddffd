{{- /* What gateway is, for the library chart. */ -}}
{{- define "gateway.facts" -}}
http: true
metrics: true
public: true
role: oblivion_gateway
redis: true
keys: [master]
outside: [qdrant]
calls: [postgres, redis, sandbox, qdrant]
# Identity providers.
internet: true
apiToken: {{ .Values.lib.global.operator.enabled }}
environment:
  {{- if .Values.lib.global.operator.enabled }}
  - {name: OBLIVION_OPERATOR_ACCOUNT, value: "{{ .Release.Namespace }}:{{ include "oblivion.nameOf" (list . "operator") }}"}
  {{- end }}
  - {name: OBLIVION_PUBLIC_URL, value: {{ .Values.lib.global.publicUrl | quote }}}
{{- end -}}
