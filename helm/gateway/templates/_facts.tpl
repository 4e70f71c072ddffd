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
environment:
  - {name: OBLIVION_PUBLIC_URL, value: {{ .Values.lib.global.publicUrl | quote }}}
{{- end -}}
