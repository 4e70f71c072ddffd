"""Every refusal as RFC 9457 problem details. No refusal repeats what was sent."""

from http import HTTPStatus
from typing import NamedTuple

from oblivion_contracts.problems import PROBLEM_MEDIA_TYPE, Problem
from oblivion_ingestion.errors import (
    BodyTooLarge,
    BodyTooSlow,
    DeliveryMalformed,
    SignatureRejected,
    StoreUnavailable,
    UnknownSource,
)
from oblivion_platform.errors import OblivionFailure, PermanentFailure
from oblivion_platform.safe_json import MalformedBody

STATUS_OF: dict[type[Exception], HTTPStatus] = {
    DeliveryMalformed: HTTPStatus.BAD_REQUEST,
    SignatureRejected: HTTPStatus.UNAUTHORIZED,
    UnknownSource: HTTPStatus.NOT_FOUND,
    BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """An HTTP answer, ready for the wire."""

    status: int
    headers: Headers
    body: bytes


def problem(failure: OblivionFailure | MalformedBody) -> Answer:
    """The answer to a delivery that is refused."""
    if isinstance(failure, MalformedBody):
        failure = DeliveryMalformed(failure.code.value)
    status = STATUS_OF[type(failure)]
    extra: Headers = []
    if not isinstance(failure, PermanentFailure):
        retry_after_s = getattr(failure, "retry_after_s", None) or 1
        extra.append((b"retry-after", str(round(retry_after_s)).encode()))
    if status is HTTPStatus.UNAUTHORIZED:
        # RFC 9110 asks for a challenge with every 401.
        extra.append((b"www-authenticate", b"Signature"))
    return problem_answer(status, failure.code, failure.message, extra)


def problem_answer(status: HTTPStatus, code: str, detail: str, extra: Headers) -> Answer:
    """Any problem document."""
    body = Problem(title=status.phrase, status=status, detail=detail, code=code).model_dump_json().encode()
    return Answer(
        status,
        [(b"content-type", PROBLEM_MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body)), *extra],
        body,
    )
