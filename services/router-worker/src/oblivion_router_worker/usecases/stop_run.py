"""Ends a run because somebody wants it to end."""

from oblivion_platform import runs
from oblivion_platform.runs import Run
from oblivion_router_worker.ports.deciding import Decision
from oblivion_router_worker.ports.running import Aftermath, Telling


async def stop_run(decision: Decision, aftermath: Aftermath, run: Run, *, by: str) -> bool:
    """At once, whoever holds it; False when it was over already."""
    change = await runs.cancel(decision.tx, run.id, by)
    if change is None:
        return False
    aftermath.changes.append(change)
    aftermath.ended.append(run.id)
    aftermath.tell.append(Telling(run.id, run.gateway, run.fence, "task.cancelled"))
    return True
