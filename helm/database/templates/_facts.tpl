{{- /* What the database's Jobs are, for the library chart. */ -}}
{{- define "database.facts" -}}
calls: [postgres]
{{- end -}}
