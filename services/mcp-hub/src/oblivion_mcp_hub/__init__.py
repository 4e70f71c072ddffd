"""One MCP endpoint with every tool that a tenant has, safe to give to agents."""
