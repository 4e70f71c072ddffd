"""`credentials` → tokens, opened by the tenant's cipher and kept in memory for a minute."""

import time
from collections.abc import Callable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.crypto import DecryptionFailed, MasterKeyRing, TenantCipher, WrappedKey
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import AuthenticationFailed

KEEP_S = 60.0


class PostgresCredentials:
    """Implements `ports.credentials.Credentials`."""

    def __init__(
        self, database: Database, keys: MasterKeyRing, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._known: dict[UUID, tuple[float, str]] = {}

    async def token(self, tenant_id: UUID, integration_id: UUID) -> str:
        known = self._known.get(integration_id)
        if known is not None and self._clock() < known[0]:
            return known[1]
        async with self._database.tenant(tenant_id) as tx:
            token = await self._open(tx, tenant_id, integration_id)
        self._known[integration_id] = (self._clock() + KEEP_S, token)
        return token

    def forget(self, integration_id: UUID) -> None:
        self._known.pop(integration_id, None)

    async def _open(self, tx: AsyncConnection, tenant_id: UUID, integration_id: UUID) -> str:
        row = (await tx.execute(_LIVE, {"integration": integration_id})).one_or_none()
        if row is None:
            raise AuthenticationFailed(
                "credential_missing",
                "the integration has no token; connect it again with `oblivion … connect`",
            )
        try:
            cipher = await self._cipher(tx, tenant_id)
            return cipher.open(
                row.ciphertext, table="credentials", row_id=row.id, column="ciphertext"
            ).decode()
        except DecryptionFailed:
            raise AuthenticationFailed(
                "credential_unreadable",
                "the stored token does not open under OBLIVION_MASTER_KEY; set the key that sealed it "
                "(OBLIVION_MASTER_KEYS_PREVIOUS), or connect the integration again",
            ) from None

    async def _cipher(self, tx: AsyncConnection, tenant_id: UUID) -> TenantCipher:
        rows = (await tx.execute(_KEYS)).all()
        keys = [WrappedKey(row.id, row.wrapped_key) for row in rows]
        if not keys:
            raise DecryptionFailed("the tenant has no data key")
        return self._keys.cipher(tenant_id, keys[0], keys[1:])


# Noted once a minute at most, whoever opens it: people see when it was used last.
_LIVE = text("""
    WITH noted AS (
        UPDATE credentials SET last_used_at = now() WHERE integration_id = :integration AND state = 'live'
        AND coalesce(last_used_at < now() - interval '1 minute', true)
    )
    SELECT id, ciphertext FROM credentials WHERE integration_id = :integration AND state = 'live'
""")
_KEYS = text("SELECT id, wrapped_key FROM tenant_keys ORDER BY state = 'current' DESC, created_at DESC")
