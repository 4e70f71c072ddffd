"""Consumer of the `webhook-processing` queue: one stored event in, its effects decided.

Delivery is at least once (a job whose lock expires runs again), so `handle` must give the same result for
the same event. A failure is written into the event's row first and told to BullMQ afterwards: Redis may
forget, Postgres does not.
"""

# BullMQ ships no types: pyright is told what it cannot know.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog
from bullmq import Job
from bullmq.custom_errors import UnrecoverableError

from oblivion_contracts.jobs import EventOutcome, ProcessEvent
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.logging import log_context
from oblivion_platform.queue import Processor, decode_job, park
from oblivion_platform.telemetry import tracing
from oblivion_router_worker.processors.deadline import within
from oblivion_router_worker.usecases.note_failure import STORE_AWAY_S, Noted, Verdict

HandleEvent = Callable[[ProcessEvent], Coroutine[Any, Any, EventOutcome]]
NoteFailure = Callable[[ProcessEvent, Exception], Coroutine[Any, Any, Noted]]

NOTE_LIMIT_S = 5.0
"""For noting a failure. With the deadline of handling it stays below what counts as a deaf worker."""


class Watch(Protocol):
    """Told how it goes."""

    def handled(
        self, command: ProcessEvent, outcome: EventOutcome, processing_s: float, total_s: float
    ) -> None: ...
    def failed(self, command: ProcessEvent, code: str, verdict: str) -> None: ...


_log = structlog.get_logger(__name__)


def make_processor(handle: HandleEvent, note: NoteFailure, watch: Watch, *, deadline_s: float) -> Processor:
    """Bind the use cases to BullMQ's `(job, token)` call; only this module knows BullMQ.

    `deadline_s`: an event that takes longer is parked, as when a dependency is away.

    Raises (from the processor):
        UnrecoverableError: the data is not a ProcessEvent, or the event is dead.
        DelayedError: parked; the attempt does not count.
    """

    async def process(job: Job, token: str) -> dict[str, Any]:
        command = decode_job(ProcessEvent, job.data)
        started = time.perf_counter()
        with (
            tracing(command.traceparent, "handle event"),
            log_context(event_id=str(command.event_id), tenant=str(command.tenant_id)),
        ):
            try:
                outcome = await within(handle(command), deadline_s)
            except Exception as failure:  # The top of the job: every failure has its verdict.
                await _answer(job, token, command, failure)
                raise
        processing_s = time.perf_counter() - started
        watch.handled(command, outcome, processing_s, time.time() - job.timestamp / 1000)
        return outcome.model_dump(mode="json")

    async def _answer(job: Job, token: str, command: ProcessEvent, failure: Exception) -> None:
        try:
            noted = await within(note(command, failure), NOTE_LIMIT_S)
        except DependencyUnavailable:
            noted = Noted(Verdict.PARK, STORE_AWAY_S)
        except Exception as unnoted:  # Values of the event may be in it; the row waits for its sweep.
            _log.warning("event_failure_not_noted", error=type(unnoted).__name__)
            raise RuntimeError("failure_not_noted") from None
        code = str(getattr(failure, "code", type(failure).__name__))
        watch.failed(command, code, noted.verdict.value)
        if noted.verdict is Verdict.PARK:
            await park(job, token, _spread(noted.wait_s))
        _log.warning("event_failed", code=code, verdict=noted.verdict.value)
        if noted.verdict is Verdict.GIVE_UP:
            raise UnrecoverableError(code) from None
        # A message of its own: BullMQ keeps it, and the original may hold values of the event.
        raise RuntimeError(code) from None

    return process


def _spread(wait_s: float) -> float:
    return wait_s * (1 + random.uniform(0, 0.3))  # noqa: S311 - spreads retries, keeps no secret
