"""agents.sessions.* and assistant.threads.*: what a thread shows of the agent at work in it.

Source: https://docs.slack.dev/ai/agent-sessions
"""

from typing import Any

from oblivion_sandbox.json_values import as_list, as_objects
from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import TS
from oblivion_sandbox.store import Json, Row

STATUSES = frozenset({"active", "processing", "suspended", "closed"})
MOST_TITLE = 200
MOST_LOADING_MESSAGES = 10
MOST_PROMPTS = 4
UNSUBSCRIBED = "missing_agent_session_stopped_event_subscription"


def set_session_status(call: Call) -> Json:
    channel, thread_ts = _thread(call)
    status = call.required("status")
    if status not in STATUSES:
        raise SlackError("invalid_status")
    session = call.slack.sessions.set_status(channel["id"], thread_ts, status, _title(call))
    answer: Json = {"ok": True, "status": session["status"], "agent_status": session["status"]}
    if session["title"]:
        answer["title"] = session["title"]
    if "agent_session_stopped" not in call.slack.app.subscriptions:
        answer |= {"warning": UNSUBSCRIBED, "response_metadata": {"warnings": [UNSUBSCRIBED]}}
    return answer


def rename_session(call: Call) -> Json:
    channel, thread_ts = _thread(call)
    if call.slack.sessions.session(channel["id"], thread_ts) is None:
        raise SlackError("session_not_found")
    call.required("title")
    call.slack.sessions.rename(channel["id"], thread_ts, _title(call))
    return {"ok": True}


def set_thread_status(call: Call) -> Json:
    """A text beside the composer; an empty one clears it, and so does a message or two minutes of silence."""
    channel, thread_ts = _thread(call)
    loading = call.parsed("loading_messages")
    if loading is not None and len(as_list(loading)) > MOST_LOADING_MESSAGES:
        raise SlackError(
            "invalid_arguments", response_metadata={"messages": ["[ERROR] loading_messages: too many"]}
        )
    texts = [str(text) for text in as_list(loading)]
    call.slack.sessions.show_status(channel["id"], thread_ts, call.text("status"), texts)
    return {"ok": True}


def set_thread_title(call: Call) -> Json:
    channel, thread_ts = _thread(call)
    call.required("title")
    call.slack.sessions.rename(channel["id"], thread_ts, _title(call))
    return {"ok": True}


def set_suggested_prompts(call: Call) -> Json:
    channel = _channel(call)
    given: Any = call.parsed("prompts")
    prompts = as_objects(given)
    if not prompts or len(prompts) != len(as_list(given)) or len(prompts) > MOST_PROMPTS:
        raise SlackError(
            "invalid_arguments", response_metadata={"messages": ["[ERROR] prompts: 1 to 4 objects"]}
        )
    if not all(
        isinstance(each.get("title"), str) and isinstance(each.get("message"), str) for each in prompts
    ):
        raise SlackError(
            "invalid_arguments", response_metadata={"messages": ["[ERROR] prompts: title, message"]}
        )
    call.slack.sessions.suggest(channel["id"], call.text("thread_ts"), call.text("title"), prompts)
    return {"ok": True}


def _title(call: Call) -> str:
    title = call.text("title")
    if len(title) > MOST_TITLE:
        raise SlackError("title_too_long")
    return title


def _channel(call: Call) -> Row:
    channel = call.slack.workspace.channel(call.required("channel_id", "channel_not_found"))
    if not call.slack.workspace.is_member(channel["id"], call.slack.app.bot_user_id):
        raise SlackError("not_in_channel")
    if "assistant:write" not in call.slack.app.scopes:
        raise SlackError("not_allowed", detail="the app is not declared as an agent")
    return channel


def _thread(call: Call) -> tuple[Row, str]:
    """The channel and the thread of a call; the thread's root must be there."""
    channel = _channel(call)
    thread_ts = call.required("thread_ts", "invalid_thread_ts")
    if not TS.match(thread_ts):
        raise SlackError("invalid_thread_ts")
    row = call.slack.messages.find(channel["id"], thread_ts)
    if row is None:
        raise SlackError("thread_not_found")
    return channel, row["thread_ts"] or row["ts"]
