"""What decisions read from Slack, as the sandbox answers it."""

from collections.abc import AsyncGenerator

import aiohttp
import pytest

from oblivion_platform.errors import (
    AuthenticationFailed,
    DependencyUnavailable,
    PermanentFailure,
    RateLimited,
)
from oblivion_router_worker.adapters.slack import SlackApi
from oblivion_router_worker.adapters.slack_budgets import SlackBudgets
from oblivion_router_worker.adapters.slack_reads import SlackApiReads
from oblivion_router_worker.domain.records import Integration


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def reads(post, clock) -> AsyncGenerator[SlackApiReads]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        budgets = SlackBudgets(post.budget)
        yield SlackApiReads(SlackApi(session, post.sandbox.slack_api_url, post.credentials, budgets), clock)


@pytest.fixture
def app(post) -> Integration:
    return Integration(post.slack_id, post.tenant_id, "slack", "T1")


async def test_names_are_asked_once_and_again_after_ten_minutes(reads, app, post, clock):
    ana = (await post.slack.users())["ana"]
    name = await reads.user_name(app, ana)
    assert name
    assert name != ana
    assert await reads.user_name(app, ana) == name
    assert (await post.slack.calls())["users.info"] == 1
    clock.now += 601
    await reads.user_name(app, ana)
    assert (await post.slack.calls())["users.info"] == 2


async def test_somebody_unknown_is_called_by_their_id(reads, app):
    assert await reads.user_name(app, "U0NOBODY") == "U0NOBODY"


async def test_the_apps_own_name_is_told(reads, app, post):
    told = await reads.auth_test(app)
    assert told["team_id"] == (await post.slack.app())["team_id"]


async def test_history_and_replies_come_in_pages_with_metadata(reads, app, post):
    effect = await post.post_task("root")
    await post.delivered()
    root_ts = await post.slack_ts(effect)
    before = await post.slack.post("launch", "before everything")
    for number in range(3):
        await post.slack.post("launch", f"reply {number}", thread_ts=root_ts)
    messages, cursor = await reads.history(app, post.channel, "0")
    assert cursor is None
    root = next(message for message in messages if message["ts"] == root_ts)
    assert root["metadata"]["event_payload"] == {"effect_id": str(effect.id)}
    newer, _ = await reads.history(app, post.channel, root_ts)
    assert [message["ts"] for message in newer] == [before["ts"]]
    replies, cursor = await reads.replies(app, post.channel, root_ts, root_ts)
    assert [message["text"] for message in replies if message["ts"] != root_ts] == [
        "reply 0",
        "reply 1",
        "reply 2",
    ]
    assert cursor is None


async def test_failures_have_names(reads, app, post):
    await post.slack.misbehave("users.info", "rate_limited", times=1, retry_after=3)
    with pytest.raises(RateLimited):
        await reads.user_name(app, "U1")
    await post.slack.misbehave("auth.test", "cut_before", times=1)
    with pytest.raises(DependencyUnavailable):
        await reads.auth_test(app)
    with pytest.raises(PermanentFailure, match="slack_channel_not_found"):
        await reads.history(app, "C0NOWHERE", "0")
    await post.slack.change_app(token_state="revoked")
    with pytest.raises(AuthenticationFailed):
        await reads.auth_test(app)
