{{- /* From oblivion_platform.paths, by `make charts`. */ -}}
{{- define "oblivion.paths" -}}
ingestion: ["/webhooks"]
gateway: ["/auth", "/t", "/api", "/docs", "/socket.io", "/.well-known/jwks.json"]
sandbox: ["/slack", "/clickup"]
{{- end -}}
