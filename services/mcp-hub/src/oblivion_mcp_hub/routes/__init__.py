"""HTTP edges: the MCP endpoint, and connections over REST."""
