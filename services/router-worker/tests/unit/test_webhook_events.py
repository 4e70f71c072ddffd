"""The consumer: which failure parks a job, which retries it, which ends it."""

import asyncio
import time
import traceback
from datetime import timedelta
from uuid import uuid4

import pytest
from bullmq.custom_errors import DelayedError, UnrecoverableError

from oblivion_contracts.jobs import EventOutcome
from oblivion_platform.errors import DependencyUnavailable, PermanentFailure, RateLimited
from oblivion_router_worker.processors.webhook_events import make_processor
from oblivion_router_worker.usecases.note_failure import FailurePolicy, Verdict

POLICY = FailurePolicy(attempts=3, park_first_s=0.5, park_max_s=4, give_up_after=timedelta(hours=24))


class FakeJob:
    def __init__(self, data=None, times_started=1):
        self.data = data or {"event_id": str(uuid4()), "tenant_id": str(uuid4())}
        self.timestamp = int(time.time() * 1000)
        self.attemptsStarted = times_started
        self.parked_until_ms = None

    async def moveToDelayed(self, until_ms, token):  # noqa: N802 - BullMQ's name
        self.parked_until_ms = until_ms

    @property
    def parked_s(self):
        return self.parked_until_ms / 1000 - time.time()


class SilentWatch:
    def handled(self, outcome, processing_s, total_s):
        pass

    def failed(self, code, verdict):
        pass


def processor(failure=None, verdict=Verdict.PARK):
    async def handle(command):
        if failure is not None:
            raise failure
        return EventOutcome(outcome="mirrored", effects=1)

    async def note(command, noted):
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    return make_processor(handle, note, POLICY, SilentWatch(), deadline_s=10)


async def test_the_outcome_is_the_job_s_return_value():
    assert await processor()(FakeJob(), "token") == {"outcome": "mirrored", "effects": 1}


async def test_data_that_is_no_process_event_ends_the_job():
    with pytest.raises(UnrecoverableError, match="not a ProcessEvent"):
        await processor()(FakeJob({"text": "secret"}), "token")


async def test_a_rate_limit_parks_the_job_for_as_long_as_the_other_side_says():
    job = FakeJob()
    with pytest.raises(DelayedError):
        await processor(RateLimited("limited", "wait", 30))(job, "token")
    assert 29 < job.parked_s < 40


async def test_waiting_grows_with_each_time_and_has_an_end():
    waits = []
    for times_started in (1, 2, 3, 20):
        job = FakeJob(times_started=times_started)
        with pytest.raises(DelayedError):
            await processor(DependencyUnavailable("away", "away"))(job, "token")
        waits.append(job.parked_s)
    assert waits[0] < 0.7
    assert 0.9 < waits[1] < 1.4
    assert 1.9 < waits[2] < 2.7
    assert waits[3] < 5.3


async def test_with_postgres_away_the_job_is_parked_and_nothing_is_lost():
    job = FakeJob()
    with pytest.raises(DelayedError):
        await processor(KeyError("x"), DependencyUnavailable("postgres_unavailable", "away"))(job, "token")
    assert job.parked_until_ms


async def test_a_dead_event_ends_its_job():
    with pytest.raises(UnrecoverableError, match="malformed_body"):
        await processor(PermanentFailure("malformed_body", "x"), Verdict.GIVE_UP)(FakeJob(), "token")


async def test_what_redis_keeps_of_an_unforeseen_error_holds_no_value():
    with pytest.raises(RuntimeError) as caught:
        await processor(ValueError("xoxb-secret"), Verdict.RETRY)(FakeJob(), "token")
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
        return Verdict.PARK

    job = FakeJob()
    with pytest.raises(DelayedError):
        await make_processor(handle, note, POLICY, SilentWatch(), deadline_s=0.01)(job, "token")
    assert job.parked_until_ms
    assert not ended.is_set()
    answers.set()
    await asyncio.wait_for(ended.wait(), 1)


async def test_a_worker_that_is_stopped_stops_what_it_handles():
    began, ended = asyncio.Event(), asyncio.Event()

    async def handle(command):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def note(command, failure):
        return Verdict.PARK

    process = make_processor(handle, note, POLICY, SilentWatch(), deadline_s=10)
    running = asyncio.create_task(process(FakeJob(), "token"))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(ended.wait(), 1)
