{{- /* What the operator is, for the library chart. */ -}}
{{- define "operator.facts" -}}
http: true
metrics: true
# Two at once would wait for each other.
alone: true
apiToken: true
calls: [gateway]
environment:
  - {name: OBLIVION_GATEWAY_URL, value: "http://{{ include "oblivion.nameOf" (list . "gateway") }}"}
volumes:
  - name: gateway-token
    projected:
      sources: [{serviceAccountToken: {audience: oblivion-gateway, expirationSeconds: 3600, path: token}}]
mounts:
  - {name: gateway-token, mountPath: /var/run/secrets/oblivion, readOnly: true}
{{- end -}}
