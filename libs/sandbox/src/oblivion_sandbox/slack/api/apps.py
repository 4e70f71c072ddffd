"""apps.*: the way into Socket Mode."""

from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json


def connections_open(call: Call) -> Json:
    """Hand out a WebSocket address that works once."""
    if not call.slack.app.socket_mode:
        raise SlackError("socket_mode_not_enabled")
    ticket = call.slack.sockets.issue_ticket()
    host = call.base_url.replace("http", "ws", 1)
    return {"ok": True, "url": f"{host}/slack/link?ticket={ticket}&app_id={call.slack.app.app_id}"}
