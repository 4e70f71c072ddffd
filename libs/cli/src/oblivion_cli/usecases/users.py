"""Users of a tenant, from the command line."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from oblivion_cli.errors import CommandFailed, NotFound
from oblivion_cli.usecases.audit import Actor, note
from oblivion_platform import people
from oblivion_platform.database.engine import Database
from oblivion_platform.people import NewUser, Role, User

_SET_OPERATOR = text("UPDATE users SET is_operator = :is_operator WHERE id = :id")
_FIRST_ADMIN = text("""
    SELECT id FROM users WHERE role = 'admin' AND state = 'active' ORDER BY created_at, id LIMIT 1
""")


class Users:
    """The users of one tenant; each change is in the audit log."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor

    async def listing(self) -> list[User]:
        async with self._database.tenant(self._tenant_id) as tx:
            return await people.list_users(tx)

    async def create(self, new: NewUser) -> User:
        """Raises: CommandFailed: somebody of that name or address is there already."""
        async with self._database.tenant(self._tenant_id) as tx:
            await _refuse_known(tx, new)
            user = await people.create_user(tx, self._tenant_id, new)
            await note(tx, self._tenant_id, self._actor, "user.created", user.id, role=user.role)
        return user

    async def set_role(self, named: str, role: Role) -> User:
        """Raises: NotFound; CommandFailed: no admin would be left."""
        async with self._database.tenant(self._tenant_id) as tx:
            user = await self._find(tx, named)
            if role != "admin":
                await _refuse_last_admin(tx, user)
            changed = await people.update_user(tx, user.id, role=role)
            await note(tx, self._tenant_id, self._actor, "user.changed", user.id, role=role)
        return changed

    async def set_state(self, named: str, state: str) -> User:
        """Let somebody in, or out at once, with all their browsers.

        Raises:
            NotFound; CommandFailed: no admin would be left.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            user = await self._find(tx, named)
            if state == "disabled":
                await _refuse_last_admin(tx, user)
                await people.revoke_sessions_of(tx, user.id)
            changed = await people.update_user(tx, user.id, state=state)
            await note(tx, self._tenant_id, self._actor, "user.changed", user.id, state=state)
        return changed

    async def link(self, named: str, provider: str, subject: str) -> User:
        """Say who somebody is in Slack or ClickUp; said again it changes nothing.

        Raises:
            NotFound; CommandFailed: that is somebody else already.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            user = await self._find(tx, named)
            known = await people.find_by_identity(tx, provider, subject)
            if known is not None and known.id != user.id:
                raise CommandFailed(
                    f"{subject} is {known.name} already.",
                    f"Give them what they may do: users role {known.id}",
                )
            await people.link_identity(tx, self._tenant_id, user.id, provider, subject)
            await note(tx, self._tenant_id, self._actor, "user.linked", user.id, provider=provider)
        return user

    async def set_operator(self, named: str, *, is_operator: bool) -> User:
        """Raises: NotFound."""
        async with self._database.tenant(self._tenant_id) as tx:
            user = await self._find(tx, named)
            await tx.execute(_SET_OPERATOR, {"id": user.id, "is_operator": is_operator})
            await note(tx, self._tenant_id, self._actor, "user.changed", user.id, is_operator=is_operator)
        return user

    async def sign_in_code(self, named: str | None) -> str:
        """A code that signs one browser in, once: as the user named, else as the first admin.

        Raises:
            NotFound: there is no such user, or no admin.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            user_id = await self._meant(tx, named)
            await note(tx, self._tenant_id, self._actor, "user.link_issued", user_id)
            return await people.issue_link(tx, self._tenant_id, user_id)

    async def _meant(self, tx: Any, named: str | None) -> UUID:
        if named is not None:
            return (await self._find(tx, named)).id
        found: UUID | None = (await tx.execute(_FIRST_ADMIN)).scalar_one_or_none()
        if found is None:
            raise NotFound("This tenant has no admin.", "Make one: oblivion users create NAME --role admin")
        return found

    async def _find(self, tx: Any, named: str) -> User:
        try:
            return await people.read_user(tx, UUID(named))
        except (ValueError, people.UserNotFound):
            pass
        found = await people.users_called(tx, named)
        if not found:
            raise NotFound(f"Nobody is called {named!r}.", "See who there is: oblivion users list")
        if len(found) > 1:
            raise NotFound(
                f"{len(found)} people are called {named!r}.", "Give the id of one: oblivion users list"
            )
        return found[0]


async def _refuse_known(tx: Any, new: NewUser) -> None:
    """Of two who are called the same, none could be named."""
    for called in filter(None, (new.name, new.email)):
        for known in await people.users_called(tx, called):
            raise CommandFailed(
                f"{called!r} is there already{'' if known.is_active else ', and disabled'} ({known.id}).",
                "Give another name or address."
                if known.is_active
                else f"Let them in again: oblivion users enable {known.id}",
            )


async def _refuse_last_admin(tx: Any, user: User) -> None:
    if user.role == "admin" and user.is_active and await people.other_admins(tx, user.id) == 0:
        raise CommandFailed(f"{user.name} is the only admin.", "Make somebody else one first.")
