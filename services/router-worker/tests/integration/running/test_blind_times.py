"""After a time in which nothing was told, what happened is found and shows once."""

import json

from oblivion_platform.testing import eventually


async def shown(path, task_id):
    return len(await path.rows("SELECT 1 FROM task_mappings WHERE clickup_task_id = :t", t=task_id))


async def webhook(path):
    (found,) = await path.clickup.webhooks()
    return found


async def started(path, worker):
    """The first look only notes that all is well."""

    async def all_seen():
        rows = await path.rows("SELECT seen_until, health FROM integrations")
        assert all(row["seen_until"] for row in rows)
        assert {row["health"]["status"] for row in rows} == {"ok"}

    await eventually(all_seen)


async def test_a_suspended_webhook_is_woken_and_the_gap_filled_once(path):
    async with path.worker() as worker:
        await started(path, worker)
        before = await path.clickup.create_task(path.list_id, "Told")
        await path.message_of(before["id"])
        await path.clickup.change_webhook((await webhook(path))["id"], status="suspended")
        missed = await path.clickup.create_task(path.list_id, "Missed")
        await path.clickup.comment(before["id"], "missed comment", user="ben")
        await path.settled()
        assert await shown(path, missed["id"]) == 0

        await worker.watchdog()
        root = await path.message_of(missed["id"])
        assert "Missed" in root["text"]
        await path.settled()
        thread = await path.thread((await path.message_of(before["id"]))["ts"])
        assert [("missed comment" in m["text"]) for m in thread] == [True]
        assert (await webhook(path))["health"]["status"] == "active"

        await worker.watchdog()
        await path.settled()
        titles = [message["text"] for message in await path.thread()]
        assert [sum(name in title for title in titles) for name in ("Told", "Missed")] == [1, 1]
        told_again = await path.clickup.create_task(path.list_id, "Told again")
        await path.message_of(told_again["id"])


async def gone_quiet(path):
    """Nobody has worked on any of the tasks for a month."""
    await path.run("UPDATE task_mappings SET updated_at = now() - interval '30 days'")
    await path.run("UPDATE mirror_events SET updated_at = now() - interval '30 days'")


TURN_IS_OVER = """UPDATE integrations SET health = health || '{"turn": "~"}'"""
"""Whatever is looked into in turn has its turn only after the next reading."""
READING_IS_DUE = "UPDATE integrations SET seen_until = seen_until - interval '1 hour'"


async def test_quiet_tasks_that_were_deleted_or_moved_unheard_are_found_and_comments_in_their_turn(path):
    async with path.worker(gap_overlap_s=0) as worker:
        await started(path, worker)
        tasks = [await path.clickup.create_task(path.list_id, name) for name in ("One", "Two", "Three")]
        roots = [await path.message_of(task["id"]) for task in tasks]
        await path.settled()
        await gone_quiet(path)
        await path.run(TURN_IS_OVER)
        await path.run("UPDATE integrations SET seen_until = clock_timestamp()")
        await path.clickup.change_webhook((await webhook(path))["id"], status="suspended")
        gone, moved, discussed = (task["id"] for task in tasks)
        await path.clickup.delete_task(gone)
        await path.clickup.move_task(moved, await path.clickup.add_list("Elsewhere"))
        await path.clickup.comment(discussed, "unheard comment", user="ben")
        await path.settled()

        await worker.watchdog()
        await path.settled()
        assert "Deleted in ClickUp" in json.dumps(await path.message_of(gone))
        assert "Moved away in ClickUp" in json.dumps(await path.message_of(moved))
        assert await path.message_of(discussed) == roots[2]

        await path.run(READING_IS_DUE)
        await worker.watchdog()
        await path.settled()
        thread = await path.thread(roots[2]["ts"])
        assert ["unheard comment" in message["text"] for message in thread] == [True]


async def test_a_reply_in_a_thread_that_was_quiet_for_weeks_is_found(path):
    async with path.worker() as worker:
        await started(path, worker)
        task = await path.clickup.create_task(path.list_id, "Ship it")
        root = await path.message_of(task["id"])
        await path.settled()
        await gone_quiet(path)
        await path.run(TURN_IS_OVER)
        await path.slack.misbehave("message*", "lose")
        await path.slack.post(path.channel, "#clickup unheard", user="ana", thread_ts=root["ts"])
        await path.settled()
        await path.slack.behave()

        await path.run(READING_IS_DUE)
        await worker.watchdog()
        await path.settled()
        assert ["unheard" in c["comment_text"] for c in await path.comments(task["id"])] == [True]


async def test_a_missing_webhook_is_made_again_with_its_own_secret(path):
    async with path.worker(webhook_base_url=path.ingestion_url) as worker:
        await started(path, worker)
        await path.clickup.delete_webhook((await webhook(path))["id"])
        missed = await path.clickup.create_task(path.list_id, "Missed")
        await worker.watchdog()
        await path.message_of(missed["id"])

        new = await webhook(path)
        (row,) = await path.rows("SELECT config FROM integrations WHERE source = 'clickup'")
        assert row["config"]["webhook_id"] == new["id"]
        # What the new webhook tells is accepted: its secret was sealed and stored.
        told = await path.clickup.create_task(path.list_id, "Told")
        await path.message_of(told["id"])


async def test_a_refused_token_is_told_in_the_integration_s_health(path):
    async with path.worker() as worker:
        await started(path, worker)
        owner = await path.clickup.owner()
        await path.clickup.change_user(owner["user"]["username"], token_revoked=True)
        await worker.watchdog()
        (row,) = await path.rows("SELECT health FROM integrations WHERE source = 'clickup'")
        assert row["health"]["status"] == "token_refused"
        assert "oblivion clickup connect" in row["health"]["detail"]


async def test_replies_that_slack_could_not_tell_are_found(path):
    async with path.worker() as worker:
        await started(path, worker)
        task = await path.clickup.create_task(path.list_id, "Ship it")
        root = await path.message_of(task["id"])
        told = await path.slack.post(path.channel, "#clickup told", user="ana", thread_ts=root["ts"])
        gone = await path.slack.post(path.channel, "#clickup gone", user="ana", thread_ts=root["ts"])
        await path.settled()
        assert len(await path.comments(task["id"])) == 2

        await path.slack.misbehave("message*", "lose")
        await path.slack.post(path.channel, "#clickup missed", user="ana", thread_ts=root["ts"])
        await path.slack.edit(path.channel, told["ts"], "#clickup edited")
        await path.slack.delete(path.channel, gone["ts"])
        await path.settled()
        assert not any("missed" in c["comment_text"] for c in await path.comments(task["id"]))

        await path.slack.behave()
        await path.run(READING_IS_DUE)
        await worker.watchdog()
        await path.settled()
        texts = [c["comment_text"] for c in await path.comments(task["id"])]
        assert [("edited" in t, "missed" in t) for t in texts] in ([(True, False), (False, True)],)

        await path.run(READING_IS_DUE)
        await worker.watchdog()
        await path.settled()
        assert len(await path.comments(task["id"])) == 2
        assert len(await path.clickup.comments(task["id"])) == 3


async def test_while_ingestion_is_away_nothing_counts_as_seen(path):
    async with path.worker(ingestion_url="http://127.0.0.1:9") as worker:
        await worker.watchdog()
        rows = await path.rows("SELECT seen_until FROM integrations")
        assert [row["seen_until"] for row in rows] == [None, None]


async def test_a_job_that_redis_lost_is_made_again(path):
    async with path.worker(revive_after_s=0.01) as worker:
        task = await path.clickup.create_task(path.list_id, "Ship it")
        await path.message_of(task["id"])
        await path.settled()
        await path.run("UPDATE inbound_events SET state = 'received', processed_at = NULL")
        await worker.revive_jobs()
        await path.settled()
        assert len(await path.thread()) == 1


async def test_bodies_past_their_retention_are_removed_and_keys_stay(path):
    async with path.worker() as worker:
        task = await path.clickup.create_task(path.list_id, "Ship it")
        await path.message_of(task["id"])
        await path.settled()
        await path.run(
            "UPDATE inbound_events SET received_at = now() - interval '31 days'"
            " WHERE event_type = 'taskCreated'"
        )
        await worker.purge_bodies()
        rows = await path.rows("SELECT event_type, body IS NULL AS purged, dedupe_key FROM inbound_events")
        assert {row["purged"] for row in rows if row["event_type"] == "taskCreated"} == {True}
        assert {row["purged"] for row in rows if row["event_type"] != "taskCreated"} == {False}
        assert all(row["dedupe_key"] for row in rows)
