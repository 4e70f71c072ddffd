"""What tool servers are shown: a stored secret, a token of a sign-in, or the tenant's identity, signed."""

import time
from collections.abc import AsyncGenerator, Callable

import httpx2
from mcp.shared.auth_utils import resource_url_from_server_url

from oblivion_mcp_hub.adapters.registry import PostgresRegistry
from oblivion_mcp_hub.adapters.used_credentials import UsedCredentials
from oblivion_mcp_hub.errors import ServerRefused
from oblivion_mcp_hub.oauth_ports import Credential
from oblivion_mcp_hub.usecases.oauth_tokens import OAuthTokens
from oblivion_platform.connections import Connection
from oblivion_platform.tokens import IssuedToken, Tokens

IDENTITY_TTL_S = 300
IDENTITY_RENEWED_BEFORE_S = 60.0
IDENTITY_ROLE = "tenant"
HIDDEN = "***"
_UNAUTHORIZED = 401
_FORBIDDEN = 403


class Credentials:
    """What each connection proves itself with."""

    def __init__(
        self, registry: PostgresRegistry, sign_ins: OAuthTokens, identities: Tokens, used: UsedCredentials
    ) -> None:
        self._registry = registry
        self._sign_ins = sign_ins
        self._identities = identities
        self._used = used

    def of(self, connection: Connection) -> Credential:
        """For one opening of the connection: after a change there is another."""
        if connection.auth == "signed_identity":
            return SignedIdentity(self._identities, connection)
        if connection.auth == "oauth":
            return self._used.of(connection, self._sign_ins.of(connection))
        return self._used.of(connection, StoredSecret(self._registry, connection))


class StoredSecret:
    """Implements `oauth_ports.Credential`: a key or token that an admin gave, read once."""

    def __init__(self, registry: PostgresRegistry, connection: Connection) -> None:
        self._registry = registry
        self._connection = connection
        self._read = False
        self._value: str | None = None

    async def value(self) -> str | None:
        if not self._read:
            self._value, self._read = await self._registry.secret(self._connection), True
        return self._value

    async def instead_of(self, refused: str) -> str | None:  # noqa: ARG002 - there is none
        return None


class SignedIdentity:
    """Implements `oauth_ports.Credential`: who the tenant is, signed by a key of its own, for one server.

    A server checks it by `/.well-known/jwks.json`; it opens nothing of ours.
    """

    def __init__(
        self, identities: Tokens, connection: Connection, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._identities = identities
        self._connection = connection
        self._clock = clock
        self._kept: IssuedToken | None = None
        self._good_until = 0.0

    async def value(self) -> str | None:
        if self._kept is None or self._clock() >= self._good_until:
            self._kept = await self._issued()
            self._good_until = self._clock() + self._kept.expires_in_s - IDENTITY_RENEWED_BEFORE_S
        return self._kept.token

    async def instead_of(self, refused: str) -> str | None:
        """Once more, under the key of now: the one before may have been rotated away."""
        self._kept = None
        value = await self.value()
        return None if value == refused else value

    async def _issued(self) -> IssuedToken:
        tenant_id = self._connection.tenant_id
        return await self._identities.issue(
            tenant_id,
            f"tenant:{tenant_id}",
            IDENTITY_ROLE,
            audience=resource_url_from_server_url(self._connection.url or ""),
            ttl_s=IDENTITY_TTL_S,
            connection=self._connection.name,
        )


class ShownCredential(httpx2.Auth):
    """Puts the credential into each request; one that is refused is tried once more with another."""

    def __init__(self, credential: Credential, connection: Connection) -> None:
        self._credential = credential
        self._connection = connection
        self._header = str(connection.settings.get("header", "Authorization"))
        self._shown_last: str | None = None

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        shown = await self._credential.value()
        self._show(request, shown)
        response = yield request
        if response.status_code == _UNAUTHORIZED and shown is not None:
            another = await self._credential.instead_of(shown)
            if another is not None:
                self._show(request, another)
                response = yield request
        if response.status_code in {_UNAUTHORIZED, _FORBIDDEN}:
            # Said as what it is: the SDK would make a closed session of it.
            raise self.refused(response.status_code)

    async def header(self) -> dict[str, str]:
        """What goes with a request, for who makes it without httpx2."""
        return self._header_of(await self._credential.value())

    async def header_instead(self, refused: dict[str, str], status: int) -> dict[str, str]:
        """Another one to try once more. Raises: ServerRefused: there is none."""
        shown = refused.get(self._header)
        if status == _UNAUTHORIZED and shown is not None:
            secret = shown.removeprefix("Bearer ") if self._header == "Authorization" else shown
            another = await self._credential.instead_of(secret)
            if another is not None:
                return self._header_of(another)
        raise self.refused(status)

    def refused(self, status: int) -> ServerRefused:
        shown = self._connection
        return ServerRefused(
            shown.name, shown.auth, has_secret=shown.has_secret, knows_us=status == _FORBIDDEN
        )

    def hidden_in(self, words: str) -> str:
        """A server's words, which may repeat what it was shown."""
        return words.replace(self._shown_last, HIDDEN) if self._shown_last else words

    def _header_of(self, secret: str | None) -> dict[str, str]:
        if secret is None:
            return {}
        self._shown_last = secret
        return {self._header: f"Bearer {secret}" if self._header == "Authorization" else secret}

    def _show(self, request: httpx2.Request, secret: str | None) -> None:
        request.headers.update(self._header_of(secret))
