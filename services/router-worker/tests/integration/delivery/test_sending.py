"""Effects become messages and comments, in order, and what they make is noted."""

from oblivion_platform.testing import eventually
from oblivion_router_worker.adapters.slack_budgets import Allowance
from oblivion_router_worker.domain.effects import (
    DeleteComment,
    DeleteReply,
    PostReply,
    UpdateComment,
    UpdateReply,
)

BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "words"}}]


async def test_a_task_becomes_a_message_that_carries_the_effects_id(post):
    effect = await post.post_task("Ship it")
    async with post.deliverer(sweep_every_s=60) as deliverer:
        deliverer.kick(effect.tenant_id, effect.destination)
        await post.settled()

    (message,) = await post.messages()
    assert message["message"]["text"] == "Ship it"
    assert message["message"]["blocks"][0]["text"]["text"] == "Ship it"
    assert message["message"]["metadata"] == {
        "event_type": "oblivion_effect",
        "event_payload": {"effect_id": str(effect.id)},
    }
    assert await post.slack_ts(effect) == message["ts"]
    row = await post.row(effect)
    assert (row["state"], row["result"], row["attempts"]) == ("sent", {"made": message["ts"]}, 1)
    assert row["sent_at"] is not None
    assert row["lease_until"] is None


async def test_without_a_kick_the_sweep_sends_it(post):
    await post.post_task("found")
    await post.delivered()
    assert await post.texts() == ["found"]


async def test_effects_of_one_channel_leave_in_the_order_of_their_decision(post):
    for number in range(12):
        await post.post_task(f"number {number}")
    await post.delivered()
    assert await post.texts() == [f"number {number}" for number in range(12)]


async def test_a_reply_finds_the_thread_that_was_posted_just_before_it(post):
    task = await post.post_task()
    reply = await post.post_reply(task.task_mapping_id, "looks good")
    await post.delivered()

    root, answer = await post.messages()
    assert answer["thread_ts"] == root["ts"]
    assert await post.copy_id(reply) == answer["ts"]


async def test_a_tasks_message_follows_its_edits(post):
    task = await post.post_task("Ship it")
    await post.delivered()
    edit = await post.update_task(task.task_mapping_id, "Ship it today")
    await post.delivered()

    (message,) = await post.messages()
    assert message["message"]["text"] == "Ship it today"
    assert await post.states(edit) == ["sent"]


async def test_a_copied_comment_is_edited_and_deleted_in_its_thread(post):
    task = await post.post_task()
    reply = await post.post_reply(task.task_mapping_id, "first")
    await post.delivered()

    await post.decide(
        post.effect(UpdateReply("second", BLOCKS), reply.task_mapping_id, reply.mirror_event_id)
    )
    await post.delivered()
    assert await post.texts() == ["Ship it", "second"]

    await post.decide(post.effect(DeleteReply(), reply.task_mapping_id, reply.mirror_event_id))
    await post.delivered()
    assert [found["deleted"] for found in await post.messages()] == [False, True]


async def test_a_reply_becomes_a_comment_that_is_edited_and_deleted(post):
    comment = await post.create_comment("from Slack")
    await post.delivered()
    (written,) = await post.comments(comment)
    assert await post.copy_id(comment) == str(written["id"])
    assert written["comment_text"].startswith("from Slack")

    async def change(body):
        await post.decide(
            post.effect(
                body,
                comment.task_mapping_id,
                comment.mirror_event_id,
                clickup_task=comment.body.task_id,
            )
        )
        await post.delivered()

    await change(UpdateComment([{"text": "edited in Slack", "attributes": {}}]))
    (written,) = await post.comments(comment)
    assert written["comment_text"].strip() == "edited in Slack"

    await change(DeleteComment())
    (written,) = await post.comments(comment)
    assert written["deleted"]


async def test_a_change_of_what_somebody_deleted_is_done_with(post):
    task = await post.post_task()
    comment = await post.create_comment()
    await post.delivered()
    await post.slack.delete("launch", await post.slack_ts(task))
    await post.clickup.delete_comment(await post.copy_id(comment))

    edit = await post.update_task(task.task_mapping_id, "too late")
    rewrite = post.effect(
        UpdateComment([{"text": "too late", "attributes": {}}]),
        comment.task_mapping_id,
        comment.mirror_event_id,
        clickup_task=comment.body.task_id,
    )
    await post.decide(rewrite)
    await post.delivered()
    assert await post.states(edit, rewrite) == ["sent", "sent"]
    assert (await post.row(edit))["result"] == {"skipped": "slack_message_not_found"}
    assert (await post.row(rewrite))["result"] == {"skipped": "clickup_not_found"}


async def test_a_reply_to_a_task_that_was_deleted_meanwhile_is_no_dead_letter(post):
    gone, unanswered = await post.create_comment("hello"), await post.create_comment("hello again")
    for comment in (gone, unanswered):
        await post.clickup.delete_task(comment.body.task_id)
    # It is looked up before it is repeated.
    await post.run("UPDATE outbox SET unanswered = true, attempts = 1 WHERE id = :id", id=unanswered.id)
    await post.delivered()
    for comment in (gone, unanswered):
        row = await post.row(comment)
        assert (row["state"], row["result"]) == ("sent", {"skipped": "clickup_not_found"})


async def test_destinations_do_not_wait_for_each_other(post):
    await post.slack.misbehave("chat.postMessage", "slow", times=1, seconds=3.0)
    in_launch = await post.post_task("here")
    in_general = await post.post_task("there", channel=(await post.slack.channels())["general"])
    async with post.deliverer(timeout_s=30.0):

        async def one_is_done_while_the_other_waits():
            assert set(await post.states(in_launch, in_general)) == {"sent", "sending"}

        await eventually(one_is_done_while_the_other_waits)
        await post.settled()
    assert await post.states(in_launch, in_general) == ["sent", "sent"]


async def test_a_channels_budget_spreads_messages_and_costs_no_attempts(post):
    effects = [await post.post_task(f"number {number}") for number in range(4)]
    # Time enough for each answer, however busy the machine: a lost one would cost an attempt.
    await post.delivered(post=Allowance(per_s=2, burst=2), timeout_s=5.0)

    assert await post.texts() == [f"number {number}" for number in range(4)]
    assert [(await post.row(effect))["attempts"] for effect in effects] == [1, 1, 1, 1]
    postponed = [settlement.code for _, settlement in post.watch.tries if hasattr(settlement, "delay_s")]
    assert set(postponed) == {"slack_budget_spent"}


async def test_filling_gaps_leaves_half_of_a_tokens_minute_to_what_is_new(post):
    await post.clickup.limit(20)
    found = [await post.create_comment(f"found {number}", priority=3) for number in range(45)]
    async with post.deliverer(timeout_s=5.0):

        async def some_wait():
            assert "clickup_budget_spent" in [getattr(settled, "code", "") for _, settled in post.watch.tries]

        await eventually(some_wait)
        new = await post.create_comment("new")

        async def is_sent():
            assert await post.states(new) == ["sent"]

        await eventually(is_sent)
        assert "pending" in await post.states(*found)
    assert "clickup_rate_limited" not in [getattr(settled, "code", "") for _, settled in post.watch.tries]


async def test_stopping_lets_what_is_being_sent_end(post):
    await post.slack.misbehave("chat.postMessage", "slow", times=1, seconds=0.2)
    first, second = await post.post_task("first"), await post.post_task("second")
    async with post.deliverer(sweep_every_s=60, timeout_s=5.0) as deliverer:
        deliverer.kick(first.tenant_id, first.destination)

        async def is_on_its_way():
            assert await post.states(first) == ["sending"]

        await eventually(is_on_its_way)
    assert await post.states(first, second) == ["sent", "pending"]


async def test_two_deliverers_send_each_effect_once(post):
    effects = [await post.post_task(f"number {number}") for number in range(20)]
    async with post.deliverer() as one, post.deliverer() as other:
        for effect in effects:
            one.kick(effect.tenant_id, effect.destination)
            other.kick(effect.tenant_id, effect.destination)
        await post.settled()
    assert await post.texts() == [f"number {number}" for number in range(20)]


async def test_a_reply_to_a_task_that_was_never_posted_is_done_with(post):
    task = await post.task()
    reply = post.effect(PostReply("words", BLOCKS), task, await post.copy(task))
    await post.decide(reply)
    await post.delivered()
    assert (await post.row(reply))["result"] == {"skipped": "never_posted"}
    assert await post.texts() == []
