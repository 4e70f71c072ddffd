"""What becomes of an effect after a try."""

import pytest

from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)
from oblivion_router_worker.domain.retry import Dead, Failed, Postponed, RetryPolicy, Try

POLICY = RetryPolicy(request_timeout_s=10.0, give_up_after_s=86_400, carried_out_late_s=2.0)


def last(
    attempt: int = 1, *, age_s: float = 0.0, since_send_s: float | None = 0.0, jitter: float = 0.0
) -> Try:
    return Try(attempt, age_s, since_send_s, jitter)


def test_waits_double_up_to_a_minute():
    waits = [POLICY.backoff_s(last(attempt)) for attempt in range(1, 9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert POLICY.backoff_s(last(100_000)) == 60


def test_jitter_adds_at_most_a_tenth():
    assert POLICY.backoff_s(last(2, jitter=1.0)) == pytest.approx(2.2)


@pytest.mark.parametrize(("since_send_s", "waits_s"), [(0.5, 11.5), (10.0, 2.0), (30.0, 1.0)])
def test_an_unanswered_request_is_not_repeated_while_it_may_still_be_carried_out(since_send_s, waits_s):
    lost = POLICY.after_failure(AnswerLost("slack_answer_lost", ""), last(since_send_s=since_send_s))
    assert lost == Failed(waits_s, "slack_answer_lost", "", unanswered=True)


def test_a_request_that_was_surely_not_sent_is_repeated_without_looking_it_up():
    away = POLICY.after_failure(DependencyUnavailable("slack_unavailable", ""), last(since_send_s=0.5))
    assert away == Failed(1.0, "slack_unavailable", "", unanswered=False)


def test_a_wait_that_the_other_side_asks_for_is_kept():
    asked = POLICY.after_failure(TransientFailure("x", "", retry_after_s=30), last())
    assert isinstance(asked, Failed)
    assert asked.delay_s == 30


@pytest.mark.parametrize(("asked_s", "waits_s"), [(7.0, 7.0), (0.0, 0.0), (None, 60.0)])
def test_a_rate_limit_postpones_as_long_as_it_says_or_a_minute(asked_s, waits_s):
    limited = POLICY.after_failure(RateLimited("slack_rate_limited", "", asked_s), last(50, age_s=1e9))
    assert limited == Postponed(waits_s, "slack_rate_limited")


def test_an_open_breaker_postpones():
    opened = POLICY.after_failure(DependencyUnavailable("circuit_open", "", 12.0), last(50, age_s=1e9))
    assert opened == Postponed(12.0, "circuit_open")


def test_a_refusal_is_dead_at_once():
    assert POLICY.after_failure(PermanentFailure("slack_is_archived", "why"), last()) == Dead(
        "slack_is_archived", "why"
    )


def test_a_refused_token_is_dead_and_known_as_such():
    refused = POLICY.after_failure(AuthenticationFailed("slack_invalid_auth", "why"), last())
    assert refused == Dead("slack_invalid_auth", "why", is_credential_refused=True)


def test_what_stays_away_too_long_is_dead():
    away = DependencyUnavailable("slack_unavailable", "why")
    assert isinstance(POLICY.after_failure(away, last(20, age_s=86_300)), Failed)
    assert POLICY.after_failure(away, last(20, age_s=86_500)) == Dead("slack_unavailable", "why")


def test_a_dead_letter_remembers_that_its_last_answer_was_lost():
    lost = AnswerLost("slack_answer_lost", "why")
    assert POLICY.after_failure(lost, last(100, age_s=86_500, since_send_s=1.0)) == Dead(
        "slack_answer_lost", "why", unanswered=True, delay_s=11.0
    )


def test_an_old_effect_that_a_person_retries_gets_some_tries():
    away = DependencyUnavailable("slack_unavailable", "why")
    assert isinstance(POLICY.after_failure(away, last(1, age_s=1e9)), Failed)


def test_surprises_are_looked_up_and_end_after_some_tries():
    again = POLICY.after_surprise(KeyError("ts"), last(1))
    assert again == Failed(12.0, "unexpected", again.message, unanswered=True)
    assert "KeyError" in again.message
    dead = POLICY.after_surprise(KeyError("ts"), last(5))
    assert dead == Dead("unexpected", again.message, unanswered=True, delay_s=12.0)


def test_a_surprise_before_anything_was_sent_only_backs_off():
    again = POLICY.after_surprise(KeyError("ts"), last(2, since_send_s=None))
    assert isinstance(again, Failed)
    assert (again.delay_s, again.unanswered) == (2.0, False)
