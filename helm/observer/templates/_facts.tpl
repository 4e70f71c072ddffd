{{- /* What the observer is, for the library chart. */ -}}
{{- define "observer.facts" -}}
http: true
metrics: true
public: true
{{- end -}}
