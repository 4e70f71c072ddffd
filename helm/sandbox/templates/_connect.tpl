{{- /* The Job's pod; the Job is named by a checksum of it. */ -}}
{{- define "sandbox.connect" -}}
metadata:
  labels:
    app.kubernetes.io/name: sandbox-connect
    app.kubernetes.io/part-of: {{ include "oblivion.system" . }}
spec:
  restartPolicy: OnFailure
  serviceAccountName: {{ include "oblivion.fullname" . }}-connect
  automountServiceAccountToken: true
  enableServiceLinks: false
  securityContext: {{- include "oblivion.podSecurity" . | nindent 4 }}
  {{- with .Values.lib.global.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  volumes:
    - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
  containers:
    - name: connect
      image: {{ include "oblivion.image" (dict "Values" (dict "lib" .Values.lib "image" .Values.connectImage) "Chart" .Chart) }}
      imagePullPolicy: {{ .Values.lib.global.imagePullPolicy }}
      command: [python, -m, oblivion_cli]
      args:
        - cluster
        - sandbox
        - --url={{ include "oblivion.sandboxUrl" . }}
        - --webhooks=http://{{ include "oblivion.nameOf" (list . "ingestion") }}
        - --squad={{ include "sandbox.squadSecret" . }}
      env:
        {{- include "oblivion.databaseUrl" (list . "oblivion_cli" "OBLIVION_DATABASE_URL") | nindent 8 }}
        {{- range $key := list "master" "signing" }}
        {{- include "oblivion.fromSecret" (list (printf "OBLIVION_%s_KEY" (upper $key)) (include "oblivion.keysSecret" $) (printf "%s-key" $key)) | nindent 8 }}
        {{- end }}
      resources: {requests: {cpu: 10m, memory: 96Mi}, limits: {memory: 256Mi}}
      securityContext: {{- include "oblivion.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "sandbox.squadSecret" -}}
{{- .Values.squadSecret | default (include "oblivion.nameOf" (list . "squad")) -}}
{{- end -}}
