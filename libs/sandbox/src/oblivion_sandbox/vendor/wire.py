"""Requests and answers of a vendor's API: its token, its limit, its JSON, and refusals in its own words."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_sandbox.misbehave import spoil
from oblivion_sandbox.store import Json, dumps
from oblivion_sandbox.urls import base_url
from oblivion_sandbox.vendor.service import Vendor

VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Refusal(Exception):
    """A refused request: nothing was changed."""

    def __init__(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body
        self.headers = headers or {}


class Dialect(Protocol):
    """How a vendor says what all of them say."""

    prefix: str

    def check(self, vendor: Vendor, request: Request) -> None:
        """Raises a Refusal when the request carries no good token."""
        ...

    def rate_limited(self, retry_after_s: int) -> Refusal: ...

    def refused(self, status: int, code: str, message: str) -> Refusal: ...

    def not_json(self) -> Refusal: ...

    def nothing_here(self, verb: str, path: str) -> Refusal: ...

    def headers(self, vendor: Vendor) -> dict[str, str]:
        """What every answer carries."""
        ...


@dataclass(frozen=True)
class Call:
    """What a handler works on."""

    vendor: Vendor
    path: dict[str, str]
    query: QueryParams
    body: Json
    base_url: str
    """Of this vendor's own addresses, without a slash at the end."""

    def number(self, name: str, default: int, most: int) -> int | None:
        """A whole number of the query from 1 to `most`; None when it is not one."""
        value = self.query.get(name) or str(default)
        good = value.isascii() and value.isdigit() and len(value) < 10 and int(value) > 0
        return min(int(value), most) if good else None


Answer: TypeAlias = "Callable[[Call], Json | list[Any] | Response | None]"
Entry: TypeAlias = "tuple[str, str, Answer]"
"""Verb, path below the prefix, handler."""


class Wire:
    """The endpoints of one vendor."""

    def __init__(self, vendor: Vendor, dialect: Dialect, public_url: str | None) -> None:
        self._vendor = vendor
        self._dialect = dialect
        self._public_url = public_url

    def routes(self, entries: tuple[Entry, ...]) -> list[Route]:
        known = [self._route(verb, path, answer) for verb, path, answer in entries]
        api = self._dialect.prefix
        return [*known, Route(f"{api}/{{rest:path}}", self._nothing_here, methods=VERBS)]

    def _route(self, verb: str, path: str, answer: Answer) -> Route:
        name = f"{verb} {path}"

        async def handle(request: Request) -> Response:
            return await self._answer(request, name, answer)

        return Route(self._dialect.prefix + path, self._endpoint(name, handle), methods=[verb])

    def _endpoint(
        self, name: str, handle: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Count the call, spoil it if a rule says so, answer it."""

        async def answered(request: Request) -> Response:
            actual = request.url.path.removeprefix(self._dialect.prefix)
            names = (name, f"{request.method} {actual}", actual)
            rule = self._vendor.misbehaviour.pick(self._vendor.side, "call", *names)
            self._vendor.calls[name] += 1
            refusals = {"rate_limited": self._told_to_wait, "error": self._told_to_refuse}
            return await spoil(rule, request, handle, refusals)

        return answered

    async def _answer(self, request: Request, name: str, answer: Answer) -> Response:
        try:
            self._admit(request)
            address = base_url(request, self._public_url) + f"/{self._vendor.side}"
            path, body = request.path_params, await self._json_body(request)
            call = Call(self._vendor, path, request.query_params, body, address)
            with self._vendor.store.write():
                return self._good(answer(call))
        except UnicodeEncodeError:
            # A lone surrogate is legal JSON and no text.
            return self._refuse(self._dialect.not_json())
        except Refusal as refused:
            self._vendor.calls[f"{name}:{refused.status}"] += 1
            return self._refuse(refused)

    def _admit(self, request: Request) -> None:
        """The token is good and the allowance not used up.

        Raises:
            Refusal: it is not.
        """
        self._dialect.check(self._vendor, request)
        if wait_s := self._vendor.wait_s():
            raise self._dialect.rate_limited(wait_s)

    async def _json_body(self, request: Request) -> Json:
        body = await request.body()
        if not body:
            return {}
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise self._dialect.not_json() from None
        if not isinstance(value, dict):
            raise self._dialect.not_json()
        return cast("Json", value)

    def _good(self, body: Json | list[Any] | Response | None) -> Response:
        response = body if isinstance(body, Response) else json_answer(body, 204 if body is None else 200)
        response.headers.update(self._dialect.headers(self._vendor))
        return response

    def _refuse(self, refused: Refusal) -> Response:
        return json_answer(
            refused.body, refused.status, self._dialect.headers(self._vendor) | refused.headers
        )

    async def _nothing_here(self, request: Request) -> Response:
        self._vendor.calls["unknown"] += 1
        path = request.url.path.removeprefix(self._dialect.prefix)
        return self._refuse(self._dialect.nothing_here(request.method, path))

    def _told_to_wait(self, details: Json) -> Response:
        return self._refuse(self._dialect.rate_limited(int(details.get("retry_after", 1))))

    def _told_to_refuse(self, details: Json) -> Response:
        status, code = int(details.get("status", 400)), str(details.get("code", ""))
        return self._refuse(
            self._dialect.refused(status, code, str(details.get("err", "Refused on command")))
        )


def bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def json_answer(
    body: Json | list[Any] | None, status: int, headers: dict[str, str] | None = None
) -> Response:
    """An answer with a status of its own; none but 200 and 204 comes by itself."""
    content = None if body is None else dumps(body)
    media_type = None if body is None else "application/json; charset=utf-8"
    return Response(content, status, headers, media_type)
