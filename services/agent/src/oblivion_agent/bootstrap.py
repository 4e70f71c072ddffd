"""The composition root: what the settings name, put together and run until SIGTERM."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator
from importlib.metadata import version

from oblivion_agent.mcp_servers import McpServer
from oblivion_agent.model import Models
from oblivion_agent.settings import McpServerSpec, Settings
from oblivion_agent.squad import Member, Squad, read_members
from oblivion_agent.telemetry import start_telemetry
from oblivion_client import Agent, AgentFailure, Configuration, Stop
from oblivion_client.configuration import server_uri
from oblivion_client.tasks import end

DRAIN_S = 25.0
"""Below the 30 s that Kubernetes gives a pod by default."""

logger = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish or hand back what is held.

    Raises:
        AgentMisconfigured: who this process is, or where the server is, is missing.
    """
    stop = Stop()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.ask, DRAIN_S)
    loop.add_signal_handler(signal.SIGINT, stop.ask, 0.0)
    await serve(settings, stop)


async def serve(settings: Settings, stop: Stop) -> None:
    """`run` without signals."""
    signed = _who_we_are(settings)
    telemetry = start_telemetry(settings)
    models = Models(settings, telemetry.watchers)
    async with serve_tools(settings) as servers:
        squad = Squad(settings, models, servers)
        warming = asyncio.create_task(_warm_up(models))
        agents = [(squad.agent(name, version("oblivion-agent")), sign_in) for name, sign_in in signed]
        try:
            await _serve_all(agents, stop)
        finally:
            warming.cancel()
            await asyncio.to_thread(telemetry.close)


async def _serve_all(agents: list[tuple[Agent, Configuration]], stop: Stop) -> None:
    async with asyncio.TaskGroup() as group:
        for agent, sign_in in agents:
            group.create_task(agent.serve(sign_in, stop))


def _who_we_are(settings: Settings) -> list[tuple[str, Configuration]]:
    if settings.agents is None:
        return [(settings.agent_name, Configuration.find())]
    uri = server_uri(os.environ)
    members: list[Member] = read_members(settings.agents)
    return [(member.name, member.configuration(uri)) for member in members]


def _servers(settings: Settings) -> list[McpServer]:
    specs = dict(settings.mcp_servers)
    if settings.github_token is not None and "github" not in specs:
        specs["github"] = _github(settings)
    return [McpServer(name, spec) for name, spec in specs.items()]


def _github(settings: Settings) -> McpServerSpec:
    """Our own server, as a child: the token is in its environment and nowhere else."""
    return McpServerSpec.model_validate(
        {
            "command": sys.executable,
            "args": ["-m", "oblivion_agent.github_mcp"],
            "env": {
                "GITHUB_TOKEN": settings.github_token,
                "OBLIVION_GITHUB_API_URL": settings.github_api_url,
            },
        }
    )


@contextlib.asynccontextmanager
async def serve_tools(settings: Settings) -> AsyncGenerator[list[McpServer]]:
    """The agent's own MCP servers, kept open meanwhile."""
    opened = _servers(settings)
    keeping = [asyncio.create_task(server.keep()) for server in opened]
    try:
        yield opened
    finally:
        await end(*keeping)


async def _warm_up(models: Models) -> None:
    with contextlib.suppress(AgentFailure):  # Said to whoever asks for the model.
        await models.warm_up()
