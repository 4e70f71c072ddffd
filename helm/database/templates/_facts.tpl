{{- /* What the database's Jobs are, for the library chart. */ -}}
{{- define "database.facts" -}}
role: oblivion_owner
calls: [postgres]
# One of them makes Secrets.
apiToken: true
{{- end -}}
