"""Agents' replicas that come and go → lines of the live feed.

A process renews its token by a new socket, and comes back after a short loss of the line: as long as a socket
of the same instance follows within seconds, on any gateway, nobody is told. Only the line waits, never the
runs. An instance that a gateway's own end leaves without a socket is expected back, and is no line either.
"""

import asyncio
from typing import Literal

from oblivion_gateway.domain.agent_connections import AgentConnection
from oblivion_gateway.socket_ports import PresenceBoard
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.feed import Line, Teller
from oblivion_platform.logging import get_logger

BACK_WITHIN_S = 5.0

_log = get_logger(__name__)


class Announce:
    """One per process."""

    def __init__(self, board: PresenceBoard, feed: Teller) -> None:
        self._board = board
        self._feed = feed
        self._coming: dict[str, asyncio.Task[None]] = {}
        """By socket, for as long as it is there: what is told of its end comes after."""
        self._leaving: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()

    def came(self, connection: AgentConnection, instance: str) -> None:
        """It said hello for the first time."""
        if not instance:
            self._tell(connection, "agent.online", "online")
        elif not self._ending.is_set():
            coming = self._tell_if_first(connection, instance)
            self._coming[connection.sid] = asyncio.create_task(coming, name="agent came")

    def left(self, connection: AgentConnection, instance: str) -> None:
        """Its socket is gone."""
        came = self._coming.pop(connection.sid, None)
        if not instance:
            self._tell(connection, "agent.offline", "offline")
        elif not self._ending.is_set():
            leaving = self._tell_unless_back(connection, instance, came)
            task = asyncio.create_task(leaving, name="agent left")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Nobody is waited for any more: the process ends, and so do its sockets."""
        self._ending.set()
        if telling := {*self._coming.values(), *self._leaving}:
            await asyncio.wait(telling)  # If one fails, which asyncio logs, the others still get to tell.

    async def _tell_unless_back(
        self, connection: AgentConnection, instance: str, came: asyncio.Task[None] | None
    ) -> None:
        try:
            async with asyncio.timeout(BACK_WITHIN_S):
                await self._ending.wait()
        except TimeoutError:
            pass
        if came is not None:
            await asyncio.wait({came})
        try:
            is_gone = await self._board.depart(
                connection.tenant_id, connection.agent_id, instance, connection.sid
            )
        except DependencyUnavailable as failure:
            # Nor could a line be written: the feed is where presence is.
            _log.info("nobody was told that an agent is offline", code=failure.code)
            return
        if is_gone:
            self._tell(connection, "agent.offline", "offline")

    async def _tell_if_first(self, connection: AgentConnection, instance: str) -> None:
        try:
            is_first = await self._board.arrive(
                connection.tenant_id, connection.agent_id, instance, connection.sid
            )
        except DependencyUnavailable:
            is_first = True
        if is_first:
            self._tell(connection, "agent.online", "online")

    def _tell(
        self, connection: AgentConnection, kind: Literal["agent.online", "agent.offline"], state: str
    ) -> None:
        words = f"A replica of {connection.name} is {state}"
        self._feed.tell(connection.tenant_id, Line(kind, words, "notice", agent_id=connection.agent_id))
