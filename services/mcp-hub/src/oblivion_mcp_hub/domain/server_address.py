"""Where a tool server is, as people are told."""

from urllib.parse import urlsplit

from oblivion_contracts.connections import ANY_MCP_SERVER
from oblivion_platform.connections import Connection


def address_of(connection: Connection) -> str | None:
    """Without path and query, which may hold a key; None: it is the operator's to know."""
    if connection.provider != ANY_MCP_SERVER:
        return None
    parts = urlsplit(connection.url or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
