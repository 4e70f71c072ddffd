"""A small MCP server that reads GitHub repositories, under the agent's own token. It writes nothing."""
