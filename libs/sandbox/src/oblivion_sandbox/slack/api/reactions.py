"""reactions.*: a bot's emoji on a message."""

import re

from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json, Row

_EMOJI = re.compile(r"^[a-z0-9_+'-]{1,100}(?:::skin-tone-[2-6])?$")


def add(call: Call) -> Json:
    row, name = _target(call)
    call.slack.conversation.react(row, name, call.slack.app.bot_user_id)
    return {"ok": True}


def remove(call: Call) -> Json:
    row, name = _target(call)
    mine = call.slack.app.bot_user_id
    given = call.slack.messages.reactions(row["channel"], row["ts"])
    if not any(reaction["name"] == name and mine in reaction["users"] for reaction in given):
        raise SlackError("no_reaction")
    call.slack.conversation.unreact(row, name, mine)
    return {"ok": True}


def _target(call: Call) -> tuple[Row, str]:
    name = call.required("name", "invalid_name")
    if not _EMOJI.match(name):
        raise SlackError("invalid_name")
    channel = call.slack.workspace.channel(call.required("channel", "channel_not_found"))
    if not call.slack.workspace.is_member(channel["id"], call.slack.app.bot_user_id):
        raise SlackError("not_in_channel")
    return call.slack.messages.get(channel["id"], call.required("timestamp", "no_item_specified")), name
