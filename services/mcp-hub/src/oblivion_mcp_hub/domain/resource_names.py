"""URIs of resources, with the connection that they are behind: `mcp.wiki+file:///page`."""

_PREFIX = "mcp."
_SEPARATOR = "+"


def qualified_uri(connection: str, uri: str) -> str:
    return f"{_PREFIX}{connection}{_SEPARATOR}{uri}"


def parted(uri: str) -> tuple[str, str] | None:
    """Connection and URI there; None: it is none of ours."""
    connection, separator, inner = uri.removeprefix(_PREFIX).partition(_SEPARATOR)
    return (connection, inner) if uri.startswith(_PREFIX) and separator and inner else None
