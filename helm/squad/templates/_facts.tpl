{{- /* What the squad is, for the library chart. */ -}}
{{- define "squad.facts" -}}
outside: [model]
calls: [gateway, sandbox]
# The model, and GitHub.
internet: true
environment:
  - {name: OBLIVION_URI, value: "http://{{ include "oblivion.nameOf" (list . "gateway") }}"}
  - {name: OBLIVION_AGENTS, value: /etc/oblivion/squad.json}
volumes:
  - name: squad
    secret: {secretName: {{ .Values.squadSecret }}, items: [{key: squad.json, path: squad.json}]}
environmentFrom:
  - secretRef: {name: {{ .Values.environmentSecret }}, optional: true}
mounts:
  - {name: squad, mountPath: /etc/oblivion, readOnly: true}
{{- end -}}
