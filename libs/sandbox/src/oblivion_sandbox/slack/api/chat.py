"""chat.*: what a bot says. Errors and limits as in Slack's reference of each method."""

from oblivion_sandbox.slack.blocks import check_blocks
from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import TS, Draft
from oblivion_sandbox.slack.text import as_stored
from oblivion_sandbox.store import Json, Row

TEXT_MOST_CHARACTERS = 40_000
UPDATE_MOST_CHARACTERS = 4_000
METADATA_MOST_BYTES = 16_000


def post_message(call: Call) -> Json:
    channel = writable_channel(call)
    thread_ts = call.text("thread_ts") or None
    if thread_ts is not None and not TS.match(thread_ts):
        raise SlackError("invalid_thread_ts")
    body = authorship(call) | _content(call, TEXT_MOST_CHARACTERS)
    if "metadata" in call.arguments and (metadata := checked_metadata(call.parsed("metadata"))):
        body["metadata"] = metadata
    draft = Draft(
        channel["id"],
        call.slack.app.bot_user_id,
        body,
        thread_ts,
        broadcast=thread_ts is not None and call.flag("reply_broadcast"),
    )
    message = call.slack.conversation.post(draft)
    return {"ok": True, "channel": channel["id"], "ts": message["ts"], "message": message}


def update(call: Call) -> Json:
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    row = call.slack.messages.get(channel["id"], call.required("ts", "message_not_found"))
    if row["author"] != call.slack.app.bot_user_id:
        raise SlackError("cant_update_message")
    if call.slack.streams.is_running(channel["id"], row["ts"]):
        raise SlackError("streaming_state_conflict")
    changes = _content(call, UPDATE_MOST_CHARACTERS, blocks_may_stay=True)
    if "metadata" in call.arguments:
        changes["metadata"] = checked_metadata(call.parsed("metadata")) or None
    message = call.slack.conversation.edit(row, changes, call.slack.app.bot_user_id)
    return {
        "ok": True,
        "channel": channel["id"],
        "ts": row["ts"],
        "text": message.get("text", ""),
        "message": message,
    }


def delete(call: Call) -> Json:
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    row = call.slack.messages.get(channel["id"], call.required("ts", "message_not_found"))
    if row["author"] != call.slack.app.bot_user_id:
        raise SlackError("cant_delete_message")
    call.slack.conversation.delete(row)
    return {"ok": True, "channel": channel["id"], "ts": row["ts"]}


def post_ephemeral(call: Call) -> Json:
    channel = writable_channel(call)
    user = call.slack.workspace.user(call.required("user", "user_not_in_channel"))
    if not call.slack.workspace.is_member(channel["id"], user["id"]):
        raise SlackError("user_not_in_channel")
    body = authorship(call) | _content(call, TEXT_MOST_CHARACTERS)
    if thread_ts := call.text("thread_ts"):
        body["thread_ts"] = thread_ts
    ts = call.slack.conversation.post_ephemeral(channel["id"], user["id"], body)
    return {"ok": True, "message_ts": ts}


def get_permalink(call: Call) -> Json:
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    row = call.slack.messages.get(channel["id"], call.required("message_ts", "message_not_found"))
    link = f"{call.base_url}/slack/archives/{channel['id']}/p{row['ts'].replace('.', '')}"
    if row["thread_ts"] is not None:
        link += f"?thread_ts={row['thread_ts']}&cid={channel['id']}"
    return {"ok": True, "channel": channel["id"], "permalink": link}


def writable_channel(call: Call) -> Row:
    """The channel of a call that posts.

    Raises:
        SlackError: channel_not_found, is_archived or not_in_channel.
    """
    named = call.required("channel", "channel_not_found")
    if named.startswith(("U", "W")) and named != call.slack.app.bot_user_id:
        named = call.slack.workspace.dm(_person(call, named))
    channel = call.slack.workspace.channel(named)
    if channel["archived"]:
        raise SlackError("is_archived")
    if not call.slack.workspace.is_member(channel["id"], call.slack.app.bot_user_id):
        raise SlackError("not_in_channel")
    return channel


def _person(call: Call, user: str) -> str:
    """A user's id in place of a channel means the direct conversation with them."""
    try:
        return call.slack.workspace.user(user)["id"]
    except SlackError:
        raise SlackError("channel_not_found") from None


def authorship(call: Call) -> Json:
    """Who speaks: the app, or a name that it takes if it may."""
    app = call.slack.app
    body: Json = {"bot_id": app.bot_id, "app_id": app.app_id, "user": app.bot_user_id}
    if username := call.text("username"):
        if "chat:write.customize" not in app.scopes:
            raise SlackError("missing_scope", needed="chat:write.customize", provided=",".join(app.scopes))
        return {"bot_id": app.bot_id, "app_id": app.app_id, "subtype": "bot_message", "username": username}
    body["bot_profile"] = {
        "id": app.bot_id,
        "app_id": app.app_id,
        "user_id": app.bot_user_id,
        "name": "Oblivion",
        "team_id": app.team_id,
        "deleted": False,
    }
    return body


def _content(call: Call, most_characters: int, *, blocks_may_stay: bool = False) -> Json:
    """Text and blocks, checked; an update that names no blocks but a text loses the old ones, as in Slack."""
    text = call.text("text")
    blocks = call.parsed("blocks")
    if markdown := call.text("markdown_text"):
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > 12_000:
            raise SlackError("msg_too_long")
        return {
            "text": as_stored(markdown),
            "blocks": [{"type": "markdown", "text": markdown, "block_id": "md"}],
        }
    stored = as_stored(text)
    if len(stored) > most_characters:
        raise SlackError("msg_too_long")
    content: Json = {"text": stored}
    if blocks:
        content["blocks"] = check_blocks(blocks)
    elif not stored.strip():
        raise SlackError("no_text")
    elif blocks_may_stay:
        content["blocks"] = None
    return content


def checked_metadata(metadata: object) -> Json:
    """Message metadata of the shape that Slack asks for: an event_type and an object.

    Raises:
        SlackError: invalid_metadata_format, metadata_too_large.
    """
    if not metadata:
        return {}
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    known: Json = metadata  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(known.get("event_type"), str) or not isinstance(known.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(str(known)) > METADATA_MOST_BYTES:
        raise SlackError("metadata_too_large")
    return {"event_type": known["event_type"], "event_payload": known["event_payload"]}
