"""What of a run was given up, and a person tries again: nothing old comes back over what is newer."""

from oblivion_platform import runs
from oblivion_platform.testing import eventually

RETRY = """
    UPDATE outbox SET state = 'pending', attempts = 0, lease_until = NULL, next_attempt_at = now()
    WHERE state = 'dead'
"""


async def dead(path, kind):
    async def given_up():
        rows = await path.rows("SELECT kind FROM outbox WHERE state = 'dead'")
        assert kind in [row["kind"] for row in rows]

    await eventually(given_up)


async def test_an_answer_that_was_given_up_stands_there_once_after_a_retry(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await talk.said(asked, "Processing")
        await path.settled()
        await path.slack.misbehave("chat.update", "error", code="restricted_action")
        await squad.complete(run, "roses are red")
        await dead(path, "slack.run_answer")
        await path.slack.behave()
        await path.run(RETRY)
        (message,) = await talk.said(asked, "roses are red")
        await path.settled()
        assert "Processing" not in message["text"]


async def test_a_beginning_that_was_given_up_does_not_come_back_behind_the_answer(path, squad, talk):
    await path.slack.misbehave("chat.postMessage", "error", code="restricted_action", times=1)
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        await dead(path, "slack.run_post")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await squad.complete(run, "roses are red")
        await talk.said(asked, "roses are red")
        await path.settled()
        await path.run(RETRY)
        await path.settled()
        (message,) = await talk.said(asked, "roses are red")
        assert "Processing" not in message["text"]
        (begun,) = await path.rows("SELECT result FROM outbox WHERE kind = 'slack.run_post'")
        assert begun["result"] == {"skipped": "answered"}


async def test_progress_that_slack_refuses_is_no_dead_letter(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await talk.said(asked, "Processing")
        await path.settled()
        await path.slack.misbehave("chat.update", "error", code="restricted_action")
        await squad.step(
            lambda tx: runs.progress(tx, run.id, run.fence, percent=20, words="reading", usage=None)
        )

        async def left_out():
            rows = await path.rows(
                "SELECT result FROM outbox WHERE kind = 'slack.run_edit' AND state = 'sent'"
            )
            assert "slack_restricted_action" in [row["result"].get("skipped") for row in rows]

        await eventually(left_out)
        assert await path.rows("SELECT 1 FROM outbox WHERE state = 'dead'") == []
