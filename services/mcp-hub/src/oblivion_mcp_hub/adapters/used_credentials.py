"""When what a connection proves itself with was used last: noted once a minute at most, and beside the use.

Best effort: what cannot be noted now is noted with the next use.
"""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from cachetools import TTLCache
from sqlalchemy import text

from oblivion_mcp_hub.oauth_ports import Credential
from oblivion_platform.connections import Connection
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

NOTED_EVERY_S = 60.0
REMEMBERED = 10_000
_log = get_logger(__name__)


class UsedCredentials:
    """Notes the uses of those that it is given."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._noted: TTLCache[UUID, bool] = TTLCache(REMEMBERED, NOTED_EVERY_S, clock)
        self._writing: set[asyncio.Task[None]] = set()

    def of(self, connection: Connection, credential: Credential) -> Credential:
        """The same credential, whose uses are noted."""
        return _Noted(credential, lambda: self._note(connection))

    async def close(self) -> None:
        await asyncio.gather(*self._writing, return_exceptions=True)

    def _note(self, connection: Connection) -> None:
        if connection.id in self._noted:
            return
        self._noted[connection.id] = True
        task = asyncio.create_task(self._write(connection), name="use of a credential")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, connection: Connection) -> None:
        try:
            async with self._database.tenant(connection.tenant_id) as tx:
                await tx.execute(_USED, {"connection": connection.id})
        except OblivionFailure as failure:
            self._noted.pop(connection.id, None)
            _log.info("use of a credential not noted", connection=connection.name, code=failure.code)


class _Noted:
    """Implements `oauth_ports.Credential`."""

    def __init__(self, credential: Credential, note: Callable[[], None]) -> None:
        self._credential = credential
        self._note = note

    async def value(self) -> str | None:
        value = await self._credential.value()
        if value is not None:
            self._note()
        return value

    async def instead_of(self, refused: str) -> str | None:
        return await self._credential.instead_of(refused)


# It waits for nobody: keys are rotated in an order of their own.
_USED = text("""
    UPDATE credentials SET last_used_at = now() WHERE id IN (
        SELECT id FROM credentials
        WHERE connection_id = :connection AND state = 'live' AND kind <> 'oauth_client'
            AND coalesce(last_used_at < now() - interval '1 minute', true)
        FOR NO KEY UPDATE SKIP LOCKED)
""")
