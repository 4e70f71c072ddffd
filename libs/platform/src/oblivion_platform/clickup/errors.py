"""ClickUp's refusals as failures that say what happens next.

Source: https://developer.clickup.com/docs/common_errors
"""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    OblivionFailure,
    PermanentFailure,
    RateLimited,
)

DEFAULT_WAIT_S = 60.0
_ECODE = re.compile(r"^[A-Z][A-Z0-9_]{1,40}$")

_REVOKED = "the token was revoked or its owner disabled; connect ClickUp again: oblivion clickup connect"
_SENTENCES: Mapping[str, str] = {
    "OAUTH_017": "no token was sent; connect ClickUp again: oblivion clickup connect",
    "OAUTH_019": _REVOKED,
    "OAUTH_021": _REVOKED,
    "OAUTH_025": "ClickUp does not know the token; connect ClickUp again: oblivion clickup connect",
    "OAUTH_023": "the token's owner has no access to this workspace; connect ClickUp with another account",
    "OAUTH_027": "the token's owner has no access to this workspace; connect ClickUp with another account",
    "ACCESS_054": "the token's owner may not do this; give them edit rights to the list in ClickUp",
}


class ClickUpNotFound(PermanentFailure):
    """The thing is not there, or no more, or the token's owner must not see it."""


def failure_of(status: int, body: object, headers: Mapping[str, str], *, changes: bool) -> OblivionFailure:
    """What an answer other than 2xx means; `changes` tells whether the request was to change something."""
    ecode = _ecode(body)
    code = f"clickup_{ecode.lower()}" if ecode else f"clickup_http_{status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        message = "ClickUp's rate limit is reached; it goes on when the minute is over"
        return RateLimited("clickup_rate_limited", message, retry_after_s=_wait_s(headers))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return no_answer(f"HTTP {status}", changes=changes)
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthenticationFailed(
            code, _SENTENCES.get(ecode, "ClickUp refuses the token; connect ClickUp again")
        )
    if status == HTTPStatus.NOT_FOUND:
        return ClickUpNotFound(
            "clickup_not_found", "ClickUp has no such thing, or the token's owner cannot see it"
        )
    return PermanentFailure(code, _SENTENCES.get(ecode, f"ClickUp refused the request (HTTP {status})"))


def no_answer(reason: str, *, changes: bool) -> OblivionFailure:
    """The request may have arrived. One that only reads can simply be repeated."""
    if changes:
        return AnswerLost("clickup_answer_lost", f"ClickUp's answer was lost ({reason})")
    return unavailable(reason)


def unavailable(reason: str) -> OblivionFailure:
    return DependencyUnavailable("clickup_unavailable", f"ClickUp does not answer ({reason})")


def _ecode(body: object) -> str:
    known = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    ecode = known.get("ECODE")
    return ecode if isinstance(ecode, str) and _ECODE.match(ecode) else ""


def _wait_s(headers: Mapping[str, str]) -> float:
    for name, now in (("Retry-After", 0.0), ("X-RateLimit-Reset", time.time())):
        text = headers.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 16:
            return min(DEFAULT_WAIT_S, max(0.05, float(text) - now))
    return DEFAULT_WAIT_S
