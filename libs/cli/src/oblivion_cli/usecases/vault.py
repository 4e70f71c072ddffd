"""Tokens and signing secrets, sealed on their way into the database. What is there already stays as it is."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_cli.errors import CommandFailed
from oblivion_platform.crypto import MasterKeyRing, Place, SigningKeyRing, TenantCipher, WrappedKey

CredentialKind = Literal["slack_bot_token", "clickup_token"]
SecretKind = Literal["signing_secret", "app_token"]

# Shared: read before the rows, they stay the keys of those until the transaction ends.
_KEYS = text("SELECT id, wrapped_key, state FROM tenant_keys WHERE tenant_id = :tenant_id FOR SHARE")
_LIVE_CREDENTIAL = text("""
    SELECT id, ciphertext FROM credentials
    WHERE integration_id = :integration_id AND kind = :kind AND state = 'live'
""")
_RETIRE_CREDENTIAL = text("UPDATE credentials SET state = 'retired' WHERE id = :id")
_INSERT_CREDENTIAL = text("""
    INSERT INTO credentials (id, tenant_id, integration_id, kind, ciphertext)
    VALUES (:id, :tenant_id, :integration_id, :kind, :ciphertext)
""")
_LIVE_SECRETS = text("""
    SELECT id, lookup_key, ciphertext FROM signing_secrets
    WHERE integration_id = :integration_id AND kind = :kind AND state = 'live'
""")
_SECRET_OF = text("""
    SELECT id, ciphertext FROM signing_secrets
    WHERE lookup_key = :lookup_key AND kind = 'signing_secret' AND state = 'live'
    ORDER BY created_at DESC LIMIT 1
""")
_RETIRE_SECRET = text("UPDATE signing_secrets SET state = 'retired' WHERE id = :id")
_INSERT_SECRET = text("""
    INSERT INTO signing_secrets (id, tenant_id, integration_id, source, kind, lookup_key, ciphertext)
    VALUES (:id, :tenant_id, :integration_id, :source, :kind, :lookup_key, :ciphertext)
""")


@dataclass(frozen=True)
class SigningSecret:
    """One secret that proves a sender, or the token that opens Slack's Socket Mode."""

    source: Literal["slack", "clickup"]
    lookup_key: str
    value: str
    kind: SecretKind = "signing_secret"


class Vault:
    """One tenant's secrets, inside one of its transactions."""

    def __init__(
        self, tx: AsyncConnection, tenant_id: UUID, cipher: TenantCipher, signing_keys: SigningKeyRing
    ) -> None:
        self._tx = tx
        self._tenant_id = tenant_id
        self._cipher = cipher
        self._signing_keys = signing_keys

    @classmethod
    async def open(
        cls, tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing, signing_keys: SigningKeyRing
    ) -> "Vault":
        """Raises: DecryptionFailed: the tenant's key was wrapped by another master key."""
        return cls(tx, tenant_id, await tenant_cipher(tx, tenant_id, master_keys), signing_keys)

    async def credential(self, integration_id: UUID, kind: CredentialKind) -> str | None:
        """The live token, opened.

        Raises:
            DecryptionFailed: the keys are not those that it was sealed under.
        """
        row = (
            await self._tx.execute(_LIVE_CREDENTIAL, {"integration_id": integration_id, "kind": kind})
        ).first()
        if row is None:
            return None
        opened = self._cipher.open(row.ciphertext, table="credentials", row_id=row.id, column="ciphertext")
        return opened.decode()

    async def keep_credential(self, integration_id: UUID, kind: CredentialKind, value: str) -> None:
        """Make `value` the live token of its kind."""
        keys = {"integration_id": integration_id, "kind": kind}
        row = (await self._tx.execute(_LIVE_CREDENTIAL, keys)).first()
        if row is not None:
            if await self.credential(integration_id, kind) == value:
                return
            await self._tx.execute(_RETIRE_CREDENTIAL, {"id": row.id})
        row_id = uuid4()
        sealed = self._cipher.seal(value.encode(), table="credentials", row_id=row_id, column="ciphertext")
        await self._tx.execute(
            _INSERT_CREDENTIAL, {**keys, "id": row_id, "tenant_id": self._tenant_id, "ciphertext": sealed}
        )

    async def signing_secrets(self, integration_id: UUID, kind: SecretKind = "signing_secret") -> list[str]:
        """The live secrets, opened."""
        rows = await self._tx.execute(_LIVE_SECRETS, {"integration_id": integration_id, "kind": kind})
        return [self._open_secret(row.id, row.ciphertext) for row in rows]

    async def secret_of(self, lookup_key: str) -> str | None:
        """The live signing secret that an unverified request with this key is checked against."""
        row = (await self._tx.execute(_SECRET_OF, {"lookup_key": lookup_key})).first()
        return None if row is None else self._open_secret(row.id, row.ciphertext)

    async def keep_signing_secret(
        self, integration_id: UUID, secret: SigningSecret, *, retire_others: bool = True
    ) -> None:
        """Make `secret` live. Others of its kind and integration end, unless they are to stay for a while."""
        keys = {"integration_id": integration_id, "kind": secret.kind}
        known = False
        for row in (await self._tx.execute(_LIVE_SECRETS, keys)).all():
            same_key = row.lookup_key == secret.lookup_key
            if same_key and self._open_secret(row.id, row.ciphertext) == secret.value:
                known = True
            elif retire_others:
                await self._tx.execute(_RETIRE_SECRET, {"id": row.id})
        if known:
            return
        row_id = uuid4()
        sealed = self._signing_keys.seal(secret.value.encode(), self._secret_place(row_id))
        await self._tx.execute(
            _INSERT_SECRET,
            {
                **keys,
                "id": row_id,
                "tenant_id": self._tenant_id,
                "source": secret.source,
                "lookup_key": secret.lookup_key,
                "ciphertext": sealed,
            },
        )

    async def retire_secrets(self, integration_id: UUID, kind: SecretKind) -> None:
        """None of this kind proves or opens anything any more."""
        for row in (
            await self._tx.execute(_LIVE_SECRETS, {"integration_id": integration_id, "kind": kind})
        ).all():
            await self._tx.execute(_RETIRE_SECRET, {"id": row.id})

    def _open_secret(self, row_id: UUID, sealed: bytes) -> str:
        return self._signing_keys.open(sealed, self._secret_place(row_id)).decode()

    def _secret_place(self, row_id: UUID) -> Place:
        return Place(self._tenant_id, "signing_secrets", row_id, "ciphertext")


async def tenant_cipher(tx: AsyncConnection, tenant_id: UUID, master_keys: MasterKeyRing) -> TenantCipher:
    """The cipher of the transaction's tenant.

    Raises:
        DecryptionFailed: its key was wrapped by another master key.
        CommandFailed: the tenant has no key.
    """
    rows = (await tx.execute(_KEYS, {"tenant_id": tenant_id})).all()
    current = [WrappedKey(row.id, row.wrapped_key) for row in rows if row.state == "current"]
    previous = [WrappedKey(row.id, row.wrapped_key) for row in rows if row.state == "previous"]
    if not current:
        raise CommandFailed("This tenant has no data key.", "Restore the database from a backup.")
    return master_keys.cipher(tenant_id, current[0], previous)
