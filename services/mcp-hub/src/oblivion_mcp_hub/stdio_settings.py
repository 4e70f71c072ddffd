"""The operator's list of stdio servers: each is reached at its bridge."""

import re
from typing import Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from oblivion_platform.settings import ServiceUrl, Settings

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_URL: TypeAdapter[str] = TypeAdapter(ServiceUrl)


class StdioSettings(Settings):
    """Set by the operator alone: no tenant names an address or a program."""

    mcp_stdio_servers: str = Field(
        default="",
        description="Stdio servers that tenants may connect, with the addresses of their bridges, comma "
        "separated: files=http://stdio-files/mcp, git=http://stdio-git/mcp.",
    )

    @property
    def stdio_servers(self) -> dict[str, str]:
        """Name → address."""
        pairs = [pair.strip().partition("=") for pair in self.mcp_stdio_servers.split(",") if pair.strip()]
        return {name.strip(): url.strip() for name, _, url in pairs}

    @model_validator(mode="after")
    def _servers_are_servers(self) -> Self:
        try:
            good = all(
                _NAME.fullmatch(name) and _URL.validate_python(url)
                for name, url in self.stdio_servers.items()
            )
        except ValidationError:
            good = False
        if not good:
            raise ValueError(
                "OBLIVION_MCP_STDIO_SERVERS is no list like files=http://host/mcp, git=http://host/mcp"
            )
        return self
