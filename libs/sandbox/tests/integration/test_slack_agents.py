"""Agent sessions, statuses, streams and direct conversations, as slack_sdk speaks of them."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import MarkdownTextChunk, PlanUpdateChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_sandbox.testing import RunningSandbox


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return refused.value.response.data["error"]


async def a_thread(sandbox: RunningSandbox) -> dict[str, str]:
    """A question in #launch: where a stream would answer, and for whom."""
    root = await sandbox.control.slack.post("launch", "question")
    app = await sandbox.control.slack.app()
    users = await sandbox.control.slack.users()
    channel = (await sandbox.control.slack.channels())["launch"]
    return {
        "channel": channel,
        "thread_ts": root["ts"],
        "recipient_user_id": users["you"],
        "recipient_team_id": app["team_id"],
    }


async def test_a_stream_grows_and_becomes_the_message(sandbox: RunningSandbox, slack: AsyncWebClient):
    place = await a_thread(sandbox)
    begun = await slack.chat_startStream(**place, markdown_text="**Hello** ")
    await slack.chat_appendStream(channel=place["channel"], ts=begun["ts"], markdown_text="wor")
    await slack.chat_appendStream(channel=place["channel"], ts=begun["ts"], markdown_text="ld")
    growing = (await sandbox.control.slack.thread("launch", place["thread_ts"]))[0]
    ended = await slack.chat_stopStream(
        channel=place["channel"],
        ts=begun["ts"],
        markdown_text="!",
        blocks=[{"type": "divider"}],
        metadata={"event_type": "e", "event_payload": {}},
        session_status="active",
    )
    assert growing["text"] == "**Hello** world"
    assert ended["message"]["text"] == "**Hello** world!"
    assert [block["type"] for block in ended["message"]["blocks"]] == ["markdown", "divider"]
    assert ended["message"]["metadata"]["event_type"] == "e"
    assert await sandbox.control.slack.session_status("launch", place["thread_ts"]) == "active"


async def test_the_sdks_own_streamer_works(sandbox: RunningSandbox, slack: AsyncWebClient):
    place = await a_thread(sandbox)
    streamer = await slack.chat_stream(buffer_size=1, **place)
    await streamer.append(markdown_text="one ")
    await streamer.append(markdown_text="two")
    await streamer.stop()
    assert [m["text"] for m in await sandbox.control.slack.thread("launch", place["thread_ts"])] == [
        "one two"
    ]


@pytest.mark.parametrize(
    ("mode", "kinds"), [("timeline", ["task_card", "markdown"]), ("plan", ["plan", "markdown"])]
)
async def test_tasks_show_as_cards_or_as_a_plan(
    sandbox: RunningSandbox, slack: AsyncWebClient, mode: str, kinds: list[str]
):
    place = await a_thread(sandbox)
    begun = await slack.chat_startStream(
        **place,
        task_display_mode=mode,
        chunks=[
            PlanUpdateChunk(title="Three steps"),
            TaskUpdateChunk(id="a", title="Read", status="in_progress", details="page 1. "),
        ],
    )
    await slack.chat_appendStream(
        channel=place["channel"],
        ts=begun["ts"],
        chunks=[
            TaskUpdateChunk(id="a", title="Read all", status="complete", details="page 2."),
            MarkdownTextChunk(text="done"),
        ],
    )
    blocks = (await sandbox.control.slack.thread("launch", place["thread_ts"]))[0]["blocks"]
    card = blocks[0] if mode == "timeline" else blocks[0]["tasks"][0]
    assert [block["type"] for block in blocks] == kinds
    assert (card["title"], card["status"]) == ("Read all", "complete")
    assert card["details"]["elements"][0]["elements"][0]["text"] == "page 1. page 2."


async def test_a_stream_in_a_channel_needs_its_recipient_and_a_thread(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    place = await a_thread(sandbox)
    no_team = {name: value for name, value in place.items() if name != "recipient_team_id"}
    no_user = {name: value for name, value in place.items() if name != "recipient_user_id"}
    assert await refusal(slack.chat_startStream(**no_team)) == "missing_recipient_team_id"
    assert await refusal(slack.chat_startStream(**no_user)) == "missing_recipient_user_id"
    assert await refusal(slack.chat_startStream(**place | {"thread_ts": ""})) == "invalid_thread_ts"
    assert await refusal(slack.chat_startStream(**place | {"thread_ts": "1.000000"})) == "thread_not_found"


async def test_a_chunk_of_more_than_12000_characters_is_too_long(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    place = await a_thread(sandbox)
    begun = await slack.chat_startStream(**place, markdown_text="x" * 12_000)
    more = slack.chat_appendStream(channel=place["channel"], ts=begun["ts"], markdown_text="x" * 12_001)
    empty = slack.chat_appendStream(channel=place["channel"], ts=begun["ts"], markdown_text="")
    odd = slack.chat_appendStream(channel=place["channel"], ts=begun["ts"], chunks=[{"type": "odd"}])
    assert [await refusal(call) for call in (more, empty, odd)] == [
        "msg_too_long",
        "no_text",
        "invalid_chunks",
    ]


async def test_a_stream_dies_and_is_rewritten_by_an_update(sandbox: RunningSandbox, slack: AsyncWebClient):
    await sandbox.control.slack.change_app(stream_life_s=0.0)
    place = await a_thread(sandbox)
    begun = await slack.chat_startStream(**place, markdown_text="half")
    where = {"channel": place["channel"], "ts": begun["ts"]}
    assert (
        await refusal(slack.chat_appendStream(**where, markdown_text="x")) == "message_not_in_streaming_state"
    )
    assert await refusal(slack.chat_stopStream(**where)) == "message_not_in_streaming_state"
    await slack.chat_update(**where, text="whole")
    assert (await sandbox.control.slack.thread("launch", place["thread_ts"]))[0]["text"] == "whole"


async def test_a_running_stream_cannot_be_updated(sandbox: RunningSandbox, slack: AsyncWebClient):
    place = await a_thread(sandbox)
    begun = await slack.chat_startStream(**place, markdown_text="half")
    update = slack.chat_update(channel=place["channel"], ts=begun["ts"], text="x")
    assert await refusal(update) == "streaming_state_conflict"
    plain = await slack.chat_postMessage(channel="launch", text="plain")
    append = slack.chat_appendStream(channel=place["channel"], ts=plain["ts"], markdown_text="x")
    assert await refusal(append) == "message_not_in_streaming_state"


async def test_stop_ends_the_streams_and_tells_the_app(
    sandbox: RunningSandbox, slack: AsyncWebClient, receiver: Any, eventually: Callable[..., Any]
):
    place = await a_thread(sandbox)
    answer = await slack.agents_sessions_setStatus(
        channel_id=place["channel"], thread_ts=place["thread_ts"], status="processing", title="A question"
    )
    begun = await slack.chat_startStream(**place, markdown_text="half")
    await sandbox.control.slack.change_app(request_url=receiver.url)
    stopped = await sandbox.control.slack.stop("launch", place["thread_ts"], user="ana")
    await eventually(lambda: bool(receiver.requests))
    event = receiver.events()[0]
    users = await sandbox.control.slack.users()
    assert (answer["status"], answer["title"]) == ("processing", "A question")
    assert (event["type"], event["user"]) == ("agent_session_stopped", users["ana"])
    assert event["streaming_message_ts"] == stopped == [begun["ts"]]
    append = slack.chat_appendStream(channel=place["channel"], ts=begun["ts"], markdown_text="x")
    assert await refusal(append) == "stopped_by_user"
    # The status is the app's to change.
    assert await sandbox.control.slack.session_status("launch", place["thread_ts"]) == "processing"


async def test_without_the_subscription_a_session_warns(sandbox: RunningSandbox, slack: AsyncWebClient):
    place = await a_thread(sandbox)
    app = await sandbox.control.slack.app()
    others = [name for name in app["subscriptions"] if name != "agent_session_stopped"]
    await sandbox.control.slack.change_app(subscriptions=others)
    where = {"channel_id": place["channel"], "thread_ts": place["thread_ts"]}
    answer = await slack.agents_sessions_setStatus(**where, status="processing")
    assert answer["warning"] == "missing_agent_session_stopped_event_subscription"
    assert await refusal(slack.agents_sessions_setStatus(**where, status="busy")) == "invalid_status"
    await sandbox.control.slack.change_app(scopes=["chat:write"])
    assert await refusal(slack.agents_sessions_setStatus(**where, status="active")) == "not_allowed"


async def test_a_thread_status_passes_with_time_or_with_an_answer(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    place = await a_thread(sandbox)
    where = {"channel_id": place["channel"], "thread_ts": place["thread_ts"]}

    async def shown() -> Any:
        return (await sandbox.control.slack.threads("launch"))["statuses"].get(place["thread_ts"])

    await slack.assistant_threads_setStatus(**where, status="is thinking…", loading_messages=["hm", "well"])
    status = await shown()
    await slack.chat_postMessage(channel="launch", thread_ts=place["thread_ts"], text="answer")
    answered = await shown()
    await sandbox.control.slack.change_app(status_life_s=0.0)
    await slack.assistant_threads_setStatus(**where, status="is thinking…")
    assert (status["status"], status["loading_messages"]) == ("is thinking…", ["hm", "well"])
    assert (answered, await shown()) == (None, None)
    eleven = slack.assistant_threads_setStatus(**where, status="x", loading_messages=["m"] * 11)
    assert await refusal(eleven) == "invalid_arguments"


async def test_suggested_prompts_are_at_most_four(sandbox: RunningSandbox, slack: AsyncWebClient):
    channel = await sandbox.control.slack.dm()
    prompt = {"title": "Summarise", "message": "Summarise #launch"}
    await slack.assistant_threads_setSuggestedPrompts(channel_id=channel, title="Try", prompts=[prompt])
    assert (await sandbox.control.slack.threads(channel))["prompts"] == {"title": "Try", "prompts": [prompt]}
    five = slack.assistant_threads_setSuggestedPrompts(channel_id=channel, prompts=[prompt] * 5)
    assert await refusal(five) == "invalid_arguments"


async def test_a_direct_message_is_told_once_and_without_mention(
    sandbox: RunningSandbox, slack: AsyncWebClient, receiver: Any, eventually: Callable[..., Any]
):
    await sandbox.control.slack.change_app(request_url=receiver.url)
    channel = await sandbox.control.slack.dm("ana")
    await sandbox.control.slack.post(channel, "hello @oblivion", user="ana", typed=True)
    await eventually(lambda: bool(receiver.requests))
    await sandbox.control.slack.delivered()
    users = await sandbox.control.slack.users()
    assert [(e["type"], e["channel_type"], e["channel"]) for e in receiver.events()] == [
        ("message", "im", channel)
    ]
    assert receiver.events()[0]["user"] == users["ana"]


async def test_the_app_opens_and_reads_direct_conversations(sandbox: RunningSandbox, slack: AsyncWebClient):
    users = await sandbox.control.slack.users()
    opened = await slack.conversations_open(users=users["ben"])
    channel = opened["channel"]["id"]
    by_user = await slack.chat_postMessage(channel=users["ben"], text="psst")
    info = await slack.conversations_info(channel=channel)
    listed = await slack.conversations_list(types="im")
    history = await slack.conversations_history(channel=channel)
    public = await slack.conversations_list()
    assert channel.startswith("D")
    assert by_user["channel"] == channel
    assert (info["channel"]["is_im"], info["channel"]["user"]) == (True, users["ben"])
    assert [each["id"] for each in listed["channels"]] == [channel]
    assert [message["text"] for message in history["messages"]] == ["psst"]
    assert all(not each["id"].startswith("D") for each in public["channels"])
    assert channel not in (await sandbox.control.slack.channels()).values()
    assert await refusal(slack.conversations_open(users="U0,U1")) == "method_not_supported_for_channel_type"


async def test_a_stream_in_a_direct_conversation_needs_no_recipient(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    channel = await sandbox.control.slack.dm()
    asked = await sandbox.control.slack.post(channel, "hi")
    begun = await slack.chat_startStream(channel=channel, thread_ts=asked["ts"], markdown_text="hello")
    await slack.chat_stopStream(channel=channel, ts=begun["ts"])
    assert [m["text"] for m in await sandbox.control.slack.thread(channel, asked["ts"])] == ["hello"]


async def test_a_session_keeps_its_status_and_takes_a_new_title(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    place = await a_thread(sandbox)
    await slack.agents_sessions_setStatus(
        channel_id=place["channel"], thread_ts=place["thread_ts"], status="suspended"
    )
    await slack.agents_sessions_rename(
        channel_id=place["channel"], thread_ts=place["thread_ts"], title="Renamed"
    )
    sessions = (await sandbox.control.slack.threads("launch"))["sessions"]
    assert [(each["status"], each["title"]) for each in sessions] == [("suspended", "Renamed")]
