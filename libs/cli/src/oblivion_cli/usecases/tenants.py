"""Tenants: create, list, and find the one that is meant."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from oblivion_cli.errors import CommandFailed, NotFound, UsageWrong
from oblivion_cli.usecases.audit import Actor, note
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database
from oblivion_platform.operations import tenant_settings
from oblivion_platform.operations.tenant_settings import CHOICES, read_settings

SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
RETENTION = "retention_days"
RETENTION_DAYS_DEFAULT = 30
RETENTION_DAYS_MAX = 3650


@dataclass(frozen=True)
class Tenant:
    """An organisation whose data nobody else sees."""

    id: UUID
    slug: str
    name: str


@dataclass(frozen=True)
class NewTenant:
    """What `create_tenant` needs; `admin` is the name of its first user."""

    slug: str
    name: str
    admin: str = "admin"
    retention_days: int = RETENTION_DAYS_DEFAULT


async def list_tenants(database: Database) -> list[dict[str, object]]:
    async with database.shared() as tx:
        rows = await tx.execute(
            text("SELECT id, slug, name, state, retention_days, created_at FROM tenants ORDER BY slug")
        )
        return [dict(row) for row in rows.mappings()]


async def find_tenant(database: Database, slug: str | None) -> Tenant:
    """The tenant named, or the only one.

    Raises:
        NotFound: there is none of that name, or none at all.
        UsageWrong: there are several and none was named.
    """
    async with database.shared() as tx:
        rows = (await tx.execute(text("SELECT id, slug, name FROM tenants ORDER BY slug"))).all()
    tenants = [Tenant(row.id, row.slug, row.name) for row in rows]
    if slug is None:
        return _only(tenants)
    named = [tenant for tenant in tenants if tenant.slug == slug]
    if not named:
        raise NotFound(f"There is no tenant {slug!r}.", "See `oblivion tenants list`.")
    return named[0]


def _only(tenants: list[Tenant]) -> Tenant:
    if not tenants:
        raise NotFound("There is no tenant yet.", "Make one with `oblivion tenants create SLUG`.")
    if len(tenants) > 1:
        slugs = ", ".join(tenant.slug for tenant in tenants)
        raise UsageWrong(f"There are several tenants ({slugs}).", "Say which by --tenant or OBLIVION_TENANT.")
    return tenants[0]


async def create_tenant(
    database: Database, master_keys: MasterKeyRing, new: NewTenant, actor: Actor
) -> Tenant:
    """Create a tenant with its data key and its first user, an admin.

    Raises:
        UsageWrong: the slug cannot be one.
        CommandFailed: the slug is taken.
    """
    if not SLUG.fullmatch(new.slug):
        raise UsageWrong(
            f"{new.slug!r} cannot be a tenant's slug.", "Use up to 40 lower-case letters, digits and dashes."
        )
    tenant = Tenant(uuid4(), new.slug, new.name)
    try:
        await _insert(database, master_keys, tenant, new, actor)
    except IntegrityError:
        raise CommandFailed(f"There is a tenant {new.slug!r} already.", "Choose another slug.") from None
    return tenant


async def _insert(
    database: Database, master_keys: MasterKeyRing, tenant: Tenant, new: NewTenant, actor: Actor
) -> None:
    key = master_keys.new_tenant_key(tenant.id)
    async with database.tenant(tenant.id) as tx:
        await tx.execute(
            text("INSERT INTO tenants (id, slug, name, retention_days) VALUES (:id, :slug, :name, :days)"),
            {"id": tenant.id, "slug": tenant.slug, "name": tenant.name, "days": new.retention_days},
        )
        await tx.execute(
            text("INSERT INTO tenant_keys (id, tenant_id, wrapped_key) VALUES (:id, :tenant_id, :wrapped)"),
            {"id": key.id, "tenant_id": tenant.id, "wrapped": key.wrapped},
        )
        await tx.execute(
            text("INSERT INTO users (id, tenant_id, name, role) VALUES (:id, :tenant_id, :name, 'admin')"),
            {"id": uuid4(), "tenant_id": tenant.id, "name": new.admin},
        )
        await note(tx, tenant.id, actor, "tenant.created", tenant.slug)


SETTINGS: Mapping[str, str] = {
    **{name: ", ".join(choices) for name, choices in CHOICES.items()},
    RETENTION: f"days, 1 to {RETENTION_DAYS_MAX}",
}
"""A tenant's own settings, and what each may be; where one says nothing, the services' settings hold."""


async def settings_of(database: Database, tenant: Tenant) -> dict[str, str | None]:
    """Each setting, None where the tenant says nothing."""
    async with database.tenant(tenant.id) as tx:
        days = (await tx.execute(_RETENTION, {"id": tenant.id})).scalar_one()
        return await read_settings(tx, tenant.id) | {RETENTION: str(days)}


async def change_setting(
    database: Database, tenant: Tenant, actor: Actor, name: str, value: str | None
) -> None:
    """Set it, or with None let the services' settings hold again.

    Raises:
        UsageWrong: there is no such setting, or it cannot be that.
    """
    if name not in SETTINGS:
        raise UsageWrong(f"There is no setting {name!r}.", f"There are: {', '.join(SETTINGS)}.")
    if value is not None and not _may_be(name, value):
        raise UsageWrong(f"{name} cannot be {value!r}.", f"It may be: {SETTINGS[name]}.")
    async with database.tenant(tenant.id) as tx:
        if name == RETENTION:
            days = RETENTION_DAYS_DEFAULT if value is None else int(value)
            await tx.execute(_CHANGE_RETENTION, {"id": tenant.id, "days": days})
        else:
            await tenant_settings.change_setting(tx, tenant.id, name, value)
        await note(tx, tenant.id, actor, "tenant.setting_changed", name, value=value)


def _may_be(name: str, value: str) -> bool:
    if name == RETENTION:
        return value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= RETENTION_DAYS_MAX
    return value in CHOICES[name]


_CHANGE_RETENTION = text("UPDATE tenants SET retention_days = :days WHERE id = :id")
_RETENTION = text("SELECT retention_days FROM tenants WHERE id = :id")
