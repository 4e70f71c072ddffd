"""The agent: what a developer writes handlers for."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from oblivion_client.configuration import Configuration
from oblivion_client.errors import AgentMisconfigured, AgentNotConnected
from oblivion_client.handlers import Handler, Handlers
from oblivion_client.history import HistoryFilter, search
from oblivion_client.launch import launch
from oblivion_client.link import Link
from oblivion_client.serving import Stop, serve
from oblivion_client.worker import WorkOptions
from oblivion_contracts.identifiers import DEFAULT_TASK
from oblivion_contracts.runs import RunSource
from oblivion_contracts.sessions import HistoryHit

HandlerT = TypeVar("HandlerT", bound=Handler)

DRAIN_S = 25.0
"""Below the 30 s that Kubernetes gives a pod by default."""
_CONCURRENCY_MAX = 100


class Agent:
    """An agent named `name`; its handlers are registered with `@agent.on_task(...)`.

    `concurrency` runs are worked on at once; on SIGTERM they have `drain_s` seconds to finish before they are
    handed back.
    """

    def __init__(
        self, name: str, *, version: str = "", concurrency: int = 5, drain_s: float = DRAIN_S
    ) -> None:
        if not 1 <= concurrency <= _CONCURRENCY_MAX:
            raise AgentMisconfigured(f"concurrency is {concurrency}; it has to be 1 to {_CONCURRENCY_MAX}.")
        self.name = name
        self.drain_s = drain_s
        self.options = WorkOptions(version=version, concurrency=concurrency)
        self.handlers = Handlers()
        self._link: Link | None = None

    def on_task(self, task: str = DEFAULT_TASK) -> Callable[[HandlerT], HandlerT]:
        """Register the decorated function for `task`; without a name it takes what no other handler takes."""

        def register(handler: HandlerT) -> HandlerT:
            self.handlers.add(task, handler)
            return handler

        if callable(task):
            raise AgentMisconfigured("Write @agent.on_task() with its parentheses.")
        return register

    def run(self, *, reload: bool | None = None) -> None:
        """Connect and work until SIGTERM or Ctrl-C; then finish or hand back what is held, and return.

        `reload` starts the script again when a file beside it changes; by default it does in a terminal where
        a `.env` lies beside the script, or with OBLIVION_RELOAD=1.
        """
        launch(self, self.drain_s, reload=reload)

    async def serve(self, configuration: Configuration, stop: Stop) -> None:
        """`run` for a program that has an event loop of its own, or several agents in it."""
        if not self.handlers.names:
            raise AgentMisconfigured(f"{self.name} has no handler: decorate one with @agent.on_task().")
        await serve(self, configuration, stop)

    def use(self, link: Link | None) -> None:
        """Set the way to the server while it serves."""
        self._link = link

    async def search_history(
        self,
        query: str,
        limit: int = 5,
        *,
        agent: str | None = None,
        source: RunSource | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[HistoryHit]:
        """Earlier runs about the same, the most similar first; in a handler also those of the one who asks.

        Raises:
            AgentNotConnected: the agent is not running, or no server answers.
        """
        if self._link is None:
            raise AgentNotConnected("The history can be searched while the agent runs; it does not.")
        return await search(self._link, query, limit, HistoryFilter(agent, source, since, until))
