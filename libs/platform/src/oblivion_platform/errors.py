"""Errors named by what happens next.

A use case raises these; each edge maps them to its own world: HTTP to a status, BullMQ to a retry or
`UnrecoverableError`, the outbox to another attempt or a dead letter. Messages are for people and hold
no value from outside; `code` is for programs.
"""


class OblivionFailure(Exception):
    """Base of the failures that an edge knows how to answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class PermanentFailure(OblivionFailure):
    """Trying again cannot help: to be shown, fixed by a person, and perhaps retried by hand."""


class AuthenticationFailed(PermanentFailure):
    """The other side refuses our credential. Never retried: that would only lock the account."""


class TransientFailure(OblivionFailure):
    """May work later.

    `retry_after_s` is what the other side asked for; None leaves the delay to the caller's backoff.
    """

    def __init__(self, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class RateLimited(TransientFailure):
    """The other side, or our own budget for it, says to wait; not an attempt."""


class DependencyUnavailable(TransientFailure):
    """A store or service that is needed does not answer; nothing was done."""


class AnswerLost(TransientFailure):
    """The request may have been carried out: look its effect up before repeating it."""
