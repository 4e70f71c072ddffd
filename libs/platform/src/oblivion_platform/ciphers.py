"""The cipher of a tenant, from its data keys in the database."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.crypto import DecryptionFailed, MasterKeyRing, TenantCipher, WrappedKey

_KEYS = text("SELECT id, wrapped_key FROM tenant_keys ORDER BY state = 'current' DESC, created_at DESC")


async def tenant_cipher(tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing) -> TenantCipher:
    """Raises: DecryptionFailed: the tenant has no data key, or none that opens under our master keys."""
    keys = [WrappedKey(row.id, row.wrapped_key) for row in (await tx.execute(_KEYS)).all()]
    if not keys:
        raise DecryptionFailed("the tenant has no data key")
    return master_keys.cipher(tenant_id, keys[0], keys[1:])
