"""The consumer: which failure parks a job, which retries it, which ends it."""

import asyncio
import time
import traceback
from uuid import uuid4

import pytest
from bullmq.custom_errors import DelayedError, UnrecoverableError

from oblivion_contracts.jobs import EventOutcome
from oblivion_platform.errors import DependencyUnavailable, PermanentFailure
from oblivion_platform.testing import PATIENCE_S
from oblivion_router_worker.processors.webhook_events import make_processor
from oblivion_router_worker.usecases.note_failure import Noted, Verdict


class FakeJob:
    def __init__(self, data=None):
        self.data = data or {"event_id": str(uuid4()), "tenant_id": str(uuid4())}
        self.timestamp = int(time.time() * 1000)
        self.parked_until_ms = None

    async def moveToDelayed(self, until_ms, token):  # noqa: N802 - BullMQ's name
        self.parked_until_ms = until_ms

    @property
    def parked_s(self):
        return self.parked_until_ms / 1000 - time.time()


class SilentWatch:
    def handled(self, command, outcome, processing_s, total_s):
        pass

    def failed(self, command, code, verdict):
        pass


def processor(failure=None, noted=None):
    async def handle(command):
        if failure is not None:
            raise failure
        return EventOutcome(outcome="mirrored", effects=1)

    async def note(command, failure):
        if isinstance(noted, Exception):
            raise noted
        return noted

    return make_processor(handle, note, SilentWatch(), deadline_s=10)


async def test_the_outcome_is_the_job_s_return_value():
    assert await processor()(FakeJob(), "token") == {"outcome": "mirrored", "effects": 1}


async def test_data_that_is_no_process_event_ends_the_job():
    with pytest.raises(UnrecoverableError, match="not a ProcessEvent"):
        await processor()(FakeJob({"text": "secret"}), "token")


async def test_a_job_is_parked_for_as_long_as_its_failure_wants_and_a_little_more():
    job = FakeJob()
    with pytest.raises(DelayedError):
        await processor(KeyError("x"), Noted(Verdict.PARK, 30))(job, "token")
    assert 29 < job.parked_s < 40


async def test_with_postgres_away_the_job_is_parked_and_soon_looked_at_again_however_long_that_lasts():
    job = FakeJob()
    for _ in range(20):
        with pytest.raises(DelayedError):
            await processor(KeyError("x"), DependencyUnavailable("postgres_unavailable", "away"))(
                job, "token"
            )
        assert 1 < job.parked_s < 3


async def test_a_dead_event_ends_its_job():
    with pytest.raises(UnrecoverableError, match="malformed_body"):
        await processor(PermanentFailure("malformed_body", "x"), Noted(Verdict.GIVE_UP))(FakeJob(), "token")


async def test_what_redis_keeps_of_an_unforeseen_error_holds_no_value():
    with pytest.raises(RuntimeError) as caught:
        await processor(ValueError("xoxb-secret"), Noted(Verdict.RETRY))(FakeJob(), "token")
    assert str(caught.value) == "ValueError"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_failure_that_cannot_be_noted_leaves_no_value_in_redis_either():
    value = "-".join(["xoxb", "secret"])  # Tracebacks quote these lines too.
    with pytest.raises(RuntimeError) as caught:
        await processor(ValueError(value), TypeError(value))(FakeJob(), "token")
    assert value not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value) == "failure_not_noted"


async def test_an_event_whose_database_hangs_even_when_cancelled_gives_its_place_back():
    answers, ended = asyncio.Event(), asyncio.Event()

    async def handle(command):
        try:
            await answers.wait()
        except asyncio.CancelledError:
            # As the driver does: it waits for Postgres to confirm.
            await answers.wait()
            raise
        finally:
            ended.set()

    async def note(command, failure):
        assert failure.code == "handling_timed_out"
        return Noted(Verdict.PARK)

    job = FakeJob()
    with pytest.raises(DelayedError):
        await make_processor(handle, note, SilentWatch(), deadline_s=0.01)(job, "token")
    assert job.parked_until_ms
    assert not ended.is_set()
    answers.set()
    await asyncio.wait_for(ended.wait(), PATIENCE_S)


async def test_a_worker_that_is_stopped_stops_what_it_handles():
    began, ended = asyncio.Event(), asyncio.Event()

    async def handle(command):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def note(command, failure):
        return Noted(Verdict.PARK)

    process = make_processor(handle, note, SilentWatch(), deadline_s=10)
    running = asyncio.create_task(process(FakeJob(), "token"))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(ended.wait(), PATIENCE_S)
