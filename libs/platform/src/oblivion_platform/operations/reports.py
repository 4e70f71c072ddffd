"""What can only be looked at: the audit log, stored tokens without their values, figures, tenants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.administration import AuditLine, CredentialView, StatPoint, TenantView


async def list_audit(
    tx: AsyncConnection, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[AuditLine]:
    """Newest first."""
    at, last = before or (None, None)
    rows = await tx.execute(_AUDIT, {"limit": limit, "at": at, "last": last})
    return [AuditLine.model_validate(dict(row)) for row in rows.mappings()]


async def list_credentials(tx: AsyncConnection) -> list[CredentialView]:
    """Every stored token that is live, without its value."""
    rows = await tx.execute(_CREDENTIALS)
    return [CredentialView.model_validate(dict(row)) for row in rows.mappings()]


async def list_stats(tx: AsyncConnection, *, metric: str | None, minutes: int) -> list[StatPoint]:
    """Figures of the last so many minutes, oldest first."""
    rows = await tx.execute(_STATS, {"metric": metric, "minutes": minutes})
    return [StatPoint.model_validate(dict(row)) for row in rows.mappings()]


async def list_tenants(shared: AsyncConnection) -> list[TenantView]:
    rows = await shared.execute(_TENANTS)
    return [TenantView.model_validate(dict(row)) for row in rows.mappings()]


_AUDIT = text("""
    SELECT id, at, actor, action, subject, detail FROM audit_log
    WHERE CAST(:at AS timestamptz) IS NULL OR (at, id) < (CAST(:at AS timestamptz), CAST(:last AS uuid))
    ORDER BY at DESC, id DESC LIMIT :limit
""")
_CREDENTIALS = text("""
    SELECT id, integration_id, kind, state, expires_at, last_used_at, created_at FROM credentials
    WHERE state = 'live' ORDER BY created_at, id
""")
_STATS = text("""
    SELECT minute, metric, label, count, sum, max FROM stats_minutely
    WHERE minute > now() - make_interval(mins => :minutes)
        AND (CAST(:metric AS text) IS NULL OR metric = :metric)
    ORDER BY minute, metric, label LIMIT 20000
""")
_TENANTS = text("SELECT id, slug, name, state, created_at FROM tenants ORDER BY slug")
