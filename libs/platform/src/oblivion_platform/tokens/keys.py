"""Signing keys in the database: one tenant's key can only speak for that tenant.

    next ──rotate──> current ──> previous ──> retired

A key has one purpose: `tokens` open doors of ours, `identity` tells tool servers who a tenant is and opens
none.

`next` is published before it signs, so that whoever keeps the key set knows it by then; `previous` still
verifies. Private halves are sealed under the tenant's data key. ES256: small tokens, and the algorithm that
RFC 7518 section 3.1 recommends.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from joserfc.jwk import ECKey
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.ciphers import tenant_cipher
from oblivion_platform.crypto import MasterKeyRing

ALGORITHM = "ES256"
CURVE = "P-256"
ROTATE_AFTER = timedelta(days=30)
Purpose = Literal["tokens", "identity"]


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
    purpose: Purpose = "tokens"


async def current_key(
    tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing, purpose: Purpose = "tokens"
) -> SigningKey:
    """The tenant's signing key; made when it has none, rotated when it has grown old.

    Raises:
        DecryptionFailed: it does not open under our master keys.
    """
    row = (await tx.execute(_CURRENT, {"purpose": purpose})).one_or_none()
    if row is None or row.age >= ROTATE_AFTER:
        row = await rotate_keys(tx, tenant_id, master_keys, only_if_older_than=ROTATE_AFTER, purpose=purpose)
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
    purpose: Purpose = "tokens",
) -> Row[Any]:
    """Let the next key sign, and publish one that will; what the previous one signed still verifies.

    `only_if_older_than`: of several who find the same key old at once, one rotates it.
    """
    await tx.execute(_LOCK, {"tenant": str(tenant_id)})
    of_it = {"purpose": purpose}
    row = (await tx.execute(_CURRENT, of_it)).one_or_none()
    if row is not None and row.age < only_if_older_than:
        return row
    await tx.execute(_RETIRE_PREVIOUS, of_it)
    await tx.execute(_RETIRE_CURRENT, of_it)
    promoted = await tx.execute(_PROMOTE_NEXT, of_it)
    if promoted.rowcount == 0:
        await _insert(tx, tenant_id, master_keys, "current", purpose)
    await _insert(tx, tenant_id, master_keys, "next", purpose)
    return (await tx.execute(_CURRENT, of_it)).one()


async def replace_keys(
    tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing, purpose: Purpose = "tokens"
) -> None:
    """Refuse from now on what any key of before signs; also the next one, which lay where the others did."""
    await tx.execute(_LOCK, {"tenant": str(tenant_id)})
    await tx.execute(_RETIRE_ALL, {"purpose": purpose})
    for state in ("current", "next"):
        await _insert(tx, tenant_id, master_keys, state, purpose)


async def public_keys(relay: AsyncConnection) -> list[PublicKey]:
    """The public halves of all tenants that are not retired; through the relay's door."""
    rows = (await relay.execute(_PUBLIC)).all()
    return [PublicKey(row.id, row.tenant_id, ECKey.import_key(row.public_jwk), row.purpose) for row in rows]


async def _insert(
    tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing, state: str, purpose: Purpose
) -> None:
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
        "purpose": purpose,
    }
    await tx.execute(_INSERT, values)


_CURRENT = text("""
    SELECT id, private_ciphertext, now() - coalesce(rotated_at, created_at) AS age
    FROM signing_keys WHERE state = 'current' AND purpose = :purpose
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('signing_keys:' || :tenant, 0))")
_RETIRE_PREVIOUS = text("""
    UPDATE signing_keys SET state = 'retired' WHERE state = 'previous' AND purpose = :purpose
""")
_RETIRE_ALL = text("""
    UPDATE signing_keys SET state = 'retired' WHERE state <> 'retired' AND purpose = :purpose
""")
_RETIRE_CURRENT = text("""
    UPDATE signing_keys SET state = 'previous' WHERE state = 'current' AND purpose = :purpose
""")
_PROMOTE_NEXT = text("""
    UPDATE signing_keys SET state = 'current', rotated_at = now() WHERE state = 'next' AND purpose = :purpose
""")
_INSERT = text("""
    INSERT INTO signing_keys (id, tenant_id, public_jwk, private_ciphertext, state, purpose)
    VALUES (:id, :tenant, CAST(:public AS jsonb), :private, :state, :purpose)
""")
_PUBLIC = text("SELECT id, tenant_id, public_jwk, purpose FROM signing_keys ORDER BY id")
