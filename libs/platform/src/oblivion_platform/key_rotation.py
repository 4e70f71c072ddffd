"""Keys rotated while everybody goes on reading.

*Master key*: the new one is on every ring beside the old one, first as a previous key, then as the current
one; then every tenant's data keys are wrapped again, and the old one can go. No ciphertext changes.

*Data key of a tenant*: a new key seals from now on, and what was sealed before is sealed again, some rows at
a time. A reader finds the key that a row names, whichever that is: the key before stays until the next
rotation finds that no row names it any more.

*Webhooks' signing key*: as the master key, but what it seals directly is sealed again.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.ciphers import tenant_cipher
from oblivion_platform.crypto import MasterKeyRing, Place, SigningKeyRing, WrappedKey

ROWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A column of sealed bytes; its rows are named by their id."""

    table: str
    column: str

    @property
    def take(self) -> str:
        return (
            f"SELECT id, {self.column} AS sealed FROM {self.table} WHERE length({self.column}) > 0 "  # noqa: S608
            f"AND substring({self.column} FROM 2 FOR 16) <> :key ORDER BY id LIMIT :most FOR UPDATE"
        )

    @property
    def put(self) -> str:
        return f"UPDATE {self.table} SET {self.column} = :sealed WHERE id = :id"  # noqa: S608


SEALED = (
    _Sealed("credentials", "ciphertext"),
    _Sealed("signing_keys", "private_ciphertext"),
    _Sealed("oauth_flows", "verifier_ciphertext"),
)
"""Everything that is sealed under a tenant's data key, but for stored answers, which live for a day."""


async def wrap_keys_again(tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing) -> int:
    """Wrap the tenant's data keys under the current master key; returns how many were under another.

    Raises:
        DecryptionFailed: the master key that wrapped one is not on our ring.
    """
    rows = (await tx.execute(_KEYS)).all()
    outdated = [key for row in rows if not master_keys.is_current(key := WrappedKey(row.id, row.wrapped_key))]
    for key in outdated:
        wrapped = master_keys.rewrap(tenant_id, key).wrapped
        await tx.execute(_WRAP, {"id": key.id, "wrapped": wrapped})
    return len(outdated)


async def begin_data_key(tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing) -> UUID:
    """Let a new data key seal from now on; earlier ones open, and those that nothing names any more go."""
    await tx.execute(_DROP_UNUSED)
    await tx.execute(_RETIRE)
    key = master_keys.new_tenant_key(tenant_id)
    await tx.execute(_BEGIN, {"id": key.id, "tenant": tenant_id, "wrapped": key.wrapped})
    return key.id


async def seal_some_again(tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing) -> int:
    """Seal up to ROWS_AT_ONCE rows under the current data key; returns how many, and 0 when none is left.

    Raises:
        DecryptionFailed: a row is damaged, or its key is not there.
    """
    current = (await tx.execute(_CURRENT)).scalar_one()
    done = 0
    for place in SEALED:
        asked = {"key": current.bytes, "most": ROWS_AT_ONCE - done}
        # The rows first and the keys after them: what a row names is there by then.
        rows = (await tx.execute(text(place.take), asked)).all()
        if not rows:
            continue
        cipher = await tenant_cipher(tx, tenant_id, master_keys)
        for row in rows:
            opened = cipher.open(row.sealed, table=place.table, row_id=row.id, column=place.column)
            sealed = cipher.seal(opened, table=place.table, row_id=row.id, column=place.column)
            await tx.execute(text(place.put), {"id": row.id, "sealed": sealed})
        done += len(rows)
        if done >= ROWS_AT_ONCE:
            break
    return done


async def seal_secrets_again(tx: AsyncConnection, tenant_id: UUID, signing_keys: SigningKeyRing) -> int:
    """Seal webhooks' signing secrets under the current signing key; returns how many were under another.

    Raises:
        DecryptionFailed: a row is damaged, or its key is not on our ring.
    """
    rows = (await tx.execute(_SECRETS)).all()
    outdated = [row for row in rows if not signing_keys.is_current(row.ciphertext)]
    for row in outdated:
        place = Place(tenant_id, "signing_secrets", row.id, "ciphertext")
        sealed = signing_keys.seal(signing_keys.open(row.ciphertext, place), place)
        await tx.execute(_PUT_SECRET, {"id": row.id, "sealed": sealed})
    return len(outdated)


_KEYS = text("SELECT id, wrapped_key FROM tenant_keys FOR UPDATE")
_WRAP = text("UPDATE tenant_keys SET wrapped_key = :wrapped WHERE id = :id")
_CURRENT = text("SELECT id FROM tenant_keys WHERE state = 'current'")
_RETIRE = text("UPDATE tenant_keys SET state = 'previous' WHERE state = 'current'")
_BEGIN = text("INSERT INTO tenant_keys (id, tenant_id, wrapped_key) VALUES (:id, :tenant, :wrapped)")
_NAMED = " UNION ALL ".join(
    f"SELECT {column} AS sealed FROM {table}"  # noqa: S608
    for table, column in (*((each.table, each.column) for each in SEALED), ("idempotency_keys", "body"))
)
_DROP_UNUSED = text(f"""
    DELETE FROM tenant_keys WHERE state = 'previous' AND NOT EXISTS (
        SELECT FROM ({_NAMED}) AS named WHERE substring(sealed FROM 2 FOR 16) = uuid_send(tenant_keys.id))
""")  # noqa: S608
_SECRETS = text("SELECT id, ciphertext FROM signing_secrets FOR UPDATE")
_PUT_SECRET = text("UPDATE signing_secrets SET ciphertext = :sealed WHERE id = :id")
