{{- /* What the squad is, for the library chart. */ -}}
{{- define "squad.facts" -}}
outside: [model]
calls: [gateway, mcp-hub, sandbox]
# The model, and GitHub.
internet: true
environment:
  - {name: OBLIVION_URI, value: "http://{{ include "oblivion.nameOf" (list . "gateway") }}"}
  - {name: OBLIVION_AGENTS, value: /etc/oblivion/squad.json}
volumes:
  - name: squad
    secret: {secretName: {{ include "squad.secret" . }}, items: [{key: squad.json, path: squad.json}]}
{{- with include "squad.environmentSecret" . }}
environmentFrom:
  - secretRef: {name: {{ . }}, optional: true}
{{- end }}
mounts:
  - {name: squad, mountPath: /etc/oblivion, readOnly: true}
{{- end -}}

{{- define "squad.secret" -}}
{{- .Values.squadSecret | default (ternary (include "oblivion.nameOf" (list . "squad")) "" .Values.lib.global.sandbox.enabled) -}}
{{- end -}}

{{- define "squad.environmentSecret" -}}
{{- $global := .Values.lib.global -}}
{{- .Values.environmentSecret | default (ternary (include "oblivion.nameOf" (list . "squad-environment")) $global.model.existingSecret $global.sandbox.enabled) -}}
{{- end -}}
