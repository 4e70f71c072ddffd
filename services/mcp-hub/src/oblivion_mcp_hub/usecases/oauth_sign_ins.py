"""Somebody signs a connection in: from the address that the browser opens to tokens that are stored.

    begin ──browser──> the authorisation server ──browser──> finish

A sign-in belongs to one tenant, one connection and the admin who began it, comes back with a state that only
their browser was told, and comes back once. A browser that is signed in here as somebody else finishes
nothing. What is stored was given to the app, for the server, by the issuer that the sign-in began with.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from oblivion_contracts.connections import ANY_MCP_SERVER, Authorization, AuthorizationProgress
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.domain.oauth import BASIC, NONE, POST, Client, Plan, TokenAuth, Tokens, new_verifier
from oblivion_mcp_hub.domain.oauth_vendors import VENDORS, VendorAddresses, vendor_plan
from oblivion_mcp_hub.oauth_errors import GrantRefused, SignInRefused
from oblivion_mcp_hub.oauth_ports import AuthorizationServers, Discovered, VendorAccounts
from oblivion_mcp_hub.usecases.authenticate import People
from oblivion_mcp_hub.usecases.know_tools import KnowTools
from oblivion_mcp_hub.usecases.oauth_stored import keep_tokens, open_client
from oblivion_platform import connections
from oblivion_platform.connections import Connection, Returned, Whose
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database, Tx
from oblivion_platform.errors import DependencyUnavailable, OblivionFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.operations.audit import Actor, note
from oblivion_platform.operations.errors import NothingFound

CALLBACK_PATH = "/oauth/callback"
DOCUMENTS_PATH = "/oauth/clients"
BEGUN_AGAIN_MAX = 3
KEPT_TRYING_S, KEPT_TRYING_EVERY_S = 30.0, 0.5
"""For how long tokens that were given wait for Postgres."""
OVER = "This sign-in is over, or was finished before. Begin again: oblivion connections connect NAME"
_SAID: Mapping[str, str] = {
    "access_denied": "It was not agreed to, so nothing is connected.",
    "invalid_scope": "The app may not have what was asked for: look at its scopes where it is registered.",
}

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Came:
    """What the browser came back with, and to which connection's own address, if to one."""

    connection_id: UUID | None
    state: str
    code: str | None
    error: str | None
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What its page says."""

    is_connected: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Stores:
    """Where sign-ins are kept, and under which keys."""

    database: Database
    master_keys: MasterKeyRing


@dataclass(frozen=True, slots=True)
class Outside:
    """Whom a sign-in goes to."""

    servers: AuthorizationServers
    accounts: VendorAccounts
    vendors: Mapping[str, VendorAddresses]
    public_url: str


class SignIns:
    """Begins and finishes them."""

    def __init__(
        self,
        stores: Stores,
        outside: Outside,
        people: People,
        known: KnowTools,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = stores.database
        self._master_keys = stores.master_keys
        self._servers = outside.servers
        self._accounts = outside.accounts
        self._vendors = outside.vendors
        self._public_url = outside.public_url
        self._people = people
        self._known = known
        self._now = now
        self._beginning: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @property
    def redirect_uri(self) -> str:
        """Of apps that admins register."""
        return f"{self._public_url}{CALLBACK_PATH}"

    def document(self, connection_id: UUID) -> dict[str, Any]:
        """Who we are, for authorisation servers that read it (Client ID Metadata Documents).

        Each connection is an app of its own: what somebody agreed to for one is agreed to for no other.
        """
        return {
            "client_id": self._client_id_of(connection_id),
            "client_name": "Oblivion",
            "client_uri": self._public_url,
            "redirect_uris": [self._redirect_uri_of(connection_id)],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }

    async def begin(self, caller: Caller, connection_id: UUID) -> Authorization:
        """The address that the browser is to open.

        Raises:
            NothingFound
            SignInRefused, AddressRefused: it cannot be signed in, and why.
            AuthorizationServerAway
        """
        one_at_a_time = self._beginning.setdefault(connection_id, asyncio.Lock())
        async with one_at_a_time:
            for _ in range(BEGUN_AGAIN_MAX):
                begun = await self._begun(caller, connection_id)
                if begun is not None:
                    return begun
        raise SignInRefused("The connection is being changed. Begin again.")

    async def _begun(self, caller: Caller, connection_id: UUID) -> Authorization | None:
        """None: it was changed meanwhile, or another replica introduced us there."""
        async with self._database.tenant(caller.tenant_id) as tx:
            connection = await connections.read(tx, connection_id)
            client = await open_client(tx, self._whose(connection))
        if connection.auth != "oauth":
            raise SignInRefused(f"{connection.name} is not connected by OAuth: nobody has to sign in.")
        plan, registered = await self._planned(connection, client)
        verifier, whose = new_verifier(), self._whose(connection)
        async with self._database.tenant(caller.tenant_id) as tx:
            known = await connections.read(tx, connection_id, alone=True)
            if known.url != connection.url or await open_client(tx, whose) != client:
                return None
            if registered is not None:
                await connections.seal_secret(tx, whose, "oauth_client", registered.model_dump_json())
            kept = plan.model_dump(mode="json")
            begun = await connections.begin_flow(tx, whose, caller.id, verifier, kept)
            await note(tx, caller.tenant_id, Actor(caller.subject), "connection.sign_in_begun", connection_id)
        url = plan.authorization_url(begun.state, verifier)
        return Authorization(id=begun.id, url=url, expires_at=begun.expires_at)

    async def progress(self, caller: Caller, connection_id: UUID, flow_id: UUID) -> AuthorizationProgress:
        """Raises: NothingFound."""
        async with self._database.tenant(caller.tenant_id) as tx:
            found = await connections.read_flow(tx, connection_id, flow_id)
        if found is None:
            raise NothingFound("sign-in")
        return AuthorizationProgress(state=found.state, detail=found.detail)

    async def finish(self, came: Came, browser: Caller | None) -> Outcome:
        """Redeem what the browser brought; `browser` is who is signed in there, if anybody.

        Raises: DependencyUnavailable: Postgres is away, and somebody has to begin again.
        """
        tenant_id = connections.tenant_of_state(came.state)
        if tenant_id is None:
            return Outcome(is_connected=False, detail=OVER)
        async with self._database.tenant(tenant_id) as tx:
            flow = await connections.take_flow(tx, tenant_id, came.state, self._master_keys)
        if flow is None:
            return Outcome(is_connected=False, detail=OVER)
        try:
            connection = await self._signed_in(tenant_id, flow, came, browser)
        except OblivionFailure as failure:
            return await self._failed(tenant_id, flow, failure)
        self._known.drop(tenant_id)
        return Outcome(is_connected=True, detail=f"{connection.name} is connected.")

    async def _planned(self, connection: Connection, client: Client | None) -> tuple[Plan, Client | None]:
        """Where to sign in; and the client that was made for it, if one had to be."""
        if connection.provider != ANY_MCP_SERVER:
            return self._planned_at_vendor(connection, client), None
        url = connection.url or ""
        found = await self._servers.discover(url)
        made = None
        own = self._redirect_uri_of(connection.id)
        if client is None or not client.fits(found.issuer, own, self._now()):
            client = made = await self._introduced(found, connection.id)
        elif client.issuer is None:
            client = made = client.model_copy(update={"issuer": found.issuer})
        elif client.issuer != found.issuer:
            raise SignInRefused(
                f"{connection.name} names another authorisation server than the client was given for. If "
                "that is right, give it the client again."
            )
        return _discovered_plan(found, client, client.redirect_uri or self.redirect_uri, url), made

    def _planned_at_vendor(self, connection: Connection, client: Client | None) -> Plan:
        vendor, addresses = VENDORS.get(connection.provider), self._vendors.get(connection.provider)
        if vendor is None or addresses is None:
            raise SignInRefused(f"Nobody signs in at {connection.provider}: it takes a key.")
        if client is None:
            raise SignInRefused(
                f"{connection.name} has no app to sign in with. Register one at the vendor with the redirect "
                f"address {self.redirect_uri}, and give its client id and secret to the connection."
            )
        return vendor_plan(vendor, addresses, client, self.redirect_uri)

    async def _introduced(self, found: Discovered, connection_id: UUID) -> Client:
        """Known to a server that nobody registered us at."""
        redirect_uri = self._redirect_uri_of(connection_id)
        if found.takes_documents and self._public_url.startswith("https:"):
            return Client(
                client_id=self._client_id_of(connection_id),
                origin="document",
                issuer=found.issuer,
                redirect_uri=redirect_uri,
                token_auth=NONE,
            )
        return await self._servers.register(found, redirect_uri)

    async def _signed_in(
        self, tenant_id: UUID, flow: Returned, came: Came, browser: Caller | None
    ) -> Connection:
        """Raises: SignInRefused, GrantRefused, NothingFound, AuthorizationServerAway, …"""
        await self._refuse_strangers(tenant_id, flow, browser)
        plan = Plan.model_validate(flow.plan)
        if plan.redirect_uri != self._redirect_uri_of(came.connection_id):
            raise SignInRefused("The answer came to another address than the one that was sent along.")
        async with self._database.tenant(tenant_id) as tx:
            connection, client = await self._as_begun(tx, tenant_id, flow, plan)
        code = _code_of(came, plan)
        tokens = await self._servers.redeem(plan, client, code, flow.verifier)
        more = await self._accounts.settings_of(connection.provider, connection.settings, tokens)
        await self._keep_patiently(tenant_id, flow, plan, tokens, more)
        return connection

    async def _as_begun(
        self, tx: Tx, tenant_id: UUID, flow: Returned, plan: Plan
    ) -> tuple[Connection, Client]:
        """It and its app, which nobody changes before the transaction ends. Raises: SignInRefused."""
        connection = await connections.read(tx, flow.connection_id, alone=True)
        client = await open_client(tx, Whose(tenant_id, connection.id, self._master_keys))
        if client is None or client.client_id != plan.client_id or plan.url != connection.url:
            raise SignInRefused("The connection was changed meanwhile. Sign in again.")
        return connection, client

    async def _refuse_strangers(self, tenant_id: UUID, flow: Returned, browser: Caller | None) -> None:
        """Raises: SignInRefused: who began may not any more, or the browser is somebody else's."""
        beginner = await self._people.user(tenant_id, flow.user_id)
        if beginner is None or not beginner.is_admin:
            raise SignInRefused("Who began this sign-in may not connect anything any more.")
        if browser is not None and (browser.tenant_id, browser.id) != (tenant_id, flow.user_id):
            raise SignInRefused("Somebody else began this sign-in. Nothing is connected.")

    async def _keep_patiently(
        self, tenant_id: UUID, flow: Returned, plan: Plan, tokens: Tokens, more: dict[str, object]
    ) -> None:
        """Nobody gives them a second time, so they wait for a Postgres that is away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(KEPT_TRYING_S):
                while True:
                    with suppress(DependencyUnavailable):
                        return await self._keep(tenant_id, flow, plan, tokens, more)
                    await asyncio.sleep(KEPT_TRYING_EVERY_S)
        return await self._keep(tenant_id, flow, plan, tokens, more)

    async def _keep(
        self, tenant_id: UUID, flow: Returned, plan: Plan, tokens: Tokens, more: dict[str, object]
    ) -> None:
        sign_in = {
            "state": "done",
            "detail": "Signed in.",
            "at": tokens.obtained_at.isoformat(),
            "by": f"user:{flow.user_id}",
            "ends_at": None if tokens.ends_at is None else tokens.ends_at.isoformat(),
            "scopes": list(tokens.scopes),
            "plan": plan.model_dump(mode="json"),
            "more": more,
        }
        async with self._database.tenant(tenant_id) as tx:
            await connections.lock_sign_in(tx, flow.connection_id)
            connection, _ = await self._as_begun(tx, tenant_id, flow, plan)
            await keep_tokens(tx, self._whose(connection), tokens)
            await connections.note_sign_in(tx, connection.id, sign_in)
            await connections.end_flow(tx, flow.id, connected=True, detail=f"{connection.name} is connected.")
            about = {"scopes": list(tokens.scopes), "is_renewed": tokens.refresh_token is not None}
            actor = Actor(f"user:{flow.user_id}")
            await note(tx, tenant_id, actor, "connection.signed_in", connection.id, **about)

    async def _failed(self, tenant_id: UUID, flow: Returned, failure: OblivionFailure) -> Outcome:
        detail = failure.message
        if isinstance(failure, GrantRefused):
            detail = (
                f"The answer was not taken there ({failure.reason}). Are client id, secret and redirect "
                "address those that are registered?"
            )
        _log.info("sign-in failed", code=failure.code)
        async with self._database.tenant(tenant_id) as tx:
            await connections.end_flow(tx, flow.id, connected=False, detail=detail)
            actor = Actor(f"user:{flow.user_id}")
            await note(
                tx, tenant_id, actor, "connection.sign_in_failed", flow.connection_id, code=failure.code
            )
        return Outcome(is_connected=False, detail=detail)

    def _whose(self, connection: Connection) -> Whose:
        return Whose(connection.tenant_id, connection.id, self._master_keys)

    def _client_id_of(self, connection_id: UUID) -> str:
        return f"{self._public_url}{DOCUMENTS_PATH}/{connection_id}.json"

    def _redirect_uri_of(self, connection_id: UUID | None) -> str:
        """Of an app of our own making, each connection has one: an answer of one server fits no other's."""
        return self.redirect_uri if connection_id is None else f"{self.redirect_uri}/{connection_id}"


def _discovered_plan(found: Discovered, client: Client, redirect_uri: str, url: str) -> Plan:
    return Plan(
        authorization_endpoint=found.authorization_endpoint,
        token_endpoint=found.token_endpoint,
        redirect_uri=redirect_uri,
        client_id=client.client_id,
        token_auth=client.token_auth or _way_of(client, found),
        scope=" ".join(client.scopes) or found.scope,
        resource=found.resource,
        issuer=found.issuer,
        says_issuer=found.says_issuer,
        url=url,
    )


def _way_of(client: Client, found: Discovered) -> TokenAuth:
    """Of an app that an admin registered: as the server knows it."""
    if client.client_secret is None:
        return NONE
    return POST if POST in found.token_auths else BASIC


def _code_of(came: Came, plan: Plan) -> str:
    """Raises: SignInRefused: there is none, or it is another server's (RFC 9207)."""
    if (
        (came.issuer is not None or plan.says_issuer)
        and plan.issuer is not None
        and came.issuer != plan.issuer
    ):
        raise SignInRefused("The answer comes from another authorisation server than was asked.")
    if came.error is not None:
        known = _SAID.get(came.error)
        words = known or "The authorisation server refused, so nothing is connected."
        raise SignInRefused(words, "sign_in_denied")
    if not came.code:
        raise SignInRefused("The answer holds no code, so nothing is connected.")
    return came.code
