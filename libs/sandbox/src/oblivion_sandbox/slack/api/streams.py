"""chat.startStream, chat.appendStream, chat.stopStream: an answer as it is written."""

from oblivion_sandbox.slack.api.assistants import STATUSES
from oblivion_sandbox.slack.api.chat import authorship, checked_metadata, writable_channel
from oblivion_sandbox.slack.blocks import check_blocks
from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import TS, Draft
from oblivion_sandbox.slack.streams import Addition
from oblivion_sandbox.slack.workspace import is_dm
from oblivion_sandbox.store import Json, Row


def start(call: Call) -> Json:
    channel = writable_channel(call)
    thread_ts = call.required("thread_ts", "invalid_thread_ts")
    if not TS.match(thread_ts):
        raise SlackError("invalid_thread_ts")
    if not is_dm(channel["id"]):
        _check_recipient(call)
    mode = call.text("task_display_mode", "timeline")
    if mode not in ("timeline", "plan"):
        raise SlackError("invalid_arguments")
    addition = Addition.of(call.text("markdown_text"), call.parsed("chunks"))
    draft = Draft(channel["id"], call.slack.app.bot_user_id, authorship(call) | {"text": ""}, thread_ts)
    message = call.slack.conversation.start_stream(draft, addition, plan=mode == "plan")
    return {"ok": True, "channel": channel["id"], "ts": message["ts"]}


def append(call: Call) -> Json:
    channel, row = _streamed(call)
    addition = Addition.of(call.text("markdown_text"), call.parsed("chunks"))
    if not addition.chunks:
        raise SlackError("no_text")
    call.slack.streams.add(channel["id"], row["ts"], addition)
    return {"ok": True, "channel": channel["id"], "ts": row["ts"]}


def stop(call: Call) -> Json:
    channel, row = _streamed(call)
    addition = Addition.of(call.text("markdown_text"), call.parsed("chunks"))
    blocks = check_blocks(call.parsed("blocks")) if call.parsed("blocks") else []
    if blocks:
        addition = Addition([*addition.chunks, {"type": "blocks", "blocks": blocks}])
    status = call.text("session_status")
    if status and status not in STATUSES:
        raise SlackError("invalid_status")
    metadata = checked_metadata(call.parsed("metadata"))
    message = call.slack.conversation.finish_stream(row, addition, metadata)
    if status:
        call.slack.sessions.set_status(channel["id"], row["thread_ts"], status)
    return {"ok": True, "channel": channel["id"], "ts": row["ts"], "message": message}


def _check_recipient(call: Call) -> None:
    """In channels Slack wants to know for whom the stream is."""
    if call.required("recipient_team_id", "missing_recipient_team_id") != call.slack.app.team_id:
        raise SlackError("team_not_found")
    call.slack.workspace.user(call.required("recipient_user_id", "missing_recipient_user_id"))


def _streamed(call: Call) -> tuple[Row, Row]:
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    row = call.slack.messages.get(channel["id"], call.required("ts", "message_not_found"))
    if row["author"] != call.slack.app.bot_user_id:
        raise SlackError("message_not_owned_by_app")
    return channel, row
