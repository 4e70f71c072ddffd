"""NOTIFY → whoever keeps a tenant's rows in memory drops them.

    announcements = Announcements(database_url)
    announcements.hear("agents", changed=profiles.drop, unheard=profiles.drop_all)
    announcements.start()

An announcement names a tenant and nothing else. While the connection is away nothing is heard, so `unheard`
is called when it is back, and whoever keeps rows bounds their age besides. A transaction pooler passes no
announcements on, so behind one nothing is listened to: that age alone says how late a change is seen.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

import psycopg
from psycopg import sql

from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end

LISTEN_ROUND_S = 3.0
CONNECT_TIMEOUT_S = 5
RECONNECT_S = 0.5

Changed = Callable[[UUID], object]
Unheard = Callable[[], object]

_log = get_logger(__name__)


class Announcements:
    """One connection that listens to any number of channels."""

    def __init__(self, database_url: str, *, behind_pooler: bool = False) -> None:
        self._url = database_url
        self._behind_pooler = behind_pooler
        self._changed: dict[str, list[Changed]] = {}
        self._unheard: list[Unheard] = []
        self._task: asyncio.Task[None] | None = None
        self.listening = False

    def hear(self, channel: str, *, changed: Changed, unheard: Unheard) -> None:
        """Before `start`: whom to tell of a tenant's change, and of changes that may have been missed."""
        self._changed.setdefault(channel, []).append(changed)
        self._unheard.append(unheard)

    def start(self) -> None:
        if self._behind_pooler:
            return
        self._task = asyncio.create_task(self._listen_for_ever(), name="announcements")

    async def close(self) -> None:
        if self._task is not None:
            await end(self._task)

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError, TimeoutError) as error:
                if self.listening:
                    _log.warning("announcements unheard", reason=type(error).__name__)
                self.listening = False
                await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="oblivion announcements",
        )
        async with connection:
            while True:
                await self._one_round(connection)

    async def _one_round(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        # LISTEN again each round: it changes nothing, and proves that the server still answers.
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            for channel in self._changed:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        if not self.listening:
            self.listening = True
            for forget in self._unheard:
                forget()
        async for notice in connection.notifies(timeout=LISTEN_ROUND_S):
            self._tell(notice.channel, notice.payload)

    def _tell(self, channel: str, payload: str) -> None:
        try:
            tenant_id = UUID(payload)
        except ValueError:  # Nobody of ours says that: NOTIFY is open to every role.
            return
        for tell in self._changed.get(channel, ()):
            tell(tenant_id)
