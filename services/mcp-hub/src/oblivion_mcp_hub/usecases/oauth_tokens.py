"""A connection's tokens: opened, renewed before they end, and gone when nobody may renew them.

While the authorisation server is away, or takes our app for another's, a token that has not ended yet is good
enough.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from oblivion_mcp_hub.domain.oauth import Tokens
from oblivion_mcp_hub.oauth_errors import AGAIN, NEVER, AuthorizationServerAway, RenewalRefused, SignInMissing
from oblivion_mcp_hub.oauth_ports import AuthorizationServers
from oblivion_mcp_hub.usecases.oauth_renewals import Renewals
from oblivion_mcp_hub.usecases.oauth_stored import StoredTokens
from oblivion_platform.connections import Connection
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database

NOTICE = timedelta(days=7)
"""How long before its end a sign-in is said to end."""


class OAuthTokens:
    """The tokens of all connections that sign in."""

    def __init__(
        self,
        database: Database,
        master_keys: MasterKeyRing,
        servers: AuthorizationServers,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._now = now
        self._stored = StoredTokens(master_keys)
        self._renewals = Renewals(database, self._stored, servers, now)

    def of(self, connection: Connection) -> "OAuthCredential":
        """What the connection's server is shown; it is kept with the server."""
        return OAuthCredential(self, connection, self._now)

    async def current(self, connection: Connection, refused: str | None = None) -> Tokens:
        """Tokens that are good for a while, and another access token than the one that was refused.

        Of a server that refuses one after the other, the same.

        Raises:
            SignInMissing: there are none, and there will be none before somebody signs in.
            AuthorizationServerAway, RenewalRefused: they have to be renewed, and cannot be now.
            ConnectionChanged, NothingFound: it is not the connection any more that was signed in.
            DependencyUnavailable, DecryptionFailed
        """
        async with self._database.tenant(connection.tenant_id) as tx:
            held = await self._stored.newest(tx, connection)
        is_stored = self._stored.are_stored(connection)
        if held is not None and is_stored and self._renewals.will_do(connection, held, refused):
            return held
        try:
            tokens = await self._renewals.renewed(connection, refused)
        except (AuthorizationServerAway, RenewalRefused):
            if held is None or held.access_token == refused or held.has_expired(self._now()):
                raise
            return held
        if tokens is None:
            raise SignInMissing(connection.name, AGAIN if "at" in connection.sign_in else NEVER)
        return tokens

    async def close(self) -> None:
        """Wait for what authorisation servers are about to give."""
        await self._renewals.close()


class OAuthCredential:
    """Implements `oauth_ports.Credential`: tokens of one connection, in memory while they are fresh."""

    def __init__(self, tokens: OAuthTokens, connection: Connection, now: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._connection = connection
        self._now = now
        self._kept: Tokens | None = None
        self._one_at_a_time = asyncio.Lock()

    async def value(self) -> str | None:
        if self._kept is None or not self._kept.is_fresh(self._now()):
            await self._renew(None)
        assert self._kept is not None  # noqa: S101 - or _renew has raised
        return self._kept.access_token

    async def instead_of(self, refused: str) -> str | None:
        if self._kept is None or self._kept.access_token == refused:
            await self._renew(refused)
        assert self._kept is not None  # noqa: S101 - or _renew has raised
        return self._kept.access_token if self._kept.access_token != refused else None

    async def _renew(self, refused: str | None) -> None:
        async with self._one_at_a_time:
            kept = self._kept
            if kept is None or kept.access_token == refused or not kept.is_fresh(self._now()):
                self._kept = None
                self._kept = await self._tokens.current(self._connection, refused)


def ending(connection: Connection, now: datetime) -> str | None:
    """That the sign-in ends soon, in a sentence."""
    ends_at = connection.sign_in.get("ends_at")
    if connection.sign_in.get("state") != "done" or ends_at is None:
        return None
    moment = datetime.fromisoformat(ends_at)
    if moment - now > NOTICE:
        return None
    return (
        f"Its sign-in ends at {moment:%Y-%m-%d %H:%M} UTC; before then, an admin runs: "
        f"oblivion connections connect {connection.name}"
    )
