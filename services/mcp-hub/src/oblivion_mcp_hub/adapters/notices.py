"""A line in the run's thread for each tool server that is missing, once."""

from collections.abc import Mapping
from uuid import UUID

from cachetools import TTLCache
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.runs import RunEventKind
from oblivion_platform import runs
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.runs import RunSignals

CODE = "tools_missing"
REMEMBERED = 10_000
REMEMBERED_S = 3_600.0

_log = get_logger(__name__)


class RunNotices:
    """Implements `ports.Notices`."""

    def __init__(self, database: Database, signals: RunSignals) -> None:
        self._database = database
        self._signals = signals
        self._told: TTLCache[tuple[UUID, str], bool] = TTLCache(REMEMBERED, REMEMBERED_S)

    async def tools_missing(self, tenant_id: UUID, run_id: UUID, missing: Mapping[str, str]) -> None:
        untold = {name: why for name, why in missing.items() if (run_id, name) not in self._told}
        if not untold:
            return
        try:
            async with self._database.tenant(tenant_id) as tx:
                changes = [await _tell(tx, run_id, name, why) for name, why in untold.items()]
        except OblivionFailure as failure:
            _log.warning("missing tools not told", run_id=run_id, code=failure.code)
            return
        self._told.update({(run_id, name): True for name in untold})
        for change in changes:
            await self._signals.changed(tenant_id, change)

    async def close(self) -> None:
        await self._signals.close()


async def _tell(tx: AsyncConnection, run_id: UUID, name: str, why: str) -> runs.Change | None:
    await tx.execute(_ONE_AT_A_TIME, {"run": str(run_id)})
    if (await tx.execute(_IS_TOLD, {"run": run_id, "code": CODE, "name": name})).scalar_one():
        return None
    data = {"code": CODE, "connection": name, "text": f"The tools of {name} are missing now. {why}"}
    return await runs.note(tx, run_id, RunEventKind.NOTICE, data)


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('tool_calls:' || :run, 0))")
_IS_TOLD = text("""
    SELECT EXISTS (SELECT FROM run_events WHERE run_id = :run AND kind = 'notice'
        AND data ->> 'code' = :code AND data ->> 'connection' = :name)
""")
