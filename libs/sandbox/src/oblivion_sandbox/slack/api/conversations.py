"""conversations.*: channels, and what was said in them."""

import base64
import binascii

from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import Window
from oblivion_sandbox.slack.workspace import is_dm
from oblivion_sandbox.store import Json, Row


def page(cursor: str) -> Json:
    """The `response_metadata` of an answer; an empty cursor says that nothing follows."""
    return {"next_cursor": base64.b64encode(cursor.encode()).decode() if cursor else ""}


def position(call: Call, kind: str) -> str:
    """What the cursor of a call points to, or an empty string when it has none.

    Raises:
        SlackError: invalid_cursor: it is none of ours, or another method's.
    """
    try:
        cursor = base64.b64decode(call.text("cursor"), validate=True).decode()
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
    found, _, where = cursor.partition(":")
    if cursor and (found != kind or not where.isascii()):
        raise SlackError("invalid_cursor")
    return where


def offset(call: Call) -> int:
    """How many entries of a list the cursor of a call has passed."""
    where = position(call, "at")
    if where and not where.isdigit():
        raise SlackError("invalid_cursor")
    return int(where or 0)


def list_all(call: Call) -> Json:
    return _page_of(call, _wanted(call))


def list_own(call: Call) -> Json:
    """Those that the app takes part in."""
    if call.text("user") not in ("", call.slack.app.bot_user_id):
        raise SlackError("user_not_found")
    own = call.slack.app.bot_user_id
    is_member = call.slack.workspace.is_member
    return _page_of(call, [channel for channel in _wanted(call) if is_member(channel["id"], own)])


def _wanted(call: Call) -> list[Row]:
    wanted = call.text("types", "public_channel").split(",")
    channels = call.slack.workspace.channels() if "public_channel" in wanted else []
    return channels + (call.slack.workspace.dms() if "im" in wanted else [])


def _page_of(call: Call, channels: list[Row]) -> Json:
    limit = call.number("limit", 100, 1000)
    if call.flag("exclude_archived"):
        channels = [channel for channel in channels if not channel["archived"]]
    start = offset(call)
    rows = channels[start : start + limit]
    following = f"at:{start + limit}" if len(channels) > start + limit else ""
    found = [call.slack.workspace.channel_json(row) for row in rows]
    return {"ok": True, "channels": found, "response_metadata": page(following)}


def info(call: Call) -> Json:
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    return {"ok": True, "channel": call.slack.workspace.channel_json(channel)}


def open_dm(call: Call) -> Json:
    """The direct conversation with a person; more than one person would be a group, which is not here."""
    if call.text("channel"):
        channel = call.slack.workspace.channel(call.text("channel"))
        user = call.slack.workspace.dm_user(channel["id"])
        if user is None:
            raise SlackError("channel_not_found")
    else:
        users = [name for name in call.required("users", "users_list_not_supplied").split(",") if name]
        if len(users) != 1:
            raise SlackError("method_not_supported_for_channel_type")
        user = call.slack.workspace.user(users[0])["id"]
    known = user in {row["user"] for row in call.slack.workspace.dms()}
    row = call.slack.workspace.channel(call.slack.workspace.dm(user))
    whole = call.slack.workspace.channel_json(row) if call.flag("return_im") else {"id": row["id"]}
    return {"ok": True, "channel": whole, **({"no_op": True, "already_open": True} if known else {})}


def members(call: Call) -> Json:
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    return {
        "ok": True,
        "members": call.slack.workspace.members(channel["id"]),
        "response_metadata": page(""),
    }


def join(call: Call) -> Json:
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    if channel["archived"]:
        raise SlackError("is_archived")
    already = call.slack.workspace.is_member(channel["id"], call.slack.app.bot_user_id)
    call.slack.conversation.join(channel["id"], call.slack.app.bot_user_id)
    answer: Json = {"ok": True, "channel": call.slack.workspace.channel_json(channel)}
    return answer | ({"warning": "already_in_channel"} if already else {})


def history(call: Call) -> Json:
    channel = _readable_channel(call)
    window = _window(call, 100)
    cursor = position(call, "before")
    if cursor:
        window = Window(window.oldest, cursor, inclusive=False, limit=window.limit)
    rows, more = call.slack.messages.history(channel["id"], window)
    metadata = call.flag("include_all_metadata")
    return {
        "ok": True,
        "messages": [call.slack.messages.render(row, metadata=metadata) for row in rows],
        "has_more": more,
        "pin_count": 0,
        "channel_actions_ts": None,
        "channel_actions_count": 0,
        "response_metadata": page(f"before:{rows[-1]['ts']}" if more else ""),
    }


def replies(call: Call) -> Json:
    channel = _readable_channel(call)
    window = _window(call, 1000)
    cursor = position(call, "after")
    if cursor:
        window = Window(cursor, window.latest, inclusive=False, limit=window.limit)
    rows, more = call.slack.messages.thread(channel["id"], call.required("ts", "thread_not_found"), window)
    metadata = call.flag("include_all_metadata")
    return {
        "ok": True,
        "messages": [call.slack.messages.render(row, metadata=metadata) for row in rows],
        "has_more": more,
        "response_metadata": page(f"after:{rows[-1]['ts']}" if more else ""),
    }


def _readable_channel(call: Call) -> Row:
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    if not call.slack.workspace.is_member(channel["id"], call.slack.app.bot_user_id):
        raise SlackError("not_in_channel")
    if is_dm(channel["id"]) and "im:history" not in call.slack.app.scopes:
        raise SlackError("missing_scope", needed="im:history", provided=",".join(call.slack.app.scopes))
    return channel


def _window(call: Call, default_limit: int) -> Window:
    return Window(
        oldest=_moment(call, "oldest", "0"),
        latest=_moment(call, "latest", Window.latest),
        inclusive=call.flag("inclusive"),
        limit=call.number("limit", default_limit, 999),
    )


def _moment(call: Call, name: str, default: str) -> str:
    """A timestamp argument in the form of a ts, so that text order is time order."""
    seconds, _, fraction = call.text(name, default).partition(".")
    if not seconds.isascii() or not seconds.isdigit() or (fraction and not fraction.isdigit()):
        raise SlackError(f"invalid_ts_{name}")
    return f"{seconds}.{fraction:0<6}" if seconds != "0" else "0"
