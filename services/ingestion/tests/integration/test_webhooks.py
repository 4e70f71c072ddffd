"""Webhooks over real sockets into a real Postgres and Redis."""

import json
from typing import Any

import pytest
import redis.asyncio

from oblivion_contracts.jobs import ProcessEvent
from oblivion_ingestion.testing import Running, World, message
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


async def job_data(redis_url: str, job_id: object) -> dict[str, Any]:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        data = await client.hget(f"bull:webhook-processing:{job_id}", "data")
    assert data is not None, "no such job"
    return json.loads(data)


async def test_a_signed_slack_message_is_committed_and_queued_under_its_id(
    service: Running, world: World
) -> None:
    answer = await service.slack(message())
    assert answer.status_code == 200
    (event,) = world.events()
    assert event["subject"] == "thread:C1:1700000000.000100"
    assert event["dedupe_key"] == "T0001:C1:1700000000.000100"
    assert event["tenant_id"] == world.tenant
    data = await eventually(lambda: job_data(world.redis_url, event["id"]))
    job = ProcessEvent.model_validate(data)
    assert (job.event_id, job.tenant_id, job.traceparent) == (event["id"], world.tenant, event["traceparent"])
