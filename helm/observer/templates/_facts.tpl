{{- /* What the observer is, for the library chart. */ -}}
{{- define "observer.facts" -}}
http: true
metrics: true
public: true
calls: [gateway{{ if .Values.queueBoard.enabled }}, redis{{ end }}]
environment:
  - {name: OBLIVION_GATEWAY_URL, value: "http://{{ include "oblivion.nameOf" (list . "gateway") }}.{{ .Release.Namespace }}.svc"}
  - {name: OBLIVION_PUBLIC_URL, value: {{ .Values.lib.global.publicUrl | quote }}}
{{- if .Values.queueBoard.enabled }}
# The page's own container knows no store. The two meet on a socket in the pod's /tmp.
redisBeside: true
beside:
  - name: queue-board
    image: {{ include "oblivion.image" . }}
    imagePullPolicy: {{ .Values.lib.global.imagePullPolicy }}
    command: [python, -m, oblivion_observer.queue_board]
    env:
      {{- include "oblivion.redisUrl" . | nindent 6 }}
    resources: {{- toYaml .Values.queueBoard.resources | nindent 6 }}
    securityContext: {{- include "oblivion.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
{{- end }}
{{- end -}}
