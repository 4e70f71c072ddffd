"""files.*: uploads in two steps, as the only way that Slack still has."""

from oblivion_sandbox.json_values import as_objects
from oblivion_sandbox.slack.api.chat import authorship, writable_channel
from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.files import AT
from oblivion_sandbox.slack.messages import TS, Draft
from oblivion_sandbox.slack.text import as_stored
from oblivion_sandbox.store import Json


def get_upload_url(call: Call) -> Json:
    name = call.required("filename")
    length = call.text("length")
    if not (length.isascii() and length.isdigit()) or int(length) == 0:
        raise SlackError("invalid_arguments")
    file_id = call.slack.files.announce(name, int(length))
    return {"ok": True, "file_id": file_id, "upload_url": f"{call.base_url}{AT}/{file_id}/upload"}


def complete_upload(call: Call) -> Json:
    """Share one uploaded file in a channel or thread; the answer has no ts, as in Slack."""
    given = as_objects(call.parsed("files"))
    if len(given) != 1:
        raise SlackError("invalid_arguments")
    channel = writable_channel_of(call)
    thread_ts = call.text("thread_ts") or None
    if thread_ts is not None and not TS.match(thread_ts):
        raise SlackError("invalid_thread_ts")
    body = authorship(call) | {"text": as_stored(call.text("initial_comment"))}
    draft = Draft(channel, call.slack.app.bot_user_id, body, thread_ts)
    file = call.slack.files.share(
        str(given[0].get("id", "")), str(given[0].get("title") or ""), draft, call.base_url
    )
    return {"ok": True, "files": [file]}


def writable_channel_of(call: Call) -> str:
    """The channel that the file goes to, under the name that this method has for it."""
    return writable_channel(Call(call.slack, {"channel": call.text("channel_id")}, call.base_url))["id"]
