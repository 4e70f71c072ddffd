"""Consumer of the `ai-agent-tasks` queue: one run in, brought as far as it goes without its agent.

A run that is somebody else's turn is put aside until it can have changed; the job ends when the run has. So a
job costs attempts only for failures that nobody foresaw.
"""

# BullMQ ships no types: pyright is told what it cannot know.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from uuid import UUID

import structlog
from bullmq import Job
from bullmq.custom_errors import UnrecoverableError

from oblivion_contracts.jobs import ProcessMention
from oblivion_platform.errors import TransientFailure
from oblivion_platform.logging import log_context
from oblivion_platform.queue import Processor, decode_job, park
from oblivion_platform.telemetry import tracing
from oblivion_router_worker.ports.running import Finished, Standing
from oblivion_router_worker.processors.deadline import within

AWAY_S = 1.0
"""Until the next look when Postgres or Redis is away."""

Bring = Callable[[UUID, UUID], Coroutine[Any, Any, Standing]]
Stumbled = Callable[[UUID, UUID, Exception], Coroutine[Any, Any, bool]]
"""Told of a failure that nobody foresaw; whether the run is over with it."""


class Watch(Protocol):
    """Told how it goes."""

    def brought(self, took_s: float) -> None: ...
    def ended(self, state: str, code: str | None) -> None: ...
    def failed(self, code: str) -> None: ...


_log = structlog.get_logger(__name__)


def make_run_processor(bring: Bring, stumbled: Stumbled, watch: Watch, *, deadline_s: float) -> Processor:
    """Bind the use case to BullMQ's `(job, token)` call.

    Raises (from the processor):
        UnrecoverableError: the data is not a ProcessMention, or the run has failed too often.
        DelayedError: put aside; the attempt does not count.
    """

    async def _bring(command: ProcessMention) -> Standing:
        ids = (command.tenant_id, command.run_id)
        try:
            return await within(bring(*ids), deadline_s)
        except TransientFailure:
            raise
        except Exception as error:  # Values of the run may be in it: BullMQ keeps what is raised.
            watch.failed(type(error).__name__)
            _log.exception("run_job_failed")
            is_over = await within(stumbled(*ids, error), deadline_s)
            raise (UnrecoverableError if is_over else RuntimeError)(type(error).__name__) from None

    async def process(job: Job, token: str) -> dict[str, Any]:
        command = decode_job(ProcessMention, job.data)
        run_id, tenant = str(command.run_id), str(command.tenant_id)
        with tracing(command.traceparent, "bring run forward"), log_context(run_id=run_id, tenant=tenant):
            started = time.perf_counter()
            try:
                standing = await _bring(command)
            except TransientFailure as failure:
                watch.failed(failure.code)
                await park(job, token, failure.retry_after_s or AWAY_S)
                raise
            watch.brought(time.perf_counter() - started)
        if not isinstance(standing, Finished):
            await park(job, token, standing.after_s)
            raise AssertionError("park always raises")
        watch.ended(standing.outcome.state, standing.outcome.failure_code)
        return standing.outcome.model_dump(mode="json", exclude_none=True)

    return process
