"""Signing keys in the database: one tenant's key can only speak for that tenant.

    next ──rotate──> current ──> previous ──> retired

`next` is published before it signs, so that whoever keeps the key set knows it by then; `previous` still
verifies. Private halves are sealed under the tenant's data key. ES256: small tokens, and the algorithm that
RFC 7518 section 3.1 recommends.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from joserfc.jwk import ECKey
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.ciphers import tenant_cipher
from oblivion_platform.crypto import MasterKeyRing

ALGORITHM = "ES256"
CURVE = "P-256"
ROTATE_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class SigningKey:
    """The key that signs a tenant's tokens now; `key.kid` names it."""

    id: UUID
    tenant_id: UUID
    key: ECKey = field(repr=False)


@dataclass(frozen=True)
class PublicKey:
    """A public half, and the tenant that it speaks for."""

    id: UUID
    tenant_id: UUID
    key: ECKey


async def current_key(tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing) -> SigningKey:
    """The tenant's signing key; made when it has none, rotated when it has grown old.

    Raises:
        DecryptionFailed: it does not open under our master keys.
    """
    row = (await tx.execute(_CURRENT)).one_or_none()
    if row is None or row.age >= ROTATE_AFTER:
        row = await rotate_keys(tx, tenant_id, master_keys, only_if_older_than=ROTATE_AFTER)
    cipher = await tenant_cipher(tx, tenant_id, master_keys)
    private = cipher.open(
        row.private_ciphertext, table="signing_keys", row_id=row.id, column="private_ciphertext"
    )
    return SigningKey(row.id, tenant_id, ECKey.import_key(json.loads(private)))


async def rotate_keys(
    tx: AsyncConnection,
    tenant_id: UUID,
    master_keys: MasterKeyRing,
    *,
    only_if_older_than: timedelta = timedelta(0),
) -> Row[Any]:
    """Let the next key sign, and publish one that will; what the previous one signed still verifies.

    `only_if_older_than`: of several who find the same key old at once, one rotates it.
    """
    await tx.execute(_LOCK, {"tenant": str(tenant_id)})
    row = (await tx.execute(_CURRENT)).one_or_none()
    if row is not None and row.age < only_if_older_than:
        return row
    await tx.execute(_RETIRE_PREVIOUS)
    await tx.execute(_RETIRE_CURRENT)
    promoted = await tx.execute(_PROMOTE_NEXT)
    if promoted.rowcount == 0:
        await _insert(tx, tenant_id, master_keys, "current")
    await _insert(tx, tenant_id, master_keys, "next")
    return (await tx.execute(_CURRENT)).one()


async def retire_previous_keys(tx: AsyncConnection) -> int:
    """Refuse from now on what earlier keys signed; returns how many keys that were."""
    return (await tx.execute(_RETIRE_PREVIOUS)).rowcount


async def public_keys(relay: AsyncConnection) -> list[PublicKey]:
    """The public halves of all tenants that are not retired; through the relay's door."""
    rows = (await relay.execute(_PUBLIC)).all()
    return [PublicKey(row.id, row.tenant_id, ECKey.import_key(row.public_jwk)) for row in rows]


async def _insert(tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing, state: str) -> None:
    key_id = uuid4()
    key = ECKey.generate_key(CURVE, {"kid": str(key_id), "use": "sig", "alg": ALGORITHM})
    cipher = await tenant_cipher(tx, tenant_id, master_keys)
    private = json.dumps(key.as_dict(private=True)).encode()
    values = {
        "id": key_id,
        "tenant": tenant_id,
        "public": json.dumps(key.as_dict(private=False)),
        "private": cipher.seal(private, table="signing_keys", row_id=key_id, column="private_ciphertext"),
        "state": state,
    }
    await tx.execute(_INSERT, values)


_CURRENT = text("""
    SELECT id, private_ciphertext, now() - coalesce(rotated_at, created_at) AS age
    FROM signing_keys WHERE state = 'current'
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('signing_keys:' || :tenant, 0))")
_RETIRE_PREVIOUS = text("UPDATE signing_keys SET state = 'retired' WHERE state = 'previous'")
_RETIRE_CURRENT = text("UPDATE signing_keys SET state = 'previous' WHERE state = 'current'")
_PROMOTE_NEXT = text("UPDATE signing_keys SET state = 'current', rotated_at = now() WHERE state = 'next'")
_INSERT = text("""
    INSERT INTO signing_keys (id, tenant_id, public_jwk, private_ciphertext, state)
    VALUES (:id, :tenant, CAST(:public AS jsonb), :private, :state)
""")
_PUBLIC = text("SELECT id, tenant_id, public_jwk FROM signing_keys ORDER BY id")
