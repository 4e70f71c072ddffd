"""Slack's error codes as failures that say what happens next.

Source: the error lists of https://docs.slack.dev/reference/methods/chat.postMessage and its neighbours.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from slack_sdk.errors import SlackApiError

from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    OblivionFailure,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)

DEFAULT_WAIT_S = 60.0
_CODE = re.compile(r"^[a-z0-9_]{1,64}$")

_CONNECT_AGAIN = "connect Slack again: oblivion slack connect"
_AUTHENTICATION: Mapping[str, str] = {
    "invalid_auth": f"Slack does not know the bot token; {_CONNECT_AGAIN}",
    "not_authed": f"no token was sent; {_CONNECT_AGAIN}",
    "account_inactive": f"the app was removed from the workspace; install it again, then {_CONNECT_AGAIN}",
    "token_revoked": f"the bot token was revoked; install the app again, then {_CONNECT_AGAIN}",
    "token_expired": f"the bot token has expired; {_CONNECT_AGAIN}",
    "org_login_required": "the workspace is being moved by its Enterprise; connect it again afterwards",
    "ekm_access_denied": "the workspace's administrators have suspended access",
    "access_denied": f"Slack refuses the token; {_CONNECT_AGAIN}",
}
# Slack's own trouble, told in a proper answer; the change was not made.
_TRANSIENT = frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "team_added_to_org",
        "request_timeout",
        "message_limit_exceeded",
        # A stream that could not be ended ends by itself, and can be edited then.
        "streaming_state_conflict",
    }
)
_MAY_HAVE_HAPPENED = frozenset({"internal_error", "fatal_error", "request_timeout"})
_SENTENCES: Mapping[str, str] = {
    "not_in_channel": "the app is not in the channel; type /invite @Oblivion there",
    "channel_not_found": "no such channel, or a private one without the app; invite the app or link another",
    "is_archived": "the channel is archived; unarchive it or link another one",
    "missing_scope": "the app lacks a scope; install it again with the manifest of `oblivion slack connect`",
    "restricted_action": "a workspace setting forbids the app to post there; ask an administrator",
    "restricted_action_thread_locked": "the thread is locked",
    "invalid_blocks": "Slack refuses the message's layout; this is a fault of ours: please report it",
    "invalid_blocks_format": "Slack refuses the message's layout; this is a fault of ours: please report it",
    "msg_too_long": "the message is too long for Slack; this is a fault of ours: please report it",
    "msg_blocks_too_long": "the message is too long for Slack; this is a fault of ours: please report it",
}


def failure_of_answer(error: SlackApiError, *, changes: bool) -> OblivionFailure:
    """What an answer that slack_sdk calls an error means."""
    response = cast("Any", error.response)
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    headers: Mapping[str, str] = getattr(response, "headers", {})
    data = getattr(response, "data", None)
    code = _code(cast("Mapping[str, Any]", data)) if isinstance(data, dict) else None
    if status == 429 or code in ("ratelimited", "rate_limited"):
        message = "Slack's rate limit is reached; it goes on when Slack says so"
        return RateLimited("slack_rate_limited", message, retry_after_s=_wait_s(headers))
    if status >= 500 or code is None:
        return no_answer(f"HTTP {status}", changes=changes)
    return failure_of_code(code, changes=changes)


def failure_of_code(code: str, *, changes: bool) -> OblivionFailure:
    """What `error` of an `ok: false` means."""
    if code in _AUTHENTICATION:
        return AuthenticationFailed(f"slack_{code}", _AUTHENTICATION[code])
    if code in _MAY_HAVE_HAPPENED:
        return no_answer(code, changes=changes)
    if code in _TRANSIENT:
        return TransientFailure(f"slack_{code}", "Slack has a problem of its own")
    sentence = _SENTENCES.get(code, f"Slack refused with `{code}`; its API reference says what that means")
    return PermanentFailure(f"slack_{code}", sentence)


def no_answer(reason: str, *, changes: bool) -> OblivionFailure:
    """The request may have arrived. One that only reads can simply be repeated."""
    if changes:
        return AnswerLost("slack_answer_lost", f"Slack's answer was lost ({reason})")
    return unavailable(reason)


def unavailable(reason: str) -> OblivionFailure:
    return DependencyUnavailable("slack_unavailable", f"Slack does not answer ({reason})")


def _code(data: Mapping[str, Any]) -> str | None:
    code = data.get("error")
    return code if isinstance(code, str) and _CODE.match(code) else None


def _wait_s(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else DEFAULT_WAIT_S
