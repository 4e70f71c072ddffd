"""An answer too long for messages: its beginning in the run's message, the whole as a file behind it."""

import aiohttp
import pytest

from oblivion_platform.testing import eventually

ANSWER = (
    "\n\n".join(f"Paragraph {n}: **roses** are red & violets are blue." for n in range(400)) + "\n\nthe end"
)


async def answered(path, squad, talk, words=ANSWER):
    await squad.online("general")
    asked = await talk.ask("write a saga")
    run = await squad.assigned()
    await squad.acknowledge(run)
    await squad.complete(run, words)
    await talk.said(asked, "Paragraph 0")
    await path.settled()
    return run, await talk.said(asked, "Paragraph 0")


async def content(message):
    (file,) = message["files"]
    async with aiohttp.ClientSession() as session, session.get(file["url_private"]) as opened:
        return await opened.text()


async def test_a_long_answer_begins_in_the_message_and_is_whole_in_a_file(path, squad, talk):
    async with path.worker():
        run, (beginning, shared) = await answered(path, squad, talk)
        assert "The whole answer is in the file below" in str(beginning["blocks"])
        assert "the end" not in str(beginning)
        assert shared["files"][0]["name"] == f"answer-{run.id}.md"
        assert await content(shared) == ANSWER


async def test_an_answer_of_two_messages_needs_no_file(path, squad, talk):
    async with path.worker():
        words = ANSWER[:9_500] + " the end"
        _, messages = await answered(path, squad, talk, words)
        assert len(messages) == 2
        assert "the end" in str(messages[-1]["blocks"])
        assert not any(message.get("files") for message in messages)


@pytest.mark.parametrize("action", ["http_500_before", "http_500_after", "cut_after"])
async def test_a_lost_answer_makes_no_second_file(path, squad, talk, action):
    await path.slack.misbehave("files.completeUploadExternal", action, times=1)
    async with path.worker(http_timeout_s=0.5):
        _, (_, shared) = await answered(path, squad, talk)
        assert await content(shared) == ANSWER


async def test_where_slack_takes_no_file_it_is_said_where_the_answer_is(path, squad, talk):
    app = await path.slack.app()
    await path.slack.change_app(scopes=[scope for scope in app["scopes"] if scope != "files:write"])
    async with path.worker():
        run, (_, instead) = await answered(path, squad, talk)
        assert f"oblivion runs show {run.id}" in instead["text"]
        assert "files" not in instead

        async def no_dead_letter():
            assert await path.rows("SELECT 1 FROM outbox WHERE state = 'dead'") == []

        await eventually(no_dead_letter)
