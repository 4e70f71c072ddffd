"""A vendor's failures, each in one sentence that says what to do.

The sentences go to a model and to people. What the vendor said itself is quoted at most in part, on one line:
it was written by others.
"""

import re
from dataclasses import dataclass

from oblivion_mcp_hub.providers.texts import one_line
from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    OblivionFailure,
    PermanentFailure,
    RateLimited,
)

DEFAULT_WAIT_S = 60.0
WAIT_MAX_S = 3_600.0
QUOTED_LENGTH_MAX = 300
_RIGHT = re.compile(r"[A-Za-z][A-Za-z0-9:._, -]{0,100}")


class RightMissing(PermanentFailure):
    """The credential is good, and may not do this."""


class NotThere(PermanentFailure):
    """No such thing, or the credential does not see it."""


class Refused(PermanentFailure):
    """The request can never work as it is."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How failures of one vendor are worded."""

    name: str
    title: str
    renew: str
    """Where a new credential is had."""
    share: str
    """What makes a thing visible to the credential."""

    def bad_token(self) -> AuthenticationFailed:
        return AuthenticationFailed(
            f"{self.name}_bad_token",
            f"{self.title} does not accept this connection's token: it is wrong, expired or revoked. An "
            f"admin makes a new one ({self.renew}) and puts it into the connection.",
        )

    def right_missing(self, fix: str, right: str = "") -> RightMissing:
        named = f" {right}" if _RIGHT.fullmatch(right) else ""
        return RightMissing(
            f"{self.name}_right_missing",
            f"This connection's {self.title} token lacks the right{named}. {fix}",
        )

    def not_there(self, what: str) -> NotThere:
        return NotThere(
            f"{self.name}_not_found",
            f"{self.title} has no such {what}, or this connection does not see it: {self.share}.",
        )

    def rate_limited(self, wait_s: float | None = None) -> RateLimited:
        seconds = min(max(wait_s or DEFAULT_WAIT_S, 1.0), WAIT_MAX_S)
        return RateLimited(
            f"{self.name}_rate_limited",
            f"{self.title}'s rate limit is reached; try again in {seconds:.0f} s.",
            retry_after_s=seconds,
        )

    def refused(self, sentence: str) -> Refused:
        """In words of our own."""
        return Refused(f"{self.name}_refused", sentence)

    def quoted(self, said: str, status: int) -> Refused:
        """In the vendor's words."""
        words = one_line(said, QUOTED_LENGTH_MAX) or f"HTTP {status}"
        return self.refused(f"{self.title} does not take these arguments: {words}")

    def away(self, reason: str) -> DependencyUnavailable:
        return DependencyUnavailable(
            f"{self.name}_unavailable", f"{self.title} does not answer ({reason}); try again later."
        )

    def no_answer(self, reason: str, *, changes: bool) -> OblivionFailure:
        """The request may have arrived."""
        if not changes:
            return self.away(reason)
        return AnswerLost(
            f"{self.name}_answer_lost",
            f"{self.title}'s answer was lost ({reason}). It may have been carried out: look whether it was "
            "done before you call it again.",
        )


def seconds_of(header: str | None) -> float | None:
    """A Retry-After of seconds; None when there is none, or a date."""
    text = (header or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
