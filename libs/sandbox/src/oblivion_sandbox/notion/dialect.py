"""Notion's token, version, and refusals.

Sources: https://developers.notion.com/reference/status-codes, https://developers.notion.com/reference/versioning
"""

import re
import secrets
import uuid

from starlette.requests import Request

from oblivion_sandbox.vendor.service import Vendor
from oblivion_sandbox.vendor.wire import Refusal, bearer_token

OLDEST_VERSION = "2025-09-03"
"""Data sources came with it; the shapes before it are not imitated."""
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
_CODES = {
    400: "validation_error",
    401: "unauthorized",
    403: "restricted_resource",
    404: "object_not_found",
    409: "conflict_error",
    429: "rate_limited",
    503: "service_unavailable",
}


def refusal(status: int, message: str, code: str = "", headers: dict[str, str] | None = None) -> Refusal:
    body = {
        "object": "error",
        "status": status,
        "code": code or _CODES.get(status, "internal_server_error"),
        "message": message,
        "request_id": str(uuid.uuid4()),
    }
    return Refusal(status, body, headers)


def invalid(message: str) -> Refusal:
    return refusal(400, message)


def not_found(what: str, key: str, app: str) -> Refusal:
    return refusal(
        404,
        f"Could not find {what} with ID: {key}. Make sure the relevant pages and databases are shared with"
        f' your integration "{app}".',
    )


def no_capability() -> Refusal:
    return refusal(403, "Insufficient permissions for this endpoint.")


class NotionDialect:
    """How Notion answers."""

    prefix = "/notion/v1"

    def check(self, vendor: Vendor, request: Request) -> None:
        if not vendor.opens(bearer_token(request)):
            raise refusal(401, "API token is invalid.")
        version = request.headers.get("notion-version", "")
        if not version:
            raise refusal(
                400,
                "Notion-Version header failed validation: Notion-Version header should be defined,"
                " instead was `undefined`.",
                "missing_version",
            )
        if not _VERSION.fullmatch(version) or version < OLDEST_VERSION:
            raise invalid(f"Notion-Version header failed validation: `{version[:20]}` is not supported.")

    def rate_limited(self, retry_after_s: int) -> Refusal:
        message = "You have been rate limited. Please try again in a few minutes."
        return refusal(429, message, headers={"Retry-After": str(retry_after_s)})

    def refused(self, status: int, code: str, message: str) -> Refusal:
        return refusal(status, message, code)

    def not_json(self) -> Refusal:
        return refusal(400, "Error parsing JSON body.", "invalid_json")

    def nothing_here(self, verb: str, path: str) -> Refusal:  # noqa: ARG002  # the interface of all
        return refusal(400, "Invalid request URL.", "invalid_request_url")

    def headers(self, vendor: Vendor) -> dict[str, str]:  # noqa: ARG002  # the same
        return {"X-Notion-Request-Id": secrets.token_hex(8)}
