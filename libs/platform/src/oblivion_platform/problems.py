"""Every HTTP error as RFC 9457 problem details; https://www.rfc-editor.org/rfc/rfc9457.

    app = Starlette(routes=…, exception_handlers=exception_handlers())

A failure's own words reach the caller; those of an unforeseen exception only the log. The handlers are for
Starlette and FastAPI alike; `problem_response` also serves raw ASGI endpoints.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from oblivion_contracts.problems import PROBLEM_MEDIA_TYPE, Problem
from oblivion_platform.errors import (
    AuthenticationFailed,
    OblivionFailure,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)
from oblivion_platform.logging import get_logger

DEFAULT_RETRY_AFTER_S = 5

_log = get_logger(__name__)


def problem_response(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code)
    return Response(problem.model_dump_json(), status, headers, PROBLEM_MEDIA_TYPE)


def failure_response(failure: OblivionFailure) -> Response:
    """Say what happened and what comes next: 503 and 429 say when to try again."""
    status = _status_of(failure)
    headers: dict[str, str] = {}
    if isinstance(failure, TransientFailure):
        wait_s = DEFAULT_RETRY_AFTER_S if failure.retry_after_s is None else failure.retry_after_s
        headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
    return problem_response(status, failure.code, failure.message, headers=headers)


def exception_handlers() -> dict[int | type[Exception], ExceptionHandler]:
    """What Starlette and FastAPI take as `exception_handlers`."""
    handlers: dict[int | type[Exception], ExceptionHandler] = {
        OblivionFailure: _on_failure,
        HTTPException: _on_http_exception,
        Exception: _on_unforeseen,
    }
    try:
        from fastapi.exceptions import RequestValidationError
    except ImportError:
        return handlers
    return {**handlers, RequestValidationError: _on_validation_error}


def _status_of(failure: OblivionFailure) -> int:
    """The status a failure carries (`http_status`), else that of its kind."""
    own: object = getattr(failure, "http_status", None)
    if isinstance(own, int):
        return own
    if isinstance(failure, RateLimited):
        return HTTPStatus.TOO_MANY_REQUESTS
    if isinstance(failure, AuthenticationFailed):
        return HTTPStatus.UNAUTHORIZED
    if isinstance(failure, PermanentFailure):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.SERVICE_UNAVAILABLE


async def _on_failure(_request: Request, error: Exception) -> Response:
    assert isinstance(error, OblivionFailure)  # noqa: S101 - registered for it
    return failure_response(error)


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    phrase = HTTPStatus(error.status_code).phrase
    if error.status_code < HTTPStatus.BAD_REQUEST:
        return Response(status_code=error.status_code, headers=error.headers)
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    return problem_response(error.status_code, code, error.detail, headers=error.headers)


async def _on_validation_error(_request: Request, error: Exception) -> Response:
    """Names the fields that are wrong; what they held stays out of the answer."""
    faults: list[dict[str, object]] = getattr(error, "errors", list)()
    fields = sorted({".".join(map(str, _location(fault))) for fault in faults})
    return problem_response(422, "request_invalid", f"Missing or wrong: {', '.join(fields)}")


def _location(fault: Mapping[str, object]) -> tuple[object, ...]:
    return cast("tuple[object, ...]", fault.get("loc", ("body",)))


async def _on_unforeseen(request: Request, error: Exception) -> Response:
    _log.error("request failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    return problem_response(500, "internal_error", "Something failed here; the log of the service says what.")
