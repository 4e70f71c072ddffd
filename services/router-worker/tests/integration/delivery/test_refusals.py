"""What the other side refuses: dead letters with a sentence, waits, and breakers."""

import pytest

from oblivion_platform.testing import eventually
from oblivion_router_worker.domain.effects import DeleteComment, DeleteReply, PostReply
from oblivion_router_worker.domain.retry import Postponed

BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "words"}}]


async def retry(post, effect):
    """As `oblivion dead-letters retry` does."""
    await post.run(
        "UPDATE outbox SET state = 'pending', attempts = 0,"
        " next_attempt_at = greatest(clock_timestamp(), next_attempt_at) WHERE id = :id",
        id=effect.id,
    )


async def health_of(post):
    (row,) = await post.rows("SELECT health FROM integrations WHERE id = :id", id=post.slack_id)
    return row["health"]["status"]


async def test_a_permanent_refusal_is_a_dead_letter_and_the_next_ones_go_on(post):
    await post.slack.misbehave("chat.postMessage", "error", times=1, code="invalid_blocks")
    refused, next_one = await post.post_task("refused"), await post.post_task("next")
    await post.delivered()

    row = await post.row(refused)
    assert (row["state"], row["attempts"]) == ("dead", 1)
    assert row["failures"][0]["code"] == "slack_invalid_blocks"
    assert row["failures"][0]["attempt"] == 1
    assert "at" in row["failures"][0]
    assert await post.states(next_one) == ["sent"]


async def test_a_link_whose_channel_the_app_left_says_how_to_mend_it(post):
    await post.slack.kick("launch")
    refused = await post.post_task("nobody hears")
    await post.delivered()
    problem = await post.link_problem()
    assert problem["code"] == "slack_not_in_channel"
    assert "/invite" in problem["message"]
    assert "at" in problem

    await post.slack.invite("launch")
    await retry(post, refused)
    await post.delivered()
    assert await post.texts() == ["nobody hears"]
    assert await post.link_problem() is None


async def test_what_belongs_to_a_dead_letter_is_one_too(post):
    await post.slack.misbehave("chat.postMessage", "error", times=1, code="is_archived")
    task = await post.post_task()
    reply = await post.post_reply(task.task_mapping_id, "reply")
    await post.delivered()
    assert await post.states(task, reply) == ["dead", "dead"]
    assert (await post.row(reply))["failures"][0]["code"] == "parent_missing"

    await retry(post, task)
    await retry(post, reply)
    await post.delivered()
    assert await post.texts() == ["Ship it", "reply"]


async def test_a_refused_token_is_not_tried_again_and_the_integration_says_so(post):
    await post.slack.change_app(token_state="revoked")
    effect = await post.post_task()
    await post.delivered()
    assert await post.states(effect) == ["dead"]
    assert (await post.slack.calls())["chat.postMessage"] == 1
    (row,) = await post.rows("SELECT health FROM integrations WHERE id = :id", id=post.slack_id)
    assert row["health"]["status"] == "token_refused"
    assert "oblivion slack connect" in row["health"]["detail"]


async def test_a_new_token_is_taken_up_after_a_refusal(post):
    await post.slack.change_app(token_state="revoked")
    await post.post_task("first")
    async with post.deliverer():
        await post.settled()
        assert await health_of(post) == "token_refused"
        await post.slack.change_app(token_state="valid")
        await post.post_task("second")
        await post.settled()
    assert await post.texts() == ["second"]
    assert await health_of(post) == "ok"


async def test_a_problem_of_clickup_does_not_end_because_slack_is_well(post):
    await post.clickup.misbehave("POST /task/*/comment", "error", times=1, status=400, code="ACCESS_054")
    comment = await post.create_comment()
    await post.delivered()
    await post.post_task()
    await post.delivered()
    problem = await post.link_problem()
    assert problem["code"] == "clickup_access_054"

    await retry(post, comment)
    await post.delivered()
    assert await post.link_problem() is None


@pytest.mark.parametrize("side", ["slack", "clickup"])
async def test_a_missing_token_is_a_dead_letter(post, side):
    await post.run("UPDATE credentials SET state = 'retired'")
    effect = await post.post_task() if side == "slack" else await post.create_comment()
    await post.delivered()
    assert (await post.row(effect))["failures"][0]["code"] == "credential_missing"


async def test_a_token_sealed_under_another_key_is_a_dead_letter(post):
    await post.run("UPDATE credentials SET ciphertext = decode('00', 'hex')")
    effect = await post.post_task()
    await post.delivered()
    assert (await post.row(effect))["failures"][0]["code"] == "credential_unreadable"


async def test_a_rate_limit_is_waited_for_and_is_no_attempt(post):
    await post.slack.misbehave("chat.postMessage", "rate_limited", times=2, retry_after=1)
    effect, behind = await post.post_task("first"), await post.post_task("second")
    await post.delivered()
    assert (await post.row(effect))["attempts"] == 1
    assert (await post.row(effect))["failures"] == []
    assert await post.texts() == ["first", "second"]
    assert await post.states(behind) == ["sent"]
    waits = [settlement.delay_s for _, settlement in post.watch.tries if isinstance(settlement, Postponed)]
    assert waits == [1.0, 1.0]


async def test_clickups_rate_limit_is_waited_for_until_its_window_ends(post):
    await post.clickup.misbehave("POST /task/*/comment", "rate_limited", times=1, retry_after=1)
    comment = await post.create_comment()
    await post.delivered()
    assert (await post.row(comment))["attempts"] == 1
    assert len(await post.comments(comment)) == 1


async def test_an_open_breaker_leaves_the_provider_alone_and_costs_no_attempts(post):
    rule = await post.slack.misbehave("chat.postMessage", "http_500_before")
    effects = [await post.post_task(f"number {number}") for number in range(3)]
    async with post.deliverer(failures_to_open=3, open_s=2.0):

        async def is_open():
            assert any(
                isinstance(settlement, Postponed) and settlement.code == "circuit_open"
                for _, settlement in post.watch.tries
            )

        await eventually(is_open)
        calls = (await post.slack.calls())["chat.postMessage"]
        assert calls == 3
        await post.slack.behave(rule["id"])
        await post.settled()
    assert await post.texts() == [f"number {number}" for number in range(3)]
    assert (await post.row(effects[0]))["attempts"] == 4


async def test_one_tenants_trouble_does_not_reach_the_other_provider(post):
    await post.slack.misbehave("chat.postMessage", "http_500_before", times=4)
    task, comment = await post.post_task(), await post.create_comment()
    await post.delivered(failures_to_open=2, open_s=0.2)
    assert await post.states(task, comment) == ["sent", "sent"]
    assert (await post.row(comment))["attempts"] == 1


async def test_what_fails_for_longer_than_the_setting_is_dead(post):
    await post.slack.misbehave("chat.postMessage", "error", code="service_unavailable")
    effect = await post.post_task()
    await post.run("UPDATE outbox SET attempts = 10, created_at = now() - interval '25 h'")
    await post.delivered()
    row = await post.row(effect)
    assert (row["state"], row["failures"][-1]["code"]) == ("dead", "slack_service_unavailable")


async def test_a_dead_letter_whose_answer_was_lost_is_looked_up_when_a_person_retries_it(post):
    await post.slack.misbehave("chat.postMessage", "http_500_after", times=1)
    effect = await post.post_task("once")
    await post.run("UPDATE outbox SET attempts = 10, created_at = now() - interval '25 h'")
    await post.delivered()
    assert await post.states(effect) == ["dead"]

    await retry(post, effect)
    await post.delivered()
    assert await post.texts() == ["once"]
    assert (await post.row(effect))["result"] == {"made": await post.slack_ts(effect), "found": True}


async def test_a_dead_deletion_of_a_comment_leaves_the_newer_copy_alone_when_it_is_retried(post):
    comment = await post.create_comment("first copy")
    await post.delivered()
    older = await post.copy_id(comment)
    body, ours = comment.body, (comment.task_mapping_id, comment.mirror_event_id)
    await post.clickup.misbehave("DELETE /comment/*", "error", times=1, status=400, code="ACCESS_054")
    deletion = post.effect(DeleteComment(), *ours, clickup_task=body.task_id)
    await post.decide(deletion)
    await post.delivered()
    await post.decide(post.effect(body, *ours, clickup_task=body.task_id))
    await post.delivered()
    newer = await post.copy_id(comment)
    assert older != newer

    await retry(post, deletion)
    await post.delivered()
    assert await post.states(deletion) == ["sent"]
    left = [str(found["id"]) for found in await post.comments(comment) if not found["deleted"]]
    assert left == [newer]


async def test_a_dead_deletion_of_a_reply_leaves_the_newer_copy_alone_when_it_is_retried(post):
    task = await post.post_task("task")
    reply = await post.post_reply(task.task_mapping_id, "reply")
    await post.delivered()
    ours = (reply.task_mapping_id, reply.mirror_event_id)
    await post.slack.misbehave("chat.delete", "error", times=1, code="missing_scope")
    deletion = post.effect(DeleteReply(), *ours)
    await post.decide(deletion)
    await post.delivered()
    await post.decide(post.effect(PostReply("again", BLOCKS), *ours))
    await post.delivered()

    await retry(post, deletion)
    await post.delivered()
    shown = [found["message"]["text"] for found in await post.messages() if not found["deleted"]]
    assert shown == ["task", "again"]


async def test_a_payload_of_another_version_is_dead_and_blocks_nobody(post):
    unknown, next_one = await post.post_task("unknown"), await post.post_task("next")
    await post.run("UPDATE outbox SET payload = '{\"words\": 1}' WHERE id = :id", id=unknown.id)
    await post.delivered()
    assert await post.states(unknown, next_one) == ["dead", "sent"]
    assert (await post.row(unknown))["failures"][0]["code"] == "payload_unknown"


async def test_an_effect_discarded_by_a_person_lets_the_next_ones_pass(post):
    first, second = await post.post_task("first"), await post.post_task("second")
    await post.run("UPDATE outbox SET state = 'discarded' WHERE id = :id", id=first.id)
    await post.delivered()
    assert await post.states(first, second) == ["discarded", "sent"]


async def test_no_failure_holds_a_value_from_outside(post):
    await post.slack.misbehave("chat.postMessage", "error", times=1, code="x" * 200 + "secret words")
    effect = await post.post_task("secret words")
    await post.delivered()
    assert "secret" not in str((await post.row(effect))["failures"])
