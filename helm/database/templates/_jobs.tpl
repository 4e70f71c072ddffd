{{- /* What the Jobs' pods have in common. */ -}}
{{- define "database.pod" -}}
enableServiceLinks: false
securityContext: {{- include "oblivion.podSecurity" . | nindent 2 }}
{{- with .Values.lib.global.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- end -}}

{{- define "database.container" -}}
image: {{ include "oblivion.image" . }}
imagePullPolicy: {{ .Values.lib.global.imagePullPolicy }}
command: [python, -m, oblivion_cli]
resources: {{- toYaml .Values.resources | nindent 2 }}
securityContext: {{- include "oblivion.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
{{- end -}}
