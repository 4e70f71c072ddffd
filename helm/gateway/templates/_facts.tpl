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
  - {name: OBLIVION_TOOLS_URL, value: "http://{{ include "oblivion.nameOf" (list . "mcp-hub") }}.{{ .Release.Namespace }}.svc/mcp"}
  - {name: OBLIVION_PUBLIC_URL, value: {{ .Values.lib.global.publicUrl | quote }}}
  {{- if and .Values.lib.global.sandbox.enabled (eq (include "oblivion.host" .) "localhost") }}
  # One-time links, where only whoever may forward a port comes in.
  - {name: OBLIVION_DEVELOPMENT_LOGIN, value: "true"}
  {{- end }}
{{- end -}}
