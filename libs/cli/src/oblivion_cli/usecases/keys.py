"""The keys that sign a tenant's tokens, from the command line."""

from uuid import UUID

from oblivion_cli.usecases.audit import Actor, note
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database
from oblivion_platform.tokens import retire_previous_keys, rotate_keys


class Keys:
    """The signing keys of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor, master_keys: MasterKeyRing) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor
        self._master_keys = master_keys

    async def rotate(self, *, at_once: bool) -> UUID:
        """Let the next key sign from now on; returns its id.

        `at_once`: what earlier keys signed is refused from now on too, so that everybody signs in again.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            current = await rotate_keys(tx, self._tenant_id, self._master_keys)
            if at_once:
                await retire_previous_keys(tx)
            await note(tx, self._tenant_id, self._actor, "signing_keys.rotated", current.id, at_once=at_once)
        return current.id
