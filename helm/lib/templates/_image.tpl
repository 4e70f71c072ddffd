{{- /* oblivion.image is the image of the chart's service; `image.name` of the values may name another. */ -}}
{{- define "oblivion.image" -}}
{{- $global := .Values.lib.global -}}
{{- $registry := $global.imageRegistry | default "oblivion" -}}
{{- $reference := printf "%s/%s" $registry .Values.image.name -}}
{{- if contains "/" .Values.image.name -}}{{- $reference = .Values.image.name -}}{{- end -}}
{{- if .Values.image.digest -}}
{{ $reference }}@{{ .Values.image.digest }}
{{- else -}}
{{ $reference }}:{{ .Values.image.tag | default $global.imageTag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* Pod Security "restricted", for a pod and for its container. */ -}}
{{- define "oblivion.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "oblivion.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ not .Values.lib.global.writableRoot }}
capabilities: {drop: [ALL]}
{{- end -}}
