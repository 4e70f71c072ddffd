"""Errors leave as problem details: helpful, and without a value or a stack trace."""

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from oblivion_contracts.problems import PROBLEM_MEDIA_TYPE, Problem
from oblivion_platform.errors import (
    AuthenticationFailed,
    DependencyUnavailable,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)
from oblivion_platform.problems import exception_handlers


class Teapot(PermanentFailure):
    """A failure that carries its status."""

    http_status = 418


FAILURES = [
    (PermanentFailure("mapping_unknown", "No such mapping."), 422, None),
    (AuthenticationFailed("signature_rejected", "The signature does not fit."), 401, None),
    (Teapot("teapot", "Short and stout."), 418, None),
    (RateLimited("rate_limited", "Slow down.", retry_after_s=0.2), 429, "1"),
    (DependencyUnavailable("postgres_unavailable", "Postgres does not answer."), 503, "5"),
    (TransientFailure("busy", "Busy.", retry_after_s=7.2), 503, "8"),
    (HTTPException(404), 404, None),
    (HTTPException(405, headers={"Allow": "GET"}), 405, None),
    (ValueError("canary"), 500, None),
]


async def _answer_to(error: Exception) -> httpx.Response:
    app = FastAPI(exception_handlers=exception_handlers())

    @app.get("/")
    async def fail(number: int = 0) -> None:
        raise error

    # The server logs what it could not foresee; the client is shown the answer, as over a real socket.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/", params={"number": "canary"} if str(error) == "invalid" else None)


@pytest.mark.parametrize(("error", "status", "retry_after"), FAILURES)
async def test_each_failure_has_its_status_and_a_problem_body(
    error: Exception, status: int, retry_after: str | None
) -> None:
    answer = await _answer_to(error)
    problem = Problem.model_validate_json(answer.text)
    assert (answer.status_code, problem.status) == (status, status)
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert answer.headers.get("retry-after") == retry_after


async def test_a_failure_speaks_for_itself() -> None:
    answer = await _answer_to(PermanentFailure("mapping_unknown", "No such mapping."))
    assert answer.json()["code"] == "mapping_unknown"
    assert answer.json()["detail"] == "No such mapping."


async def test_an_unforeseen_error_is_not_shown() -> None:
    answer = await _answer_to(ValueError("canary"))
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text
    assert "ValueError" not in answer.text


async def test_a_wrong_request_names_its_fields_and_shows_no_value() -> None:
    answer = await _answer_to(ValueError("invalid"))
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Missing or wrong: query.number"
    assert "canary" not in answer.text


async def test_headers_of_an_http_exception_are_kept() -> None:
    answer = await _answer_to(HTTPException(405, headers={"Allow": "GET"}))
    assert answer.headers["allow"] == "GET"
    assert answer.json()["code"] == "method_not_allowed"
