"""`/connections`: what the tenant has connected. Everybody signed in may look; admins change and test."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from oblivion_contracts.connections import ConnectionChange, NewConnection, PinTools
from oblivion_contracts.model import Contract
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.errors import RequestInvalid, RequestMalformed
from oblivion_mcp_hub.routes.bodies import read_body
from oblivion_mcp_hub.usecases.authenticate import Authenticate
from oblivion_mcp_hub.usecases.manage_connections import ManageConnections
from oblivion_mcp_hub.usecases.oauth_sign_ins import SignIns
from oblivion_platform.door import (
    SAFE_METHODS,
    SESSION_COOKIE,
    NotAllowed,
    SignInNeeded,
    refuse_cross_site,
)
from oblivion_platform.operations.errors import NothingFound
from oblivion_platform.safe_json import MalformedBody, parse_json_object

BODY_BYTES_MAX = 256 * 1024
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

WishT = TypeVar("WishT", bound=Contract)
Handler = Callable[[Caller, Request], Awaitable[Response]]


class ConnectionRoutes:
    """The edge of `usecases.manage_connections`."""

    def __init__(
        self,
        authenticate: Authenticate,
        manage: ManageConnections,
        sign_ins: SignIns,
        own_origins: frozenset[str],
    ) -> None:
        self._authenticate = authenticate
        self._manage = manage
        self._sign_ins = sign_ins
        self._own_origins = own_origins

    def routes(self) -> list[BaseRoute]:
        one = "/connections/{connection_id}"
        return [
            self._route("/connections", self._list, "GET"),
            self._route("/connections", self._create, "POST"),
            self._route("/connections/providers", self._kinds, "GET"),
            self._route(one, self._show, "GET"),
            self._route(one, self._change, "PATCH"),
            self._route(one, self._delete, "DELETE"),
            self._route(f"{one}/test", self._test, "POST"),
            self._route(f"{one}/tools", self._tools, "GET"),
            self._route(f"{one}/pins", self._pin, "POST"),
            self._route(f"{one}/authorize", self._authorize, "POST"),
            self._route(f"{one}/authorize/{{authorization_id}}", self._progress, "GET"),
        ]

    def _route(self, path: str, handler: Handler, method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            caller = await self._caller(request)
            if caller.kind != "user" or (method not in SAFE_METHODS and not caller.is_admin):
                raise NotAllowed
            return await handler(caller, request)

        return Route(path, endpoint, methods=[method])

    async def _caller(self, request: Request) -> Caller:
        """Raises: SignInNeeded, TokenRefused, CrossSiteRefused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return await self._authenticate.for_api(token.strip())
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie is None:
            raise SignInNeeded
        refuse_cross_site(request.method, request.headers, self._own_origins)
        return await self._authenticate.by_cookie(cookie)

    async def _list(self, caller: Caller, _request: Request) -> Response:
        return _json(await self._manage.listing(caller))

    async def _kinds(self, _caller: Caller, _request: Request) -> Response:
        return _json(self._manage.kinds(self._sign_ins.redirect_uri))

    async def _create(self, caller: Caller, request: Request) -> Response:
        return _json(await self._manage.create(caller, await _wish(request, NewConnection)), 201)

    async def _show(self, caller: Caller, request: Request) -> Response:
        return _json(await self._manage.show(caller, _id(request)))

    async def _change(self, caller: Caller, request: Request) -> Response:
        wish = await _wish(request, ConnectionChange)
        return _json(await self._manage.change(caller, _id(request), wish))

    async def _delete(self, caller: Caller, request: Request) -> Response:
        await self._manage.delete(caller, _id(request))
        return Response(status_code=204, headers=_NO_STORE)

    async def _test(self, caller: Caller, request: Request) -> Response:
        return _json(await self._manage.test(caller, _id(request)))

    async def _tools(self, caller: Caller, request: Request) -> Response:
        return _json(await self._manage.tools(caller, _id(request)))

    async def _pin(self, caller: Caller, request: Request) -> Response:
        await self._manage.pin(caller, _id(request), await _wish(request, PinTools))
        return Response(status_code=204, headers=_NO_STORE)

    async def _authorize(self, caller: Caller, request: Request) -> Response:
        return _json(await self._sign_ins.begin(caller, _id(request)), 201)

    async def _progress(self, caller: Caller, request: Request) -> Response:
        flow_id = _id(request, "authorization")
        return _json(await self._sign_ins.progress(caller, _id(request), flow_id))


def _id(request: Request, what: str = "connection") -> UUID:
    try:
        return UUID(request.path_params[f"{what}_id"])
    except ValueError:
        raise NothingFound(what) from None


async def _wish(request: Request, contract: type[WishT]) -> WishT:
    """Raises: RequestMalformed, RequestInvalid: names the fields, never what they held."""
    body = await read_body(request.headers, request.receive, BODY_BYTES_MAX)
    try:
        return contract.model_validate(parse_json_object(body or b"{}"))
    except MalformedBody as error:
        raise RequestMalformed(error.code.value, "The body cannot be processed.") from None
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) or "body" for each in error.errors()})
        raise RequestInvalid("request_invalid", f"Missing or wrong: {', '.join(fields)}") from None


def _json(contract: Contract, status: int = 200) -> Response:
    return Response(contract.model_dump_json(), status, _NO_STORE, "application/json")
