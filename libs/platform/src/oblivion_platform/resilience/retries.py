"""Tries of one HTTP call: three, 1 s and 2 s apart with up to 10 % jitter, and only where a repeat is safe.

A call that may have been applied (AnswerLost, or a failure that does not say) is repeated only if the caller
calls it idempotent. A rate limit is never waited for here: the queue or the outbox comes back later.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from oblivion_platform.errors import DependencyUnavailable, RateLimited, TransientFailure
from oblivion_platform.resilience.backoff import HTTP_BACKOFF, Backoff

ResultT = TypeVar("ResultT")

HTTP_TRIES = 3


async def with_retries(
    call: Callable[[], Awaitable[ResultT]],
    *,
    idempotent: bool,
    tries: int = HTTP_TRIES,
    backoff: Backoff = HTTP_BACKOFF,
) -> ResultT:
    """The result of the first try that succeeds.

    Raises:
        OblivionFailure: the last try's, or at once one that a repeat cannot or must not answer.
    """
    failures = 0

    def wait_before_next(error: Exception) -> bool | float:
        nonlocal failures
        failures += 1
        if not _repeatable(error, idempotent=idempotent):
            return False
        asked_s = getattr(error, "retry_after_s", None) or 0.0
        # Longer than any of our own waits: whoever called can use the time better.
        return False if asked_s > backoff.most_s else max(asked_s, backoff.delay_s(failures))

    async for attempt in stamina.retry_context(on=wait_before_next, attempts=tries, timeout=None):
        with attempt:
            return await call()
    raise AssertionError("stamina ends with a result or an exception")


def _repeatable(error: Exception, *, idempotent: bool) -> bool:
    if isinstance(error, RateLimited):
        return False
    not_applied = isinstance(error, DependencyUnavailable)
    return not_applied or (idempotent and isinstance(error, TransientFailure))
