"""How calls ended, written some at a time: nobody waits for it, and Postgres is asked once for many."""

import asyncio
from typing import LiteralString
from uuid import UUID

from oblivion_mcp_hub.ports import Ended
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

GATHERED_S = 0.05
ROWS_MAX = 1_000
"""Of one statement."""

_log = get_logger(__name__)


class EndsOfCalls:
    """A writer beside everything else."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unwritten: dict[UUID, list[tuple[UUID, Ended]]] = {}
        self._writing: asyncio.Task[None] | None = None

    def add(self, tenant_id: UUID, call_id: UUID, ended: Ended) -> None:
        self._unwritten.setdefault(tenant_id, []).append((call_id, ended))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon(), name="ends of calls")

    async def close(self) -> None:
        """Return when all are written."""
        if self._writing is not None:
            await self._writing
        await self._write_all()

    async def _write_soon(self) -> None:
        while self._unwritten:
            await asyncio.sleep(GATHERED_S)
            await self._write_all()

    async def _write_all(self) -> None:
        unwritten, self._unwritten = self._unwritten, {}
        for tenant_id, ends in unwritten.items():
            for begin in range(0, len(ends), ROWS_MAX):
                await self._write(tenant_id, ends[begin : begin + ROWS_MAX])

    async def _write(self, tenant_id: UUID, ends: list[tuple[UUID, Ended]]) -> None:
        values = {
            "ids": [call_id for call_id, _ in ends],
            "states": ["succeeded" if ended.is_success else "failed" for _, ended in ends],
            "codes": [ended.code for _, ended in ends],
            "elapsed_ms": [round(ended.elapsed_s * 1000) for _, ended in ends],
        }
        try:
            await self._database.once(tenant_id, _END, values)
        except OblivionFailure as failure:
            _log.warning("ends of calls not noted", calls=len(ends), code=failure.code)


_END: LiteralString = """
    UPDATE tool_calls SET state = ended.state, code = ended.code, elapsed_ms = ended.elapsed_ms
    FROM unnest(%(ids)s::uuid[], %(states)s::text[], %(codes)s::text[], %(elapsed_ms)s::int[])
        AS ended (id, state, code, elapsed_ms)
    WHERE tool_calls.id = ended.id RETURNING tool_calls.id
"""
