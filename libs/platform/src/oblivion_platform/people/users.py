"""Users and their identities elsewhere, on the caller's transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.people.records import Role, User, UserNotFound


@dataclass(frozen=True)
class NewUser:
    """Somebody to be let in."""

    name: str
    email: str | None = None
    role: Role = "user"


async def create_user(tx: AsyncConnection, tenant_id: UUID, new: NewUser) -> User:
    values = {"id": uuid4(), "tenant": tenant_id, "name": new.name, "email": new.email, "role": new.role}
    return _user((await tx.execute(_INSERT, values)).mappings().one())


async def read_user(tx: AsyncConnection, user_id: UUID) -> User:
    """Raises: UserNotFound: nobody of this tenant, or it is suspended."""
    return _one((await tx.execute(_READ, {"id": user_id})).mappings().one_or_none())


async def find_user(tx: AsyncConnection, name_or_email: str) -> User:
    """The only user of that name or address.

    Raises:
        UserNotFound: there is none, or there are several.
    """
    found = await users_called(tx, name_or_email)
    if len(found) != 1:
        raise UserNotFound
    return found[0]


async def users_called(tx: AsyncConnection, name_or_email: str) -> list[User]:
    """Everybody of that name or address, the oldest first."""
    rows = await tx.execute(_FIND, {"wanted": name_or_email})
    return [_user(row) for row in rows.mappings()]


async def find_by_identity(tx: AsyncConnection, provider: str, subject: str) -> User | None:
    """Who that is: `slack` and `T…:U…`, `clickup` and a user id, `oidc` and issuer and sub."""
    rows = await tx.execute(_BY_IDENTITY, {"provider": provider, "subject": subject})
    row = rows.mappings().one_or_none()
    return None if row is None else _user(row)


async def link_identity(
    tx: AsyncConnection, tenant_id: UUID, user_id: UUID, provider: str, subject: str, display_name: str = ""
) -> None:
    """Say who a user is elsewhere; an identity that is somebody's already stays theirs."""
    values = {
        "id": uuid4(),
        "tenant": tenant_id,
        "user": user_id,
        "provider": provider,
        "subject": subject,
        "name": display_name,
    }
    await tx.execute(_LINK, values)


async def list_users(tx: AsyncConnection, *, after: UUID | None = None, limit: int = 1_000) -> list[User]:
    """In the order of their ids, from the one after `after` on."""
    rows = await tx.execute(_LIST, {"after": after, "limit": limit})
    return [_user(row) for row in rows.mappings()]


async def update_user(
    tx: AsyncConnection,
    user_id: UUID,
    *,
    name: str | None = None,
    email: str | None = None,
    role: Role | None = None,
    state: str | None = None,
) -> User:
    """Change what is given; whoever is disabled is out at once.

    Raises:
        UserNotFound
    """
    values = {"id": user_id, "name": name, "email": email, "role": role, "state": state}
    return _one((await tx.execute(_UPDATE, values)).mappings().one_or_none())


async def other_admins(tx: AsyncConnection, user_id: UUID) -> int:
    """How many active admins the tenant has beside this one."""
    return (await tx.execute(_OTHER_ADMINS, {"id": user_id})).scalar_one()


def _one(row: Any) -> User:
    if row is None:
        raise UserNotFound
    return _user(row)


def _user(row: Any) -> User:
    return User(**row)


_COLUMNS = "id, name, email, role, state, is_operator, preferences, created_at"
_INSERT = text(f"""
    INSERT INTO users (id, tenant_id, name, email, role) VALUES (:id, :tenant, :name, :email, :role)
    RETURNING {_COLUMNS}
""")  # noqa: S608 - a constant
_READ = text(f"""
    SELECT {_COLUMNS} FROM users
    WHERE id = :id AND tenant_id IN (SELECT id FROM tenants WHERE state = 'active')
""")  # noqa: S608 - a constant
_FIND = text(f"""
    SELECT {_COLUMNS} FROM users WHERE name = :wanted OR email = :wanted ORDER BY created_at, id LIMIT 100
""")  # noqa: S608 - a constant
_BY_IDENTITY = text(f"""
    SELECT {_COLUMNS} FROM users WHERE id = (
        SELECT user_id FROM user_identities WHERE provider = :provider AND subject = :subject)
""")  # noqa: S608 - a constant
_LINK = text("""
    INSERT INTO user_identities (id, tenant_id, user_id, provider, subject, display_name)
    VALUES (:id, :tenant, :user, :provider, :subject, :name)
    ON CONFLICT (tenant_id, provider, subject) DO UPDATE SET display_name = excluded.display_name
""")
_LIST = text(f"""
    SELECT {_COLUMNS} FROM users WHERE CAST(:after AS uuid) IS NULL OR id > :after ORDER BY id LIMIT :limit
""")  # noqa: S608 - a constant
_UPDATE = text(f"""
    UPDATE users SET name = coalesce(:name, name), email = coalesce(:email, email),
        role = coalesce(:role, role), state = coalesce(:state, state)
    WHERE id = :id RETURNING {_COLUMNS}
""")  # noqa: S608 - a constant
_OTHER_ADMINS = text("""
    SELECT count(*) FROM users WHERE role = 'admin' AND state = 'active' AND id <> :id
""")
