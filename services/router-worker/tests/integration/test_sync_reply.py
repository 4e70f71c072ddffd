"""Replies in a task's thread as comments on the task."""

import asyncio
import json

import pytest

from oblivion_platform.testing import eventually
from oblivion_router_worker.adapters.slack_failures import failure_of_code
from oblivion_router_worker.usecases.sync_reply import PostUnsettled

TS, LATER, LATEST = "1700000001.000100", "1700000002.000100", "1700000003.000100"


async def test_a_matching_reply_becomes_a_signed_comment_with_its_permalink(world):
    thread = await world.shown_task()
    outcome = await world.handled(await world.reply("please #clickup check", TS, thread))
    assert outcome.outcome == "synced"
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert row["kind"] == "clickup.create_comment"
    assert row["destination"] == f"clickup:{world.clickup_id}:t1"
    text = "".join(part["text"] for part in row["payload"]["comment"])
    assert "Ana in Slack" in text
    assert "please check" in text
    assert row["payload"]["marker"].startswith("https://acme.slack.com/archives/C0LAUNCH/p1700000001000100")
    assert text.rstrip().endswith(row["payload"]["marker"])


async def test_a_reply_without_the_keyword_stays_in_slack(world):
    thread = await world.shown_task()
    assert (await world.handled(await world.reply("hello", TS, thread))).outcome == "ignored:filtered"
    assert await world.effects() == []


async def test_a_mapping_may_copy_all_replies_or_those_with_metadata(world):
    thread = await world.shown_task()
    await world.run("UPDATE project_mappings SET options = :o", o='{"filter": {"kind": "all"}}')
    assert (await world.handled(await world.reply("hello", TS, thread))).outcome == "synced"
    options = {"filter": {"kind": "metadata", "event_type": "deploy", "payload": {"env": "prod"}}}
    await world.run("UPDATE project_mappings SET options = CAST(:o AS jsonb)", o=json.dumps(options))
    assert (await world.handled(await world.reply("no", LATER, thread))).outcome == "ignored:filtered"
    metadata = {"event_type": "deploy", "event_payload": {"env": "prod"}}
    event = await world.reply("yes", LATEST, thread, metadata=metadata)
    assert (await world.handled(event)).outcome == "synced"


async def test_the_same_reply_told_twice_is_copied_once(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup hi", TS, thread))
    again = await world.handled(await world.reply("#clickup hi", TS, thread))
    assert again.outcome == "ignored:older_than_known"
    assert await world.effects() == ["clickup.create_comment"]


async def test_broadcast_replies_count_as_replies(world):
    thread = await world.shown_task()
    event = await world.reply("#clickup hi", TS, thread, subtype="thread_broadcast")
    assert (await world.handled(event)).outcome == "synced"


async def test_messages_outside_a_task_thread_are_ignored(world):
    thread = await world.shown_task()
    root = await world.tell_slack({"user": "U0ANA", "text": "#clickup", "ts": TS}, TS)
    assert (await world.handled(root)).outcome == "ignored:not_a_reply"
    other = await world.reply("#clickup", LATER, "1600000000.000100")
    assert (await world.handled(other)).outcome == "ignored:not_a_task"
    assert thread


async def test_our_own_replies_are_no_input(world):
    thread = await world.shown_task()
    await world.run("UPDATE project_mappings SET options = :o", o='{"filter": {"kind": "all"}}')
    by_user = await world.reply("x", TS, thread, user="U0BOT")
    by_app = await world.reply("x", LATER, thread, user="U1", bot_id="B1", app_id="A0APP")
    (effect,) = await world.rows("SELECT id FROM outbox")
    metadata = {"event_type": "oblivion_effect", "event_payload": {"effect_id": str(effect["id"])}}
    by_effect = await world.reply("x", LATEST, thread, metadata=metadata)
    for event in (by_user, by_app, by_effect):
        assert (await world.handled(event)).outcome == "ignored:echo"


async def test_our_own_words_wait_for_nobody_s_turn(world):
    thread = await world.shown_task()
    echo = await world.reply("x", TS, thread, user="U0BOT")
    async with world.store.tenant(world.tenant_id) as other:
        assert (await other.inbox.waiting(echo)).is_our_turn
        assert (await world.handled(echo)).outcome == "ignored:echo"


async def test_metadata_that_somebody_else_made_up_hides_nothing(world):
    thread = await world.shown_task()
    metadata = {"event_type": "oblivion_effect", "event_payload": {"effect_id": "not ours"}}
    event = await world.reply("#clickup x", TS, thread, metadata=metadata)
    assert (await world.handled(event)).outcome == "synced"


async def test_an_edit_changes_the_comment(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup one", TS, thread))
    await world.sent(comment_id="c1")
    await world.handled(await world.edit("#clickup two", TS, thread, LATER))
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert row["kind"] == "clickup.update_comment"
    assert "two" in json.dumps(row["payload"])


async def test_an_edit_before_the_comment_has_left_changes_what_is_created(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup one", TS, thread))
    await world.handled(await world.edit("#clickup two", TS, thread, LATER))
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert row["kind"] == "clickup.create_comment"
    assert "two" in json.dumps(row["payload"])


async def test_edits_told_out_of_order_end_in_the_last_text(world):
    thread = await world.shown_task()
    await world.handled(await world.edit("#clickup last", TS, thread, LATEST))
    assert (await world.handled(await world.edit("#clickup middle", TS, thread, LATER))).effects == 0
    assert (await world.handled(await world.reply("#clickup first", TS, thread))).effects == 0
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert row["kind"] == "clickup.create_comment"
    assert "last" in json.dumps(row["payload"])


async def test_an_edit_that_takes_the_keyword_out_takes_the_comment_back(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup one", TS, thread))
    await world.sent()
    await world.handled(await world.edit("one", TS, thread, LATER))
    assert await world.effects() == ["clickup.delete_comment"]
    await world.sent()
    await world.handled(await world.edit("#clickup one again", TS, thread, LATEST))
    assert await world.effects() == ["clickup.create_comment"]


async def test_an_edit_that_puts_the_keyword_in_makes_a_comment(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("one", TS, thread))
    assert await world.effects() == []
    await world.handled(await world.edit("#clickup one", TS, thread, LATER))
    assert await world.effects() == ["clickup.create_comment"]


async def test_a_deleted_reply_takes_its_comment_along(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup one", TS, thread))
    await world.sent()
    await world.handled(await world.delete(TS, thread))
    assert await world.effects() == ["clickup.delete_comment"]


async def test_a_reply_deleted_before_its_comment_has_left_leaves_nothing(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup one", TS, thread))
    await world.handled(await world.delete(TS, thread))
    assert await world.effects() == []


async def test_a_deletion_told_before_its_reply_stops_the_copy(world):
    thread = await world.shown_task()
    assert (await world.handled(await world.delete(TS, thread))).outcome == "noted"
    assert (await world.handled(await world.reply("#clickup one", TS, thread))).effects == 0
    assert (await world.handled(await world.edit("#clickup two", TS, thread, LATER))).effects == 0


async def test_a_reply_that_is_faster_than_the_answer_to_our_post_waits_for_it(world):
    world.put_task()
    await world.handled(await world.tell_clickup("taskCreated"))
    await world.run("UPDATE outbox SET state = 'sending'")
    event = await world.reply("#clickup quick", "2100000000.000200", "2100000000.000100")
    with pytest.raises(PostUnsettled):
        await world.handled(event)
    await world.run("UPDATE outbox SET state = 'sent'")
    await world.run("UPDATE task_mappings SET slack_ts = '2100000000.000100'")
    assert (await world.handled(event)).outcome == "synced"


SETTLE_WHEN_ASKED = """
    DO $$ BEGIN
        LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE;
        WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'outbox'::regclass) LOOP
            PERFORM pg_sleep(0.01);
        END LOOP;
        UPDATE outbox SET state = 'sent';
        UPDATE task_mappings SET slack_ts = '2100000000.000100';
    END $$
"""


async def test_a_reply_is_copied_when_the_post_is_settled_between_looking_for_the_one_and_the_other(world):
    world.put_task()
    await world.handled(await world.tell_clickup("taskCreated"))
    await world.run("UPDATE outbox SET state = 'sending'")
    event = await world.reply("#clickup quick", "2100000000.000200", "2100000000.000100")

    async def is_locked():
        exclusive = "mode = 'AccessExclusiveLock' AND granted AND relation = 'outbox'::regclass"
        assert await world.rows(f"SELECT 1 FROM pg_locks WHERE {exclusive}")

    settling = asyncio.create_task(world.run(SETTLE_WHEN_ASKED))
    await eventually(is_locked)
    assert (await world.handled(event)).outcome == "synced"
    await settling


async def test_a_thread_older_than_our_unsettled_post_does_not_wait(world):
    world.put_task()
    await world.handled(await world.tell_clickup("taskCreated"))
    await world.run("UPDATE outbox SET state = 'sending'")
    event = await world.reply("#clickup old", "1500000000.000200", "1500000000.000100")
    assert (await world.handled(event)).outcome == "ignored:not_a_task"


async def test_people_mentioned_in_a_reply_appear_by_name(world):
    world.slack.names["U0BEN"] = "Ben"
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup ask <@U0BEN>", TS, thread))
    (row,) = await world.rows("SELECT payload FROM outbox WHERE state = 'pending'")
    text = "".join(part["text"] for part in row["payload"]["comment"])
    assert "Ben" in text
    assert "U0BEN" not in text


async def test_channel_events_keep_the_links_current(world):
    async def problem():
        (row,) = await world.rows("SELECT problem, slack_channel_name FROM project_mappings")
        return (row["problem"] or {}).get("code"), row["slack_channel_name"]

    async def tell(event):
        return (await world.handled(await world.tell_slack(event, "x"))).outcome

    channel = {"id": "C0LAUNCH", "name": "liftoff"}
    assert await tell({"type": "channel_rename", "channel": channel}) == "link_updated"
    assert await problem() == (None, "liftoff")
    await tell({"type": "member_left_channel", "user": "U0BOT"})
    assert (await problem())[0] == "not_in_channel"
    await tell({"type": "member_joined_channel", "user": "U0BOT"})
    assert (await problem())[0] is None
    await tell({"type": "channel_archive"})
    assert (await problem())[0] == "is_archived"
    assert await tell({"type": "member_left_channel", "user": "U0ANA"}) == "ignored:somebody_else"


async def test_an_uninstalled_app_is_told_in_the_integration_s_health(world):
    outcome = await world.handled(await world.tell_slack({"type": "app_uninstalled"}, "x"))
    assert outcome.outcome == "integration_updated"
    (row,) = await world.rows("SELECT health FROM integrations WHERE source = 'slack'")
    assert row["health"]["status"] == "token_revoked"
    assert "oblivion slack connect" in row["health"]["detail"]


@pytest.mark.parametrize(
    ("code", "happened"),
    [
        ("not_in_channel", {"type": "member_joined_channel", "user": "U0BOT"}),
        ("is_archived", {"type": "channel_unarchive"}),
    ],
)
async def test_what_died_because_of_its_channel_leaves_once_the_channel_can_be_written_to(
    world, code, happened
):
    failures = [[{"code": failure_of_code(cause, changes=True).code}] for cause in (code, "invalid_blocks")]
    for task_id, failed in zip(("t1", "t2"), failures, strict=True):
        world.put_task(task_id)
        await world.handled(await world.tell_clickup("taskCreated", task_id))
        sql = "UPDATE outbox SET state = 'dead', failures = CAST(:f AS jsonb) WHERE state = 'pending'"
        await world.run(sql, f=json.dumps(failed))
    world.kicked.clear()
    await world.handled(await world.tell_slack({"type": "member_joined_channel", "user": "U0ANA"}, "x"))
    assert await world.effects("dead") == ["slack.post_task", "slack.post_task"]
    await world.handled(await world.tell_slack(happened, "x"))
    assert await world.effects("pending") == ["slack.post_task"]
    assert await world.effects("dead") == ["slack.post_task"]
    assert world.kicked == [f"slack:{world.slack_id}:C0LAUNCH"]
