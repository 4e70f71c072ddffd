{{- /*
oblivion.networkpolicy closes the chart's pods, but for: DNS; `calls` and `callers` of the facts, other charts by name;
`internet`, any address outside; `public`, callers of any namespace, such as an Ingress controller's.
*/ -}}
{{- define "oblivion.networkpolicy" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
{{- $global := .Values.lib.global -}}
{{- if $global.networkPolicies.enabled -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "oblivion.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- if or $facts.http .Values.extraIngress }}
  ingress:
    {{- if $facts.public }}
    - from: [{namespaceSelector: {}}]
      ports: [{port: http}]
    {{- else if $facts.http }}
    - from:
        {{- range append ($facts.callers | default list) "test" }}
        - podSelector: {matchLabels: {app.kubernetes.io/name: {{ . }}, app.kubernetes.io/part-of: {{ include "oblivion.system" $ }}}}
        {{- end }}
        # Prometheus, wherever it is.
        - namespaceSelector: {}
          podSelector: {matchLabels: {app.kubernetes.io/name: prometheus}}
      ports: [{port: http}]
    {{- end }}
    {{- with .Values.extraIngress }}{{- toYaml . | nindent 4 }}{{- end }}
  {{- end }}
  egress:
    {{- include "oblivion.egressToDns" . | nindent 4 }}
    {{- range $facts.calls }}
    - to:
        - podSelector: {matchLabels: {app.kubernetes.io/name: {{ . }}, app.kubernetes.io/part-of: {{ include "oblivion.system" $ }}}}
    {{- end }}
    {{- if and $facts.role $global.database.host }}
    {{- include "oblivion.egressToAddress" $global.database.port | nindent 4 }}
    {{- end }}
    {{- if and (or $facts.redis $facts.redisBeside) $global.redis.host }}
    {{- include "oblivion.egressToAddress" $global.redis.port | nindent 4 }}
    {{- end }}
    {{- with include "oblivion.egressToNamed" . | trim }}{{ . | nindent 4 }}{{ end }}
    {{- if $facts.internet }}
    {{- include "oblivion.egressToInternet" . | nindent 4 }}
    {{- end }}
    {{- if $facts.apiToken }}
    {{- include "oblivion.egressToApiServer" . | nindent 4 }}
    {{- end }}
    {{- with .Values.extraEgress }}{{- toYaml . | nindent 4 }}{{- end }}
{{- end -}}
{{- end -}}

{{- /* What values name by an address, which may well be private: a collector, a model, a Qdrant of one's own. */ -}}
{{- define "oblivion.egressToNamed" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
{{- $global := .Values.lib.global -}}
{{- $urls := list $global.otlpEndpoint -}}
{{- if has "model" $facts.outside }}{{ $urls = append $urls $global.model.baseUrl }}{{ end -}}
{{- if has "qdrant" $facts.outside }}{{ $urls = append $urls $global.qdrant.url }}{{ end -}}
{{- range compact $urls }}
{{- $url := urlParse . }}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- if not (hasPrefix (printf "%s-" (include "oblivion.system" $)) $url.host) }}
{{ include "oblivion.egressToAddress" $port }}
{{- end }}
{{- end }}
{{- end -}}

{{- /*
One port of any address, in the cluster or outside, but for link-local ones and the cloud's metadata service. Pods are named
beside the networks, since some plugins see none of them in a network.
*/ -}}
{{- define "oblivion.egressToAddress" -}}
- to:
    - namespaceSelector: {}
    - ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}
    - ipBlock: {cidr: "::/0", except: ["fd00:ec2::254/128", "fe80::/10"]}
  ports: [{port: {{ . }}}]
{{- end -}}

{{- define "oblivion.egressToDns" -}}
# The cluster's DNS, and the cache that some keep on each node.
- to: [{namespaceSelector: {}}, {ipBlock: {cidr: 169.254.20.10/32}}]
  ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- end -}}

{{- /* As the operator's PRIVATE_V4 and PRIVATE_V6: the cluster's own addresses and the cloud's metadata service are no internet. */ -}}
{{- define "oblivion.egressToInternet" -}}
- to:
    - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]}
    - ipBlock: {cidr: "::/0", except: ["fc00::/7", "fe80::/10"]}
{{- end -}}

{{- /* The API server is no pod, and its address is known to nobody when this is rendered. */ -}}
{{- define "oblivion.egressToApiServer" -}}
- ports: [{port: 443}, {port: 6443}]
{{- end -}}

{{- define "oblivion.servicemonitor" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
{{- if and $facts.http $facts.metrics .Values.lib.global.metrics.serviceMonitors -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels:
    {{- include "oblivion.labels" . | nindent 4 }}
    {{- with .Values.lib.global.metrics.labels }}{{- toYaml . | nindent 4 }}{{- end }}
spec:
  selector:
    matchLabels: {{- include "oblivion.selectorLabels" . | nindent 6 }}
  endpoints:
    - {port: http, path: /metrics, interval: 30s}
{{- end -}}
{{- end -}}

{{- define "oblivion.ingress" -}}
{{- $paths := dig .Chart.Name list (include "oblivion.paths" . | fromYaml) -}}
{{- $ingress := .Values.lib.global.ingress -}}
{{- if and $ingress.enabled $paths -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
  annotations:
    # Nothing is stripped: a service sees the whole path. Event streams and WebSockets stay open.
    konghq.com/strip-path: "false"
    konghq.com/preserve-host: "true"
    konghq.com/response-buffering: "false"
    {{- with $ingress.annotations }}{{- toYaml . | nindent 4 }}{{- end }}
spec:
  ingressClassName: {{ $ingress.className }}
  {{- with $ingress.tlsSecret }}
  tls: [{hosts: [{{ include "oblivion.host" $ }}], secretName: {{ . }}}]
  {{- end }}
  rules:
    - host: {{ include "oblivion.host" . }}
      http:
        paths:
          {{- range $paths }}
          - path: {{ . }}
            pathType: Prefix
            backend: {service: {name: {{ include "oblivion.fullname" $ }}, port: {name: http}}}
          {{- end }}
{{- end -}}
{{- end -}}

{{- define "oblivion.httproute" -}}
{{- $paths := dig .Chart.Name list (include "oblivion.paths" . | fromYaml) -}}
{{- $route := .Values.lib.global.httpRoute -}}
{{- if and $route.enabled $paths -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
spec:
  parentRefs:
    - name: {{ required "global.httpRoute.gatewayName is empty: set it to the name of your Gateway" $route.gatewayName }}
      {{- with $route.gatewayNamespace }}
      namespace: {{ . }}
      {{- end }}
  hostnames: [{{ include "oblivion.host" . }}]
  rules:
    - matches:
        {{- range $paths }}
        - path: {type: PathPrefix, value: {{ . }}}
        {{- end }}
      backendRefs: [{name: {{ include "oblivion.fullname" . }}, port: 80}]
      # An event stream lasts for as long as it is listened to.
      timeouts: {request: 0s}
{{- end -}}
{{- end -}}
