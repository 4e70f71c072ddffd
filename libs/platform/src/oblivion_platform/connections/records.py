"""Rows of `mcp_connections`, on the caller's transaction. Every change leaves a line in the audit log."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.connections import (
    AuthKind,
    ConnectionChange,
    ConnectionHealth,
    ConnectionView,
    NewConnection,
    OAuthClient,
    SignIn,
)
from oblivion_platform.connections.secrets import Whose, retire_secret, seal_secret
from oblivion_platform.connections.sign_ins import note_sign_in
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.operations.audit import Actor, note
from oblivion_platform.operations.errors import AlreadyThere, NothingFound

CHANNEL = "mcp_connections"


@dataclass(frozen=True, slots=True)
class Connection:
    """One tool server of a tenant; its secret is read apart."""

    id: UUID
    tenant_id: UUID
    name: str
    provider: str
    url: str | None
    settings: dict[str, Any] = field(repr=False)
    is_trusted: bool
    auth: AuthKind
    sign_in: dict[str, Any] = field(repr=False)
    state: Literal["active", "disabled"]
    health: dict[str, Any] = field(repr=False)
    has_secret: bool
    created_at: datetime
    updated_at: datetime

    def view(self) -> ConnectionView:
        return ConnectionView(
            id=self.id,
            name=self.name,
            provider=self.provider,
            url=self.url,
            settings=self.settings,
            has_secret=self.has_secret,
            auth=self.auth,
            sign_in=sign_in_of(self.sign_in) if self.auth == "oauth" else None,
            is_trusted=self.is_trusted,
            state=self.state,
            health=ConnectionHealth.model_validate(self.health) if self.health else None,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


def sign_in_of(known: dict[str, Any]) -> SignIn:
    """How a connection by OAuth stands, for people."""
    shown = {name: known[name] for name in ("state", "detail", "at", "ends_at", "scopes") if name in known}
    return SignIn.model_validate({"state": "needed", "detail": "Nobody has signed in yet.", **shown})


def default_name(provider: str) -> str:
    """Of a connection to a built-in provider: without underscores, which end a name in its tools' names."""
    return provider.replace("_", "")


async def list_connections(tx: AsyncConnection, *, disabled_too: bool = True) -> list[Connection]:
    """By name."""
    rows = await tx.execute(_LIST, {"disabled_too": disabled_too})
    return [Connection(**row) for row in rows.mappings()]


async def read(tx: AsyncConnection, connection_id: UUID, *, alone: bool = False) -> Connection:
    """`alone`: until the transaction ends, nobody else changes it, or what it proves itself with.

    Raises:
        NothingFound
    """
    statement = _READ_ALONE if alone else _READ
    return _one((await tx.execute(statement, {"id": connection_id})).mappings().one_or_none())


async def find(tx: AsyncConnection, name: str) -> Connection:
    """Raises: NothingFound."""
    return _one((await tx.execute(_FIND, {"name": name})).mappings().one_or_none())


async def create(
    tx: AsyncConnection, tenant_id: UUID, actor: Actor, new: NewConnection, master_keys: MasterKeyRing
) -> Connection:
    """Raises:
    AlreadyThere: the name is another connection's.
    DecryptionFailed: the tenant's key does not open under our master keys.
    """
    connection_id, name = uuid4(), new.name or default_name(new.provider)
    values = {
        "id": connection_id,
        "tenant": tenant_id,
        "name": name,
        "provider": new.provider,
        "url": new.url,
        "settings": json.dumps(new.settings),
        "is_trusted": new.is_trusted,
        "auth": auth_of(new),
    }
    if (await tx.execute(_INSERT, values)).rowcount == 0:
        raise AlreadyThere(
            "connection_name_taken", f"There is a connection called {name} already. Give another name."
        )
    whose = Whose(tenant_id, connection_id, master_keys)
    if new.secret is not None:
        await seal_secret(tx, whose, "connection_secret", new.secret.get_secret_value())
    if new.client is not None:
        await keep_client(tx, whose, new.client)
    about = {"name": name, "provider": new.provider, "auth": auth_of(new)}
    await note(tx, tenant_id, actor, "connection.created", connection_id, **about)
    return await read(tx, connection_id)


def auth_of(new: NewConnection) -> AuthKind:
    """How it proves itself, where the wish does not say it."""
    return new.auth or ("secret" if new.client is None else "oauth")


async def keep_client(tx: AsyncConnection, whose: Whose, client: OAuthClient) -> None:
    """Raises: DecryptionFailed."""
    secret = None if client.client_secret is None else client.client_secret.get_secret_value()
    known = {**client.model_dump(mode="json", exclude={"client_secret"}), "client_secret": secret}
    await seal_secret(tx, whose, "oauth_client", json.dumps({**known, "origin": "admin"}))


async def change(
    tx: AsyncConnection,
    tenant_id: UUID,
    actor: Actor,
    connection_id: UUID,
    wish: ConnectionChange,
    master_keys: MasterKeyRing,
) -> Connection:
    """Raises: NothingFound, DecryptionFailed."""
    values = {
        "id": connection_id,
        "url": wish.url,
        "settings": None if wish.settings is None else json.dumps(wish.settings),
        "is_trusted": wish.is_trusted,
        "state": wish.state,
    }
    if (await tx.execute(_CHANGE, values)).rowcount == 0:
        raise NothingFound("connection")
    whose = Whose(tenant_id, connection_id, master_keys)
    if wish.secret is not None:
        await seal_secret(tx, whose, "connection_secret", wish.secret.get_secret_value())
    if wish.client is not None:
        await keep_client(tx, whose, wish.client)
    if wish.url is not None or wish.client is not None:
        await _end_sign_in(tx, connection_id)
    await note(
        tx, tenant_id, actor, "connection.changed", connection_id, fields=sorted(wish.model_fields_set)
    )
    return await read(tx, connection_id)


async def _end_sign_in(tx: AsyncConnection, connection_id: UUID) -> None:
    """Tokens were given for the server as it was, and to the app that asked for them."""
    await retire_secret(tx, connection_id, "oauth_tokens")
    await note_sign_in(tx, connection_id, {})


async def delete(tx: AsyncConnection, tenant_id: UUID, actor: Actor, connection_id: UUID) -> None:
    """Its tools are gone at once, its secret is never used again; what was done with it stays on record.

    Raises:
        NothingFound
    """
    deleted = (await tx.execute(_DELETE, {"id": connection_id})).one_or_none()
    if deleted is None:
        raise NothingFound("connection")
    await retire_secret(tx, connection_id)
    about = {"name": deleted.name, "provider": deleted.provider}
    await note(tx, tenant_id, actor, "connection.deleted", connection_id, **about)


async def note_health(tx: AsyncConnection, connection_id: UUID, health: ConnectionHealth) -> None:
    """What is shown of it; nobody drops anything for it."""
    values = {"id": connection_id, "health": health.model_dump_json()}
    await tx.execute(_HEALTH, values)


async def turn_health(tx: AsyncConnection, connection: Connection, health: ConnectionHealth) -> None:
    """Where it says otherwise than what is shown, and the connection is what it was when it was read.

    Of failures the first one's words are kept until the connection changes: later ones say less.
    """
    values = {
        "id": connection.id,
        "read": connection.updated_at,
        "ok": health.ok,
        "health": health.model_dump_json(),
    }
    await tx.execute(_TURN, values)


def _one(row: Any) -> Connection:
    if row is None:
        raise NothingFound("connection")
    return Connection(**row)


_COLUMNS = """id, tenant_id, name, provider, url, settings, is_trusted, auth, sign_in, state, health,
    EXISTS (SELECT FROM credentials WHERE connection_id = mcp_connections.id AND credentials.state = 'live'
            AND kind <> 'oauth_client') AS has_secret, created_at, updated_at"""
_LIST = text(f"""
    SELECT {_COLUMNS} FROM mcp_connections
    WHERE state = 'active' OR (:disabled_too AND state = 'disabled') ORDER BY name
""")  # noqa: S608 - a constant
_READ = text(f"SELECT {_COLUMNS} FROM mcp_connections WHERE id = :id AND state <> 'deleted'")  # noqa: S608
_READ_ALONE = text(f"{_READ.text} FOR NO KEY UPDATE")
_FIND = text(f"SELECT {_COLUMNS} FROM mcp_connections WHERE name = :name AND state <> 'deleted'")  # noqa: S608
_INSERT = text("""
    INSERT INTO mcp_connections (id, tenant_id, name, provider, url, settings, is_trusted, auth)
    VALUES (:id, :tenant, :name, :provider, :url, CAST(:settings AS jsonb), :is_trusted, :auth)
    ON CONFLICT (tenant_id, name) WHERE state <> 'deleted' DO NOTHING
""")
_CHANGE = text("""
    UPDATE mcp_connections SET url = coalesce(:url, url),
        settings = coalesce(CAST(:settings AS jsonb), settings),
        is_trusted = coalesce(:is_trusted, is_trusted), state = coalesce(:state, state), updated_at = now()
    WHERE id = :id AND state <> 'deleted'
""")
_DELETE = text("""
    UPDATE mcp_connections SET state = 'deleted', updated_at = now() WHERE id = :id AND state <> 'deleted'
    RETURNING name, provider
""")
_HEALTH = text("UPDATE mcp_connections SET health = CAST(:health AS jsonb) WHERE id = :id")
_TURN = text("""
    UPDATE mcp_connections SET health = CAST(:health AS jsonb)
    WHERE id = :id AND updated_at = :read
        AND (CAST(health ->> 'ok' AS boolean) IS DISTINCT FROM :ok
             OR NOT :ok AND CAST(health ->> 'at' AS timestamptz) < updated_at)
""")
