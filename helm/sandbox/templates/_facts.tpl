{{- /* What sandbox is, for the library chart. */ -}}
{{- define "sandbox.facts" -}}
http: true
# Its state has one owner.
alone: true
storage: /data
public: true
calls: [ingestion]
environment:
  - {name: OBLIVION_HOST, value: 0.0.0.0}
  - {name: OBLIVION_SANDBOX_DIR, value: /data}
  - {name: OBLIVION_SANDBOX_BASE_URL, value: {{ include "oblivion.sandboxUrl" . }}}
{{- end -}}
