"""Relay and sweeper: the short way into the queue, and the sure one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from oblivion_ingestion.adapters.connection import SteadyConnection
from oblivion_ingestion.adapters.queue import QueueRelay, webhook_queue
from oblivion_ingestion.adapters.sweeper import Sweeper, SweepPolicy
from oblivion_ingestion.domain.deliveries import EventFacts, InboundEvent
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.testing import World
from oblivion_platform.queue import JobQueue
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[JobQueue]:
    opened = webhook_queue(redis_url)
    yield opened
    await opened.close()


def event() -> InboundEvent:
    facts = EventFacts("message", "thread:C1:1", "key", 1)
    return InboundEvent(uuid4(), uuid4(), uuid4(), "slack", facts, "http", "application/json", b"", "00")


def sample(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(f"oblivion_ingestion_{name}_total") or 0.0


async def test_what_is_offered_is_queued_before_the_relay_closes(queue: JobQueue) -> None:
    metrics = Metrics()
    relay = QueueRelay(queue, metrics)
    relay.start()
    for _ in range(1_200):
        relay.offer(event())
    await relay.close()
    assert (await queue.counts())["prioritized"] == 1_200
    assert sample(metrics, "relayed") == 1_200


async def test_a_long_queue_is_left_to_drain_and_the_rest_to_the_sweeper(queue: JobQueue) -> None:
    metrics = Metrics()
    relay = QueueRelay(queue, metrics, long_queue_jobs=20)
    relay.start()
    for _ in range(30):
        relay.offer(event())
    await eventually(lambda: sample(metrics, "relayed") == 30)
    for _ in range(30):
        relay.offer(event())
    assert sample(metrics, "relay_dropped") == 30
    await relay.close()
    assert (await queue.counts())["prioritized"] == 30


async def store(world: World, rows: int, *, age_s: float, state: str = "received") -> None:
    with world.admin() as admin:
        admin.execute(
            "INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject,"
            " dedupe_key, priority, transport, state, received_at)"
            " SELECT gen_random_uuid(), %s, %s, 'slack', 'message', 's', n::text, 2, 'http', %s,"
            " clock_timestamp() - %s * interval '1 second' FROM generate_series(1, %s) n",
            (world.tenant, world.slack, state, age_s, rows),
        )


@pytest.fixture
async def sweeper(world: World, queue: JobQueue) -> AsyncIterator[Sweeper]:
    url = world.database.url("oblivion_ingestion")
    connection = SteadyConnection(url, application="sweeper in a test", timeout_s=2)
    made = Sweeper(connection, queue, SweepPolicy(overdue_s=5, page_rows=100), Metrics())
    yield made
    await made.close()


async def test_only_overdue_and_unhandled_events_are_swept(
    world: World, sweeper: Sweeper, queue: JobQueue
) -> None:
    await store(world, 10, age_s=60)
    await store(world, 10, age_s=0)
    await store(world, 10, age_s=60, state="done")
    await sweeper.sweep_page()
    assert (await queue.counts())["prioritized"] == 10


async def test_a_backlog_that_redis_lost_is_swept_page_by_page_without_pause(
    world: World, sweeper: Sweeper, queue: JobQueue
) -> None:
    await store(world, 350, age_s=60)
    answers: list[Any] = [await sweeper.sweep_page() for _ in range(4)]
    assert answers == [True, True, True, False]
    assert (await queue.counts())["prioritized"] == 350


async def test_sweeping_again_adds_nothing(world: World, sweeper: Sweeper, queue: JobQueue) -> None:
    await store(world, 50, age_s=60)
    await asyncio.gather(sweeper.sweep_page(), sweeper.sweep_page())
    await sweeper.sweep_page()
    assert (await queue.counts())["prioritized"] == 50
