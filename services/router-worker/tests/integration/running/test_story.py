"""A task appears in Slack, its thread comes back, edits and deletions follow, and nothing echoes."""

from oblivion_platform.testing import eventually

DUE_S = 1_800_000_000


def words(comment):
    return comment["comment_text"]


async def test_the_whole_story(path):
    async with path.worker():
        task = await path.clickup.create_task(
            path.list_id,
            "Ship it",
            description="for @AI_Squad",
            assignees=["ben"],
            due_date=DUE_S * 1000,
            priority=2,
            status="in progress",
        )
        message = await path.message_of(task["id"])
        shown = str(message["blocks"])
        facts = ("Ship it", "for @AI_Squad", "ben", f"<!date^{DUE_S}^", "high", "in progress")
        assert [fact for fact in (*facts, f"<{task['url']}|") if fact not in shown] == []

        await path.clickup.update_task(task["id"], name="Ship it today", status="review")

        async def follows():
            now = str((await path.message_of(task["id"]))["blocks"])
            assert "Ship it today" in now
            assert "review" in now
            assert "in progress" not in now

        await eventually(follows)

        reply = await path.slack.post(path.channel, "on it #clickup", user="ana", thread_ts=message["ts"])
        await path.slack.post(path.channel, "between us", user="ana", thread_ts=message["ts"])

        async def copied():
            texts = [words(comment) for comment in await path.comments(task["id"])]
            assert len(texts) == 1
            assert "on it" in texts[0]
            assert "ana in Slack" in texts[0]

        await eventually(copied)

        comment = await path.clickup.comment(task["id"], "well done", user="ben")

        async def answered():
            texts = [m["text"] for m in await path.thread(message["ts"])]
            assert any("well done" in text for text in texts)

        await eventually(answered)

        await path.slack.edit(path.channel, reply["ts"], "done #clickup")
        await path.clickup.edit_comment(comment["id"], "very well done", user="ben")
        await path.settled()
        assert ["done" in words(c) for c in await path.comments(task["id"])][:1] == [True]
        assert any("very well done" in m["text"] for m in await path.thread(message["ts"]))

        await path.slack.delete(path.channel, reply["ts"])
        await path.settled()
        # The person's comment alone is left; the thread holds once what people and we wrote.
        assert [words(c) for c in await path.comments(task["id"])] == ["very well done"]
        assert len(await path.thread(message["ts"])) == 2
        assert len(await path.thread()) == 1

        await path.clickup.delete_task(task["id"])
        await path.settled()
        assert "Deleted" in (await path.message_of(task["id"]))["text"]


async def test_nothing_echoes_where_everything_is_copied_both_ways(path):
    everything = '{"filter": {"kind": "all"}, "mirror_comments": true}'
    await path.run("UPDATE project_mappings SET options = CAST(:o AS jsonb)", o=everything)
    async with path.worker():
        task = await path.clickup.create_task(path.list_id, "Ship it")
        root = (await path.message_of(task["id"]))["ts"]
        for number in range(3):
            await path.slack.post(path.channel, f"said in Slack {number}", user="ana", thread_ts=root)
            await path.clickup.comment(task["id"], f"said in ClickUp {number}", user="ben")
        await path.settled()
        for texts in (
            [words(comment) for comment in await path.comments(task["id"])],
            [message["text"] for message in await path.thread(root)],
        ):
            said = [f"said in {place} {number}" for place in ("Slack", "ClickUp") for number in range(3)]
            assert [sum(each in text for text in texts) for each in said] == [1] * 6
            assert len(texts) == 6
        assert len(await path.thread()) == 1
