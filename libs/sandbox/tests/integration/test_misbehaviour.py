import time
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_sandbox.control import ControlRefused
from oblivion_sandbox.testing import RunningSandbox


async def posted(sandbox: RunningSandbox) -> int:
    return len(await sandbox.control.slack.messages("launch"))


@pytest.mark.parametrize(
    ("action", "applied"), [("cut_before", 0), ("cut_after", 1)], ids=["before", "after applying"]
)
async def test_a_connection_is_cut(sandbox: RunningSandbox, slack: AsyncWebClient, action: Any, applied: int):
    await sandbox.control.slack.misbehave("chat.postMessage", action, times=1)
    with pytest.raises(aiohttp.ClientError):
        await slack.chat_postMessage(channel="launch", text="x")
    assert await posted(sandbox) == applied
    await slack.chat_postMessage(channel="launch", text="x")
    assert await posted(sandbox) == applied + 1


@pytest.mark.parametrize(
    ("action", "applied"), [("http_500_before", 0), ("http_500_after", 1)], ids=["before", "after applying"]
)
async def test_a_server_error_is_answered(
    sandbox: RunningSandbox, slack: AsyncWebClient, action: Any, applied: int
):
    await sandbox.control.slack.misbehave("chat.*", action, times=1)
    with pytest.raises(SlackApiError) as failed:
        await slack.chat_postMessage(channel="launch", text="x")
    assert failed.value.response.status_code == 500
    assert await posted(sandbox) == applied


async def test_a_call_is_refused_or_limited_on_command(sandbox: RunningSandbox, slack: AsyncWebClient):
    await sandbox.control.slack.misbehave("chat.postMessage", "error", times=1, code="fatal_error")
    await sandbox.control.slack.misbehave("chat.postMessage", "rate_limited", times=1, retry_after=7)
    with pytest.raises(SlackApiError, match="fatal_error"):
        await slack.chat_postMessage(channel="launch", text="x")
    with pytest.raises(SlackApiError) as limited:
        await slack.chat_postMessage(channel="launch", text="x")
    assert limited.value.response.headers["Retry-After"] == "7"
    assert [rule["applied"] for rule in await sandbox.control.slack.rules()] == [1, 1]


async def test_a_rule_may_name_the_channel_too(sandbox: RunningSandbox, slack: AsyncWebClient):
    odd = await sandbox.control.slack.add_channel("odd")
    await sandbox.control.slack.misbehave(f"chat.postMessage {odd}", "error", times=1, code="fatal_error")
    await slack.chat_postMessage(channel="launch", text="x")
    with pytest.raises(SlackApiError, match="fatal_error"):
        await slack.chat_postMessage(channel=odd, text="x")
    await slack.chat_postMessage(channel=odd, text="x")


async def test_a_slow_call_is_answered_late(sandbox: RunningSandbox, slack: AsyncWebClient):
    await sandbox.control.slack.misbehave("chat.postMessage", "slow", times=1, seconds=0.3)
    started_s = time.monotonic()
    await slack.chat_postMessage(channel="launch", text="x")
    assert time.monotonic() - started_s >= 0.3


async def test_clickup_paths_are_matched_by_glob_with_or_without_verb(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient
):
    task = (await sandbox.control.clickup.tasks())[0]
    await sandbox.control.clickup.misbehave("POST /task/*/comment", "http_500_after", times=1)
    await sandbox.control.clickup.misbehave("/task/*", "rate_limited", times=1, retry_after=9)
    path = f"/task/{task['id']}"
    failed = await clickup.post(f"{path}/comment", json={"comment_text": "x"})
    limited = await clickup.get(path)
    fine = await clickup.get(path)
    assert [answer.status_code for answer in (failed, limited, fine)] == [500, 429, 200]
    assert limited.headers["X-RateLimit-Remaining"] == "0"
    assert len(await sandbox.control.clickup.comments(task["id"])) == 1


async def test_a_clickup_connection_is_cut_after_applying(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient
):
    task = (await sandbox.control.clickup.tasks())[0]
    await sandbox.control.clickup.misbehave("POST /task/*/comment", "cut_after", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await clickup.post(f"/task/{task['id']}/comment", json={"comment_text": "x"})
    assert len(await sandbox.control.clickup.comments(task["id"])) == 1


async def listen(sandbox: RunningSandbox, receiver: Any) -> None:
    await sandbox.control.slack.change_app(request_url=receiver.url)


@pytest.mark.parametrize(
    ("action", "details", "copies"), [("duplicate", {"copies": 2}, 3), ("repeat", {"seconds": 0.2}, 2)]
)
async def test_a_delivery_is_doubled(
    sandbox: RunningSandbox, receiver: Any, action: Any, details: dict[str, Any], copies: int
):
    await listen(sandbox, receiver)
    await sandbox.control.slack.misbehave("message", action, times=1, **details)
    await sandbox.control.slack.post("launch", "x")
    await sandbox.control.slack.delivered()
    assert len(receiver.requests) == copies
    assert len({request.json["event_id"] for request in receiver.requests}) == 1


async def test_a_delivery_is_lost(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    await sandbox.control.slack.misbehave("message", "lose", times=1)
    await sandbox.control.slack.post("launch", "lost")
    await sandbox.control.slack.post("launch", "found")
    await sandbox.control.slack.delivered()
    assert [event["text"] for event in receiver.events()] == ["found"]
    assert await sandbox.control.slack.delivery_counts() == {"delivered": 1, "lost": 1}


async def test_a_delayed_delivery_is_overtaken(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    await sandbox.control.slack.misbehave("message", "delay", times=1, seconds=0.3)
    await sandbox.control.slack.post("launch", "first")
    await sandbox.control.slack.post("launch", "second")
    await sandbox.control.slack.delivered()
    assert [event["text"] for event in receiver.events()] == ["second", "first"]


async def test_a_window_of_deliveries_is_reordered_alike_for_one_seed(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    await sandbox.control.slack.misbehave("message", "reorder", seconds=0.5, seed=3)
    for number in range(6):
        await sandbox.control.slack.post("launch", str(number))
    await sandbox.control.slack.delivered()
    texts = [event["text"] for event in receiver.events()]
    assert sorted(texts) == [str(number) for number in range(6)]
    assert texts != sorted(texts)


async def test_behaving_again_removes_the_rules(sandbox: RunningSandbox, slack: AsyncWebClient):
    rule = await sandbox.control.slack.misbehave("*", "error", code="fatal_error")
    await sandbox.control.slack.misbehave("*", "error", code="other")
    await sandbox.control.slack.behave(rule["id"])
    assert len(await sandbox.control.slack.rules()) == 1
    await sandbox.control.slack.behave()
    assert (await slack.auth_test())["ok"] is True


async def test_an_unknown_action_or_field_is_refused(sandbox: RunningSandbox):
    with pytest.raises(ControlRefused, match="action must be one of"):
        await sandbox.control.slack.misbehave("*", "explode")  # type: ignore[arg-type]
    with pytest.raises(ControlRefused, match="cannot be changed"):
        await sandbox.control.slack.change_app(team_id="T1")


async def test_a_reset_makes_everything_new(sandbox: RunningSandbox):
    before = await sandbox.control.slack.app()
    owner = await sandbox.control.clickup.owner()
    await sandbox.control.slack.post("launch", "x")
    await sandbox.control.slack.misbehave("*", "error")
    await sandbox.control.reset()
    assert await sandbox.control.slack.messages("launch") == []
    assert await sandbox.control.slack.rules() == []
    assert (await sandbox.control.slack.app())["bot_token"] != before["bot_token"]
    assert (await sandbox.control.clickup.owner())["token"] != owner["token"]
    assert len(await sandbox.control.clickup.tasks()) == 5
