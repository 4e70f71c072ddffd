"""People and their browsers, from Postgres at each request: whoever is disabled is out at once."""

from uuid import UUID

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_platform import people
from oblivion_platform.database.engine import Database


class PostgresPeople:
    """Implements `usecases.authenticate.People`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def user(self, tenant_id: UUID, user_id: UUID) -> Caller | None:
        async with self._database.tenant(tenant_id) as tx:
            try:
                user = await people.read_user(tx, user_id)
            except people.UserNotFound:
                return None
        return Caller(tenant_id, "user", user.id, user.role) if user.is_active else None

    async def of_cookie(self, cookie: str) -> Caller | None:
        tenant_id = people.tenant_of(cookie)
        if tenant_id is None:
            return None
        async with self._database.tenant(tenant_id) as tx:
            found = await people.session_user(tx, cookie)
        # One that is offered is taken where it was offered: our role cannot write what opens a session.
        return None if found is None else Caller(tenant_id, "user", found.user_id, found.role)
