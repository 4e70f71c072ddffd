"""Ends a run from outside, with all that hangs on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.runs.descendants import Stopped, cancel_descendants
from oblivion_platform.runs.records import Change, Run
from oblivion_platform.runs.steering import cancel
from oblivion_platform.runs.unread import queue_unread


@dataclass(frozen=True, slots=True)
class Ending:
    """What followed: holders of `stopped` have to be told, and the thread's next run brought forward."""

    stopped: Sequence[Stopped]
    """The run itself, then what it handed on."""
    queued: Sequence[Change]
    """New runs for what others had asked it meanwhile."""


async def stop(tx: AsyncConnection, run: Run, by: str, *, stopper: UUID | None) -> Ending | None:
    """Cancel a run and what it handed on; None when it is over already.

    What `stopper` and the run's own asker put to it meanwhile ends with it; questions of others do not.
    """
    change = await cancel(tx, run.id, by)
    if change is None:
        return None
    below = await cancel_descendants(tx, run.id, by)
    queued = await queue_unread(tx, run, 0, but_of={run.user_id, stopper})
    return Ending([Stopped(run, change), *below], queued)
