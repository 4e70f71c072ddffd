"""What Slack's answers mean."""

from types import SimpleNamespace

import pytest
from slack_sdk.errors import SlackApiError

from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)
from oblivion_router_worker.adapters.slack_failures import failure_of_answer


def answer(status: int, data: object, **headers: str) -> SlackApiError:
    return SlackApiError(
        "message", SimpleNamespace(status_code=status, data=data, headers=headers, get=lambda *_: None)
    )


def failure(status: int, data: object, *, changes: bool = True, **headers: str):
    return failure_of_answer(answer(status, data, **headers), changes=changes)


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "account_inactive", "token_expired"])
def test_a_refused_token(code):
    found = failure(200, {"ok": False, "error": code})
    assert isinstance(found, AuthenticationFailed)
    assert found.code == f"slack_{code}"


@pytest.mark.parametrize("code", ["not_in_channel", "channel_not_found", "is_archived", "missing_scope"])
def test_what_a_person_has_to_mend_comes_with_how(code):
    found = failure(200, {"ok": False, "error": code})
    assert type(found) is PermanentFailure
    assert code not in found.message


def test_an_unknown_refusal_is_permanent():
    assert isinstance(failure(200, {"ok": False, "error": "brand_new_code"}), PermanentFailure)


@pytest.mark.parametrize("retry_after", ["Retry-After"])
def test_a_rate_limit_says_how_long(retry_after):
    found = failure(429, {"ok": False, "error": "ratelimited"}, **{retry_after: "7"})
    assert isinstance(found, RateLimited)
    assert found.retry_after_s == 7


@pytest.mark.parametrize("value", ["", "nan", "-1", "٣", "9" * 30])
def test_a_rate_limit_that_does_not_say_how_long_means_a_minute(value):
    found = failure(429, None, **{"Retry-After": value})
    assert isinstance(found, RateLimited)
    assert found.retry_after_s == 60


@pytest.mark.parametrize(("status", "data"), [(500, {}), (503, "text"), (502, None), (200, ""), (200, [])])
def test_no_sensible_answer_to_a_change_is_a_lost_one(status, data):
    assert isinstance(failure(status, data), AnswerLost)


@pytest.mark.parametrize("status", [500, 503])
def test_no_sensible_answer_to_a_read_can_be_repeated(status):
    assert isinstance(failure(status, {}, changes=False), DependencyUnavailable)


def test_slacks_own_trouble_is_transient():
    assert isinstance(failure(200, {"ok": False, "error": "service_unavailable"}), TransientFailure)
    # Slack: "the operation may have succeeded".
    assert isinstance(failure(200, {"ok": False, "error": "internal_error"}), AnswerLost)


def test_a_code_that_is_none_never_reaches_the_failure():
    found = failure(200, {"ok": False, "error": "xoxb-not a code"})
    assert "xoxb" not in str(found)
