"""Runs of all tenants that wait for somebody, through the relay's door."""

from collections.abc import Sequence

from oblivion_platform import runs
from oblivion_platform.database.engine import Database
from oblivion_platform.runs import Due


class PostgresUnattended:
    """Implements `usecases.run_sweeps.Unattended`."""

    def __init__(self, database: Database, *, overdue_s: float) -> None:
        self._database = database
        self._overdue_s = overdue_s

    async def due(self) -> Sequence[Due]:
        async with self._database.relay() as relay:
            return await runs.due(relay, overdue_s=self._overdue_s)

    async def unshown(self) -> Sequence[Due]:
        async with self._database.relay() as relay:
            return await runs.unshown(relay)
