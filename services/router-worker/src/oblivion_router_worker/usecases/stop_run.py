"""Ends a run because somebody wants it to end, and with it what it handed on."""

from uuid import UUID

from oblivion_platform import runs
from oblivion_platform.runs import Change, Run
from oblivion_router_worker.ports.deciding import Decision
from oblivion_router_worker.ports.running import Aftermath, Telling


async def stop_run(
    decision: Decision, aftermath: Aftermath, run: Run, *, by: str, stopper: UUID | None = None
) -> bool:
    """At once, whoever holds it; False when it was over already.

    `stopper`: who wished it, of those who may have asked in its thread.
    """
    ending = await runs.stop(decision.tx, run, by, stopper=stopper)
    if ending is None:
        return False
    for stopped in ending.stopped:
        _note(aftermath, stopped.run, stopped.change)
    aftermath.changes += ending.queued
    return True


async def stop_descendants(decision: Decision, aftermath: Aftermath, run_id: UUID, *, by: str) -> None:
    """Nobody waits for their answers any more."""
    for stopped in await runs.cancel_descendants(decision.tx, run_id, by):
        _note(aftermath, stopped.run, stopped.change)


def _note(aftermath: Aftermath, run: Run, change: Change) -> None:
    aftermath.changes.append(change)
    aftermath.ended.append(run.id)
    aftermath.tell.append(Telling(run.id, run.gateway, run.fence, "task.cancelled"))
