"""Jira's authentication and refusals.

Sources: https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/#status-codes,
https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
"""

import base64
import binascii
import uuid
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from oblivion_sandbox.vendor.service import Vendor
from oblivion_sandbox.vendor.wire import Refusal, bearer_token


def refusal(status: int, *messages: str, headers: dict[str, str] | None = None) -> Refusal:
    return Refusal(status, {"errorMessages": list(messages), "errors": {}}, headers)


def wrong_fields(**fields: str) -> Refusal:
    """What is wrong with each field of the request."""
    return Refusal(400, {"errorMessages": [], "errors": fields})


def issue_not_found() -> Refusal:
    return refusal(404, "Issue does not exist or you do not have permission to see it.")


class JiraDialect:
    """How Jira answers."""

    prefix = "/jira"

    def check(self, vendor: Vendor, request: Request) -> None:
        """An API token goes with its owner's address as Basic, a token of an OAuth app as Bearer."""
        email, token = _basic(request)
        good = vendor.opens(token) and email == vendor.account["email"]
        if not good and not vendor.opens(bearer_token(request)):
            raise refusal(
                401,
                "Client must be authenticated to access this resource.",
                headers={"X-Seraph-Loginreason": "AUTHENTICATED_FAILED"},
            )

    def rate_limited(self, retry_after_s: int) -> Refusal:
        reset = datetime.now(UTC) + timedelta(seconds=retry_after_s)
        headers = {
            "Retry-After": str(retry_after_s),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": reset.isoformat(timespec="seconds"),
            "RateLimit-Reason": "jira-burst-based",
        }
        return refusal(429, "Rate limit exceeded.", headers=headers)

    def refused(self, status: int, code: str, message: str) -> Refusal:  # noqa: ARG002  # the interface of all
        return refusal(status, message)

    def not_json(self) -> Refusal:
        return refusal(400, "Invalid request payload. Refer to the REST API documentation and try again.")

    def nothing_here(self, verb: str, path: str) -> Refusal:  # noqa: ARG002  # the interface of all
        return Refusal(404, {"message": "null for uri", "status-code": 404})

    def headers(self, vendor: Vendor) -> dict[str, str]:
        return {
            "X-ARequestId": uuid.uuid4().hex,
            "X-RateLimit-Limit": str(vendor.account["burst"]),
        }


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        email, _, token = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return email, token
