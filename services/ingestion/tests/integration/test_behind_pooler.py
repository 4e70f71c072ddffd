"""Ingestion behind a transaction pooler, all of whose clients share one server connection."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis.asyncio

from oblivion_ingestion.testing import Running, World, message, served, task_event
from oblivion_platform.testing import eventually
from oblivion_platform.testing.pooler import needs_pooler, transaction_pooler

pytestmark = [pytest.mark.integration, needs_pooler]
TOKEN = {"authorization": "Bearer t"}


@pytest.fixture
async def pooled(world: World, tmp_path: Path) -> AsyncIterator[Running]:
    with transaction_pooler(world.database, "oblivion_ingestion", tmp_path) as url:
        settings = world.settings(
            database_url=url, database_behind_pooler=True, secrets_keep_s=0.2, health_token="t"
        )
        async with served(settings) as started:
            yield started


async def test_a_batch_of_several_tenants_is_stored_and_repeats_are_not(
    pooled: Running, world: World
) -> None:
    other, webhook = uuid4(), uuid4()
    world.add_integration(webhook, "clickup", "9002", other)
    world.add_secret("clickup:theirs", b"theirs", webhook, tenant=other)

    async def all_told() -> set[int]:
        ours = [pooled.slack(message(f"1.{n:06}")) for n in range(30)]
        theirs = [
            pooled.clickup({**task_event(f"h{n}"), "webhook_id": "theirs"}, secret=b"theirs")
            for n in range(30)
        ]
        return {answer.status_code for answer in await asyncio.gather(*ours, *theirs)}

    assert await all_told() == {200}
    assert await all_told() == {200}
    owners = [event["tenant_id"] for event in world.events()]
    assert (owners.count(world.tenant), owners.count(other)) == (30, 30)


async def test_what_redis_lost_is_swept_and_a_changed_secret_counts_once_it_is_looked_up_again(
    pooled: Running, world: World
) -> None:
    assert (await pooled.slack(message("1.0"))).status_code == 200
    async with redis.asyncio.Redis.from_url(world.redis_url) as client:
        await client.flushall()

        async def is_back() -> bool:
            return bool(await client.zcard("bull:webhook-processing:prioritized"))

        await eventually(is_back)
    with world.admin() as admin:
        admin.execute("UPDATE signing_secrets SET state = 'retired'")

    async def refused() -> bool:
        return (await pooled.slack(message("2.0"))).status_code == 401

    await eventually(refused)


async def test_health_says_that_announcements_are_not_heard(pooled: Running) -> None:
    details = (await pooled.http.get("/health/details", headers=TOKEN)).json()
    heard = details["dependencies"]["postgres announcements"]
    assert "not heard behind a pooler" in str(heard)
