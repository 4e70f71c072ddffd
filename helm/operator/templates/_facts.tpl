{{- /* What the operator is, for the library chart. */ -}}
{{- define "operator.facts" -}}
http: true
metrics: true
# Two at once would wait for each other.
alone: true
apiToken: true
calls: [gateway]
environment:
  - {name: OBLIVION_GATEWAY_URL, value: "http://{{ include "oblivion.nameOf" (list . "gateway") }}.{{ .Release.Namespace }}.svc"}
  - {name: OBLIVION_GATEWAY_TOKEN_FILE, value: /var/run/secrets/oblivion/gateway/token}
  - {name: OBLIVION_SYSTEM_NAMESPACE, value: {{ .Release.Namespace }}}
  - {name: OBLIVION_AGENT_IMAGE, value: {{ .Values.agents.defaultImage | default (include "oblivion.image" (dict "Values" (dict "lib" .Values.lib "image" (dict "name" "agent" "tag" "" "digest" "")) "Chart" .Chart)) }}}
  - {name: OBLIVION_AGENT_IMAGE_PULL_POLICY, value: {{ .Values.lib.global.imagePullPolicy }}}
  {{- $model := .Values.lib.global.model }}
  {{- if $model.name }}
  - {name: OBLIVION_LLM_MODEL, value: {{ $model.name | quote }}}
  {{- with $model.baseUrl }}
  - {name: OBLIVION_LLM_BASE_URL, value: {{ . | quote }}}
  {{- end }}
  {{- else if .Values.lib.global.sandbox.enabled }}
  - {name: OBLIVION_LLM_MODEL, value: "openai:sandbox"}
  - {name: OBLIVION_LLM_BASE_URL, value: "{{ include "oblivion.sandboxUrl" . }}.{{ .Release.Namespace }}.svc/llm/v1"}
  {{- end }}
volumes:
  - name: gateway-token
    projected:
      sources: [{serviceAccountToken: {audience: oblivion-gateway, expirationSeconds: 3600, path: token}}]
mounts:
  - {name: gateway-token, mountPath: /var/run/secrets/oblivion/gateway, readOnly: true}
{{- end -}}
