"""ClickUp comments as replies in their task's thread, and nothing echoed."""

from datetime import timedelta
from uuid import uuid4

import pytest

from oblivion_router_worker.usecases.mirror_task import NotYetVisible

TS = "1700000001.000100"


async def test_a_comment_becomes_a_reply_in_the_thread(world):
    await world.shown_task()
    world.put_comment("c1", "looks good")
    outcome = await world.handled(await world.tell_comment("c1", "looks good"))
    assert outcome.outcome == "mirrored"
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert row["kind"] == "slack.post_reply"
    assert row["payload"]["text"] == "Ben: looks good"
    assert "<https://app.clickup.com/t/t1?comment=c1|ClickUp>" in str(row["payload"]["blocks"])
    assert row["destination"] == f"slack:{world.slack_id}:C0LAUNCH"


async def test_a_comment_on_a_task_that_is_not_shown_yet_shows_the_task_first(world):
    world.put_task()
    world.put_comment("c1", "first!")
    await world.handled(await world.tell_comment("c1", "first!"))
    assert await world.effects() == ["slack.post_task", "slack.post_reply"]


async def test_one_listing_answers_all_comment_events_before_it(world):
    await world.shown_task()
    world.put_comment("c1", "one")
    world.put_comment("c2", "two")
    first, second = await world.tell_comment("c1", "one"), await world.tell_comment("c2", "two")
    await world.handled(first)
    assert await world.effects() == ["slack.post_reply", "slack.post_reply"]
    assert (await world.handled(second)).outcome == "handled_before"


async def test_an_edited_comment_changes_its_copy(world):
    await world.shown_task()
    world.put_comment("c1", "one")
    await world.handled(await world.tell_comment("c1", "one"))
    await world.sent(comment_id="1700000009.000100")
    world.put_comment("c1", "two")
    await world.handled(await world.tell_comment("c1", "two", event="taskCommentUpdated"))
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert (row["kind"], row["payload"]["text"]) == ("slack.update_reply", "Ben: two")


async def test_a_comment_that_vanished_takes_its_copy_along(world):
    await world.shown_task()
    world.put_comment("c1", "one")
    await world.handled(await world.tell_comment("c1", "one"))
    await world.sent()
    world.clickup.comments_of["t1"].clear()
    world.put_comment("c2", "two")
    await world.handled(await world.tell_comment("c2", "two"))
    assert sorted(await world.effects()) == ["slack.delete_reply", "slack.post_reply"]


async def test_comments_beyond_the_listing_are_not_taken_for_deleted(world):
    await world.shown_task()
    world.put_comment("old", "old", at_ms=9_999_999_999_000)
    await world.handled(await world.tell_comment("old", "old"))
    await world.sent()
    for number in range(60):
        world.put_comment(f"n{number}", "filler", at_ms=9_999_999_999_001 + number)
    await world.handled(await world.tell_comment("n59", "filler"))
    assert "slack.delete_reply" not in await world.effects()


async def test_comments_from_before_the_linking_stay_in_clickup(world):
    await world.shown_task()
    world.put_comment("old", "years ago", at_ms=1_000)
    world.put_comment("new", "now")
    await world.handled(await world.tell_comment("new", "now"))
    assert await world.effects() == ["slack.post_reply"]


async def test_our_own_comment_does_not_come_back(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup from Slack", TS, thread))
    (row,) = await world.rows("SELECT payload FROM outbox WHERE state = 'pending'")
    words = "".join(part["text"] for part in row["payload"]["comment"])
    world.put_comment("c9", words)
    # Before ClickUp's answer is known, and after.
    in_flight = await world.tell_comment("c9", words)
    assert (await world.handled(in_flight)).outcome == "ignored:echo"
    await world.sent(comment_id="c9")
    answered = await world.tell_comment("c9", words)
    assert (await world.handled(answered)).outcome == "ignored:echo"
    # In the listing that another comment's event leads to.
    world.put_comment("c10", "a person's")
    await world.handled(await world.tell_comment("c10", "a person's"))
    assert await world.effects() == ["slack.post_reply"]


async def test_a_reply_that_is_copied_while_the_comments_are_listed_is_no_comment_of_somebody_else(
    world, monkeypatch
):
    thread = await world.shown_task()
    world.put_comment("c1", "a person's")
    listed = world.clickup.comments

    async def listed_late(*asked, **more):
        if "comments t1" not in world.clickup.asked:
            await world.handled(await world.reply("#clickup from Slack", TS, thread))
            (row,) = await world.rows("SELECT payload FROM outbox WHERE kind = 'clickup.create_comment'")
            words = "".join(part["text"] for part in row["payload"]["comment"])
            world.put_comment("c9", words)
        return await listed(*asked, **more)

    monkeypatch.setattr(world.clickup, "comments", listed_late)
    await world.handled(await world.tell_comment("c1", "a person's"))
    assert sorted(await world.effects()) == ["clickup.create_comment", "slack.post_reply"]


async def test_a_real_comment_of_the_token_s_owner_is_shown(world):
    thread = await world.shown_task()
    await world.handled(await world.reply("#clickup from Slack", TS, thread))
    (row,) = await world.rows("SELECT payload FROM outbox WHERE state = 'pending'")
    await world.sent(comment_id="c9")
    words = f"as Ana said in {row['payload']['marker']}"
    world.put_comment("c11", words)
    assert (await world.handled(await world.tell_comment("c11", words))).outcome == "mirrored"


async def test_a_link_may_leave_comments_in_clickup(world):
    await world.run("UPDATE project_mappings SET options = '{\"mirror_comments\": false}'")
    await world.shown_task()
    world.clickup.asked.clear()
    world.put_comment("c1", "one")
    outcome = await world.handled(await world.tell_comment("c1", "one"))
    assert outcome.outcome == "ignored:comments_not_mirrored"
    assert world.clickup.asked == []


async def test_a_comment_appears_in_every_linked_channel(world):
    await world.link(uuid4(), channel="C0OTHER")
    world.put_task()
    await world.handled(await world.tell_clickup("taskCreated"))
    await world.run("UPDATE outbox SET state = 'sent'")
    world.put_comment("c1", "one")
    await world.handled(await world.tell_comment("c1", "one"))
    assert await world.effects() == ["slack.post_reply", "slack.post_reply"]


async def test_an_event_that_fills_a_gap_brings_the_comments_too(world):
    await world.shown_task()
    world.put_comment("c1", "missed")
    event = await world.tell_clickup("taskUpdated")
    await world.run("UPDATE inbound_events SET transport = 'gap', priority = 3 WHERE id = :id", id=event)
    await world.handled(event)
    rows = await world.rows("SELECT kind, priority FROM outbox WHERE state = 'pending'")
    assert [(row["kind"], row["priority"]) for row in rows] == [("slack.post_reply", 3)]


async def test_a_comment_that_is_not_listed_is_waited_for_then_shown_as_it_was_told(world):
    await world.shown_task()
    event = await world.tell_comment("c1", "an answer")
    with pytest.raises(NotYetVisible):
        await world.handled(event)
    world.clock.ahead = timedelta(minutes=2)
    assert (await world.handled(event)).outcome == "mirrored"
    (row,) = await world.rows("SELECT payload FROM outbox WHERE state = 'pending'")
    assert row["payload"]["text"] == "Ben: an answer"


async def test_a_comment_that_was_never_listed_is_not_taken_for_deleted(world):
    await world.shown_task()
    event = await world.tell_comment("c1", "an answer")
    world.clock.ahead = timedelta(minutes=2)
    await world.handled(event)
    await world.sent()
    world.put_comment("c2", "another")
    await world.handled(await world.tell_comment("c2", "another"))
    assert await world.effects() == ["slack.post_reply"]
    # Once listed it is a comment like any other.
    world.put_comment("c1", "an answer")
    await world.handled(await world.tell_comment("c1", "an answer"))
    world.clickup.comments_of["t1"] = world.clickup.comments_of["t1"][:1]
    await world.sent()
    await world.handled(await world.tell_comment("c2", "another", event="taskCommentUpdated"))
    assert await world.effects() == ["slack.delete_reply"]


async def test_a_listing_answers_no_event_of_a_comment_that_it_lacks(world):
    await world.shown_task()
    world.put_comment("c1", "one")
    first, second = await world.tell_comment("c1", "one"), await world.tell_comment("c2", "an answer")
    await world.handled(first)
    assert await world.state(second) == "received"
