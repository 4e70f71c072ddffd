"""Earlier runs, searched: what an agent is given of them is words of others in its run, and noted as that.

It is on record before the agent has it, so its next call of a tool is judged by it. What an agent reads for
no run it may keep for any later one, where nobody knows of it: so it is given what members said, and nothing
else.
"""

from collections.abc import Sequence
from uuid import UUID

from oblivion_contracts.sessions import HISTORY_LIMIT_MAX, HistoryHit, HistorySearch
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.socket_ports import HistoryIndex, HistoryReadings


class ReadHistory:
    """Every search raises DependencyUnavailable, and HistoryNotSetUp where there is no index."""

    def __init__(self, index: HistoryIndex, readings: HistoryReadings) -> None:
        self._index = index
        self._readings = readings

    async def for_run(
        self, tenant_id: UUID, search: HistorySearch, run_id: UUID, asker: UUID | None
    ) -> Sequence[HistoryHit]:
        """What was shared, and what `asker`, for whom the run is, asked before."""
        readers = frozenset[UUID]() if asker is None else {asker}
        hits = await self._index.search(tenant_id, search, readers)
        if hits:
            await self._readings.of_run(tenant_id, run_id, _found(hits))
        return hits

    async def for_agent(self, tenant_id: UUID, search: HistorySearch, agent_id: UUID) -> Sequence[HistoryHit]:
        """What was shared, and is members' words alone; it counts for all that the agent works on."""
        wider = search.model_copy(update={"limit": HISTORY_LIMIT_MAX})
        found = await self._index.search(tenant_id, wider, frozenset())
        by_members = await self._readings.by_members(tenant_id, _found(found)) if found else frozenset[UUID]()
        hits = [hit for hit in found if hit.run_id in by_members][: search.limit]
        if hits:
            await self._readings.of_agent(tenant_id, agent_id, _found(hits))
        return hits

    async def for_caller(self, caller: Caller, search: HistorySearch) -> Sequence[HistoryHit]:
        """People find what was shared and their own, and admins everything."""
        if caller.kind == "agent":
            return await self.for_agent(caller.tenant_id, search, caller.id)
        readers = None if caller.is_admin else {caller.id}
        return await self._index.search(caller.tenant_id, search, readers)


def _found(hits: Sequence[HistoryHit]) -> list[UUID]:
    return [hit.run_id for hit in hits]
