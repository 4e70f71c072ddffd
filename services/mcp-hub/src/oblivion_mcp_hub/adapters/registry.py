"""The connections of a tenant, their pins, and what is known of their health."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from mcp_types import Tool

from oblivion_contracts.connections import ConnectionHealth
from oblivion_mcp_hub.domain.catalog import told_of
from oblivion_mcp_hub.oauth_errors import ConnectionChanged
from oblivion_platform import connections
from oblivion_platform.connections import Connection, Whose
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database


class PostgresRegistry:
    """Implements `ports.Registry`."""

    def __init__(self, database: Database, master_keys: MasterKeyRing) -> None:
        self._database = database
        self._master_keys = master_keys

    async def active(self, tenant_id: UUID) -> Sequence[Connection]:
        async with self._database.tenant(tenant_id) as tx:
            return await connections.list_connections(tx, disabled_too=False)

    async def pinned(
        self, tenant_id: UUID, connection_id: UUID, hashes: Mapping[str, str], tools: Sequence[Tool]
    ) -> Mapping[str, str]:
        async with self._database.tenant(tenant_id) as tx:
            known = await connections.read_pins(tx, connection_id)
            new = hashes.keys() - known.keys()
            if not new:
                return known
            told = {tool.name: told_of(tool) for tool in tools if tool.name in new}
            return await connections.pin_new_tools(tx, tenant_id, connection_id, hashes, told)

    async def note_health(self, connection: Connection, health: ConnectionHealth) -> None:
        async with self._database.tenant(connection.tenant_id) as tx:
            await connections.turn_health(tx, connection, health)

    def drop(self, tenant_id: UUID) -> None:
        """Nothing is kept here."""

    def drop_all(self) -> None:
        """The same."""

    async def secret(self, connection: Connection) -> str | None:
        """Raises:
        ConnectionChanged: the stored secret is for another server than `connection` leads to.
        NothingFound, DecryptionFailed, DependencyUnavailable
        """
        whose = Whose(connection.tenant_id, connection.id, self._master_keys)
        async with self._database.tenant(connection.tenant_id) as tx:
            secret = await connections.open_secret(tx, whose, "connection_secret")
            known = None if secret is None else await connections.read(tx, connection.id)
        if known is not None and (known.url, known.settings) != (connection.url, connection.settings):
            raise ConnectionChanged(connection.name)
        return secret
