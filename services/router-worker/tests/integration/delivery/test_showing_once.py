"""Whatever happens to requests, answers and processes: an effect shows once. Counted at the other side."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from oblivion_platform.testing import eventually
from oblivion_router_worker.adapters.postgres_delivery import PostgresDelivery
from oblivion_router_worker.domain.effects import UpdateReply
from oblivion_router_worker.domain.retry import Dead

LOST_ANSWERS = ["http_500_before", "http_500_after", "cut_before", "cut_after"]


@pytest.mark.parametrize("fault", LOST_ANSWERS)
async def test_a_message_whose_answer_was_lost_shows_once(post, fault):
    await post.slack.misbehave("chat.postMessage", fault, times=1)
    first, second = await post.post_task("first"), await post.post_task("second")
    await post.delivered()

    assert await post.texts() == ["first", "second"]
    timestamps = [found["ts"] for found in await post.messages()]
    assert [await post.slack_ts(first), await post.slack_ts(second)] == timestamps
    assert (await post.row(first))["failures"][0]["code"] == "slack_answer_lost"


@pytest.mark.parametrize("fault", LOST_ANSWERS)
async def test_a_thread_reply_whose_answer_was_lost_shows_once(post, fault):
    task = await post.post_task("task")
    await post.delivered()
    await post.slack.misbehave("chat.postMessage", fault, times=1)
    reply = await post.post_reply(task.task_mapping_id, "reply")
    await post.delivered()

    assert await post.texts() == ["task", "reply"]
    assert await post.copy_id(reply) == (await post.messages())[1]["ts"]


@pytest.mark.parametrize("fault", LOST_ANSWERS)
async def test_a_comment_whose_answer_was_lost_shows_once(post, fault):
    await post.clickup.misbehave("POST /task/*/comment", fault, times=1)
    comment = await post.create_comment()
    await post.delivered()

    (written,) = await post.comments(comment)
    assert await post.copy_id(comment) == str(written["id"])


async def test_a_message_posted_after_we_stopped_waiting_shows_once(post):
    await post.slack.misbehave("chat.postMessage", "slow", times=1, seconds=2.0)
    effect = await post.post_task("slow")
    await post.delivered(timeout_s=1.0, looked_for_after_s=6.0)
    assert await post.texts() == ["slow"]
    assert (await post.row(effect))["attempts"] > 1


async def test_a_comment_is_found_behind_pages_of_newer_ones(post):
    comment = await post.create_comment()
    await post.delivered()
    for number in range(60):
        await post.clickup.comment(comment.body.task_id, f"newer {number}")
    await post.run("UPDATE outbox SET state = 'sending', lease_until = clock_timestamp()")
    await post.delivered(timeout_s=5.0)
    assert (await post.row(comment))["result"] == {"made": await post.copy_id(comment), "found": True}
    assert len([found for found in await post.comments(comment) if found["via"] == "api"]) == 1


async def test_a_worker_killed_before_it_sent_leaves_nothing_unsent(post):
    effect = await post.post_task("after the crash")
    queue = PostgresDelivery(post.database, lease_s=0.2)
    assert await queue.claim(effect.tenant_id, effect.destination) is not None
    await post.delivered()

    assert await post.texts() == ["after the crash"]
    row = await post.row(effect)
    assert (row["attempts"], row["result"]) == (2, {"made": await post.slack_ts(effect)})


async def test_a_worker_killed_after_it_sent_shows_nothing_twice(post):
    effect = await post.post_task("before the crash")
    await post.delivered()
    posted_ts = await post.slack_ts(effect)
    await post.run("UPDATE task_mappings SET slack_ts = NULL")
    await post.run("UPDATE outbox SET state = 'sending', lease_until = clock_timestamp(), result = NULL")
    await post.delivered()

    assert await post.texts() == ["before the crash"]
    assert await post.slack_ts(effect) == posted_ts
    assert (await post.row(effect))["result"] == {"made": posted_ts, "found": True}


async def test_nobody_touches_an_effect_before_its_lease_ends(post):
    effect = await post.post_task("leased")
    queue = PostgresDelivery(post.database, lease_s=30)
    held = await queue.claim(effect.tenant_id, effect.destination)
    assert held is not None
    assert not held.unanswered
    assert await queue.claim(effect.tenant_id, effect.destination) is None
    assert await queue.due() == []


async def test_a_look_up_lengthens_the_lease(post):
    effect = await post.post_task("looked up")
    queue = PostgresDelivery(post.database, lease_s=0.0, lookup_s=30.0)
    first = await queue.claim(effect.tenant_id, effect.destination)
    again = await queue.claim(effect.tenant_id, effect.destination)
    assert again.unanswered
    assert again.lease_ends_at - first.lease_ends_at > 29
    assert await queue.claim(effect.tenant_id, effect.destination) is None


async def test_a_late_answer_does_not_undo_what_another_worker_settled(post):
    effect = await post.post_task("late")
    slow_queue = PostgresDelivery(post.database, lease_s=0.0)
    held = await slow_queue.claim(effect.tenant_id, effect.destination)
    await post.delivered()
    before = await post.row(effect)
    await slow_queue.settle(held, Dead("slack_is_archived", "too late"), claim_next=False)
    assert await post.row(effect) == before


async def test_an_edit_whose_answer_was_lost_is_repeated(post):
    task = await post.post_task("first")
    reply = await post.post_reply(task.task_mapping_id, "reply")
    await post.delivered()
    for fault in ("http_500_after", "cut_before"):
        await post.slack.misbehave("chat.update", fault, times=1)
    await post.update_task(task.task_mapping_id, "second")
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "reply 2"}}]
    await post.decide(
        post.effect(UpdateReply("reply 2", blocks), reply.task_mapping_id, reply.mirror_event_id)
    )
    await post.delivered()
    assert await post.texts() == ["second", "reply 2"]


async def test_a_refused_connection_needs_no_lookup(post):
    effect = await post.post_task("later")
    running = post.sandbox
    post.sandbox = replace(running, base_url="http://127.0.0.1:1")
    async with post.deliverer() as deliverer:
        deliverer.kick(effect.tenant_id, effect.destination)

        async def has_failed():
            assert (await post.row(effect))["failures"]

        await eventually(has_failed)
    post.sandbox = running
    row = await post.row(effect)
    assert (row["failures"][0]["code"], row["unanswered"]) == ("slack_unavailable", False)
    await post.delivered()
    assert await post.texts() == ["later"]


async def test_under_random_faults_everything_shows_once_and_in_order(post):
    for seed, fault in enumerate(LOST_ANSWERS):
        await post.slack.misbehave("chat.*", fault, probability=0.1, seed=seed)
        await post.clickup.misbehave("*comment*", fault, probability=0.1, seed=seed + 10)
    tasks = [await post.post_task(f"task {number}") for number in range(15)]
    comments = [await post.create_comment(f"comment {number}") for number in range(8)]
    await post.delivered(within_s=30)

    assert await post.texts() == [f"task {number}" for number in range(15)]
    assert [await post.slack_ts(task) for task in tasks] == [found["ts"] for found in await post.messages()]
    for comment in comments:
        assert len(await post.comments(comment)) == 1


async def test_the_outbox_lives_under_row_level_security(post):
    await post.post_task("ours")
    async with post.database.shared() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0
