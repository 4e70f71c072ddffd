"""Signing keys in memory: dropped by NOTIFY `signing_keys`, and read again each minute.

While Postgres is slow or away, the set that was read last is believed for some minutes, so that tokens that
were good stay good and nobody waits for it; a key that is not in it has to be asked about.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.tokens.keys import PublicKey, Purpose, SigningKey, current_key, public_keys

CHANNEL = "signing_keys"
KEEP_S = 60.0
ASK_AGAIN_S = 1.0
"""An unknown key id is looked up once a second at most, so that invented ones cost nothing."""
BELIEVED_S = 300.0
"""How old the set may be that is believed while Postgres does not give a newer one."""
PATIENCE_S = 0.25
"""How long a token that could be checked by the old set waits for the newer one."""
TENANTS_KEPT = 1_000


class TokenKeys:
    """Finds the key that signs, and the one that verifies."""

    def __init__(
        self,
        database: Database,
        master_keys: MasterKeyRing,
        clock: Callable[[], float] = time.monotonic,
        *,
        purpose: Purpose = "tokens",
    ) -> None:
        self._database = database
        self._master_keys = master_keys
        self._clock = clock
        self._purpose: Purpose = purpose
        self._signing: dict[UUID, tuple[float, SigningKey]] = {}
        self._public: Mapping[UUID, PublicKey] = {}
        self._public_read_at = float("-inf")
        self._is_stale = True
        self._reading: asyncio.Task[None] | None = None
        self._failure: DependencyUnavailable | None = None
        self._patient_from = float("-inf")
        """Before then, whoever can do with the old set does not wait; after a failure, nobody asks."""

    async def signing(self, tenant_id: UUID) -> SigningKey:
        """Raises: DependencyUnavailable, DecryptionFailed."""
        kept = self._signing.get(tenant_id)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        async with self._database.tenant(tenant_id) as tx:
            key = await current_key(tx, tenant_id, self._master_keys, self._purpose)
        if len(self._signing) >= TENANTS_KEPT:
            del self._signing[next(iter(self._signing))]
        self._signing[tenant_id] = (self._clock() + KEEP_S, key)
        if key.id not in self._public:
            self._is_stale = True  # Just made; what it signs may be shown before the announcement is heard.
        return key

    async def verifying(self, key_id: UUID) -> PublicKey | None:
        """None also for a key of another purpose.

        Raises: DependencyUnavailable: the key is unknown, and Postgres cannot be asked.
        """
        await self._refresh(older_than_s=KEEP_S)
        if key_id not in self._public:
            await self._refresh(older_than_s=ASK_AGAIN_S, believed_s=0.0)
        known = self._public.get(key_id)
        return known if known is not None and known.purpose == self._purpose else None

    async def published(self) -> list[dict[str, object]]:
        """The key set of all tenants, as RFC 7517 section 5 lists it."""
        await self._refresh(older_than_s=KEEP_S)
        return [dict(known.key.as_dict(private=False)) for known in self._public.values()]

    def drop(self, tenant_id: UUID) -> None:
        self._signing.pop(tenant_id, None)
        self._is_stale = True

    def drop_all(self) -> None:
        self._signing.clear()
        self._is_stale = True

    async def _refresh(self, *, older_than_s: float, believed_s: float = BELIEVED_S) -> None:
        """Read the set if it is older; one younger than `believed_s` will do when that cannot be had soon."""
        age_s = self._clock() - self._public_read_at
        if not self._is_stale and age_s < older_than_s:
            return
        will_do = age_s < believed_s
        if self._clock() < self._patient_from:
            if will_do:
                return
            if self._failure is not None:
                raise self._failure.with_traceback(None)
        try:
            async with asyncio.timeout(PATIENCE_S if will_do else None):
                # Shielded: others wait for the same answer.
                await asyncio.shield(self._read_once())
        except TimeoutError:
            self._patient_from = self._clock() + ASK_AGAIN_S
        except DependencyUnavailable:
            if not will_do:
                raise

    def _read_once(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="signing keys")
            # Nobody may be waiting any more when it fails.
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._reading

    async def _read(self) -> None:
        # Before reading: what changes meanwhile makes it stale again.
        self._is_stale = False
        try:
            async with self._database.relay() as relay:
                known = await public_keys(relay)
        except BaseException as error:
            self._is_stale = True
            if isinstance(error, DependencyUnavailable):
                self._failure = error
                self._patient_from = self._clock() + ASK_AGAIN_S
            raise
        self._public = {key.id: key for key in known}
        self._public_read_at = self._clock()
        self._failure = None
