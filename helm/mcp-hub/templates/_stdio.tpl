{{- /*
mcp-hub.stdioServers is the operator's list, as the hub takes it. Fails at render time on a server that cannot be:
the values path and the fix are named.
*/ -}}
{{- define "mcp-hub.stdioServers" -}}
{{- $pairs := list -}}
{{- $names := list -}}
{{- range $index, $server := .Values.stdioServers -}}
{{- $path := printf "mcp-hub: stdioServers[%d]" $index -}}
{{- $name := required (printf "%s.name is missing: agents know its tools by it" $path) $server.name -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$" $name) -}}
{{- fail (printf "%s.name is %q; take lower case letters, digits and hyphens, 32 at most" $path $name) -}}
{{- end -}}
{{- if has $name $names -}}
{{- fail (printf "%s.name is %q, which another one has; take another name" $path $name) -}}
{{- end -}}
{{- $_ := required (printf "%s.command is missing: write the program and its arguments as a list" $path) $server.command -}}
{{- $names = append $names $name -}}
{{- $pairs = append $pairs (printf "%s=http://%s.%s.svc/mcp" $name (include "oblivion.nameOf" (list $ (printf "stdio-%s" $name))) $.Release.Namespace) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}

{{- /* mcp-hub.stdioLabels (list $ "files") selects the pods of one of them. */ -}}
{{- define "mcp-hub.stdioLabels" -}}
app.kubernetes.io/name: stdio-{{ index . 1 }}
app.kubernetes.io/part-of: {{ include "oblivion.system" (index . 0) }}
{{- end -}}
