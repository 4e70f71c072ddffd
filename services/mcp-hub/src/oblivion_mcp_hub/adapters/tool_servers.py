"""The servers of all connections, each kept open until its connection changes.

A call ends on the server that it began on, whatever becomes of the connection meanwhile.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from oblivion_contracts.connections import ANY_MCP_SERVER, STDIO_SERVER
from oblivion_mcp_hub.adapters.guarded_http import AddressGuard
from oblivion_mcp_hub.adapters.mcp_server import Changed, McpToolServer
from oblivion_mcp_hub.adapters.oauth_credentials import Credentials, ShownCredential
from oblivion_mcp_hub.adapters.provider_server import ProviderServer
from oblivion_mcp_hub.errors import ConnectionInvalid
from oblivion_mcp_hub.ports import ListKind
from oblivion_mcp_hub.providers import Provider
from oblivion_platform.connections import Connection
from oblivion_platform.tasks import end

KEPT = 2_000


@dataclass(frozen=True, slots=True)
class ServerTerms:
    """Bounds of one exchange with a server."""

    timeout_s: float
    result_max_bytes: int


@dataclass(frozen=True, slots=True)
class _Kept:
    tenant_id: UUID
    updated_at: datetime
    server: McpToolServer | ProviderServer


class OpenToolServers:
    """Implements `ports.ToolServers`."""

    def __init__(
        self,
        credentials: Credentials,
        guard: AddressGuard,
        providers: Mapping[str, Provider],
        provider_urls: Mapping[str, str],
        terms: ServerTerms,
        stdio_servers: Mapping[str, str] | None = None,
    ) -> None:
        self._credentials = credentials
        self._guard = guard
        self._providers = providers
        self._provider_urls = provider_urls
        self._terms = terms
        self._stdio_servers = stdio_servers or {}
        self._kept: dict[UUID, _Kept] = {}
        self._draining: set[asyncio.Task[None]] = set()
        self._listeners: list[Changed] = []

    def hear(self, listener: Changed) -> None:
        """Whom to tell that a server's lists are not what they were."""
        self._listeners.append(listener)

    def of(self, connection: Connection) -> McpToolServer | ProviderServer:
        kept = self._kept.get(connection.id)
        if kept is not None and kept.updated_at == connection.updated_at:
            return kept.server
        if kept is not None:
            self._drain_soon(connection.id)
        elif len(self._kept) >= KEPT:
            self._drain_soon(next(iter(self._kept)))
        server = self._made(connection)
        self._kept[connection.id] = _Kept(connection.tenant_id, connection.updated_at, server)
        return server

    def keep_only(self, tenant_id: UUID, connection_ids: Collection[UUID]) -> None:
        gone = [
            each
            for each, kept in self._kept.items()
            if kept.tenant_id == tenant_id and each not in connection_ids
        ]
        for connection_id in gone:
            self._drain_soon(connection_id)

    async def close(self) -> None:
        servers = [kept.server for kept in self._kept.values()]
        self._kept.clear()
        await asyncio.gather(*(server.close() for server in servers), return_exceptions=True)
        await end(*self._draining)

    def _made(self, connection: Connection) -> McpToolServer | ProviderServer:
        if connection.provider == STDIO_SERVER:
            return self._mcp(self._at_its_bridge(connection), AddressGuard.of_everything())
        if connection.provider == ANY_MCP_SERVER:
            return self._mcp(connection, self._guard.of(connection.tenant_id))
        provider = self._providers.get(connection.provider)
        if provider is None:
            raise ConnectionInvalid(f"This version knows no provider {connection.provider}.")
        base_url = self._provider_urls.get(connection.provider, "")
        return ProviderServer(provider, connection, self._credentials.of(connection), base_url)

    def _mcp(self, connection: Connection, guard: AddressGuard) -> McpToolServer:
        return McpToolServer(
            connection,
            ShownCredential(self._credentials.of(connection), connection),
            guard,
            self._tell,
            timeout_s=self._terms.timeout_s,
            result_max_bytes=self._terms.result_max_bytes,
        )

    def _at_its_bridge(self, connection: Connection) -> Connection:
        name = str(connection.settings.get("server"))
        url = self._stdio_servers.get(name)
        if url is None:
            raise ConnectionInvalid(f"The operator's list has no stdio server {name} any more.")
        return replace(connection, url=url, settings={})

    def _tell(self, connection: Connection, kind: ListKind) -> None:
        for listener in self._listeners:
            listener(connection, kind)

    def _drain_soon(self, connection_id: UUID) -> None:
        task = asyncio.create_task(self._kept.pop(connection_id).server.drain(), name="drain tool server")
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)
