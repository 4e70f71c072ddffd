"""A tenant's own settings, `tenants.settings`; where one says nothing, the services' settings hold."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHOICES: Mapping[str, tuple[str, ...]] = {
    "slack_streaming": ("off", "direct", "everywhere"),
    "unknown_users": ("guest", "refuse"),
}
"""Each setting, and what it may be."""

_READ = text("SELECT settings FROM tenants WHERE id = :id")
_RETENTION = text("SELECT retention_days FROM tenants WHERE id = :id")
_CHANGE = text("""
    UPDATE tenants SET settings = CASE WHEN CAST(:value AS text) IS NULL THEN settings - CAST(:name AS text)
        ELSE settings || jsonb_build_object(CAST(:name AS text), CAST(:value AS text)) END
    WHERE id = :id
""")


async def read_settings(tx: AsyncConnection, tenant_id: UUID) -> dict[str, str | None]:
    """Each setting, None where the tenant says nothing."""
    settings = (await tx.execute(_READ, {"id": tenant_id})).scalar_one()
    return {name: settings.get(name) for name in CHOICES}


async def read_retention_days(tx: AsyncConnection, tenant_id: UUID) -> int:
    """After how many days bodies of events are purged."""
    return (await tx.execute(_RETENTION, {"id": tenant_id})).scalar_one()


async def change_setting(tx: AsyncConnection, tenant_id: UUID, name: str, value: str | None) -> None:
    """Set it, or with None let the services' settings hold again.

    Raises:
        ValueError: there is no such setting, or it cannot be that.
    """
    if name not in CHOICES or (value is not None and value not in CHOICES[name]):
        raise ValueError(f"{name} cannot be {value!r}")
    await tx.execute(_CHANGE, {"id": tenant_id, "name": name, "value": value})
