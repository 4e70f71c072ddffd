"""mcp-contextforge-gateway in front of the upstream, as its own documents have it for one process.

SQLite, its cache in memory, no page, no plugins; nobody has to prove who they are, and nothing counts how
often they ask, since it would stop at a hundred calls a minute.
Source: https://github.com/IBM/mcp-context-forge
"""

import json
from pathlib import Path
from typing import Any

import httpx

REQUIREMENT = "mcp-contextforge-gateway==1.0.7"
REGISTERED_WITHIN_S = 60.0
_VERSION = "2025-11-25"


def command(python: Path) -> list[str]:
    where = ("--host", "127.0.0.1", "--port", "{port}", "--log-level", "error")
    return [str(python), "-m", "uvicorn", "mcpgateway.main:app", *where]


def environment(database: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{database}",
        "CACHE_TYPE": "memory",
        "AUTH_REQUIRED": "false",
        "MCP_REQUIRE_AUTH": "false",
        "ALLOW_UNAUTHENTICATED_ADMIN": "true",
        "JWT_SECRET_KEY": "of-the-benchmark-alone-and-never-used",
        "AUTH_ENCRYPTION_SECRET": "of-the-benchmark-alone-and-never-used-too",
        "RATE_LIMITING_ENABLED": "false",
        "TOOL_RATE_LIMIT": "100000000",
        "SSRF_ALLOW_LOCALHOST": "true",
        "MCPGATEWAY_UI_ENABLED": "false",
        "PLUGINS_ENABLED": "false",
        "USE_STATEFUL_SESSIONS": "false",
        "LOG_LEVEL": "CRITICAL",
    }


async def connect(url: str, upstream_url: str) -> None:
    """Its tools are then called `bench-…`."""
    connection = {"name": "bench", "url": upstream_url, "transport": "STREAMABLEHTTP"}
    async with httpx.AsyncClient(timeout=REGISTERED_WITHIN_S) as http:
        (await http.post(f"{url}/gateways", json=connection)).raise_for_status()


def plan() -> dict[str, Any]:
    """A call of the session era, which it speaks, without a session."""
    params = {"name": "bench-echo", "arguments": {"text": "hello"}}
    return {
        "path": "/mcp/",
        "body": json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}),
        "headers": {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": _VERSION,
        },
    }
