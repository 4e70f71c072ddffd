"""The keys of a system, from the command line: each is rotated while everybody goes on working."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import text

from oblivion_cli.usecases.audit import Actor, note
from oblivion_platform.crypto import MasterKeyRing, SigningKeyRing
from oblivion_platform.database.engine import Database, Tx
from oblivion_platform.key_rotation import (
    begin_data_key,
    seal_secrets_again,
    seal_some_again,
    wrap_keys_again,
)
from oblivion_platform.tokens import Purpose, replace_keys, rotate_keys


class Keys:
    """The keys of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor, master_keys: MasterKeyRing) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor
        self._master_keys = master_keys

    async def rotate(self, *, at_once: bool) -> UUID:
        """Let the next keys sign tokens and identities from now on; returns the id of that for tokens.

        `at_once`: what any key of before signs is refused from now on, so that everybody signs in again.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            others: list[Purpose] = list((await tx.execute(_OTHER_PURPOSES)).scalars())
            for purpose in ("tokens", *others):
                if at_once:
                    await replace_keys(tx, self._tenant_id, self._master_keys, purpose)
                else:
                    await rotate_keys(tx, self._tenant_id, self._master_keys, purpose=purpose)
            current: UUID = (await tx.execute(_CURRENT)).scalar_one()
            await note(tx, self._tenant_id, self._actor, "signing_keys.rotated", current, at_once=at_once)
        return current

    async def rotate_data_key(self) -> int:
        """Let a new data key seal, and seal again what others sealed; returns how many rows that were.

        Stopped midway, it is begun anew: nothing is ever sealed under a key that is not there.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            key_id = await begin_data_key(tx, self._tenant_id, self._master_keys)
            await note(tx, self._tenant_id, self._actor, "data_key.rotated", key_id)
        rows = 0
        while done := await self._some_again():
            rows += done
        return rows

    async def _some_again(self) -> int:
        async with self._database.tenant(self._tenant_id) as tx:
            return await seal_some_again(tx, self._tenant_id, self._master_keys)


async def wrap_all_again(database: Database, actor: Actor, master_keys: MasterKeyRing) -> int:
    """Wrap the data keys of all tenants under the current master key; returns how many were under another."""
    return await _renewed_in_every_tenant(
        database, actor, "data_keys.wrapped_again", lambda tx, each: wrap_keys_again(tx, each, master_keys)
    )


async def seal_all_secrets_again(database: Database, actor: Actor, signing_keys: SigningKeyRing) -> int:
    """Seal the signing secrets of every tenant's webhooks again; returns how many were under another key."""
    return await _renewed_in_every_tenant(
        database,
        actor,
        "signing_secrets.sealed_again",
        lambda tx, each: seal_secrets_again(tx, each, signing_keys),
    )


async def _renewed_in_every_tenant(
    database: Database, actor: Actor, action: str, renew: Callable[[Tx, UUID], Awaitable[int]]
) -> int:
    """How many were renewed; each tenant is a transaction of its own, and has its line in the audit log."""
    async with database.shared() as tx:
        tenants: list[UUID] = [row.id for row in await tx.execute(_TENANTS)]
    renewed = 0
    for tenant_id in tenants:
        async with database.tenant(tenant_id) as tx:
            count = await renew(tx, tenant_id)
            if count:
                await note(tx, tenant_id, actor, action, tenant_id, count=count)
        renewed += count
    return renewed


_CURRENT = text("SELECT id FROM signing_keys WHERE state = 'current' AND purpose = 'tokens'")
_OTHER_PURPOSES = text("SELECT DISTINCT purpose FROM signing_keys WHERE purpose <> 'tokens'")
_TENANTS = text("SELECT id FROM tenants ORDER BY created_at")
