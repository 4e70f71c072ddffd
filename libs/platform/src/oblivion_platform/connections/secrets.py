"""What a connection proves itself with, among the tenant's credentials, sealed; of each kind one is live.

Who seals holds the connection's row (`read(…, alone=True)`, or an update of it): two at once would both find
that there is none yet.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.ciphers import tenant_cipher
from oblivion_platform.crypto import MasterKeyRing

Kind = Literal["connection_secret", "oauth_client", "oauth_tokens"]


@dataclass(frozen=True, slots=True)
class Whose:
    """A connection of a tenant, and the keys that open what is sealed for it."""

    tenant_id: UUID
    connection_id: UUID
    master_keys: MasterKeyRing = field(repr=False)


async def open_secret(tx: AsyncConnection, whose: Whose, kind: Kind, *, notes_use: bool = True) -> str | None:
    """The live secret of the kind, opened; None when there is none.

    `notes_use`: once a minute at most; it holds its row until the transaction ends, so not in one that waits
    for somebody.

    Raises:
        DecryptionFailed: the keys are not those that it was sealed under.
    """
    row = (await tx.execute(_LIVE, {"connection": whose.connection_id, "kind": kind})).one_or_none()
    if row is None:
        return None
    cipher = await tenant_cipher(tx, whose.tenant_id, whose.master_keys)
    opened = cipher.open(row.ciphertext, table="credentials", row_id=row.id, column="ciphertext")
    if notes_use:
        await tx.execute(_USED, {"id": row.id})
    return opened.decode()


async def seal_secret(
    tx: AsyncConnection, whose: Whose, kind: Kind, secret: str, expires_at: datetime | None = None
) -> None:
    """Put it in the place of the live one of its kind, of which nothing is left.

    Raises:
        DecryptionFailed: the tenant's key does not open under our master keys.
    """
    row = (await tx.execute(_LIVE, {"connection": whose.connection_id, "kind": kind})).one_or_none()
    row_id = uuid4() if row is None else row.id
    cipher = await tenant_cipher(tx, whose.tenant_id, whose.master_keys)
    values = {
        "id": row_id,
        "tenant": whose.tenant_id,
        "connection": whose.connection_id,
        "kind": kind,
        "ciphertext": cipher.seal(secret.encode(), table="credentials", row_id=row_id, column="ciphertext"),
        "expires_at": expires_at,
    }
    await tx.execute(_INSERT if row is None else _REPLACE, values)


async def retire_secret(tx: AsyncConnection, connection_id: UUID, kind: Kind | None = None) -> None:
    """None of the kind, or of any, is used from now on, and nothing is left that could be opened."""
    await tx.execute(_RETIRE, {"connection": connection_id, "kind": kind})


_LIVE = text("""
    SELECT id, ciphertext FROM credentials
    WHERE connection_id = :connection AND kind = :kind AND state = 'live'
""")
# Nobody waits for it: one transaction may use several, and keys are rotated in an order of their own.
_USED = text("""
    UPDATE credentials SET last_used_at = now() WHERE id = (
        SELECT id FROM credentials
        WHERE id = :id AND coalesce(last_used_at < now() - interval '1 minute', true)
        FOR NO KEY UPDATE SKIP LOCKED)
""")
_RETIRE = text("""
    UPDATE credentials SET state = 'retired', ciphertext = ''
    WHERE connection_id = :connection AND kind = coalesce(:kind, kind) AND state = 'live'
""")
_INSERT = text("""
    INSERT INTO credentials (id, tenant_id, connection_id, kind, ciphertext, expires_at)
    VALUES (:id, :tenant, :connection, :kind, :ciphertext, :expires_at)
""")
_REPLACE = text("UPDATE credentials SET ciphertext = :ciphertext, expires_at = :expires_at WHERE id = :id")
