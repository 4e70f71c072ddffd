"""Tokens of sign-ins in Postgres, and those that were given and that Postgres could not take yet.

Tokens are of one sign-in. Once the connection leads somewhere else, or somebody signed it in anew, they are
neither shown nor stored: who holds the connection as it was is told so, and gets it as it is.
"""

from uuid import UUID

from oblivion_mcp_hub.domain.oauth import Client, Plan, Tokens
from oblivion_mcp_hub.oauth_errors import ConnectionChanged
from oblivion_platform import connections
from oblivion_platform.connections import Connection, Whose
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Tx
from oblivion_platform.operations.errors import NothingFound


class StoredTokens:
    """Of all connections that sign in."""

    def __init__(self, master_keys: MasterKeyRing) -> None:
        self._master_keys = master_keys
        self._given: dict[UUID, Tokens] = {}
        """By a server, and not yet in Postgres."""

    def are_stored(self, connection: Connection) -> bool:
        return connection.id not in self._given

    async def newest(self, tx: Tx, connection: Connection, *, notes_use: bool = True) -> Tokens | None:
        """None: there are none. Raises: ConnectionChanged, NothingFound, DecryptionFailed."""
        await self.unchanged(tx, connection)
        whose = self.whose(connection)
        opened = await connections.open_secret(tx, whose, "oauth_tokens", notes_use=notes_use)
        if opened is None:
            self.committed(connection)
            return None
        stored, given = Tokens.model_validate_json(opened), self._given.get(connection.id)
        return stored if given is None or given.obtained_at <= stored.obtained_at else given

    async def replace(self, tx: Tx, connection: Connection, tokens: Tokens) -> Connection:
        """Held until `committed` is said, since nobody gives them twice; the connection's row.

        Raises: ConnectionChanged, NothingFound: they are of no use any more. DecryptionFailed.
        """
        self._given[connection.id] = tokens
        known = await self.unchanged(tx, connection, alone=True)
        await keep_tokens(tx, self.whose(connection), tokens)
        return known

    def committed(self, connection: Connection) -> None:
        self._given.pop(connection.id, None)

    async def unchanged(self, tx: Tx, connection: Connection, *, alone: bool = False) -> Connection:
        """Its row, of the same sign-in. Raises: ConnectionChanged, NothingFound."""
        try:
            known = await connections.read(tx, connection.id, alone=alone)
            if _sign_in_of(known) != _sign_in_of(connection):
                raise ConnectionChanged(connection.name)
        except (ConnectionChanged, NothingFound):
            self.committed(connection)
            raise
        return known

    def whose(self, connection: Connection) -> Whose:
        return Whose(connection.tenant_id, connection.id, self._master_keys)


def plan_of(connection: Connection) -> Plan | None:
    """How it was signed in."""
    plan = connection.sign_in.get("plan")
    return None if plan is None else Plan.model_validate(plan)


async def open_client(tx: Tx, whose: Whose, *, notes_use: bool = True) -> Client | None:
    """The app that asks for the connection. Raises: DecryptionFailed."""
    opened = await connections.open_secret(tx, whose, "oauth_client", notes_use=notes_use)
    return None if opened is None else Client.model_validate_json(opened)


async def keep_tokens(tx: Tx, whose: Whose, tokens: Tokens) -> None:
    """Raises: DecryptionFailed."""
    await connections.seal_secret(tx, whose, "oauth_tokens", tokens.model_dump_json(), tokens.expires_at)


def _sign_in_of(connection: Connection) -> tuple[str | None, str | None]:
    """Which it is: where the tokens go, and when somebody agreed."""
    return connection.url, connection.sign_in.get("at")
