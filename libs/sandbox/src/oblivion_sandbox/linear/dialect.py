"""Linear's authentication, limits and refusals.

Sources: https://linear.app/developers/graphql, https://linear.app/developers/rate-limiting
"""

from typing import Any

from graphql import GraphQLError
from starlette.requests import Request

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.vendor.service import Vendor
from oblivion_sandbox.vendor.wire import Refusal

KEY_PREFIX = "lin_api_"
HOUR_MS = 3_600_000


def extensions(code: str, kind: str, status: int, told: str) -> dict[str, Any]:
    """What each of Linear's errors carries beside its message."""
    about = {"type": kind, "code": code, "statusCode": status, "userError": status < 500}
    return about | {"userPresentableMessage": told}


def wrong_input(message: str, told: str) -> GraphQLError:
    return GraphQLError(message, extensions=extensions("INPUT_ERROR", "invalid input", 400, told))


def not_found(what: str) -> GraphQLError:
    return wrong_input(f"Entity not found: {what}", f"Could not find referenced {what}.")


def forbidden(scope: str) -> GraphQLError:
    told = f"Invalid scope: `{scope}` required."
    return GraphQLError(told, extensions=extensions("FORBIDDEN", "forbidden", 403, told))


def refusal(
    status: int, message: str, about: dict[str, Any], headers: dict[str, str] | None = None
) -> Refusal:
    return Refusal(status, {"errors": [{"message": message, "extensions": about}]}, headers)


class LinearDialect:
    """How Linear answers."""

    prefix = "/linear"

    def check(self, vendor: Vendor, request: Request) -> None:
        """API keys go bare, tokens of OAuth apps as Bearer."""
        header = request.headers.get("authorization", "")
        is_bearer = header.lower().startswith("bearer ")
        token = header[7:].strip() if is_bearer else header.strip()
        if is_bearer and token.startswith(KEY_PREFIX):
            raise _unauthenticated(
                "It looks like you're trying to use an API key as a Bearer token. Remove the Bearer prefix"
                " from the Authorization header.",
                400,
            )
        if not vendor.opens(token):
            raise _unauthenticated("Authentication required, not authenticated", 401)

    def rate_limited(self, retry_after_s: int) -> Refusal:
        """HTTP 400, and when the next request may come in a header."""
        told = "Rate limit exceeded. Only 2500 requests are allowed per 1 hour."
        headers = {
            "X-RateLimit-Requests-Remaining": "0",
            "X-RateLimit-Requests-Reset": str(now_ms() + retry_after_s * 1000),
        }
        return refusal(400, told, extensions("RATELIMITED", "ratelimited", 429, told), headers)

    def refused(self, status: int, code: str, message: str) -> Refusal:
        return refusal(status, message, extensions(code or "INTERNAL_SERVER_ERROR", "other", status, message))

    def not_json(self) -> Refusal:
        return refusal(400, "POST body is not valid JSON.", {"code": "BAD_REQUEST", "type": "graphql error"})

    def nothing_here(self, verb: str, path: str) -> Refusal:
        return Refusal(404, {"error": f"Cannot {verb} {path[:100]}"})

    def headers(self, vendor: Vendor) -> dict[str, str]:
        per_hour = round(float(vendor.account["per_minute"]) * 60)
        return {
            "X-RateLimit-Requests-Limit": str(per_hour),
            "X-RateLimit-Requests-Remaining": str(per_hour - 1),
            "X-RateLimit-Requests-Reset": str(now_ms() + HOUR_MS),
        }


def _unauthenticated(message: str, status: int) -> Refusal:
    told = "You need to authenticate to access this operation."
    return refusal(status, message, extensions("AUTHENTICATION_ERROR", "authentication error", 401, told))
