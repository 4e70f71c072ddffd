"""{verb} /clickup/api/v2/...: whose token it is, how often it may ask, then the handler itself."""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_sandbox.clickup.api import ROUTES
from oblivion_sandbox.clickup.call import Answer, Call
from oblivion_sandbox.clickup.errors import ClickUpError, invalid
from oblivion_sandbox.clickup.service import ClickUp
from oblivion_sandbox.clock import now_s
from oblivion_sandbox.misbehave import spoil
from oblivion_sandbox.store import Json, Row, dumps
from oblivion_sandbox.urls import base_url

PREFIX = "/clickup/api/v2"


class Rest:
    """The endpoints of API v2."""

    def __init__(self, clickup: ClickUp, public_url: str | None) -> None:
        self._clickup = clickup
        self._public_url = public_url

    def routes(self) -> list[Route]:
        known = [
            Route(PREFIX + path, self._endpoint(verb, path, answer), methods=[verb])
            for verb, path, answer in ROUTES
        ]
        return [
            *known,
            Route(PREFIX + "/{rest:path}", self._unknown, methods=["GET", "POST", "PUT", "DELETE"]),
        ]

    def _endpoint(self, verb: str, path: str, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        name = f"{verb} {path}"

        async def handle(request: Request) -> Response:
            return await self._handle(request, name, answer)

        async def endpoint(request: Request) -> Response:
            actual = f"{verb} {request.url.path.removeprefix(PREFIX)}"
            rule = self._clickup.misbehaviour.pick("clickup", "call", name, actual, actual.partition(" ")[2])
            self._clickup.calls[name] += 1
            return await spoil(rule, request, handle, {"rate_limited": _limited, "error": _refused})

        return endpoint

    async def _handle(self, request: Request, name: str, answer: Answer) -> Response:
        headers: dict[str, str] = {}
        try:
            user = self._authenticate(request.headers.get("authorization", ""))
            headers = self._limit(user)
            call = Call(
                self._clickup,
                user,
                request.path_params,
                request.query_params,
                await _json_body(request),
                base_url(request, self._public_url),
            )
            return _answer(answer(call), 200, headers)
        except UnicodeEncodeError:
            # A lone surrogate is legal JSON and no text.
            return _answer(invalid("Unexpected token in JSON", "INPUT_001").as_json(), 400, headers)
        except ClickUpError as refused:
            self._clickup.calls[f"{name}:{refused.status}"] += 1
            limits = refused.headers if isinstance(refused, _LimitReached) else headers
            return _answer(refused.as_json(), refused.status, limits)

    def _authenticate(self, header: str) -> Row:
        """The person behind a personal token, given bare or as a Bearer token.

        Raises:
            ClickUpError: no header, an unknown token, or one that was revoked.
        """
        if not header:
            raise ClickUpError(400, "Authorization header required", "OAUTH_017")
        scheme, _, rest = header.partition(" ")
        bearer = scheme.lower() == "bearer"
        user = self._clickup.space.user_of_token(rest.strip() if bearer else header)
        if user is None:
            raise ClickUpError(401, "Token invalid", "OAUTH_025")
        if user["token_revoked"] or user["disabled"]:
            raise ClickUpError(401, "Oauth token not found", "OAUTH_019")
        return user

    def _limit(self, user: Row) -> dict[str, str]:
        """The X-RateLimit headers of this answer.

        Raises:
            _LimitReached: the minute's requests are used up.
        """
        limit = int(self._clickup.space.team["limit_per_minute"])
        allowance = self._clickup.windows.take(user["token"], limit or 1_000_000)
        headers = {
            "X-RateLimit-Limit": str(allowance.limit),
            "X-RateLimit-Remaining": str(allowance.remaining),
            "X-RateLimit-Reset": str(allowance.reset_s),
        }
        if allowance.exceeded:
            raise _LimitReached(headers)
        return headers

    async def _unknown(self, _request: Request) -> Response:
        self._clickup.calls["unknown"] += 1
        return _answer({"err": "Route not found", "ECODE": "APP_001"}, 404, {})


class _LimitReached(ClickUpError):
    """429; `headers` tell when the next window begins."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(429, "Rate limit reached", "APP_002")
        self.headers = headers


async def _json_body(request: Request) -> Json:
    body = await request.body()
    if not body:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise invalid("Unexpected token in JSON", "INPUT_001") from None
    if not isinstance(value, dict):
        raise invalid("Body must be an object", "INPUT_001")
    return value  # pyright: ignore[reportUnknownVariableType]


def _answer(body: Json, status: int, headers: dict[str, str]) -> Response:
    return Response(dumps(body), status, headers, "application/json; charset=utf-8")


def _limited(details: Json) -> Response:
    reset_s = now_s() + int(details.get("retry_after", 1))
    headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset_s)}
    return _answer({"err": "Rate limit reached", "ECODE": "APP_002"}, 429, headers)


def _refused(details: Json) -> Response:
    code = str(details.get("code", "APP_000"))
    return _answer(
        {"err": str(details.get("err", "Internal error")), "ECODE": code}, int(details.get("status", 400)), {}
    )
