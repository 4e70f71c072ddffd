"""Connections made, changed, tested and removed; every change is a line in the audit log."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from oblivion_contracts.connections import (
    ConnectionChange,
    ConnectionHealth,
    Connections,
    ConnectionView,
    DefinitionChange,
    NewConnection,
    OfferedTool,
    OfferedTools,
    PinTools,
    Providers,
    ProviderView,
)
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.domain.catalog import NAME_LENGTH_MAX, Entry, Offer, told_of
from oblivion_mcp_hub.domain.oauth_vendors import VENDORS
from oblivion_mcp_hub.domain.server_address import address_of
from oblivion_mcp_hub.errors import DefinitionMoved, ServerAway, for_admins
from oblivion_mcp_hub.ports import Account, ToolServers
from oblivion_mcp_hub.providers import Provider
from oblivion_mcp_hub.usecases.check_connections import Addresses, ConnectionChecks, named_as_its_server
from oblivion_mcp_hub.usecases.know_tools import KnowTools
from oblivion_mcp_hub.usecases.oauth_tokens import ending
from oblivion_platform import connections
from oblivion_platform.connections import Connection
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database, Tx
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.operations.audit import Actor, note


class ManageConnections:
    """What admins do with connections, and what others may see of them."""

    def __init__(
        self,
        database: Database,
        master_keys: MasterKeyRing,
        known: KnowTools,
        servers: ToolServers,
        providers: Mapping[str, Provider],
        addresses: Addresses,
        test_timeout_s: float,
        stdio_servers: Collection[str] = (),
    ) -> None:
        self._database = database
        self._master_keys = master_keys
        self._known = known
        self._servers = servers
        self._providers = providers
        self._checks = ConnectionChecks(providers, addresses, stdio_servers)
        self._test_timeout_s = test_timeout_s
        self._stdio_servers = sorted(stdio_servers)

    def kinds(self, redirect_uri: str) -> Providers:
        """What can be connected."""
        items = [_kind(provider) for provider in self._providers.values()]
        return Providers(items=items, stdio_servers=self._stdio_servers, redirect_uri=redirect_uri)

    async def listing(self, caller: Caller) -> Connections:
        async with self._database.tenant(caller.tenant_id) as tx:
            found = await connections.list_connections(tx)
        return Connections(items=[each.view() for each in found])

    async def show(self, caller: Caller, connection_id: UUID) -> ConnectionView:
        """Raises: NothingFound."""
        return (await self._read(caller, connection_id)).view()

    async def create(self, caller: Caller, new: NewConnection) -> ConnectionView:
        """Raises: ConnectionInvalid, AddressRefused, AlreadyThere."""
        new = named_as_its_server(new)
        await self._checks.new(new)
        async with self._database.tenant(caller.tenant_id) as tx:
            made = await connections.create(tx, caller.tenant_id, _actor(caller), new, self._master_keys)
        self._known.drop(caller.tenant_id)
        return made.view()

    async def change(self, caller: Caller, connection_id: UUID, wish: ConnectionChange) -> ConnectionView:
        """Raises: NothingFound, ConnectionInvalid, AddressRefused."""
        known = await self._read(caller, connection_id)
        await self._checks.change(known, wish)
        async with self._database.tenant(caller.tenant_id) as tx:
            changed = await connections.change(
                tx, caller.tenant_id, _actor(caller), connection_id, wish, self._master_keys
            )
        self._known.drop(caller.tenant_id)
        return changed.view()

    async def delete(self, caller: Caller, connection_id: UUID) -> None:
        """Raises: NothingFound."""
        async with self._database.tenant(caller.tenant_id) as tx:
            await connections.delete(tx, caller.tenant_id, _actor(caller), connection_id)
        self._known.drop(caller.tenant_id)

    async def test(self, caller: Caller, connection_id: UUID) -> ConnectionHealth:
        """Whether it can be reached, as whom, with which rights; what is wrong otherwise.

        Raises:
            NothingFound
        """
        connection = await self._read(caller, connection_id)
        health = await self._tried(connection)
        async with self._database.tenant(caller.tenant_id) as tx:
            await connections.note_health(tx, connection_id, health)
            await self._note(tx, caller, "connection.tested", connection_id, ok=health.ok)
        if health.ok:
            await self._known.let_pass(connection)
        self._known.forget(caller.tenant_id, connection_id)
        return health

    async def tools(self, caller: Caller, connection_id: UUID) -> OfferedTools:
        """Raises: NothingFound."""
        connection = await self._read(caller, connection_id)
        offer = await self._offer(caller, connection_id)
        if offer is None:
            return OfferedTools(items=[], problem=f"{connection.name} is {connection.state}.")
        changed = {each.upstream: each.changed for each in offer.withheld if each.changed}
        async with self._database.tenant(caller.tenant_id) as tx:
            changes = {
                tool: _change(entry, await connections.read_definition(tx, connection_id, tool))
                for tool, entry in changed.items()
            }
        return _offered(offer, changes)

    async def _offer(self, caller: Caller, connection_id: UUID) -> Offer | None:
        known = await self._known.of(caller.tenant_id)
        offers = (each for each in known.catalog.offers if each.source.connection_id == connection_id)
        return next(offers, None)

    async def pin(self, caller: Caller, connection_id: UUID, wish: PinTools) -> None:
        """Take what its server says of these tools now as right; of those seen, only what was seen.

        Raises:
            NothingFound
            DefinitionMoved: its server says something else by now.
        """
        await self._read(caller, connection_id)
        told = await self._seen(caller, connection_id, wish)
        unseen = [tool for tool in wish.tools if tool not in wish.seen]
        async with self._database.tenant(caller.tenant_id) as tx:
            if wish.seen:
                by = caller.subject
                await connections.pin_seen(tx, caller.tenant_id, connection_id, wish.seen, told, by=by)
            if unseen or not wish.seen:
                await connections.unpin(tx, connection_id, unseen)
            tools = sorted({*wish.tools, *wish.seen})
            await self._note(tx, caller, "connection.tools_pinned", connection_id, tools=tools)
        self._known.drop(caller.tenant_id)

    async def _seen(self, caller: Caller, connection_id: UUID, wish: PinTools) -> dict[str, dict[str, Any]]:
        """What was looked at, tool by tool. Raises: DefinitionMoved."""
        offer = await self._offer(caller, connection_id) if wish.seen else None
        withheld = () if offer is None else offer.withheld
        now = {each.upstream: each.changed for each in withheld if each.changed}
        told: dict[str, dict[str, Any]] = {}
        for tool, seen in wish.seen.items():
            entry = now.get(tool)
            if entry is None or entry.definition_hash != seen:
                raise DefinitionMoved(tool[:NAME_LENGTH_MAX])
            told[tool] = told_of(entry.definition)
        return told

    async def _read(self, caller: Caller, connection_id: UUID) -> Connection:
        async with self._database.tenant(caller.tenant_id) as tx:
            return await connections.read(tx, connection_id)

    async def _tried(self, connection: Connection) -> ConnectionHealth:
        try:
            async with asyncio.timeout(self._test_timeout_s):
                account = await self._servers.of(connection).check()
        except TimeoutError:
            late = f"nothing within {self._test_timeout_s:.0f} s"
            return _health(ServerAway(connection.name, late, at=address_of(connection)))
        except OblivionFailure as failure:
            return _health(failure)
        return _health(replace(account, detail=" ".join(filter(None, (account.detail, _notice(connection))))))

    async def _note(self, tx: Tx, caller: Caller, action: str, subject: UUID, **detail: Any) -> None:
        await note(tx, caller.tenant_id, _actor(caller), action, subject, **detail)


def _notice(connection: Connection) -> str | None:
    return ending(connection, datetime.now(UTC))


def _health(found: Account | OblivionFailure) -> ConnectionHealth:
    now = datetime.now(UTC)
    if isinstance(found, OblivionFailure):
        return ConnectionHealth(ok=False, detail=for_admins(found), at=now)
    return ConnectionHealth(
        ok=True,
        detail=found.detail,
        account=found.account,
        rights=list(found.rights),
        rate_limit_left=found.rate_limit_left,
        at=now,
    )


def _offered(offer: Offer, changes: Mapping[str, DefinitionChange]) -> OfferedTools:
    items = [
        OfferedTool(
            name=entry.name,
            tool=entry.upstream,
            description=entry.definition.description or "",
            is_read_only=entry.is_read_only,
            is_destructive=entry.is_destructive,
            disbelieved=_disbelieved(entry),
        )
        for entry in offer.entries
    ]
    items += [
        OfferedTool(
            name=each.name,
            tool=each.upstream,
            description=each.description,
            is_read_only=False,
            is_destructive=False,
            withheld=each.why,
            change=changes.get(each.upstream) if each.changed else None,
        )
        for each in offer.withheld
    ]
    return OfferedTools(items=items, problem=offer.problem)


def _disbelieved(entry: Entry) -> str | None:
    if entry.is_read_only or not entry.says_read_only:
        return None
    return (
        "Its server says that it only reads, and the connection is not trusted. If you trust it: "
        f"oblivion connections set {entry.source.name} --trusted"
    )


def _change(entry: Entry, before: Mapping[str, Any] | None) -> DefinitionChange:
    known = None if before is None else dict(before)
    return DefinitionChange(before=known, now=told_of(entry.definition), hash=entry.definition_hash)


def _kind(provider: Provider) -> ProviderView:
    return ProviderView(
        name=provider.name,
        title=provider.title,
        auth=provider.auth,
        signs_in=provider.name in VENDORS,
        settings_schema=provider.settings_schema,
        tools=[tool.name for tool in provider.tools],
    )


def _actor(caller: Caller) -> Actor:
    return Actor(caller.subject)
