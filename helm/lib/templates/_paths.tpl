{{- /* From oblivion_platform.paths, by `make charts`. */ -}}
{{- define "oblivion.paths" -}}
ingestion: ["/webhooks"]
gateway: ["/auth", "/t", "/api", "/docs", "/socket.io", "/.well-known/jwks.json"]
mcp-hub: ["/mcp", "/connections", "/oauth", "/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server"]
sandbox: ["/slack", "/clickup", "/notion", "/linear", "/jira", "/calendar"]
observer: ["/"]
{{- end -}}
