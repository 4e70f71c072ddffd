{{- /*
Names and labels. Names do not hold the release's name, so that each chart finds the others' Services whether
they came by one release or by many; `global.system` tells several systems of one namespace apart.
*/ -}}

{{- define "oblivion.global" -}}
{{- required "lib.global is missing: this chart needs its dependency `lib` (helm dependency build)" .Values.lib.global | toYaml -}}
{{- end -}}

{{- define "oblivion.facts" -}}
{{- include (printf "%s.facts" .Chart.Name) . -}}
{{- end -}}

{{- define "oblivion.system" -}}
{{- .Values.lib.global.system -}}
{{- end -}}

{{- define "oblivion.fullname" -}}
{{- printf "%s-%s" (include "oblivion.system" .) .Chart.Name -}}
{{- end -}}

{{- /* oblivion.nameOf (list $ "gateway") is the name of another chart's Service. */ -}}
{{- define "oblivion.nameOf" -}}
{{- printf "%s-%s" (include "oblivion.system" (index . 0)) (index . 1) -}}
{{- end -}}

{{- define "oblivion.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/part-of: {{ include "oblivion.system" . }}
{{- end -}}

{{- define "oblivion.labels" -}}
{{ include "oblivion.selectorLabels" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "oblivion.passwordSecret" -}}
{{- .Values.lib.global.database.existingSecret | default (include "oblivion.nameOf" (list . "database")) -}}
{{- end -}}

{{- define "oblivion.redisSecret" -}}
{{- .Values.lib.global.redis.existingSecret | default (include "oblivion.nameOf" (list . "database")) -}}
{{- end -}}

{{- define "oblivion.keysSecret" -}}
{{- .Values.lib.global.keys.existingSecret | default (include "oblivion.nameOf" (list . "keys")) -}}
{{- end -}}

{{- define "oblivion.host" -}}
{{- $url := urlParse .Values.lib.global.publicUrl -}}
{{- if not (has $url.scheme (list "http" "https")) -}}
{{- fail (printf "global.publicUrl is %q: set it to an address such as https://oblivion.example.com" .Values.lib.global.publicUrl) -}}
{{- end -}}
{{- $url.host | splitList ":" | first -}}
{{- end -}}

{{- define "oblivion.sandboxUrl" -}}
http://{{ include "oblivion.nameOf" (list . "sandbox") }}
{{- end -}}
