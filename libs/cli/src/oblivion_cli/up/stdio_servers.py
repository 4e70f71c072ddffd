"""Stdio servers of the embedded system: `stdio-servers.json` in OBLIVION_HOME, each behind a bridge.

    {"mcpServers": {"files": {"command": "npx", "args": ["server-files", "/data"], "env": {"TOKEN": "…"}}}}

The form is the one that other programs have for them. What stands in it is started; so it is read from the
home of whoever runs the system, and nobody can change it over the network.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from oblivion_cli.errors import CommandFailed
from oblivion_cli.home import Home
from oblivion_cli.up.services import ProcessSpec, child_environment, python_module
from oblivion_platform.embedded.process import free_port

FILE = "stdio-servers.json"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


class StdioServer(BaseModel):
    """One of them, as the file names it."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    command: str = Field(min_length=1)
    args: list[str] = []
    env: dict[str, str] = Field(default={}, repr=False)


class _File(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    mcpServers: dict[str, StdioServer]  # noqa: N815 - as other programs write it


@dataclass(frozen=True)
class Bridged:
    """A stdio server and the port that its bridge listens on."""

    name: str
    server: StdioServer = field(repr=False)
    port: int

    def process(self) -> ProcessSpec:
        return ProcessSpec(
            name=f"stdio-{self.name}",
            command=[*python_module("oblivion_mcp_hub.stdio"), "--", self.server.command, *self.server.args],
            environment=child_environment(
                PORT=str(self.port),
                OBLIVION_HOST="127.0.0.1",
                OBLIVION_STDIO_ENVIRONMENT=",".join(self.server.env),
                **self.server.env,
            ),
            ready_url=f"http://127.0.0.1:{self.port}/health/ready",
        )


def stdio_servers(home: Home) -> list[Bridged]:
    """Those of the file; none where there is no file.

    Raises:
        CommandFailed: it cannot be read, or names what cannot be started.
    """
    path = home.folder(FILE)
    try:
        known = _read(path)
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        raise CommandFailed(
            f"{path} is no list of stdio servers.",
            'Write {"mcpServers": {NAME: {"command": …, "args": […]}}}.',
        ) from None
    return [Bridged(name, server, free_port()) for name, server in known.items()]


def hub_settings(servers: list[Bridged]) -> dict[str, str]:
    """How the hub hears of them."""
    pairs = [f"{each.name}=http://127.0.0.1:{each.port}/mcp" for each in servers]
    return {"OBLIVION_MCP_STDIO_SERVERS": ",".join(pairs)} if pairs else {}


def _read(path: Path) -> dict[str, StdioServer]:
    """Raises: OSError; ValueError: it is not what it should be."""
    try:
        found = TypeAdapter(_File).validate_python(json.loads(path.read_text())).mcpServers
    except ValidationError as error:
        raise ValueError(str(error)) from None
    if not all(_NAME.fullmatch(name) for name in found):
        raise ValueError("a name")
    return found
