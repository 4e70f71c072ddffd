"""A ClickUp task as a message in each linked channel."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from oblivion_platform.errors import DependencyUnavailable, PermanentFailure
from oblivion_router_worker.usecases.handle_event import TenantSuspended
from oblivion_router_worker.usecases.mirror_task import NotYetVisible

THREAD = "1700000000.000100"


async def test_a_new_task_becomes_a_message_in_its_channel(world):
    world.put_task(name="Ship it")
    event = await world.tell_clickup("taskCreated")
    outcome = await world.handled(event)

    assert (outcome.outcome, outcome.effects) == ("mirrored", 1)
    (row,) = await world.rows("SELECT * FROM outbox")
    assert row["kind"] == "slack.post_task"
    assert row["destination"] == f"slack:{world.slack_id}:C0LAUNCH"
    assert "Ship it" in row["payload"]["text"]
    (task,) = await world.rows("SELECT * FROM task_mappings")
    assert (task["clickup_task_id"], task["slack_ts"]) == ("t1", None)
    assert await world.state(event) == "done"
    assert world.kicked == [row["destination"]]


async def test_handling_an_event_again_changes_nothing(world):
    world.put_task()
    event = await world.tell_clickup("taskCreated")
    await world.handled(event)
    assert (await world.handled(event)).outcome == "handled_before"
    assert await world.effects() == ["slack.post_task"]


async def test_one_fetch_answers_all_events_of_the_task_that_came_before_it(world):
    world.put_task()
    created = await world.tell_clickup("taskCreated")
    others = [await world.tell_clickup("taskStatusUpdated"), await world.tell_clickup("taskUpdated")]
    await world.handled(created)
    assert [await world.state(other) for other in others] == ["done", "done"]
    assert world.clickup.asked == ["task t1"]
    assert (await world.handled(others[0])).outcome == "handled_before"


async def test_an_edit_updates_the_message(world):
    await world.shown_task()
    world.put_task(name="Ship it today")
    assert (await world.handled(await world.tell_clickup("taskUpdated"))).outcome == "mirrored"
    assert await world.effects() == ["slack.update_task"]


async def test_an_edit_that_changes_nothing_visible_sends_nothing(world):
    await world.shown_task()
    world.put_task()
    assert (await world.handled(await world.tell_clickup("taskUpdated"))).outcome == "unchanged"
    assert await world.effects() == []


async def test_an_older_state_never_overwrites_a_newer_one(world):
    await world.shown_task()
    world.put_task(name="Older", updated_at_ms=5)
    assert (await world.handled(await world.tell_clickup("taskUpdated"))).outcome == "unchanged"


async def test_an_edit_before_the_post_has_left_changes_what_is_posted(world):
    world.put_task()
    await world.handled(await world.tell_clickup("taskCreated"))
    world.put_task(name="Better name")
    await world.handled(await world.tell_clickup("taskUpdated"))
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert row["kind"] == "slack.post_task"
    assert "Better name" in row["payload"]["text"]


async def test_a_deleted_task_is_shown_as_deleted(world):
    await world.shown_task()
    del world.clickup.tasks["t1"]
    await world.handled(await world.tell_clickup("taskDeleted"))
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert "Deleted" in row["payload"]["text"]
    assert "Ship it" in row["payload"]["text"]
    assert (await world.rows("SELECT state FROM task_mappings"))[0]["state"] == "deleted"


async def test_a_task_that_moves_away_and_back_is_followed(world):
    await world.shown_task()
    world.put_task(list_id="902")
    await world.handled(await world.tell_clickup("taskMoved"))
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert "Moved away" in row["payload"]["text"]
    await world.sent()
    world.put_task(list_id="901")
    await world.handled(await world.tell_clickup("taskMoved"))
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending'")
    assert "Moved away" not in row["payload"]["text"]
    assert (await world.rows("SELECT state FROM task_mappings"))[0]["state"] == "active"


async def test_a_task_that_moves_into_another_linked_list_gets_a_message_there(world):
    await world.link(uuid4(), list_id="902", channel="C0OTHER")
    await world.shown_task()
    world.put_task(list_id="902")
    await world.handled(await world.tell_clickup("taskMoved"))
    assert sorted(await world.effects()) == ["slack.post_task", "slack.update_task"]
    (row,) = await world.rows("SELECT * FROM outbox WHERE state = 'pending' AND kind = 'slack.post_task'")
    assert row["destination"].endswith("C0OTHER")


async def test_one_list_may_be_linked_with_two_channels(world):
    await world.link(uuid4(), channel="C0OTHER")
    world.put_task()
    outcome = await world.handled(await world.tell_clickup("taskCreated"))
    assert outcome.effects == 2
    assert len(set(world.kicked)) == 2


async def test_a_link_may_show_tagged_tasks_only(world):
    await world.run('UPDATE project_mappings SET options = \'{"tasks": "tagged"}\'')
    world.put_task(description_markdown="nothing to see")
    assert (await world.handled(await world.tell_clickup("taskCreated"))).outcome == "unchanged"
    world.put_task(description_markdown="for @AI_Squad")
    assert (await world.handled(await world.tell_clickup("taskUpdated"))).outcome == "mirrored"


async def test_tasks_of_other_lists_are_ignored(world):
    world.put_task(list_id="999")
    event = await world.tell_clickup("taskCreated")
    assert (await world.handled(event)).outcome == "ignored:not_linked"
    assert await world.state(event) == "ignored"


async def test_without_any_link_nothing_is_fetched(world):
    await world.run("UPDATE project_mappings SET state = 'unlinked'")
    event = await world.tell_clickup("taskCreated")
    assert (await world.handled(event)).outcome == "ignored:nothing_linked"
    assert world.clickup.asked == []


async def test_an_unlinked_channel_is_left_as_it_is(world):
    await world.shown_task()
    await world.run("UPDATE project_mappings SET state = 'unlinked'")
    await world.link(uuid4(), list_id="902")
    world.put_task(name="New name")
    await world.handled(await world.tell_clickup("taskUpdated"))
    assert await world.effects() == []


async def test_unknown_event_types_are_ignored(world):
    event = await world.tell_clickup("goalCreated")
    assert (await world.handled(event)).outcome == "ignored:not_subscribed"
    assert await world.state(event) == "ignored"
    told = await world.tell_slack({"type": "brand_new_event", "user": "U0ANA"}, "1700000000.000100")
    assert (await world.handled(told)).outcome.startswith("ignored:")
    assert await world.state(told) == "ignored"


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'{"a": NaN}', b"\xff"])
async def test_a_body_that_cannot_be_read_is_a_permanent_failure(world, body):
    event = await world.store_event("clickup", "taskCreated", "task:t1", body)
    with pytest.raises(PermanentFailure):
        await world.handled(event)


async def test_a_purged_body_cannot_be_replayed(world):
    event = await world.tell_clickup("taskCreated")
    await world.run("UPDATE inbound_events SET body = NULL")
    with pytest.raises(PermanentFailure, match="body_purged"):
        await world.handled(event)


async def test_nothing_is_stored_when_clickup_is_away(world):
    world.clickup.failure = DependencyUnavailable("clickup_unavailable", "away")
    event = await world.tell_clickup("taskCreated")
    with pytest.raises(DependencyUnavailable):
        await world.handled(event)
    assert await world.state(event) == "received"
    assert await world.effects() == []


async def test_events_of_a_suspended_tenant_wait_until_it_is_active_again(world):
    world.put_task()
    event = await world.tell_clickup("taskCreated")
    await world.run("UPDATE tenants SET state = 'suspended'")
    with pytest.raises(TenantSuspended):
        await world.handled(event)
    assert (await world.state(event), await world.effects()) == ("received", [])
    await world.run("UPDATE tenants SET state = 'active'")
    await world.handled(event)
    assert await world.effects() == ["slack.post_task"]


async def test_a_task_found_by_reading_is_shown_when_it_changed_since_its_list_was_linked(world):
    world.put_task("old", updated_at_ms=1_000)
    world.put_task("new", updated_at_ms=9_999_999_999_999)
    outcomes = [
        (await world.handled(await world.tell_clickup("taskUpdated", name, transport="gap"))).outcome
        for name in ("old", "new")
    ]
    assert outcomes == ["unchanged", "mirrored"]
    assert await world.effects() == ["slack.post_task"]


async def test_the_stored_text_pings_nobody(world):
    world.put_task(name="<!channel> hi", description_markdown="@here and <@U1>")
    await world.handled(await world.tell_clickup("taskCreated"))
    (row,) = await world.rows("SELECT payload FROM outbox")
    assert "<!channel>" not in json.dumps(row["payload"])


async def test_a_task_that_clickup_does_not_show_yet_is_waited_for(world):
    created, changed = await world.tell_clickup("taskCreated"), await world.tell_clickup("taskUpdated")
    for event in (created, changed):
        with pytest.raises(NotYetVisible):
            await world.handled(event)
    assert [await world.state(event) for event in (created, changed)] == ["received", "received"]
    world.put_task()
    assert (await world.handled(created)).outcome == "mirrored"


async def test_a_task_that_never_shows_is_ignored_and_ends_no_other_event(world):
    created, changed = await world.tell_clickup("taskCreated"), await world.tell_clickup("taskUpdated")
    world.clock.ahead = timedelta(minutes=2)
    assert (await world.handled(created)).outcome == "ignored:not_linked"
    assert await world.state(changed) == "received"


async def test_a_deletion_told_late_does_not_hide_a_restored_task(world):
    await world.shown_task()
    event = await world.tell_clickup("taskDeleted")
    world.clock.ahead = timedelta(minutes=2)
    assert (await world.handled(event)).outcome == "unchanged"
    assert await world.effects() == []


async def test_a_deletion_that_clickup_does_not_show_yet_is_waited_for(world):
    await world.shown_task()
    event = await world.tell_clickup("taskDeleted")
    with pytest.raises(NotYetVisible):
        await world.handled(event)
    del world.clickup.tasks["t1"]
    assert (await world.handled(event)).outcome == "mirrored"


async def test_the_deletion_of_a_task_that_was_never_shown_is_ignored_at_once(world):
    assert (await world.handled(await world.tell_clickup("taskDeleted"))).outcome == "ignored:not_linked"
