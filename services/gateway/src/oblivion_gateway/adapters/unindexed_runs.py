"""Implements `Unindexed`: found through the relay's door, read under each tenant, one gateway at a time."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import text

from oblivion_platform import runs
from oblivion_platform.database.engine import Database
from oblivion_platform.history import QdrantHistory, read_documents, set_indexed

AT_ONCE = 32


class UnindexedRuns:
    """Reads from Postgres, writes to the index, then notes it: a crash in between writes the same again."""

    def __init__(self, database: Database, index: QdrantHistory) -> None:
        self._database = database
        self._index = index

    async def index_some(self) -> int:
        async with self._database.relay() as door:
            if not (await door.execute(_ALONE)).scalar_one():
                return 0
            waiting: dict[UUID, list[UUID]] = defaultdict(list)
            for due in await runs.unindexed(door, limit=AT_ONCE):
                waiting[due.tenant_id].append(due.run_id)
            for tenant_id, run_ids in waiting.items():
                await self._index_of(tenant_id, run_ids)
        return sum(map(len, waiting.values()))

    async def _index_of(self, tenant_id: UUID, run_ids: list[UUID]) -> None:
        async with self._database.tenant(tenant_id) as tx:
            documents = await read_documents(tx, run_ids)
        await self._index.add(documents)
        async with self._database.tenant(tenant_id) as tx:
            await set_indexed(tx, run_ids)


_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('oblivion history index', 0))")
