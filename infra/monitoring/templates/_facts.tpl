{{- define "monitoring.facts" -}}
{}
{{- end -}}
