"""What a run handed on: it ends when the run is ended from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.statements import fetch
from oblivion_platform.runs.records import Change, Run
from oblivion_platform.runs.statements import LIVE
from oblivion_platform.runs.steering import cancel
from oblivion_platform.runs.views import COLUMNS, run_of


@dataclass(frozen=True, slots=True)
class Stopped:
    """`run` is as it was: its holder has to be told."""

    run: Run
    change: Change


async def cancel_descendants(tx: AsyncConnection, run_id: UUID, by: str) -> Sequence[Stopped]:
    """End all live runs that the run, or what it handed work on to, handed work on to.

    Its own row has to be locked, or over: then nothing new is handed on meanwhile.
    """
    stopped: list[Stopped] = []
    for row in await fetch(tx, _LIVE_BELOW, {"run": run_id}):
        change = await cancel(tx, row.id, by)
        if change is not None:
            stopped.append(Stopped(run_of(row), change))
    return stopped


_LIVE_BELOW = f"""
    WITH RECURSIVE below AS (
        SELECT id FROM runs WHERE parent_run_id = %(run)s
        UNION SELECT runs.id FROM runs JOIN below ON runs.parent_run_id = below.id
    )
    SELECT {COLUMNS} FROM runs WHERE id IN (SELECT id FROM below) AND {LIVE}
    ORDER BY hops, id FOR UPDATE
"""  # noqa: S608 - constants of this package
