{{- /* What mcp-hub is, for the library chart. */ -}}
{{- define "mcp-hub.facts" -}}
http: true
metrics: true
public: true
role: oblivion_mcp_hub
redis: true
keys: [master]
outside: [slack, clickup, tools]
calls: [postgres, redis, sandbox{{ range .Values.stdioServers }}, stdio-{{ .name }}{{ end }}]
# Tool servers.
internet: true
environment:
  - {name: OBLIVION_PUBLIC_URL, value: {{ .Values.lib.global.publicUrl | quote }}}
  {{- with include "mcp-hub.stdioServers" . }}
  - {name: OBLIVION_MCP_STDIO_SERVERS, value: {{ . | quote }}}
  {{- end }}
  {{- with .Values.allowedNetworks }}
  - {name: OBLIVION_MCP_ALLOWED_NETWORKS, value: {{ . | quote }}}
  {{- end }}
{{- end -}}
