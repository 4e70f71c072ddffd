"""The agents of this process: the same handler for each, told apart by what their tasks carry."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from oblivion_agent.checkpointer import mark_of
from oblivion_agent.graph import Thinking
from oblivion_agent.mcp_servers import McpServer, hub_of
from oblivion_agent.model import Models
from oblivion_agent.settings import Settings
from oblivion_agent.tools import Tool, Toolbox, is_allowed, own_tools
from oblivion_client import Agent, AgentMisconfigured, Configuration, Run, TaskAssigned


@dataclass(frozen=True)
class Member:
    """An agent that this process serves."""

    name: str
    client_id: str
    client_secret: str = field(repr=False)

    def configuration(self, uri: str) -> Configuration:
        return Configuration(uri, self.client_id, self.client_secret)


def read_members(file: Path) -> list[Member]:
    """The agents that a file lists.

    Raises:
        AgentMisconfigured: it cannot be read, or lists none.
    """
    try:
        entries: Any = json.loads(file.read_text())
        members = [Member(each["name"], each["client_id"], each["client_secret"]) for each in entries]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise AgentMisconfigured(
            f"OBLIVION_AGENTS names {file}, which is no list of name, client_id and client_secret "
            f"({type(error).__name__}). Write it again."
        ) from None
    if not members:
        raise AgentMisconfigured(f"OBLIVION_AGENTS names {file}, which lists no agent.")
    return members


class Squad:
    """Makes the agents; they share the models and the MCP servers, and nothing of their work."""

    def __init__(self, settings: Settings, models: Models, servers: Sequence[McpServer]) -> None:
        self._settings = settings
        self._models = models
        self._servers = servers

    def agent(self, name: str, version: str) -> Agent:
        agent = Agent(name, version=version)
        agent.on_task()(self.work)
        return agent

    async def work(self, task: TaskAssigned, run: Run) -> str:
        """Answer one task."""
        model = await self._models.named(task.model)
        mark = mark_of(run)
        async with hub_of(task) as hub:
            tools = await self._offered(task, hub.tools)
            toolbox = Toolbox(run, [*tools, *own_tools(run, risky=_any_risky(tools))], mark)
            notices = [hub.notice] if hub.notice else []
            thinking = Thinking(
                run, model, toolbox, mark=mark, notices=notices, rounds_max=self._settings.max_rounds
            )
            return await thinking.answer()

    async def _offered(self, task: TaskAssigned, hub_tools: list[Tool]) -> list[Tool]:
        """The hub's tools that the task allows; the agent's own that it allows, or all if no list was set."""
        allowed = task.allowed_tools
        # A server that is of no use here is not waited for.
        useful = [s for s in self._servers if allowed is None or _is_named(s.name, allowed)]
        own = [tool for server in useful for tool in await server.tools()]
        offered = [
            *(tool for tool in own if allowed is None or is_allowed(tool.name, allowed)),
            *(tool for tool in hub_tools if allowed is not None and is_allowed(tool.name, allowed)),
        ]
        return [self._as_trusted(tool) for tool in offered]

    def _as_trusted(self, tool: Tool) -> Tool:
        is_trusted = is_allowed(tool.name, self._settings.tools_without_approval)
        return replace(tool, is_destructive=False) if is_trusted else tool


def _is_named(server: str, allowed: Sequence[str]) -> bool:
    return any(name.startswith(f"{server}__") for name in allowed)


def _any_risky(tools: Sequence[Tool]) -> bool:
    return any(tool.is_destructive for tool in tools)
