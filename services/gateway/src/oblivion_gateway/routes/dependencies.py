"""What routes are given: the services of the process, and who asks."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from oblivion_gateway.domain.access import may
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.errors import TooManyRequests
from oblivion_gateway.routes.frame import note_allowance
from oblivion_gateway.routes.services import Services
from oblivion_gateway.usecases.requests import Call, Requests, Unit
from oblivion_platform.door import SESSION_COOKIE, NotAllowed, SignInNeeded, refuse_cross_site

ResultT = TypeVar("ResultT")
Work = Callable[[Unit], Awaitable[BaseModel | Sequence[BaseModel] | None]]


def get_services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


ServicesNeeded = Annotated[Services, Depends(get_services)]


async def authenticated(request: Request, services: ServicesNeeded) -> Caller:
    """Who asks, by token or by cookie; a request that changes something by cookie must be from our own pages.

    Raises:
        SignInNeeded, TokenRefused, CrossSiteRefused
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return await services.authenticate.by_token(token.strip())
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie is None:
        raise SignInNeeded
    refuse_cross_site(request.method, request.headers, services.own_origins)
    return await services.authenticate.by_cookie(cookie)


AnyCaller = Annotated[Caller, Depends(authenticated)]


async def allowed(request: Request, caller: AnyCaller, services: ServicesNeeded) -> Caller:
    """The caller, if the table of roles lets them do this, and not too often.

    Raises:
        NotAllowed, TooManyRequests
    """
    try:
        note_allowance(request.scope, await services.limits.of_caller(caller))
    except TooManyRequests as refused:
        note_allowance(request.scope, refused.allowance)
        raise
    route: APIRoute = request.scope["route"]
    if not may(caller, route.operation_id or route.name):
        raise NotAllowed
    return caller


AllowedCaller = Annotated[Caller, Depends(allowed)]


class Change:
    """A request that changes something, ready to be run once."""

    def __init__(self, requests: Requests, call: Call) -> None:
        self._requests = requests
        self._call = call

    async def __call__(self, work: Work, *, status: int = HTTPStatus.OK) -> Response:
        """Run `work` in the request's transaction; a repeat gets the first one's answer."""
        answer = await self._requests.run(self._call, work, status)
        media_type = "application/json" if answer.body else None
        return Response(answer.body, answer.status, media_type=media_type)


class Look:
    """A request that changes nothing: a transaction to read in."""

    def __init__(self, requests: Requests, caller: Caller) -> None:
        self._requests = requests
        self._caller = caller

    async def __call__(self, work: Callable[[Unit], Awaitable[ResultT]]) -> ResultT:
        return await self._requests.read(self._caller, work)


async def look(caller: AllowedCaller, services: ServicesNeeded) -> Look:
    """A GET."""
    return Look(services.requests, caller)


Read = Annotated[Look, Depends(look)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A repeat with the same key, within a day, gets the first one's answer and does nothing.",
    ),
]


async def once(
    request: Request, caller: AllowedCaller, services: ServicesNeeded, key: IdempotencyKey = None
) -> Change:
    """A POST, which an Idempotency-Key makes safe to repeat."""
    return Change(services.requests, Call(caller, key, await _hash(request)))


async def edit(caller: AllowedCaller, services: ServicesNeeded) -> Change:
    """A PUT, PATCH or DELETE, which is safe to repeat by itself."""
    return Change(services.requests, Call(caller, None, b""))


Once = Annotated[Change, Depends(once)]
Edit = Annotated[Change, Depends(edit)]


async def _hash(request: Request) -> bytes:
    url = request.url
    named = f"{request.method} {url.path}?{url.query}\n".encode()
    return hashlib.sha256(named + await request.body()).digest()
