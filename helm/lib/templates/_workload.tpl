{{- /*
oblivion.workload renders everything of one service: Deployment, Service, ServiceAccount, and, where asked for,
autoscaling, disruption budget, network policy, storage, monitoring, Ingress and HTTPRoute.
*/ -}}
{{- define "oblivion.workload" -}}
{{- range $part := list "deployment" "service" "serviceaccount" "storage" "autoscaler" "scaledobject" "disruptionbudget" "networkpolicy" "servicemonitor" "ingress" "httproute" }}
{{- with include (printf "oblivion.%s" $part) $ | trim }}
---
{{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "oblivion.deployment" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
spec:
  {{- if $facts.alone }}
  replicas: 1
  {{- else if not (or (dig "autoscaling" "enabled" false (.Values | merge dict)) (dig "keda" "enabled" false (.Values | merge dict))) }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    {{- if $facts.alone }}
    # Two at once would fight over what they own.
    type: Recreate
    {{- else }}
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
    {{- end }}
  selector:
    matchLabels: {{- include "oblivion.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "oblivion.labels" . | nindent 8 }}
        {{- with .Values.podLabels }}{{- toYaml . | nindent 8 }}{{- end }}
      {{- with .Values.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "oblivion.fullname" . }}
      automountServiceAccountToken: {{ $facts.apiToken | default false }}
      enableServiceLinks: false
      # Longer than the drain, so that nothing is cut off.
      terminationGracePeriodSeconds: {{ add .Values.drainSeconds 10 }}
      securityContext: {{- include "oblivion.podSecurity" . | nindent 8 }}
      {{- with .Values.lib.global.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if .Values.topologySpread }}
      topologySpreadConstraints:
        {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ $key }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: {matchLabels: {{ include "oblivion.selectorLabels" $ | fromYaml | toJson }}}
        {{- end }}
      {{- end }}
      {{- with .Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - {{- include "oblivion.container" . | nindent 10 }}
        {{- with $facts.beside }}{{- toYaml . | nindent 8 }}{{- end }}
      volumes:
        - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
        {{- if $facts.storage }}
        - name: data
          {{- if .Values.persistence.enabled }}
          persistentVolumeClaim: {claimName: {{ include "oblivion.fullname" . }}}
          {{- else }}
          emptyDir: {}
          {{- end }}
        {{- end }}
        {{- with $facts.volumes }}{{- toYaml . | nindent 8 }}{{- end }}
{{- end -}}

{{- define "oblivion.container" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
name: {{ .Chart.Name }}
image: {{ include "oblivion.image" . }}
imagePullPolicy: {{ .Values.lib.global.imagePullPolicy }}
{{- with $facts.command }}
command: {{ toJson . }}
{{- end }}
{{- with $facts.args }}
args: {{ toJson . }}
{{- end }}
env: {{- include "oblivion.environment" . | nindent 2 }}
{{- with include "oblivion.environmentFrom" . | trim }}
envFrom: {{- . | nindent 2 }}
{{- end }}
{{- if $facts.http }}
ports:
  - {name: http, containerPort: 8080}
# A start may have to wait for nothing but itself: a missing database leaves a pod unready, not dead.
startupProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 1
  failureThreshold: 90
livenessProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /health/ready, port: http}
  periodSeconds: 2
  timeoutSeconds: 3
{{- if $facts.public }}
lifecycle:
  # Requests still arrive until every node knows that this pod leaves.
  preStop: {exec: {command: [sleep, "3"]}}
{{- end }}
{{- end }}
{{- with $facts.probes }}
{{ toYaml . }}
{{- end }}
resources: {{- toYaml .Values.resources | nindent 2 }}
securityContext: {{- include "oblivion.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- with $facts.storage }}
  - {name: data, mountPath: {{ . }}}
  {{- end }}
  {{- with $facts.mounts }}{{- toYaml . | nindent 2 }}{{- end }}
{{- end -}}

{{- define "oblivion.service" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
{{- if $facts.http -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
spec:
  selector: {{- include "oblivion.selectorLabels" . | nindent 4 }}
  ports:
    - {name: http, port: 80, targetPort: http}
    {{- range $facts.beside }}{{- range .ports }}
    - {name: {{ .name }}, port: {{ .containerPort }}, targetPort: {{ .name }}}
    {{- end }}{{- end }}
{{- end -}}
{{- end -}}

{{- define "oblivion.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
  {{- with .Values.serviceAccountAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "oblivion.storage" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
{{- if and $facts.storage .Values.persistence.enabled -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with .Values.persistence.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ .Values.persistence.size }}}}
{{- end -}}
{{- end -}}

{{- define "oblivion.autoscaler" -}}
{{- if dig "autoscaling" "enabled" false (.Values | merge dict) -}}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) -}}
{{- fail (printf "%s: autoscaling.minReplicas is above autoscaling.maxReplicas; lower the one or raise the other" .Chart.Name) -}}
{{- end -}}
{{- if dig "keda" "enabled" false (.Values | merge dict) -}}
{{- fail (printf "%s: autoscaling.enabled and keda.enabled would both set the number of replicas; set autoscaling.enabled=false" .Chart.Name) -}}
{{- end -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "oblivion.fullname" . }}}
  minReplicas: {{ .Values.autoscaling.minReplicas }}
  maxReplicas: {{ .Values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ .Values.autoscaling.cpuPercent }}}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: {{ .Values.autoscaling.calmSeconds }}}
{{- end -}}
{{- end -}}

{{- define "oblivion.scaledobject" -}}
{{- $keda := dig "keda" dict (.Values | merge dict) -}}
{{- if $keda.enabled -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {name: {{ include "oblivion.fullname" . }}}
  minReplicaCount: {{ $keda.minReplicas }}
  maxReplicaCount: {{ $keda.maxReplicas }}
  pollingInterval: {{ $keda.pollingSeconds }}
  cooldownPeriod: {{ $keda.calmSeconds }}
  triggers:
    {{- $redis := .Values.lib.global.redis }}
    {{- range $queue := list "webhook-processing" "ai-agent-tasks" }}
    {{- /* BullMQ keeps jobs without a priority in a list and those with one in a sorted set. */}}
    {{- range $room := list "wait" "prioritized" }}
    - type: redis
      metadata:
        address: {{ printf "%s:%v" ($redis.host | default (printf "%s.%s.svc" (include "oblivion.nameOf" (list $ "redis")) $.Release.Namespace)) $redis.port | quote }}
        listName: {{ printf "bull:%s:%s" $queue $room | quote }}
        listLength: {{ $keda.jobsPerReplica | quote }}
        passwordFromEnv: PASSWORD_OF_REDIS
        enableTLS: {{ $redis.tls | quote }}
    {{- end }}
    {{- end }}
{{- end -}}
{{- end -}}

{{- define "oblivion.disruptionbudget" -}}
{{- $facts := include "oblivion.facts" . | fromYaml -}}
{{- if and (not $facts.alone) .Values.podDisruptionBudget -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "oblivion.fullname" . }}
  labels: {{- include "oblivion.labels" . | nindent 4 }}
spec:
  # One at a time; with a single replica a node can still be drained.
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "oblivion.selectorLabels" . | nindent 6 }}
{{- end -}}
{{- end -}}
