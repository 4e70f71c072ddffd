"""Google's token check and refusals.

Source: https://developers.google.com/workspace/calendar/api/guides/errors
"""

from starlette.requests import Request

from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.service import Vendor
from oblivion_sandbox.vendor.wire import Refusal, bearer_token

_REASONS = {400: "badRequest", 401: "authError", 403: "forbidden", 404: "notFound", 410: "deleted"}


def refusal(
    status: int, message: str, reason: str = "", headers: dict[str, str] | None = None, **more: str
) -> Refusal:
    why = {"domain": "global", "reason": reason or _REASONS.get(status, "backendError"), "message": message}
    body: Json = {"error": {"errors": [why | more], "code": status, "message": message}}
    return Refusal(status, body, headers)


def invalid(message: str, reason: str = "badRequest") -> Refusal:
    return refusal(400, message, reason)


def not_found() -> Refusal:
    return refusal(404, "Not Found")


def no_scope() -> Refusal:
    return refusal(403, "Request had insufficient authentication scopes.", "insufficientPermissions")


def no_access(level: str) -> Refusal:
    return refusal(403, f"You need to have {level} access to this calendar.", "requiredAccessLevel")


class CalendarDialect:
    """How Google answers."""

    prefix = "/calendar/v3"

    def check(self, vendor: Vendor, request: Request) -> None:
        token = bearer_token(request)
        if not token:
            raise refusal(
                401, "Login Required.", "required", {"WWW-Authenticate": "Bearer"}, location="Authorization"
            )
        if not vendor.opens(token):
            raise refusal(401, "Invalid Credentials", location="Authorization", locationType="header")

    def rate_limited(self, retry_after_s: int) -> Refusal:  # noqa: ARG002  # the interface of all
        """Google names no time: clients are to back off exponentially."""
        return refusal(403, "Rate Limit Exceeded", "rateLimitExceeded", domain="usageLimits")

    def refused(self, status: int, code: str, message: str) -> Refusal:
        return refusal(status, message, code)

    def not_json(self) -> Refusal:
        return invalid("Parse Error", "parseError")

    def nothing_here(self, verb: str, path: str) -> Refusal:  # noqa: ARG002  # the interface of all
        return not_found()

    def headers(self, vendor: Vendor) -> dict[str, str]:  # noqa: ARG002  # the same
        return {"Cache-Control": "private, max-age=0, must-revalidate, no-transform"}
