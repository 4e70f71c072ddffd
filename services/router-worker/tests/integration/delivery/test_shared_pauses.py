"""A 429 from Slack makes every replica wait, for as long as it says, and for what it was about."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from oblivion_platform.errors import RateLimited
from oblivion_platform.resilience import Budget
from oblivion_router_worker.adapters.slack import SlackApi
from oblivion_router_worker.adapters.slack_budgets import SlackBudgets


@asynccontextmanager
async def replica(post, redis_url: str) -> AsyncGenerator[SlackApi]:
    budget = Budget(redis_url)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield SlackApi(session, post.sandbox.slack_api_url, post.credentials, SlackBudgets(budget))
    await budget.close()


async def say(api: SlackApi, post, channel: str) -> None:
    message = {"channel": channel, "text": "hello"}
    await api.call(post.tenant_id, post.slack_id, "chat.postMessage", message, changes=True)


async def test_a_channel_that_one_replica_was_told_to_leave_is_left_by_all(post, redis_url):
    general = (await post.slack.channels())["general"]
    await post.slack.misbehave("chat.postMessage", "rate_limited", times=1, retry_after=20)
    async with replica(post, redis_url) as one, replica(post, redis_url) as other:
        with pytest.raises(RateLimited) as told:
            await say(one, post, post.channel)
        assert told.value.code == "slack_rate_limited"
        for api in (one, other):
            with pytest.raises(RateLimited) as waits:
                await say(api, post, post.channel)
            assert waits.value.code == "slack_budget_spent"
            assert 15 < waits.value.retry_after_s <= 20
        await say(other, post, general)
        assert (await post.slack.calls())["chat.postMessage"] == 2


async def test_a_method_that_is_limited_waits_in_the_whole_workspace(post, redis_url):
    await post.slack.misbehave("users.info", "rate_limited", times=1, retry_after=20)
    async with replica(post, redis_url) as one, replica(post, redis_url) as other:
        for api, code in ((one, "slack_rate_limited"), (other, "slack_budget_spent")):
            with pytest.raises(RateLimited) as told:
                await api.call(post.tenant_id, post.slack_id, "users.info", {"user": "U1"}, changes=False)
            assert told.value.code == code
        answer = await other.call(post.tenant_id, post.slack_id, "auth.test", {}, changes=False)
        assert answer["ok"]
