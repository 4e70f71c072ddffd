{{- /* oblivion.test is the chart's `helm test`: its Service answers that it is ready, seen from a pod. */ -}}
{{- define "oblivion.test" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "oblivion.fullname" . }}-test
  labels:
    {{- include "oblivion.labels" . | fromYaml | merge (dict "app.kubernetes.io/name" "test") | toYaml | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {{- include "oblivion.podSecurity" . | nindent 4 }}
  {{- with .Values.lib.global.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: test
      image: {{ include "oblivion.image" . }}
      imagePullPolicy: {{ .Values.lib.global.imagePullPolicy }}
      command: [python, -c]
      args:
        - |
          import urllib.request
          with urllib.request.urlopen("http://{{ include "oblivion.fullname" . }}/health/ready", timeout=20) as answer:
              print("{{ .Chart.Name }} is ready:", answer.status)
      resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
      securityContext: {{- include "oblivion.containerSecurity" . | nindent 8 }}
{{- end -}}
