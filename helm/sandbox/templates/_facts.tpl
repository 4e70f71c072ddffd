{{- /* What sandbox is, for the library chart. */ -}}
{{- define "sandbox.facts" -}}
http: true
# Its state has one owner.
alone: true
storage: /data
public: true
calls: [ingestion, gateway, mcp-hub, observer]
# One port in front of the whole system, for kubectl port-forward.
beside:
  - name: front
    image: {{ include "oblivion.image" . }}
    imagePullPolicy: {{ .Values.lib.global.imagePullPolicy }}
    command: [python, -m, oblivion_sandbox.front]
    env:
      - {name: OBLIVION_FRONT_SYSTEM, value: {{ include "oblivion.system" . }}}
    ports:
      - {name: front, containerPort: 8300}
    readinessProbe:
      httpGet: {path: /front/ready, port: front}
      periodSeconds: 2
    resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}
    securityContext: {{- include "oblivion.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
environment:
  - {name: OBLIVION_HOST, value: 0.0.0.0}
  - {name: OBLIVION_SANDBOX_DIR, value: /data}
  - {name: OBLIVION_SANDBOX_BASE_URL, value: {{ include "oblivion.sandboxUrl" . }}}
{{- end -}}
