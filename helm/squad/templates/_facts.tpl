{{- /* What the squad is, for the library chart. */ -}}
{{- define "squad.facts" -}}
outside: [model]
calls: [gateway, sandbox]
# The model, and GitHub.
internet: true
environment:
  - {name: OBLIVION_URI, value: "http://{{ include "oblivion.nameOf" (list . "gateway") }}"}
  - {name: OBLIVION_AGENTS, value: /etc/oblivion/squad.json}
  - name: GITHUB_TOKEN
    valueFrom: {secretKeyRef: {name: {{ .Values.squadSecret }}, key: github-token, optional: true}}
  {{- if .Values.lib.global.sandbox.enabled }}
  - {name: OBLIVION_GITHUB_API_URL, value: "{{ include "oblivion.sandboxUrl" . }}/github"}
  {{- end }}
volumes:
  - name: squad
    secret: {secretName: {{ .Values.squadSecret }}, items: [{key: squad.json, path: squad.json}]}
mounts:
  - {name: squad, mountPath: /etc/oblivion, readOnly: true}
{{- end -}}
