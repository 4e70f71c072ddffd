"""Consumer of the `place-reading` queue: one integration in, its lists or channels read.

What the other side refuses is no failure of the job: it is noted, and whoever looks asks again. A job fails
only while Postgres is away, or for a reason that nobody foresaw.
"""

# BullMQ ships no types: pyright is told what it cannot know.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from bullmq import Job
from bullmq.custom_errors import UnrecoverableError

from oblivion_contracts.jobs import PlacesRead, ReadPlaces
from oblivion_platform.errors import TransientFailure
from oblivion_platform.logging import log_context
from oblivion_platform.queue import Processor, decode_job
from oblivion_platform.telemetry import tracing
from oblivion_router_worker.processors.deadline import within

NOTE_LIMIT_S = 5.0

Read = Callable[[ReadPlaces], Coroutine[Any, Any, PlacesRead]]
Stumbled = Callable[[ReadPlaces], Coroutine[Any, Any, None]]

_log = structlog.get_logger(__name__)


def make_place_processor(read: Read, stumbled: Stumbled, *, deadline_s: float) -> Processor:
    """Bind the use case to BullMQ's `(job, token)` call.

    Raises (from the processor):
        UnrecoverableError: the data is not a ReadPlaces, or the reading stumbled.
        RuntimeError: Postgres is away; BullMQ tries again.
    """

    async def process(job: Job, _token: str) -> dict[str, Any]:
        command = decode_job(ReadPlaces, job.data)
        integration, tenant = str(command.integration_id), str(command.tenant_id)
        with tracing(command.traceparent, "read places"), log_context(integration=integration, tenant=tenant):
            try:
                outcome = await within(read(command), deadline_s)
            except TransientFailure as failure:
                raise RuntimeError(failure.code) from None
            except Exception as error:  # The top of the job: names of others' channels may be in it.
                _log.exception("place_reading_failed")
                await within(stumbled(command), NOTE_LIMIT_S)
                raise UnrecoverableError(type(error).__name__) from None
            _log.info("places_read", found=outcome.found, problem=outcome.problem_code)
        return outcome.model_dump(mode="json")

    return process
