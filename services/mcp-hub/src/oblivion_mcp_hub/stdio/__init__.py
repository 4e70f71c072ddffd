"""The process beside a stdio server: `python -m oblivion_mcp_hub.stdio -- PROGRAM ARGUMENT…`."""
