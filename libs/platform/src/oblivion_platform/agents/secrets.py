"""Client secrets in the database: issued, at most two live, checked, retired."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.agents import ClientSecretIssued
from oblivion_platform.agents.credentials import (
    SECRET_PREFIX,
    SHOWN_CHARACTERS,
    ClientId,
    SecretHasher,
    is_well_formed,
    new_secret,
)
from oblivion_platform.agents.errors import SecretNotFound

LIVE_MAX = 2
"""So that one can be taken into use before the other is retired."""
# Compared when there is nothing to compare with, so that an unknown client costs what a known one does.
_NO_HASH = bytes(32)


@dataclass(frozen=True)
class SecretRecord:
    """A live secret, as far as it may be shown."""

    id: UUID
    prefix: str
    created_at: datetime
    last_used_at: datetime | None


async def issue_secret(tx: AsyncConnection, hasher: SecretHasher, client: ClientId) -> ClientSecretIssued:
    """Make a secret and return it, which happens once; with a third live one the oldest is retired."""
    secret = new_secret()
    secret_id = uuid4()
    # Two that are issued at once take turns, so that the limit holds.
    await tx.execute(_LOCK_AGENT, {"agent": client.agent_id})
    await tx.execute(_RETIRE_OLDEST, {"agent": client.agent_id, "kept": LIVE_MAX - 1})
    await tx.execute(
        _INSERT,
        {
            "id": secret_id,
            "tenant": client.tenant_id,
            "agent": client.agent_id,
            "prefix": secret[:SHOWN_CHARACTERS],
            "hash": hasher.hash(secret),
        },
    )
    return ClientSecretIssued(
        client_id=str(client),
        client_secret=secret,
        secret_id=secret_id,
        live_secrets=len(await list_secrets(tx, client.agent_id)),
    )


async def keep_only_secret(
    tx: AsyncConnection, hasher: SecretHasher, client: ClientId, sha256: bytes
) -> bool:
    """Make the secret of this digest the agent's only live one; True when that changed anything.

    For whoever makes secrets elsewhere and tells us the digest alone.
    """
    await tx.execute(_LOCK_AGENT, {"agent": client.agent_id})
    known = [
        row.id
        for row in (await tx.execute(_STORED, {"agent": client.agent_id})).all()
        if hasher.matches_digest(sha256, row.secret_hash)
    ]
    others = await tx.execute(_RETIRE_OTHERS, {"agent": client.agent_id, "kept": known[:1]})
    if known:
        return others.rowcount > 0
    await tx.execute(
        _INSERT,
        {
            "id": uuid4(),
            "tenant": client.tenant_id,
            "agent": client.agent_id,
            "prefix": SECRET_PREFIX,
            "hash": hasher.hash_digest(sha256),
        },
    )
    return True


async def secret_is_live(tx: AsyncConnection, hasher: SecretHasher, client: ClientId, secret: str) -> bool:
    """Tell whether `secret` is a live one of an active agent and tenant; the time taken tells nothing."""
    if not is_well_formed(secret):
        return False
    rows = (await tx.execute(_LIVE, {"agent": client.agent_id})).all()
    fitting = [row for row in rows if hasher.matches(secret, row.secret_hash)]
    if not rows:
        hasher.matches(secret, _NO_HASH)
    if not fitting:
        return False
    if fitting[0].is_use_unnoted:
        # Also puts it under the current master key, should it have been under an older one.
        await tx.execute(_USED, {"id": fitting[0].id, "hash": hasher.hash(secret)})
    return True


async def list_secrets(tx: AsyncConnection, agent_id: UUID) -> list[SecretRecord]:
    """The live ones, oldest first."""
    return [SecretRecord(**row) for row in (await tx.execute(_LIST, {"agent": agent_id})).mappings()]


async def retire_secret(tx: AsyncConnection, agent_id: UUID, secret_id: UUID) -> None:
    """Tokens that were had with it live on for at most their 15 minutes.

    Raises:
        SecretNotFound
    """
    done = await tx.execute(_RETIRE, {"agent": agent_id, "id": secret_id})
    if done.rowcount == 0:
        raise SecretNotFound


_LOCK_AGENT = text("SELECT 1 FROM agents WHERE id = :agent FOR UPDATE")
_RETIRE_OLDEST = text("""
    UPDATE client_secrets SET state = 'retired' WHERE state = 'live' AND id IN (
        SELECT id FROM client_secrets WHERE agent_id = :agent AND state = 'live'
        ORDER BY created_at DESC, id OFFSET :kept)
""")
_STORED = text("""
    SELECT id, secret_hash FROM client_secrets WHERE agent_id = :agent AND state = 'live' ORDER BY created_at
""")
_RETIRE_OTHERS = text("""
    UPDATE client_secrets SET state = 'retired'
    WHERE agent_id = :agent AND state = 'live' AND NOT id = ANY(:kept)
""")
_INSERT = text("""
    INSERT INTO client_secrets (id, tenant_id, agent_id, prefix, secret_hash, created_at)
    VALUES (:id, :tenant, :agent, :prefix, :hash, clock_timestamp())
""")
_LIVE = text("""
    SELECT s.id, s.secret_hash,
        coalesce(s.last_used_at < now() - interval '1 minute', true) AS is_use_unnoted
    FROM client_secrets s JOIN agents a ON a.id = s.agent_id
        JOIN tenants t ON t.id = s.tenant_id AND t.state = 'active'
    WHERE s.agent_id = :agent AND s.state = 'live' AND a.state = 'active'
        AND (s.expires_at IS NULL OR s.expires_at > now())
""")
_USED = text("UPDATE client_secrets SET last_used_at = now(), secret_hash = :hash WHERE id = :id")
_LIST = text("""
    SELECT id, prefix, created_at, last_used_at FROM client_secrets
    WHERE agent_id = :agent AND state = 'live' ORDER BY created_at, id
""")
_RETIRE = text("""
    UPDATE client_secrets SET state = 'retired' WHERE id = :id AND agent_id = :agent AND state = 'live'
""")
