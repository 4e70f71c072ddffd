"""What becomes of an effect after a try: sent, tried again later, or dead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    OblivionFailure,
    RateLimited,
    TransientFailure,
)

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 60.0
JITTER = 0.1
MOST_UNEXPECTED_TRIES = 5
FEWEST_TRIES_BEFORE_DEATH = 8
"""An old effect that a person retries is given this many tries, however old it is."""
CARRIED_OUT_LATE_S = 2.0
"""A request may arrive late, and be carried out this much after its timeout."""
DEFAULT_RATE_LIMIT_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """Carried out. `made_id`: the ts or comment id that it made; `skipped`: why nothing had to be done."""

    made_id: str | None = None
    skipped: str | None = None
    was_found: bool = False
    """An earlier, unanswered try had made it."""
    keep: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the place of the run that it shows shall remember; None forgets."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """A rate limit, budget or open breaker says to wait; not an attempt."""

    delay_s: float
    code: str


@dataclass(frozen=True, slots=True)
class Failed:
    """To be tried again; `unanswered`: looked up first."""

    delay_s: float
    code: str
    message: str
    unanswered: bool


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead letter until a person retries or discards it."""

    code: str
    message: str
    is_credential_refused: bool = False
    unanswered: bool = False
    """When a person retries it, it is looked up first, …"""
    delay_s: float = 0.0
    """… and not before this is over."""


PARENT_MISSING = Dead(
    "parent_missing", "what this belongs to is itself a dead letter; retry that one first, then this one"
)

Settlement: TypeAlias = Sent | Postponed | Failed | Dead


@dataclass(frozen=True, slots=True)
class Try:
    """What a failure is judged by."""

    attempt: int
    age_s: float
    since_send_s: float | None
    """Since what may have been carried out began to be sent; None: nothing was sent in this try."""
    jitter: float
    """0 to 1, random."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    request_timeout_s: float
    give_up_after_s: float
    first_backoff_s: float = FIRST_BACKOFF_S
    carried_out_late_s: float = CARRIED_OUT_LATE_S

    @property
    def certain_after_s(self) -> float:
        """Since it began to be sent; until then the other side may still carry an unanswered request out."""
        return self.request_timeout_s + self.carried_out_late_s

    def after_failure(self, failure: OblivionFailure, last: Try) -> Settlement:
        """What a failure that has a name leads to."""
        match failure:
            case RateLimited():
                asked = failure.retry_after_s
                return Postponed(DEFAULT_RATE_LIMIT_WAIT_S if asked is None else asked, failure.code)
            case DependencyUnavailable(code="circuit_open"):
                return Postponed(failure.retry_after_s or FIRST_BACKOFF_S, failure.code)
            case TransientFailure():
                if last.age_s > self.give_up_after_s and last.attempt >= FEWEST_TRIES_BEFORE_DEATH:
                    return self._given_up(failure, last)
                return self._again(failure, last)
            case _:
                refused = isinstance(failure, AuthenticationFailed)
                return Dead(failure.code, failure.message, is_credential_refused=refused)

    def after_surprise(self, error: Exception, last: Try) -> Settlement:
        """What an error that nobody foresaw leads to: the request may have been carried out."""
        code, message = "unexpected", f"unexpected {type(error).__name__}; the worker's log has the details"
        unanswered = last.since_send_s is not None
        if last.attempt >= MOST_UNEXPECTED_TRIES:
            return Dead(code, message, unanswered=unanswered, delay_s=self._uncertain_for_s(last))
        return Failed(self._unanswered_delay_s(last), code, message, unanswered)

    def _given_up(self, failure: TransientFailure, last: Try) -> Dead:
        if not isinstance(failure, AnswerLost):
            return Dead(failure.code, failure.message)
        return Dead(failure.code, failure.message, unanswered=True, delay_s=self._uncertain_for_s(last))

    def _again(self, failure: TransientFailure, last: Try) -> Failed:
        unanswered = isinstance(failure, AnswerLost)
        delay_s = self._unanswered_delay_s(last) if unanswered else self.backoff_s(last)
        delay_s = max(delay_s, failure.retry_after_s or 0.0)
        return Failed(delay_s, failure.code, failure.message, unanswered)

    def _unanswered_delay_s(self, last: Try) -> float:
        return max(self.backoff_s(last), self._uncertain_for_s(last))

    def _uncertain_for_s(self, last: Try) -> float:
        """A look-up that begins any sooner proves nothing."""
        return 0.0 if last.since_send_s is None else max(0.0, self.certain_after_s - last.since_send_s)

    def backoff_s(self, last: Try) -> float:
        """Doubles with each attempt, up to a minute."""
        doubled = self.first_backoff_s * 2 ** min(last.attempt - 1, 16)
        return min(LONGEST_BACKOFF_S, doubled) * (1 + JITTER * last.jitter)
