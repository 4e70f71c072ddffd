"""A run's one message as Slack's own stream: it grows, dies, is refused or lost, and ends as a plain one."""

import json
import time
from contextlib import asynccontextmanager

import pytest

from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.runs import RunState
from oblivion_platform import runs
from oblivion_platform.agents import create_agent
from oblivion_platform.testing import eventually


class Direct:
    """Ana's conversation with the bot."""

    def __init__(self, path, squad, channel):
        self.path, self.squad, self.channel = path, squad, channel

    async def ask(self, words="write a poem"):
        return (await self.path.slack.post(self.channel, words, user="ana"))["ts"]

    async def said(self):
        """What the bot has ever posted, deleted messages too."""
        entries = await self.path.slack.messages(self.channel)
        return [entry["message"] for entry in entries if entry["message"].get("bot_id")]

    async def shows(self, words, *, within_s=30):
        async def found():
            messages = await self.said()
            assert len(messages) == 1
            assert words in str(messages[0]), messages[0]
            return messages[0]

        return await eventually(found, within_s=within_s)

    async def working(self):
        """A run that its agent has acknowledged, and whose message stands there."""
        asked = await self.ask()
        run = await self.squad.assigned()
        await self.squad.acknowledge(run)
        await self.shows(str(run.id))
        return asked, run

    async def progress(self, run, percent, words):
        await self.squad.step(
            lambda tx: runs.progress(tx, run.id, run.fence, percent=percent, words=words, usage=None)
        )

    async def becomes_plain(self, run, answer="roses are red"):
        """The answer is one message without any trace of a stream."""
        await self.squad.complete(run, answer)
        return await self.becomes_plain_with(answer)

    async def becomes_plain_with(self, answer):
        message = await self.shows(answer)
        await self.path.settled()
        (message,) = await self.said()
        assert {block["type"] for block in message["blocks"]} <= {
            "section",
            "context",
            "context_actions",
            "actions",
        }
        assert answer in message["text"]
        assert message["metadata"]["event_payload"]["effect_id"]
        assert (await self.path.rows("SELECT 1 FROM outbox WHERE state = 'dead'")) == []
        return message


@asynccontextmanager
async def direct(path, squad, **settings):
    await squad.online("general")
    async with path.worker(**settings):
        yield Direct(path, squad, await path.slack.dm("ana"))


def plan(message):
    (found,) = [block for block in message["blocks"] if block["type"] == "plan"]
    return found["title"], [(task["title"], task["status"]) for task in found["tasks"]]


async def test_a_direct_question_is_a_stream_of_steps_that_ends_as_one_plain_message(path, squad):
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        await talk.progress(run, 20, "reading <!channel> the *file*")
        first = await talk.shows("the *file*")
        assert "<!channel>" not in str(first)
        await talk.progress(run, 60, "writing")
        message = await talk.shows("60 %")
        title, tasks = plan(message)
        assert title == "Processing… · general is on it · 60 %"
        assert [status for _, status in tasks] == ["complete", "complete", "in_progress"]
        assert tasks[-1][0] == "writing"
        calls = await path.slack.calls()
        assert calls["chat.startStream"] == 1
        assert "chat.update" not in calls
        ended = await talk.becomes_plain(run)
        assert ended["ts"] == message["ts"]
        assert (await path.slack.calls())["chat.stopStream"] == 1


async def test_the_answer_is_the_streams_last_words_before_it_is_a_plain_message(path, squad):
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        await path.settled()
        # The rewriting waits, so that what it rewrites can be seen.
        await path.slack.misbehave("chat.update", "rate_limited", retry_after=2, times=1)
        await squad.complete(run, "roses are **red** <!channel>")
        streamed = await talk.shows("roses are **red**")
        assert "<!channel>" not in str(streamed)
        await talk.becomes_plain_with("roses are *red*")
        assert (await talk.said())[0]["ts"] == streamed["ts"]


@pytest.mark.parametrize("how", ["rate_limited", "http_500_after"])
async def test_where_slack_takes_no_last_words_the_answer_is_there_all_the_same(path, squad, how):
    async with direct(path, squad, http_timeout_s=0.5) as talk:
        _, run = await talk.working()
        message = await talk.shows(str(run.id))
        await path.settled()
        await path.slack.misbehave("chat.appendStream", how)
        ended = await talk.becomes_plain(run)
        assert ended["ts"] == message["ts"]


@pytest.mark.parametrize(
    ("setting", "tenant", "starts"),
    [("direct", None, 0), ("everywhere", None, 1), ("off", "everywhere", 1), ("everywhere", "off", 0)],
)
async def test_channels_have_streams_only_where_somebody_wants_them(
    path, squad, talk, setting, tenant, starts
):
    if tenant is not None:
        await path.run(
            "UPDATE tenants SET settings = settings || CAST(:s AS jsonb)",
            s=json.dumps({"slack_streaming": tenant}),
        )
    async with path.worker(slack_streaming=setting), squad.answering("general", "roses are red"):
        asked = await talk.ask("write a poem")
        await talk.said(asked, "roses are red")
        await path.settled()
        (message,) = await talk.said(asked, "roses are red")
        assert message["text"].startswith("roses")
        assert (await path.slack.calls()).get("chat.startStream", 0) == starts


async def test_where_slack_takes_no_stream_the_message_is_a_plain_one(path, squad):
    await path.slack.misbehave("chat.startStream", "error", code="channel_type_not_supported")
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        assert "Stop" in str(await talk.said())
        await talk.progress(run, 20, "reading")
        await talk.shows("20 %")
        await talk.becomes_plain(run)


async def test_a_rate_limit_on_streams_does_not_hold_up_the_message(path, squad):
    await path.slack.misbehave("chat.startStream", "rate_limited", retry_after=30)
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        await talk.becomes_plain(run)
        assert len(await talk.said()) == 1


async def test_a_stream_that_died_goes_on_under_the_same_ts(path, squad):
    await path.slack.change_app(stream_life_s=0.3)
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        (begun,) = await talk.said()
        await dies(begun, 0.3)
        await talk.progress(run, 20, "reading")
        message = await talk.shows("20 %")
        assert message["ts"] == begun["ts"]
        assert message["text"].startswith("Processing")
        await talk.progress(run, 40, "writing")
        await talk.shows("40 %")
        calls = await path.slack.calls()
        assert calls["chat.appendStream:message_not_in_streaming_state"] == 1
        ended = await talk.becomes_plain(run)
        assert ended["ts"] == begun["ts"]


async def test_a_stream_that_slack_does_not_let_end_keeps_nothing_but_its_own_progress(path, squad):
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        await path.settled()
        for method in ("chat.appendStream", "chat.stopStream"):
            await path.slack.misbehave(method, "error", code="channel_type_not_supported", times=1)
        await talk.progress(run, 20, "reading")

        async def left_out():
            rows = await path.rows("SELECT result FROM outbox WHERE kind = 'slack.run_edit'")
            assert {"skipped": "slack_streaming_state_conflict"} in [row["result"] for row in rows]

        await eventually(left_out)
        await talk.becomes_plain(run)


async def test_a_stream_that_died_unnoticed_becomes_the_answer(path, squad):
    await path.slack.change_app(stream_life_s=0.1)
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        (begun,) = await talk.said()
        await dies(begun, 0.1)
        assert (await talk.becomes_plain(run))["ts"] == begun["ts"]


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize("action", ["http_500_before", "http_500_after", "cut_before", "cut_after"])
async def test_a_lost_answer_makes_no_second_message(path, squad, method, action):
    await path.slack.misbehave(method, action, times=1)
    async with direct(path, squad, http_timeout_s=0.5) as talk:
        _, run = await talk.working()
        await path.settled()
        await talk.progress(run, 20, "reading")
        await talk.shows("reading")
        await talk.becomes_plain(run)
        rows = await path.rows("SELECT result FROM outbox WHERE kind = 'slack.run_post'")
        was_found = method == "chat.startStream" and action.endswith("after")
        assert [row["result"].get("found", False) for row in rows] == [was_found]


async def test_a_worker_that_died_after_the_start_finds_its_stream_again(path, squad):
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        await path.settled()
    # It had begun the stream, and died before it could note the answer.
    await path.run(
        "UPDATE outbox SET state = 'sending', attempts = 1, lease_until = now() - interval '1 second',"
        " result = NULL, sent_at = NULL WHERE kind = 'slack.run_post'"
    )
    await path.run("UPDATE runs SET place = place - 'progress_ts' - 'stream_ts'")
    async with path.worker():

        async def found_again():
            assert (await squad.read(run.id)).place.get("stream_ts")

        await eventually(found_again)
        await talk.progress(run, 20, "reading")
        await talk.shows("20 %")
        await talk.becomes_plain(run)
        assert (await path.slack.calls())["chat.startStream"] == 1


async def test_a_worker_that_died_between_stop_and_answer_ends_the_message_all_the_same(path, squad):
    async with direct(path, squad) as talk:
        _, run = await talk.working()
        await talk.becomes_plain(run)
        (message,) = await talk.said()
        await path.run(
            "UPDATE outbox SET state = 'sending', attempts = 1, lease_until = now() - interval '1 second',"
            " result = NULL, sent_at = NULL WHERE kind = 'slack.run_answer'"
        )
        await path.run(
            "UPDATE runs SET place = place || jsonb_build_object('stream_ts', CAST(:ts AS text))",
            ts=message["ts"],
        )
        await path.settled()
        assert await talk.said() == [message]


async def test_slack_s_own_stop_ends_the_stream_and_the_run(path, squad):
    async with direct(path, squad) as talk:
        asked, run = await talk.working()
        await path.settled()
        stopped = await path.slack.stop(talk.channel, asked, user="ana")
        (message,) = await talk.said()
        assert stopped == [message["ts"]]
        await talk.shows("Stopped by")
        assert (await squad.read(run.id)).state is RunState.CANCELLED


async def test_where_nobody_is_likely_the_stream_becomes_a_message_with_a_menu(path, squad):
    await path.run("UPDATE agents SET state = 'disabled' WHERE name <> 'fixer'")
    async with squad.database.tenant(squad.tenant_id) as tx:
        await create_agent(tx, squad.tenant_id, "tester", AgentDefinition())
    async with path.worker():
        talk = Direct(path, squad, await path.slack.dm("ana"))
        await squad.online("fixer")
        await talk.ask("hm")
        message = await talk.shows("Who should do this")
        await path.settled()
        options = message["blocks"][1]["elements"][0]["options"]
        chosen = next(option["value"] for option in options if option["value"].endswith("|fixer"))
        await path.slack.press(talk.channel, message["ts"], "oblivion:choose_agent", user="ana", value=chosen)
        run = await squad.assigned()
        await squad.acknowledge(run)
        assert (await talk.becomes_plain(run))["ts"] == message["ts"]


async def dies(message, life_s):
    async def is_over():
        assert time.time() > float(message["ts"]) + life_s

    await eventually(is_over)
