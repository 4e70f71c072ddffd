"""What has not left yet gives way to what is decided later."""

from oblivion_router_worker.adapters.postgres_delivery import PostgresDelivery
from oblivion_router_worker.adapters.postgres_outbox import PostgresOutbox
from oblivion_router_worker.domain.effects import (
    DeleteComment,
    DeleteReply,
    UpdateComment,
    UpdateReply,
)
from oblivion_router_worker.domain.retry import Dead, Failed

BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "newer"}}]


async def kinds(post):
    return [
        (row["kind"], row["state"]) for row in await post.rows("SELECT kind, state FROM outbox ORDER BY seq")
    ]


async def test_an_edit_before_the_post_has_left_changes_the_post(post):
    task = await post.post_task("first")
    await post.update_task(task.task_mapping_id, "second")
    assert await kinds(post) == [("slack.post_task", "pending")]
    await post.delivered()
    assert await post.texts() == ["second"]
    assert post.watch.tries[0][0] == "slack.post_task"


async def test_of_two_waiting_edits_only_the_newer_is_sent(post):
    task = await post.post_task("first")
    await post.delivered()
    older = await post.update_task(task.task_mapping_id, "second")
    newer = await post.update_task(task.task_mapping_id, "third")
    await post.delivered()
    assert await post.states(older, newer) == ["superseded", "sent"]
    assert (await post.slack.calls())["chat.update"] == 1
    assert await post.texts() == ["third"]


async def test_edits_of_different_tasks_do_not_replace_each_other(post):
    one, other = await post.post_task("one"), await post.post_task("other")
    await post.delivered()
    await post.update_task(one.task_mapping_id, "one edited")
    await post.update_task(other.task_mapping_id, "other edited")
    await post.delivered()
    assert await post.texts() == ["one edited", "other edited"]


async def test_an_edit_does_not_overtake_a_request_that_may_still_be_on_its_way(post):
    task = await post.post_task("first")
    await post.delivered()
    older = await post.update_task(task.task_mapping_id, "second")
    queue = PostgresDelivery(post.database, lease_s=30)
    held = await queue.claim(older.tenant_id, older.destination)
    await queue.settle(held, Failed(30.0, "slack_answer_lost", "", unanswered=True), claim_next=False)

    newer = await post.update_task(task.task_mapping_id, "third")
    assert await post.states(older, newer) == ["superseded", "pending"]
    (row,) = await post.rows(
        "SELECT next_attempt_at > clock_timestamp() + interval '20 s' AS waits FROM outbox WHERE id = :id",
        id=newer.id,
    )
    assert row["waits"]


async def test_a_comment_deleted_before_its_copy_has_left_leaves_no_trace(post):
    task = await post.post_task()
    await post.delivered()
    reply = await post.post_reply(task.task_mapping_id, "regretted")
    await post.decide(post.effect(DeleteReply(), reply.task_mapping_id, reply.mirror_event_id))
    assert (await kinds(post))[1:] == [("slack.post_reply", "superseded")]
    await post.delivered()
    assert await post.texts() == ["Ship it"]


async def test_a_deletion_takes_a_waiting_edit_back(post):
    task = await post.post_task()
    reply = await post.post_reply(task.task_mapping_id, "first")
    await post.delivered()
    edit = post.effect(UpdateReply("second", BLOCKS), reply.task_mapping_id, reply.mirror_event_id)
    delete = post.effect(DeleteReply(), reply.task_mapping_id, reply.mirror_event_id)
    await post.decide(edit, delete)
    await post.delivered()
    assert await post.states(edit, delete) == ["superseded", "sent"]


async def test_a_post_that_may_stand_already_is_edited_and_deleted_behind_it(post):
    await post.clickup.misbehave("POST /task/*/comment", "http_500_after", times=1)
    comment = await post.create_comment("first")
    queue = PostgresDelivery(post.database, lease_s=30)
    held = await queue.claim(comment.tenant_id, comment.destination)
    await queue.settle(held, Failed(0.0, "clickup_answer_lost", "", unanswered=True), claim_next=False)
    edit = post.effect(
        UpdateComment([{"text": "second", "attributes": {}}]),
        comment.task_mapping_id,
        comment.mirror_event_id,
        clickup_task=comment.body.task_id,
    )
    await post.decide(edit)
    assert await post.states(comment, edit) == ["pending", "pending"]
    await post.delivered()
    (written,) = await post.comments(comment)
    assert written["comment_text"].strip() == "second"


async def test_a_dead_post_gets_fresh_content_and_stays_dead_until_retried(post):
    task = await post.post_task("first")
    queue = PostgresDelivery(post.database, lease_s=30)
    held = await queue.claim(task.tenant_id, task.destination)
    await queue.settle(held, Dead("slack_not_in_channel", "invite the app"), claim_next=False)
    await post.update_task(task.task_mapping_id, "second")
    assert await kinds(post) == [("slack.post_task", "dead")]

    await post.run("UPDATE outbox SET state = 'pending', attempts = 0")
    await post.delivered()
    assert await post.texts() == ["second"]


async def test_a_newer_edit_ends_a_dead_one_so_that_no_retry_brings_it_back(post):
    task = await post.post_task("first")
    await post.delivered()
    older = await post.update_task(task.task_mapping_id, "second")
    queue = PostgresDelivery(post.database, lease_s=30)
    held = await queue.claim(older.tenant_id, older.destination)
    await queue.settle(held, Dead("slack_is_archived", "unarchive it"), claim_next=False)
    newer = await post.update_task(task.task_mapping_id, "third")
    assert await post.states(older, newer) == ["superseded", "pending"]


async def test_a_dead_comment_is_dropped_when_its_reply_is_deleted(post):
    comment = await post.create_comment()
    queue = PostgresDelivery(post.database, lease_s=30)
    held = await queue.claim(comment.tenant_id, comment.destination)
    await queue.settle(held, Dead("clickup_access_054", ""), claim_next=False)
    await post.decide(
        post.effect(
            DeleteComment(),
            comment.task_mapping_id,
            comment.mirror_event_id,
            clickup_task=comment.body.task_id,
        )
    )
    assert await kinds(post) == [("clickup.create_comment", "superseded")]


async def test_the_outbox_knows_its_effects(post):
    task = await post.post_task()
    async with post.database.tenant(post.tenant_id) as tx:
        outbox = PostgresOutbox(tx, post.tenant_id)
        assert await outbox.knows(task.id)
        assert not await outbox.knows(post.link_id)
