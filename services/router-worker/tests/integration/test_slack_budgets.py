"""Slack's limits are kept by all replicas together."""

from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest

from oblivion_platform.errors import RateLimited
from oblivion_platform.resilience import Budget
from oblivion_router_worker.adapters.slack_budgets import Allowance, SlackBudgets

TENANT = uuid4()
FOUR = Allowance(per_s=0.1, burst=4)


@pytest.fixture
async def replicas(redis_url: str) -> AsyncGenerator[tuple[SlackBudgets, SlackBudgets]]:
    one, other = Budget(redis_url), Budget(redis_url)
    yield SlackBudgets(one), SlackBudgets(other)
    await one.close()
    await other.close()


async def test_replicas_share_a_channel_s_budget(replicas):
    one, other = replicas
    for replica in (one, other, one, other):
        await replica.spend(TENANT, "post:C1", FOUR)
    for replica in replicas:
        with pytest.raises(RateLimited) as limited:
            await replica.spend(TENANT, "post:C1", FOUR)
        assert 0 < limited.value.retry_after_s <= 40


async def test_channels_have_budgets_of_their_own(replicas):
    one, other = replicas
    for _ in range(4):
        await one.spend(TENANT, "post:C2", FOUR)
    await other.spend(TENANT, "post:C3", FOUR)
    with pytest.raises(RateLimited):
        await other.spend(TENANT, "post:C2", FOUR)


async def test_what_is_kept_is_for_what_is_more_urgent(replicas):
    one, other = replicas
    await one.spend(TENANT, "chat.update:T1", FOUR, keep=3)
    with pytest.raises(RateLimited):
        await other.spend(TENANT, "chat.update:T1", FOUR, keep=3)
    await other.spend(TENANT, "chat.update:T1", FOUR)
