"""Budgets are shared through Redis, and go on without it."""

import os
import signal
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID

import pytest
import redis.asyncio

from oblivion_platform.embedded import EmbeddedRedis
from oblivion_platform.resilience import Budget, Rate
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

TENANT, OTHER_TENANT = UUID(int=1), UUID(int=2)
THREE_A_MINUTE = Rate(3, per_s=60)


@pytest.fixture
async def budgets(redis_url: str) -> AsyncGenerator[tuple[Budget, Budget]]:
    """Two replicas' views of the same budgets."""
    pair = Budget(redis_url), Budget(redis_url)
    yield pair
    for budget in pair:
        await budget.close()


async def test_replicas_share_one_budget(budgets: tuple[Budget, Budget]) -> None:
    one, two = budgets
    for budget in (one, two, one):
        assert await budget.acquire(TENANT, "clickup:token", THREE_A_MINUTE) == 0
    for budget in budgets:
        assert 50 < await budget.acquire(TENANT, "clickup:token", THREE_A_MINUTE) <= 60
    assert await one.acquire(TENANT, "clickup:other", THREE_A_MINUTE) == 0
    assert await one.acquire(OTHER_TENANT, "clickup:token", THREE_A_MINUTE) == 0


async def test_a_refused_request_takes_nothing_and_the_wait_is_the_true_one(
    budgets: tuple[Budget, Budget],
) -> None:
    budget, rate = budgets[0], Rate(1, per_s=4)
    assert await budget.acquire(TENANT, "slack:channel", rate) == 0
    for _ in range(20):
        assert 0 < await budget.acquire(TENANT, "slack:channel", rate) <= 4

    async def granted() -> bool:
        return await budget.acquire(TENANT, "slack:channel", rate) == 0

    await eventually(granted)


async def test_cost_and_headroom_leave_room_for_what_is_more_urgent(budgets: tuple[Budget, Budget]) -> None:
    budget, _ = budgets
    assert await budget.acquire(TENANT, "k", THREE_A_MINUTE, cost=2) == 0
    assert await budget.acquire(TENANT, "k", THREE_A_MINUTE, headroom=1) > 0
    assert await budget.acquire(TENANT, "k", THREE_A_MINUTE) == 0


async def test_a_pause_binds_every_replica_and_ends(budgets: tuple[Budget, Budget]) -> None:
    one, two = budgets
    await one.pause(TENANT, "k", 2)
    for budget in budgets:
        assert 0 < await budget.acquire(TENANT, "k", THREE_A_MINUTE) <= 2

    async def granted() -> bool:
        return await two.acquire(TENANT, "k", THREE_A_MINUTE) == 0

    await eventually(granted)


async def test_keys_belong_to_their_tenant(budgets: tuple[Budget, Budget], redis_url: str) -> None:
    await budgets[0].acquire(TENANT, "k", THREE_A_MINUTE)
    await budgets[0].pause(TENANT, "k", 10)
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        keys = [key async for key in client.scan_iter()]
    assert len(keys) == 2
    assert all(key.startswith(f"t:{TENANT}:") for key in keys)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
async def test_budgets_are_kept_alone_while_redis_is_away_and_together_after(
    tmp_path: Path, blow: signal.Signals
) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    budget = Budget(await server.start())
    try:
        assert await budget.acquire(TENANT, "k", THREE_A_MINUTE) == 0
        os.kill(server.pid, blow)
        began = time.monotonic()
        for _ in range(3):
            assert await budget.acquire(TENANT, "k", THREE_A_MINUTE) == 0
        assert await budget.acquire(TENANT, "k", THREE_A_MINUTE) > 0
        await budget.pause(TENANT, "other", 30)
        assert await budget.acquire(TENANT, "other", THREE_A_MINUTE) > 20
        assert time.monotonic() - began < 10, "an absent Redis is not waited for again and again"
        await server.stop()
        await server.start()

        async def counted_in_redis() -> bool:
            await budget.acquire(TENANT, "after", THREE_A_MINUTE)
            async with redis.asyncio.Redis.from_url(server.url) as client:
                return await client.dbsize() > 0

        await eventually(counted_in_redis)
    finally:
        await budget.close()
        await server.stop()
