"""Reading a session: from its copy in Redis, else from its rows; and whether somebody may."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from oblivion_contracts.sessions import SessionSnapshot
from oblivion_platform.database.engine import Database
from oblivion_platform.sessions.cache import SessionCache
from oblivion_platform.sessions.records import SessionUnknown
from oblivion_platform.sessions.store import snapshot


@dataclass(frozen=True, slots=True)
class Reader:
    """A signed-in person. Admins see every session of the tenant, others their own."""

    user_id: UUID
    role: Literal["admin", "user", "guest"]

    def may_see(self, owner_id: UUID | None) -> bool:
        return self.role == "admin" or owner_id == self.user_id


class Sessions:
    """Sessions of any tenant, read through Redis."""

    def __init__(self, database: Database, cache: SessionCache) -> None:
        self._database = database
        self.cache = cache

    async def read(self, tenant_id: UUID, session_id: UUID, reader: Reader) -> SessionSnapshot:
        """The session as `reader` may see it.

        Raises:
            SessionUnknown: none of this tenant, or not theirs.
            DependencyUnavailable: there is no copy, and Postgres is away.
        """
        found = await self.snapshot(tenant_id, session_id)
        if not reader.may_see(found.user_id):
            raise SessionUnknown
        return found

    async def snapshot(self, tenant_id: UUID, session_id: UUID, *, at_least: int = 0) -> SessionSnapshot:
        """The session, whoever asks, in version `at_least` or newer.

        Raises:
            SessionUnknown: none of this tenant.
            DependencyUnavailable: there is no copy, and Postgres is away.
        """
        copy = await self.cache.get(tenant_id, session_id, at_least=at_least)
        if copy is not None:
            return copy
        async with self._database.tenant(tenant_id) as tx:
            rebuilt = await snapshot(tx, session_id)
        if rebuilt is None:
            raise SessionUnknown
        await self.cache.put(tenant_id, rebuilt)
        return rebuilt
