"""Authorisation servers over HTTP: found, registered at and asked for tokens by the MCP SDK's own parts.

Those of MCP servers are named by strangers: only addresses that the guard permits, no redirect, no endless
answer, plain HTTP only where the operator allowed the network. Those of vendors are the operator's settings.
Sources: RFC 9728, RFC 8414, RFC 7591, RFC 8707,
https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx2
from mcp.client.auth import OAuthRegistrationError
from mcp.client.auth.oauth2 import check_registration_usable
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
    create_client_registration_request,
    create_oauth_metadata_request,
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
    get_client_metadata_scopes,
    handle_auth_metadata_response,
    handle_protected_resource_response,
    handle_registration_response,
    issuers_match,
)
from mcp.shared.auth import OAuthClientMetadata, OAuthMetadata, ProtectedResourceMetadata
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url
from pydantic import AnyHttpUrl, AnyUrl

from oblivion_mcp_hub.adapters.guarded_http import AddressGuard, guarded_client
from oblivion_mcp_hub.domain.oauth import (
    BASIC,
    CODE_CHALLENGE_METHOD,
    NONE,
    POST,
    AnswerUnusable,
    Client,
    Plan,
    TokenAuth,
    Tokens,
    read_tokens,
)
from oblivion_mcp_hub.errors import AddressRefused
from oblivion_mcp_hub.oauth_errors import AuthorizationServerAway, GrantRefused, SignInRefused
from oblivion_mcp_hub.oauth_ports import Discovered

TIMEOUT_S = 10.0
"""For all that is asked in one go: a server that answers byte by byte gets no more."""
ANSWER_BYTES_MAX = 256 * 1024
GRANTS = ["authorization_code", "refresh_token"]
_WAIT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_SAID_LATER = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
               "temporarily_unavailable", "server_error"}  # fmt: skip
_CODE = re.compile(r"[a-z][a-z0-9_]{0,60}")
_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "oblivion-mcp-hub", "version": "0.1.0"},
    },
}
_AS_MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}


class OAuthHttp:
    """Implements `oauth_ports.AuthorizationServers`."""

    def __init__(
        self,
        guard: AddressGuard,
        public_url: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._guard = guard
        self._public_url = public_url
        self._now = now

    async def discover(self, url: str, /) -> Discovered:
        host = urlsplit(url).hostname or ""
        async with self._asking(url) as http:
            asked = await self._sent(http, http.build_request("POST", url, json=_INITIALIZE, headers=_AS_MCP))
            resource = await self._resource(http, url, asked)
            server = await self._server(http, url, resource)
            if server is None:
                raise SignInRefused(
                    f"{host} names no authorisation server. Does it take a key? Then connect it with its key."
                )
            await self._refuse_unusable(server)
        scope = get_client_metadata_scopes(extract_scope_from_www_auth(asked), resource, server, GRANTS)
        return _discovered(url, resource, server, scope)

    async def register(self, found: Discovered, redirect_uri: str, /) -> Client:
        if found.registration_endpoint is None:
            host = urlsplit(found.issuer).hostname
            raise SignInRefused(
                f"{host} lets no app register itself. Register one there with the redirect address "
                f"{redirect_uri}, and give its client id (and secret) to the connection."
            )
        about = OAuthClientMetadata(
            redirect_uris=[AnyUrl(redirect_uri)],
            client_name="Oblivion",
            client_uri=AnyHttpUrl(self._public_url),
            token_endpoint_auth_method=_registered_auth(found.token_auths),
            application_type="web",
            scope=found.scope,
        )
        metadata = OAuthMetadata(
            issuer=AnyHttpUrl(found.issuer),
            authorization_endpoint=AnyHttpUrl(found.authorization_endpoint),
            token_endpoint=AnyHttpUrl(found.token_endpoint),
            registration_endpoint=AnyHttpUrl(found.registration_endpoint),
        )
        async with self._asking(found.registration_endpoint) as http:
            asked = create_client_registration_request(metadata, about, found.issuer)
            answer = await self._sent(http, asked)
        return await self._registered(answer, found, redirect_uri)

    async def redeem(self, plan: Plan, client: Client, code: str, verifier: str, /) -> Tokens:
        return await self._granted(plan, client, plan.redeeming(code, verifier))

    async def renew(self, plan: Plan, client: Client, tokens: Tokens, /) -> Tokens:
        assert tokens.refresh_token is not None  # noqa: S101 - nobody renews without one
        renewed = await self._granted(plan, client, plan.renewing(tokens.refresh_token))
        return renewed.renewed_from(tokens)

    async def _resource(
        self, http: httpx2.AsyncClient, url: str, asked: httpx2.Response
    ) -> ProtectedResourceMetadata | None:
        """What the server says of itself; the older protocol knows no such thing."""
        told = extract_resource_metadata_from_www_auth(asked)
        for candidate in build_protected_resource_metadata_discovery_urls(told, url):
            answer = await self._sent(http, create_oauth_metadata_request(candidate))
            _refuse_server_error(answer)
            found = await handle_protected_resource_response(answer)
            if found is None:
                continue
            if not check_resource_allowed(resource_url_from_server_url(url), str(found.resource)):
                raise SignInRefused(
                    f"{urlsplit(url).hostname} says that it is {found.resource}, which is somebody else."
                )
            return found
        return None

    async def _server(
        self, http: httpx2.AsyncClient, url: str, resource: ProtectedResourceMetadata | None
    ) -> OAuthMetadata | None:
        named = None if resource is None else str(resource.authorization_servers[0])
        for candidate in build_oauth_authorization_server_metadata_discovery_urls(named, url):
            answer = await self._sent(http, create_oauth_metadata_request(candidate))
            _refuse_server_error(answer)
            _, found = await handle_auth_metadata_response(answer)
            if found is None:
                continue
            parts = urlsplit(url)
            if not issuers_match(str(found.issuer), named or f"{parts.scheme}://{parts.netloc}"):
                raise SignInRefused(
                    f"The authorisation server of {parts.hostname} says that it is another one."
                )
            return found
        return None

    async def _refuse_unusable(self, server: OAuthMetadata) -> None:
        if CODE_CHALLENGE_METHOD not in (server.code_challenge_methods_supported or ()):
            raise SignInRefused(
                f"{server.issuer.host} does not say that it checks PKCE (S256), so nobody signs in there."
            )
        for endpoint in (server.authorization_endpoint, server.token_endpoint, server.registration_endpoint):
            if endpoint is not None and endpoint.scheme != "https":
                await self._refuse_unless_allowed(endpoint.host or "", endpoint.port or 80)

    async def _refuse_unless_allowed(self, host: str, port: int) -> None:
        """Plain HTTP only inside of networks that the operator named: elsewhere tokens could be read."""
        try:
            is_inside = await self._guard.is_inside(host, port)
        except (OSError, AddressRefused):
            is_inside = False
        if not is_inside:
            raise SignInRefused(f"The authorisation server at {host} is not reached by https.")

    async def _registered(self, answer: httpx2.Response, found: Discovered, redirect_uri: str) -> Client:
        host = urlsplit(found.issuer).hostname
        _refuse_server_error(answer)
        try:
            made = await handle_registration_response(answer)
            check_registration_usable(made)
        except OAuthRegistrationError:
            raise SignInRefused(
                f"{host} does not let us register ({_code_of(_json(answer)) or answer.status_code}). "
                f"Register an app there with the redirect address {redirect_uri}, and give the connection "
                "its client id."
            ) from None
        return Client(
            client_id=made.client_id,
            client_secret=made.client_secret,
            origin="registered",
            issuer=found.issuer,
            redirect_uri=redirect_uri,
            token_auth=cast("TokenAuth | None", made.token_endpoint_auth_method),
            expires_at=_end_of(made.client_secret_expires_at) if made.client_secret else None,
        )

    async def _granted(self, plan: Plan, client: Client, form: dict[str, str]) -> Tokens:
        given, headers = _authenticated(plan, client, form)
        body: dict[str, Any] = {"json": given} if plan.as_json else {"data": given}
        async with self._asking(plan.token_endpoint, is_vendor=plan.issuer is None) as http:
            asked = http.build_request("POST", plan.token_endpoint, headers=headers, **body)
            answer = await self._sent(http, asked)
        told = _json(answer)
        # Slack answers 200 with `ok: false`.
        if answer.is_success and told.get("ok") is not False and "error" not in told:
            try:
                return read_tokens(told, self._now())
            except AnswerUnusable as error:
                raise AuthorizationServerAway(_host(answer), str(error)) from None
        _refuse_server_error(answer)
        code = _code_of(told)
        # Refused is what the server says in words: a page, or a redirect to one, is somebody's before it.
        if not code or answer.status_code in _WAIT or code in _SAID_LATER:
            raise AuthorizationServerAway(_host(answer), code or f"HTTP {answer.status_code}")
        raise GrantRefused(code)

    @asynccontextmanager
    async def _asking(self, url: str, *, is_vendor: bool = False) -> AsyncGenerator[httpx2.AsyncClient]:
        """Raises: AuthorizationServerAway: what is asked inside takes too long.
        SignInRefused: it leads to an address that is none.
        """
        guard = AddressGuard.of_everything() if is_vendor else self._guard
        client = guarded_client(guard, headers={}, timeout_s=TIMEOUT_S, most_bytes=ANSWER_BYTES_MAX)
        host = urlsplit(url).hostname or ""
        try:
            async with asyncio.timeout(TIMEOUT_S), client as http:
                yield http
        except TimeoutError:
            raise AuthorizationServerAway(host, f"nothing within {TIMEOUT_S:.0f} s") from None
        except httpx2.InvalidURL:
            raise SignInRefused(f"{host} leads to an address that is none.") from None

    async def _sent(self, http: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        try:
            async with _streamed(http, request) as response:
                if response.headers.get("content-type", "").startswith("text/event-stream"):
                    return httpx2.Response(response.status_code, headers=response.headers, request=request)
                await response.aread()
                return response
        except AddressRefused:
            raise
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise AuthorizationServerAway(host, type(error).__name__) from None


def _streamed(http: httpx2.AsyncClient, request: httpx2.Request) -> Any:
    """Closed in each case; a stream of events is never read to its end, which need not come."""
    return http.stream(request.method, request.url, headers=request.headers, content=request.content)


def _discovered(
    url: str, resource: ProtectedResourceMetadata | None, server: OAuthMetadata, scope: str | None
) -> Discovered:
    registration = server.registration_endpoint
    return Discovered(
        issuer=str(server.issuer),
        authorization_endpoint=str(server.authorization_endpoint),
        token_endpoint=str(server.token_endpoint),
        resource=resource_url_from_server_url(url) if resource is None else str(resource.resource),
        scope=scope,
        says_issuer=server.authorization_response_iss_parameter_supported is True,
        registration_endpoint=None if registration is None else str(registration),
        takes_documents=server.client_id_metadata_document_supported is True,
        token_auths=tuple(server.token_endpoint_auth_methods_supported or ("client_secret_basic",)),
    )


def _end_of(unix_s: int | None) -> datetime | None:
    """RFC 7591 section 3.2.1: 0 is never; and so is what no calendar holds."""
    try:
        return datetime.fromtimestamp(unix_s, UTC) if unix_s else None
    except (ValueError, OverflowError, OSError):
        return None


def _registered_auth(supported: tuple[str, ...]) -> TokenAuth:
    """With a secret where the server knows that: we can keep one."""
    if BASIC in supported:
        return BASIC
    return POST if POST in supported else NONE


def _authenticated(plan: Plan, client: Client, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """RFC 6749 section 2.3.1."""
    headers = {"Accept": "application/json"}
    if plan.token_auth == BASIC and client.client_secret:
        pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
        return form, {**headers, "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    given = {**form, "client_id": client.client_id}
    if plan.token_auth == POST and client.client_secret:
        given["client_secret"] = client.client_secret
    return given, headers


def _json(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        value: object = json.loads(answer.content)
    except (ValueError, RecursionError, httpx2.StreamError):
        return {}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _code_of(told: Mapping[str, Any]) -> str:
    """The server's code for what is wrong, where it is one: its words are not ours to show."""
    code = told.get("error")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _refuse_server_error(answer: httpx2.Response) -> None:
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise AuthorizationServerAway(_host(answer), f"HTTP {answer.status_code}")


def _host(answer: httpx2.Response) -> str:
    return answer.request.url.host
