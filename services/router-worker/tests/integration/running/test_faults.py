"""Whatever goes wrong on the way, each effect shows exactly once, counted at the sandbox."""

import asyncio

import pytest


async def posted(path):
    """Every message that we ever posted, deleted or not."""
    app = await path.slack.app()
    return [
        entry["message"]
        for entry in await path.slack.messages(path.channel)
        if entry["message"].get("user") == app["bot_user_id"] or entry["message"].get("bot_id")
    ]


async def play(path):
    """A task, a reply that is copied, a comment that is shown."""
    task = await path.clickup.create_task(path.list_id, "Ship it")
    root = await path.message_of(task["id"])
    await path.slack.post(path.channel, "#clickup yes", user="ana", thread_ts=root["ts"])
    await path.clickup.comment(task["id"], "well done", user="ben")
    await path.settled()
    return task


ONCE = {"posted": 2, "commented": 2, "dead": 0}
"""What stands where after `play`, when everything shows exactly once."""


async def shown(path, task):
    dead = await path.rows("SELECT 1 FROM outbox WHERE state = 'dead'")
    comments = await path.clickup.comments(task["id"])
    return {"posted": len(await posted(path)), "commented": len(comments), "dead": len(dead)}


@pytest.mark.parametrize("action", ["http_500_before", "http_500_after", "cut_before", "cut_after"])
async def test_lost_answers(path, action):
    async with path.worker(http_timeout_s=0.5):
        await path.slack.misbehave("chat.postMessage", action, times=2)
        await path.clickup.misbehave("POST /task/*/comment", action, times=1)
        await path.clickup.misbehave("GET /task/*", action, times=1)
        assert await shown(path, await play(path)) == ONCE


async def test_slow_answers_that_are_given_up_on(path):
    async with path.worker(http_timeout_s=0.5):
        await path.slack.misbehave("chat.postMessage", "slow", times=1, seconds=1.0)
        await path.clickup.misbehave("POST /task/*/comment", "slow", times=1, seconds=1.0)
        assert await shown(path, await play(path)) == ONCE


async def test_rate_limits(path):
    async with path.worker():
        await path.slack.misbehave("chat.postMessage", "rate_limited", times=2, retry_after=1)
        await path.clickup.misbehave("*", "rate_limited", times=2, retry_after=1)
        assert await shown(path, await play(path)) == ONCE


async def test_double_and_disordered_deliveries(path):
    async with path.worker():
        for side in (path.slack, path.clickup):
            await side.misbehave("*", "duplicate", copies=2)
            await side.misbehave("*", "reorder", probability=0.5, seed=7)
        assert await shown(path, await play(path)) == ONCE


async def test_a_worker_that_died_between_claim_and_answer(path):
    async with path.worker():
        task = await path.clickup.create_task(path.list_id, "Ship it")
        await path.message_of(task["id"])
        await path.settled()
    # It had posted, and died before it could note the answer.
    await path.run(
        "UPDATE outbox SET state = 'sending', attempts = 1, lease_until = now() - interval '1 second',"
        " result = NULL, sent_at = NULL"
    )
    await path.run("UPDATE task_mappings SET slack_ts = NULL")
    async with path.worker():
        await path.message_of(task["id"])
        await path.settled()
        assert len(await posted(path)) == 1


async def test_two_workers_share_the_work(path):
    async with path.worker(), path.worker():
        tasks = await asyncio.gather(*(path.clickup.create_task(path.list_id, f"T{n}") for n in range(10)))
        await asyncio.gather(*(path.clickup.update_task(task["id"], status="review") for task in tasks))
        await path.settled()
        assert len(await posted(path)) == 10
        assert all("review" in str(message["blocks"]) for message in await path.thread())
