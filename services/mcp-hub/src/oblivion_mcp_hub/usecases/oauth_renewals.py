"""Tokens renewed, each time by a task of its own: a refresh token is good once at many servers, so nobody
who hangs up ends what the server may have answered already.

Of all replicas one renews, under an advisory lock, and what it was given is stored in that transaction before
anybody uses it. If Postgres goes away in this very moment, it is held until it is stored.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID
from weakref import WeakValueDictionary

from cachetools import TTLCache

from oblivion_contracts.connections import ConnectionHealth
from oblivion_mcp_hub.domain.oauth import Tokens, ends_sign_in
from oblivion_mcp_hub.oauth_errors import (
    AGAIN,
    AuthorizationServerAway,
    GrantRefused,
    RenewalRefused,
    SignInMissing,
)
from oblivion_mcp_hub.oauth_metrics import RENEWALS
from oblivion_mcp_hub.oauth_ports import AuthorizationServers
from oblivion_mcp_hub.usecases.oauth_stored import StoredTokens, open_client, plan_of
from oblivion_platform import connections
from oblivion_platform.connections import Connection
from oblivion_platform.database.engine import Database, Tx
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.logging import get_logger
from oblivion_platform.operations.audit import Actor, note

ACTOR = Actor("mcp-hub")
RENEWED_AT_ONCE = 5
"""Each holds a connection to Postgres for as long as its authorisation server takes; of a tenant, one."""
REPLACED_MAX, REPLACED_IN_S = 3, 60.0
"""How often tokens that have not ended are renewed because their server refuses them."""
CONNECTIONS_KEPT = 10_000

_log = get_logger(__name__)


class Renewals:
    """Those of all connections."""

    def __init__(
        self,
        database: Database,
        stored: StoredTokens,
        servers: AuthorizationServers,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._stored = stored
        self._servers = servers
        self._now = now
        self._places = _Places(RENEWED_AT_ONCE)
        self._replaced: TTLCache[UUID, int] = TTLCache(CONNECTIONS_KEPT, REPLACED_IN_S)
        self._under_way: dict[tuple[UUID, datetime, str | None], asyncio.Task[Tokens | None]] = {}
        self._is_closing = False

    def will_do(self, connection: Connection, held: Tokens, refused: str | None) -> bool:
        """Whether there is no use in renewing them now."""
        if held.access_token != refused:
            return held.is_fresh(self._now())
        is_refused_anyway = self._replaced.get(connection.id, 0) >= REPLACED_MAX
        return is_refused_anyway and not held.has_expired(self._now())

    async def renewed(self, connection: Connection, refused: str | None) -> Tokens | None:
        """None: nobody can renew them, which is noted at the connection.

        Raises: AuthorizationServerAway, RenewalRefused, ConnectionChanged, NothingFound, DecryptionFailed.
        """
        key = (connection.id, connection.updated_at, refused)
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._renew(connection, refused), name="renew tokens")
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._is_done(key, done))
        # Shielded: others wait for the same, and the server may have answered.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Begin none any more, and wait for those that are under way."""
        self._is_closing = True
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _is_done(self, key: tuple[UUID, datetime, str | None], task: "asyncio.Task[Tokens | None]") -> None:
        del self._under_way[key]
        # Nobody may be waiting any more when it fails.
        _ = task.cancelled() or task.exception()

    async def _renew(self, connection: Connection, refused: str | None) -> Tokens | None:
        async with self._places.one_of(connection.tenant_id):
            if self._is_closing:
                raise DependencyUnavailable("closing", "This process is about to end.")
            async with self._database.tenant(connection.tenant_id) as tx:
                await connections.lock_sign_in(tx, connection.id)
                tokens = await self._renewed_alone(tx, connection, refused)
        self._stored.committed(connection)
        return tokens

    async def _renewed_alone(self, tx: Tx, connection: Connection, refused: str | None) -> Tokens | None:
        """No row is held while the server is asked: an admin who changes the connection does not wait."""
        held = await self._stored.newest(tx, connection, notes_use=False)
        if held is None:
            return None
        if self.will_do(connection, held, refused):  # Another replica was first, or it was not stored yet.
            if not self._stored.are_stored(connection):
                await self._stored.replace(tx, connection, held)
            return held
        tokens = await self._asked(tx, connection, held, refused)
        if tokens is not None:
            known = await self._stored.replace(tx, connection, tokens)
            await _note_renewed(tx, known, tokens)
            return tokens
        if held.access_token != refused and not held.has_expired(self._now()):
            return held
        await self._mark_ended(tx, connection)
        return None

    async def _asked(
        self, tx: Tx, connection: Connection, held: Tokens, refused: str | None
    ) -> Tokens | None:
        """New ones from the server; None: it ended them, or there is nothing to ask with.

        Raises: AuthorizationServerAway, RenewalRefused, DecryptionFailed.
        """
        plan = plan_of(connection)
        client = await open_client(tx, self._stored.whose(connection), notes_use=False)
        if held.refresh_token is None or plan is None or client is None or plan.url != connection.url:
            return None
        if held.access_token == refused:
            self._replaced[connection.id] = self._replaced.get(connection.id, 0) + 1
        try:
            tokens = await self._servers.renew(plan, client, held)
        except GrantRefused as refusal:
            RENEWALS.labels(connection.provider, "refused").inc()
            _log.warning("tokens not renewed", connection=connection.name, reason=refusal.reason)
            if ends_sign_in(refusal.reason):
                return None
            raise RenewalRefused(connection.name, refusal.reason) from None
        except AuthorizationServerAway:
            RENEWALS.labels(connection.provider, "away").inc()
            raise
        RENEWALS.labels(connection.provider, "renewed").inc()
        return tokens

    async def _mark_ended(self, tx: Tx, connection: Connection) -> None:
        """Everybody who keeps the connection hears of it; the tokens are of no use to anybody."""
        known = await self._stored.unchanged(tx, connection, alone=True)
        if known.sign_in.get("state") == "again":
            return
        _log.warning("sign-in ended", connection=connection.name)
        detail = SignInMissing(connection.name, AGAIN).message
        await connections.retire_secret(tx, connection.id, "oauth_tokens")
        ended = {**known.sign_in, "state": "again", "detail": detail, "ends_at": None}
        await connections.note_sign_in(tx, connection.id, ended)
        health = ConnectionHealth(ok=False, detail=detail, at=self._now())
        await connections.note_health(tx, connection.id, health)
        await note(tx, connection.tenant_id, ACTOR, "connection.sign_in_ended", connection.id)


class _Places:
    """So many at once, and of each tenant one: its slow servers keep nobody else waiting."""

    def __init__(self, most: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._of_tenants: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def one_of(self, tenant_id: UUID) -> AsyncGenerator[None]:
        of_tenant = self._of_tenants.setdefault(tenant_id, asyncio.Lock())
        async with of_tenant, self._all:
            yield


async def _note_renewed(tx: Tx, known: Connection, tokens: Tokens) -> None:
    ends_at = None if tokens.ends_at is None else tokens.ends_at.isoformat()
    if known.sign_in.get("ends_at") != ends_at:
        changed = {**known.sign_in, "ends_at": ends_at}
        await connections.note_sign_in(tx, known.id, changed, announce=False)
    await note(tx, known.tenant_id, ACTOR, "connection.renewed", known.id)
