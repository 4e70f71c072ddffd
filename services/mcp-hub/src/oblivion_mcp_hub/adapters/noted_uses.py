"""Implements `ports.Uses`: lines of the audit log, one an hour however often and on however many replicas.

A line's id is made of what it says, so that whoever comes second writes nothing. What cannot be written now
is written later: lists go on while Postgres is away. A line that breaks in a way that nobody foresaw holds up
no other one, and is given up after a few tries.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text

from oblivion_contracts.connections import ANY_MCP_SERVER
from oblivion_mcp_hub.ports import Use
from oblivion_platform.connections import Connection
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end

AGAIN_S = 5.0
UNWRITTEN_MAX = 10_000
TRIES_MAX = 3
"""Of a line that is refused for a reason that nobody foresaw."""

_log = get_logger(__name__)


@dataclass(slots=True)
class _Line:
    values: dict[str, Any]
    tries: int = 0


class NotedUses:
    """A writer beside everything else."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now
        self._hour: datetime | None = None
        self._noted: set[UUID] = set()
        """Of this hour."""
        self._unwritten: list[_Line] = []
        self._writing: asyncio.Task[None] | None = None

    def note(self, connection: Connection, use: Use, by: str) -> None:
        if not _shows_one(connection):
            return
        hour = self._now().replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour = hour
            self._noted.clear()
        line_id = uuid5(connection.id, f"{use} {by} {hour.isoformat()}")
        if line_id in self._noted or len(self._unwritten) >= UNWRITTEN_MAX:
            return
        self._noted.add(line_id)
        values = {
            "id": line_id,
            "tenant": connection.tenant_id,
            "actor": by,
            "subject": str(connection.id),
            "detail": json.dumps({"use": use, "hour": hour.isoformat()}),
        }
        self._unwritten.append(_Line(values))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_until_done(), name="uses of credentials")

    async def close(self) -> None:
        """What is left is tried once more."""
        if self._writing is not None:
            await end(self._writing)
        await self._write()

    async def _write_until_done(self) -> None:
        while True:
            if await self._write():
                return
            await asyncio.sleep(AGAIN_S)

    async def _write(self) -> bool:
        """Whether nothing is left."""
        for line in list(self._unwritten):
            try:
                async with self._database.tenant(line.values["tenant"]) as tx:
                    await tx.execute(_LINE, line.values)
            except OblivionFailure as failure:
                _log.warning(
                    "uses of credentials not noted yet", lines=len(self._unwritten), code=failure.code
                )
                return False
            except Exception as error:  # The top of a loop that must not end.
                line.tries += 1
                subject, given_up = line.values["subject"], line.tries >= TRIES_MAX
                _log.error(
                    "use of a credential not noted", connection=subject, given_up=given_up, exc_info=error
                )
                if not given_up:
                    continue
            self._unwritten.remove(line)
        return not self._unwritten


def _shows_one(connection: Connection) -> bool:
    """Built-in providers know their lists by themselves, and a stdio server is shown nothing."""
    has_one = connection.has_secret or connection.auth != "secret"
    return has_one and connection.provider == ANY_MCP_SERVER


_LINE = text("""
    INSERT INTO audit_log (id, tenant_id, actor, action, subject, detail)
    VALUES (:id, :tenant, :actor, 'connection.used', :subject, CAST(:detail AS jsonb))
    ON CONFLICT DO NOTHING
""")
