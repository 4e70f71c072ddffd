"""People and their browsers, from Postgres at each request: whoever is disabled is out at once."""

from uuid import UUID

from oblivion_gateway.domain.callers import Caller, Role
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
        if not user.is_active:
            return None
        return Caller(tenant_id, "user", user.id, user.name, Role(user.role), user.is_operator)

    async def of_cookie(self, cookie: str) -> Caller | None:
        tenant_id = people.tenant_of(cookie)
        if tenant_id is None:
            return None
        async with self._database.tenant(tenant_id) as tx:
            found = await people.session_user(tx, cookie)
            if found is not None and found.is_offered:
                await people.take_cookie(tx, cookie)
        return _in_browser(tenant_id, found)

    async def of_browser(self, tenant_id: UUID, browser_id: UUID) -> Caller | None:
        async with self._database.tenant(tenant_id) as tx:
            return _in_browser(tenant_id, await people.browser_user(tx, browser_id))


def _in_browser(tenant_id: UUID, found: people.BrowserUser | None) -> Caller | None:
    if found is None:
        return None
    return Caller(
        tenant_id,
        "user",
        found.user_id,
        found.name,
        Role(found.role),
        found.is_operator,
        browser_id=found.session_id,
    )
