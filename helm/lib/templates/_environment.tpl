{{- /*
oblivion.environment is what a container reads, from the chart's facts:

  role     role of the database           redis    whether it uses Redis
  keys     master, signing                outside  slack, clickup, tools, model, qdrant, github
*/ -}}
{{- define "oblivion.environment" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
{{- $global := .Values.lib.global -}}
- {name: OBLIVION_LOG_FORMAT, value: json}
- {name: OBLIVION_LOG_LEVEL, value: {{ $global.logLevel | quote }}}
{{- with $global.otlpEndpoint }}
- {name: OBLIVION_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- if $facts.http }}
- {name: OBLIVION_DRAIN_TIMEOUT_S, value: {{ .Values.drainSeconds | quote }}}
{{- end }}
{{- with $facts.role }}
{{ include "oblivion.databaseUrl" (list $ . "OBLIVION_DATABASE_URL") }}
- {name: OBLIVION_DATABASE_BEHIND_POOLER, value: {{ $global.database.behindPooler | quote }}}
{{- end }}
{{- if $facts.redis }}
{{ include "oblivion.redisUrl" . }}
{{- end }}
{{- range $key := $facts.keys }}
{{ include "oblivion.fromSecret" (list (printf "OBLIVION_%s_KEY" (upper $key)) (include "oblivion.keysSecret" $) (printf "%s-key" $key)) }}
{{- end }}
{{- if has "slack" $facts.outside }}
{{ include "oblivion.outside" (list $ "OBLIVION_SLACK_API_URL" "/slack/api/") }}
{{- end }}
{{- if has "clickup" $facts.outside }}
{{ include "oblivion.outside" (list $ "OBLIVION_CLICKUP_API_URL" "/clickup/api/v2") }}
{{- end }}
{{- if has "tools" $facts.outside }}
{{- range $provider, $path := include "oblivion.toolStandIns" $ | fromYaml }}
{{ include "oblivion.outside" (list $ (printf "OBLIVION_%s_API_URL" (upper $provider)) $path) }}
{{- end }}
{{- if $global.sandbox.enabled }}
{{ include "oblivion.outside" (list $ "OBLIVION_ATLASSIAN_API_URL" "/jira") }}
{{- range $provider, $paths := include "oblivion.toolSignIns" $ | fromYaml }}
- {name: {{ printf "OBLIVION_%s_AUTHORIZATION_URL" (upper $provider) }}, value: {{ printf "%s%s" $global.publicUrl (index $paths 0) | quote }}}
{{ include "oblivion.outside" (list $ (printf "OBLIVION_%s_TOKEN_URL" (upper $provider)) (index $paths 1)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if has "model" $facts.outside }}
{{ include "oblivion.model" . }}
{{- end }}
{{- if has "qdrant" $facts.outside }}
{{ include "oblivion.qdrant" . }}
{{- end }}
{{- with $facts.environment }}
{{ toYaml . }}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{- define "oblivion.fromSecret" -}}
- name: {{ index . 0 }}
  valueFrom: {secretKeyRef: {name: {{ index . 1 }}, key: {{ index . 2 }}}}
{{- end -}}

{{- /* oblivion.databaseUrl (list $ role variable): the password comes first, since the URL refers to it. */ -}}
{{- define "oblivion.databaseUrl" -}}
{{- $ := index . 0 -}}
{{- $role := index . 1 -}}
{{- $variable := index . 2 -}}
{{- $database := $.Values.lib.global.database -}}
{{- $host := $database.host | default (include "oblivion.nameOf" (list $ "postgres")) -}}
{{- $password := printf "PASSWORD_OF_%s" (upper $role) -}}
{{ include "oblivion.fromSecret" (list $password (include "oblivion.passwordSecret" $) $role) }}
- name: {{ $variable }}
  value: "postgresql://{{ $role }}:$({{ $password }})@{{ $host }}:{{ $database.port }}/{{ $database.name }}{{ with $database.parameters }}?{{ . }}{{ end }}"
{{- end -}}

{{- define "oblivion.redisUrl" -}}
{{- $redis := .Values.lib.global.redis -}}
{{- $host := $redis.host | default (include "oblivion.nameOf" (list . "redis")) -}}
{{ include "oblivion.fromSecret" (list "PASSWORD_OF_REDIS" (include "oblivion.redisSecret" .) "redis") }}
- name: OBLIVION_REDIS_URL
  value: "{{ ternary "rediss" "redis" $redis.tls }}://:$(PASSWORD_OF_REDIS)@{{ $host }}:{{ $redis.port }}/0"
{{- end -}}

{{- /* oblivion.outside (list $ variable path): the sandbox's stand-in, where it stands in. */ -}}
{{- define "oblivion.outside" -}}
{{- if (index . 0).Values.lib.global.sandbox.enabled -}}
- {name: {{ index . 1 }}, value: "{{ include "oblivion.sandboxUrl" (index . 0) }}{{ index . 2 }}"}
{{- end -}}
{{- end -}}

{{- /* Provider of tools → where in the sandbox its vendor's API is, as oblivion_cli.up.stand_ins has it. */ -}}
{{- define "oblivion.toolStandIns" -}}
notion: /notion
linear: /linear
jira: /jira
google_calendar: /calendar/v3
{{- end -}}

{{- /* Provider → where people agree at its stand-in (by their browsers), and where tokens are had; from there too. */ -}}
{{- define "oblivion.toolSignIns" -}}
slack: [/slack/oauth/v2/authorize, /slack/api/oauth.v2.access]
notion: [/notion/v1/oauth/authorize, /notion/v1/oauth/token]
linear: [/linear/oauth/authorize, /linear/oauth/token]
jira: [/jira/authorize, /jira/oauth/token]
google_calendar: [/calendar/o/oauth2/v2/auth, /calendar/token]
{{- end -}}

{{- define "oblivion.model" -}}
{{- $model := .Values.lib.global.model -}}
{{- if $model.name -}}
- {name: OBLIVION_LLM_MODEL, value: {{ $model.name | quote }}}
{{- with $model.baseUrl }}
- {name: OBLIVION_LLM_BASE_URL, value: {{ . | quote }}}
{{- end }}
{{- else if .Values.lib.global.sandbox.enabled -}}
- {name: OBLIVION_LLM_MODEL, value: "openai:sandbox"}
- {name: OBLIVION_LLM_BASE_URL, value: "{{ include "oblivion.sandboxUrl" . }}/llm/v1"}
- {name: OPENAI_API_KEY, value: sandbox}
{{- end -}}
{{- end -}}

{{- define "oblivion.qdrant" -}}
{{- $qdrant := .Values.lib.global.qdrant -}}
{{- if $qdrant.url -}}
- {name: OBLIVION_QDRANT_URL, value: {{ $qdrant.url | quote }}}
{{- with $qdrant.existingSecret }}
{{ include "oblivion.fromSecret" (list "OBLIVION_QDRANT_API_KEY" . "api-key") }}
{{- end }}
{{- else if .Values.lib.global.sandbox.enabled -}}
- {name: OBLIVION_QDRANT_URL, value: "{{ include "oblivion.sandboxUrl" . }}/qdrant"}
{{- end -}}
{{- end -}}

{{- define "oblivion.environmentFrom" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
{{- $names := list -}}
{{- if .Values.existingSecret }}{{ $names = append $names .Values.existingSecret }}{{ end -}}
{{- if and (has "model" $facts.outside) .Values.lib.global.model.existingSecret -}}
{{- $names = append $names .Values.lib.global.model.existingSecret -}}
{{- end -}}
{{- range $names }}
- secretRef: {name: {{ . }}}
{{- end -}}
{{- with $facts.environmentFrom }}
{{ toYaml . }}
{{- end -}}
{{- end -}}
