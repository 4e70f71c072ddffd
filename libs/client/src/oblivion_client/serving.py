"""An agent at work: connected, until told to stop."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any, Protocol

import httpx

from oblivion_client.configuration import Configuration
from oblivion_client.connection import Connection
from oblivion_client.handlers import Handlers
from oblivion_client.link import Link
from oblivion_client.tasks import end
from oblivion_client.tokens import Tokens
from oblivion_client.worker import Worker, WorkOptions

_SIGN_IN_WITHIN_S = 10.0
_A_DAY_S = 86_400.0


class Stop:
    """Asked for once or several times; the shortest patience counts."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._changed = asyncio.Event()
        self.patience_s = float("inf")

    def ask(self, patience_s: float) -> None:
        """End; runs that are held may take so long to finish."""
        self.patience_s = min(self.patience_s, patience_s)
        self._asked.set()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def asked(self) -> None:
        await self._asked.wait()

    async def patience_over(self) -> None:
        """Return when what is held has had its time, counted from the first request."""
        await self._asked.wait()
        began_at = time.monotonic()
        while (left_s := began_at + self.patience_s - time.monotonic()) > 0:
            changed = self._changed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, _A_DAY_S)):
                    await changed.wait()


class Servable(Protocol):
    """What an agent is to the one who serves it."""

    @property
    def name(self) -> str: ...

    @property
    def handlers(self) -> Handlers: ...

    @property
    def options(self) -> WorkOptions: ...

    def use(self, link: Link | None) -> None: ...


async def serve(agent: Servable, configuration: Configuration, stop: Stop) -> None:
    """Work until `stop` is asked for; then finish or hand back what is held."""
    async with httpx.AsyncClient(timeout=_SIGN_IN_WITHIN_S) as http:
        connection = Connection(agent.name, configuration.uri, Tokens(configuration, http))
        worker = Worker(agent.handlers, connection, agent.options)
        keeping = asyncio.create_task(connection.keep(worker))
        agent.use(connection)
        try:
            await _first_of(stop.asked(), keeping)
            await worker.drain(stop.patience_over())
        finally:
            agent.use(None)
            await end(keeping)


async def _first_of(asked: Coroutine[Any, Any, None], keeping: asyncio.Task[None]) -> None:
    """Return when a stop is asked for. An error that ends the connection for good ends the agent."""
    asking = asyncio.create_task(asked)
    try:
        await asyncio.wait({asking, keeping}, return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()
    finally:
        asking.cancel()
