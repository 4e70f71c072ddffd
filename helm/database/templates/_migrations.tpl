{{- /* The migrations' pod; the Job is named by a checksum of it, so that a new version is a new Job. */ -}}
{{- define "database.migrations" -}}
{{- $admin := .Values.admin -}}
metadata:
  labels: {{- include "oblivion.selectorLabels" . | nindent 4 }}
spec:
  restartPolicy: OnFailure
  automountServiceAccountToken: false
  {{- include "database.pod" . | nindent 2 }}
  containers:
    - name: migrations
      {{- include "database.container" . | nindent 6 }}
      args: [cluster, database]
      env:
        {{- include "oblivion.databaseUrl" (list . "oblivion_owner" "OBLIVION_DATABASE_URL") | nindent 8 }}
        {{- if $admin.user }}
        {{- range $role := list "oblivion_ingestion" "oblivion_router_worker" "oblivion_gateway" "oblivion_mcp_hub" "oblivion_cli" }}
        {{- include "oblivion.fromSecret" (list (printf "PASSWORD_OF_%s" (upper $role)) (include "oblivion.passwordSecret" $) $role) | nindent 8 }}
        {{- end }}
        {{- $database := .Values.lib.global.database }}
        {{- include "oblivion.fromSecret" (list "ADMIN_PASSWORD" ($admin.existingSecret | default (include "oblivion.nameOf" (list . "database"))) $admin.key) | nindent 8 }}
        - name: OBLIVION_ADMIN_URL
          value: "postgresql://{{ $admin.user }}:$(ADMIN_PASSWORD)@{{ $database.host | default (include "oblivion.nameOf" (list . "postgres")) }}:{{ $database.port }}/{{ $database.name }}{{ with $database.parameters }}?{{ . }}{{ end }}"
        {{- end }}
{{- end -}}
