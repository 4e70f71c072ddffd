{{- /* What ingestion is, for the library chart. */ -}}
{{- define "ingestion.facts" -}}
http: true
metrics: true
public: true
role: oblivion_ingestion
redis: true
keys: [signing]
outside: [slack]
calls: [postgres, redis, sandbox]
# Slack, for Socket Mode.
internet: true
{{- end -}}
