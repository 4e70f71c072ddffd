"""What becomes of a run that could not be brought forward for a reason that nobody foresaw.

The row counts, not the queue: the run's job may be made anew, by the sweep or another worker, at any time.
"""

from uuid import UUID

import structlog

from oblivion_contracts.runs import RunFailure
from oblivion_platform import runs
from oblivion_platform.errors import OblivionFailure
from oblivion_router_worker.ports.deciding import Store
from oblivion_router_worker.ports.running import Aftermath, Follow
from oblivion_router_worker.usecases.run_failures import GIVEN_UP, UNFORESEEN
from oblivion_router_worker.usecases.stop_run import stop_descendants

_log = structlog.get_logger(__name__)

AGAIN_AFTER_S = 30.0
"""For the sweep: the queue's own tries come sooner."""


class NoteStumble:
    """`tries`: after so many the run is a dead letter, and whoever asked is told."""

    def __init__(self, store: Store, follow: Follow, *, tries: int) -> None:
        self._store = store
        self._follow = follow
        self._tries = tries

    async def __call__(self, tenant_id: UUID, run_id: UUID, failure: Exception) -> bool:
        """Write it down; True: the run is over.

        Whoever holds the run hears of its end with the next heartbeat: its row is not read here, since that
        may be what fails.

        Raises:
            DependencyUnavailable: Postgres is away; nothing was counted.
        """
        aftermath = Aftermath()
        async with self._store.tenant(tenant_id) as decision:
            cause = _cause(failure)
            count = await runs.stumble(decision.tx, run_id, cause, again_after_s=AGAIN_AFTER_S)
            if count >= self._tries:
                change = await runs.give_up(decision.tx, run_id, UNFORESEEN)
                aftermath.changes += [change] if change is not None else []
                await stop_descendants(decision, aftermath, run_id, by=GIVEN_UP)
        is_over = count == 0 or count >= self._tries
        if is_over:
            await self._pass_on(tenant_id, run_id, aftermath)
        if not aftermath.is_empty:
            self._follow(tenant_id, aftermath)
        return is_over

    async def _pass_on(self, tenant_id: UUID, run_id: UUID, aftermath: Aftermath) -> None:
        """What others asked it; apart, since it needs the row, and reading that may be what fails."""
        try:
            async with self._store.tenant(tenant_id) as decision:
                run = await runs.read(decision.tx, run_id, lock=True)
                if run is not None and run.state.is_final:
                    aftermath.changes += await runs.queue_unread(decision.tx, run, 0)
        except Exception as failure:  # The run's end stands, whatever becomes of this.
            _log.warning("questions_not_passed_on", run_id=str(run_id), error=type(failure).__name__)


def _cause(failure: Exception) -> RunFailure:
    if isinstance(failure, OblivionFailure):
        return RunFailure(code=failure.code, message=failure.message)
    # Type only: the text of an unforeseen error may hold values of the run.
    return RunFailure(code="unexpected_error", message=type(failure).__name__)
