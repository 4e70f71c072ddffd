"""Backoff, retries and breakers."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    OblivionFailure,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)
from oblivion_platform.feed import telling_breakers
from oblivion_platform.resilience import HTTP_BACKOFF, Backoff, Breakers, with_retries
from oblivion_platform.testing import eventually
from oblivion_platform.testing.feed import HeardLines

TENANT, OTHER_TENANT = UUID(int=1), UUID(int=2)
QUICK = Backoff(first_s=0.001, most_s=0.01, jitter=0.1)


@given(st.integers(1, 10_000))
def test_backoff_grows_to_its_bound_and_adds_at_most_its_jitter(attempts_made: int) -> None:
    delay_s = HTTP_BACKOFF.delay_s(attempts_made)
    plain_s = min(10, 2 ** min(attempts_made - 1, 10))
    assert plain_s <= delay_s <= plain_s * 1.1


def _failing(*failures: Exception) -> tuple[Callable[[], Awaitable[str]], list[int]]:
    calls: list[int] = []

    async def call() -> str:
        calls.append(1)
        if len(calls) <= len(failures):
            raise failures[len(calls) - 1]
        return "done"

    return call, calls


async def test_a_call_is_tried_three_times() -> None:
    away = DependencyUnavailable("away", "Away.")
    call, calls = _failing(away, away)
    assert await with_retries(call, idempotent=False, backoff=QUICK) == "done"
    call, calls = _failing(away, away, away)
    with pytest.raises(DependencyUnavailable):
        await with_retries(call, idempotent=False, backoff=QUICK)
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("failure", "idempotent"),
    [
        (PermanentFailure("gone", "Gone."), True),
        (AuthenticationFailed("token_revoked", "Revoked."), True),
        (RateLimited("rate_limited", "Slow down.", retry_after_s=0.001), True),
        (AnswerLost("timeout", "No answer."), False),
        (TransientFailure("server_error", "500."), False),
        (DependencyUnavailable("away", "Away.", retry_after_s=60), True),
        (ValueError("a fault of ours"), True),
    ],
)
async def test_what_a_repeat_cannot_or_must_not_answer_is_tried_once(
    failure: Exception, idempotent: bool
) -> None:
    call, calls = _failing(failure)
    with pytest.raises(type(failure)):
        await with_retries(call, idempotent=idempotent, backoff=QUICK)
    assert len(calls) == 1


@pytest.mark.parametrize("failure", [AnswerLost("timeout", "No answer."), TransientFailure("error", "500.")])
async def test_an_idempotent_call_is_repeated_though_it_may_have_been_applied(failure: Exception) -> None:
    call, _ = _failing(failure)
    assert await with_retries(call, idempotent=True, backoff=QUICK) == "done"


async def _fail(
    breakers: Breakers, error: BaseException, *, tenant: UUID = TENANT, provider: str = "p"
) -> None:
    with pytest.raises(type(error)):
        async with breakers.guard(tenant, provider):
            raise error


async def test_a_breaker_opens_for_one_tenant_and_provider_and_says_for_how_long() -> None:
    breakers = Breakers(failures_to_open=2, open_s=30)
    for _ in range(2):
        await _fail(breakers, AnswerLost("timeout", "No answer."))
    with pytest.raises(DependencyUnavailable) as refused:
        async with breakers.guard(TENANT, "p"):
            pytest.fail("an open breaker lets nothing through")
    assert refused.value.code == "circuit_open"
    assert 29 < (refused.value.retry_after_s or 0) <= 30
    assert breakers.state(TENANT, "p") == "opened"
    labels = {"tenant": str(TENANT), "provider": "p"}
    assert REGISTRY.get_sample_value("oblivion_breaker_state", labels) == 2
    async with breakers.guard(OTHER_TENANT, "p"), breakers.guard(TENANT, "q"):
        pass


async def test_a_breaker_tries_again_after_its_time_and_closes_on_success() -> None:
    breakers = Breakers(failures_to_open=1, open_s=0.02)
    await _fail(breakers, ConnectionError("refused"))

    async def let_through() -> None:
        try:
            async with breakers.guard(TENANT, "p"):
                pass
        except DependencyUnavailable as error:
            raise AssertionError("still open") from error

    await eventually(let_through)
    assert breakers.state(TENANT, "p") == "closed"


async def test_a_breaker_is_closed_by_whoever_knows_that_the_provider_answers() -> None:
    heard = HeardLines()
    breakers = Breakers(failures_to_open=2, open_s=600, changed=telling_breakers(heard))
    await breakers.close(TENANT, "p")  # Nothing is open: nothing is told.
    for _ in range(2):
        await _fail(breakers, ConnectionError("refused"))
    await breakers.close(TENANT, "p")
    assert breakers.state(TENANT, "p") == "closed"
    assert [code for code, *_ in heard.words] == ["breaker.opened", "breaker.closed"]
    await _fail(breakers, ConnectionError("refused"))
    async with breakers.guard(TENANT, "p"):
        pass


async def test_a_breaker_that_opens_and_closes_is_told_in_the_live_feed() -> None:
    heard = HeardLines()
    breakers = Breakers(failures_to_open=1, open_s=0.02, changed=telling_breakers(heard))
    await _fail(breakers, ConnectionError("refused"))

    async def let_through() -> None:
        try:
            async with breakers.guard(TENANT, "p"):
                pass
        except DependencyUnavailable as error:
            raise AssertionError("still open") from error

    await eventually(let_through)
    assert heard.words == [
        ("breaker.opened", "error", "p failed again and again, and is left alone for a while"),
        ("breaker.closed", "notice", "p answers again"),
    ]
    assert {tenant for tenant, _ in heard.told} == {TENANT}


@pytest.mark.parametrize(
    "error",
    [
        PermanentFailure("not_found", "No."),
        AuthenticationFailed("revoked", "No."),
        RateLimited("rate_limited", "Slow down."),
        ValueError("a fault of ours"),
    ],
)
async def test_a_breaker_does_not_count_what_says_nothing_about_the_provider(error: Exception) -> None:
    breakers = Breakers(failures_to_open=1)
    for _ in range(3):
        await _fail(breakers, error)
    assert breakers.state(TENANT, "p") == "closed"


def test_failures_show_code_and_words_only() -> None:
    failure: OblivionFailure = RateLimited("rate_limited", "Slow down.", retry_after_s=1)
    assert str(failure) == "rate_limited: Slow down."
