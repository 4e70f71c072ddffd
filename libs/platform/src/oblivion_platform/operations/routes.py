"""Rules, decisions and labels of routing."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.administration import NewRouteRule, RouteDecision, RouteLabel, RouteRule
from oblivion_platform.operations.errors import NothingFound

Before = tuple[datetime, UUID] | None


async def list_decisions(
    tx: AsyncConnection, *, run_id: UUID | None, limit: int, before: Before = None
) -> list[RouteDecision]:
    """Newest first."""
    at, last = before or (None, None)
    rows = await tx.execute(_DECISIONS, {"run": run_id, "limit": limit, "at": at, "last": last})
    return [RouteDecision.model_validate(dict(row)) for row in rows.mappings()]


async def list_labels(tx: AsyncConnection, *, limit: int, before: Before = None) -> list[RouteLabel]:
    """Newest first."""
    at, last = before or (None, None)
    rows = await tx.execute(_LABELS, {"limit": limit, "at": at, "last": last})
    return [RouteLabel.model_validate(dict(row)) for row in rows.mappings()]


async def list_rules(tx: AsyncConnection) -> list[RouteRule]:
    """Those that still hold."""
    return [RouteRule.model_validate(dict(row)) for row in (await tx.execute(_RULES)).mappings()]


async def set_rule(
    tx: AsyncConnection, tenant_id: UUID, new: NewRouteRule, *, agent_id: UUID, created_by: str
) -> RouteRule:
    """Replace the rule of this kind and scope."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "tenant": tenant_id,
        "kind": new.kind,
        "scope": new.scope,
        "agent": agent_id,
        "task": new.task,
        "by": created_by,
        "expires": new.expires_at,
    }
    row = (await tx.execute(_SET_RULE, values)).one()
    return RouteRule(**new.model_dump(), id=row.id, created_by=created_by, created_at=row.created_at)


async def drop_rule(tx: AsyncConnection, rule_id: UUID) -> None:
    """Raises: NothingFound."""
    if (await tx.execute(_DROP_RULE, {"id": rule_id})).rowcount == 0:
        raise NothingFound("rule")


_DECISIONS = text("""
    SELECT d.id, d.run_id, d.stage, a.name AS agent, d.task, d.score, d.reason, d.elapsed_us, d.at
    FROM route_decisions d LEFT JOIN agents a ON a.id = d.agent_id
    WHERE (CAST(:run AS uuid) IS NULL OR d.run_id = :run)
        AND (CAST(:at AS timestamptz) IS NULL
             OR (d.at, d.id) < (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY d.at DESC, d.id DESC LIMIT :limit
""")
_LABELS = text("""
    SELECT l.id, l.run_id, l.kind, a.name AS agent, coalesce(u.name, l.labelled_by) AS labelled_by, l.at
    FROM route_labels l LEFT JOIN agents a ON a.id = l.agent_id LEFT JOIN users u ON u.id = l.user_id
    WHERE CAST(:at AS timestamptz) IS NULL OR (l.at, l.id) < (CAST(:at AS timestamptz), CAST(:last AS uuid))
    ORDER BY l.at DESC, l.id DESC LIMIT :limit
""")
_RULES = text("""
    SELECT r.id, r.kind, r.scope, a.name AS agent, r.task, r.expires_at, r.created_by, r.created_at
    FROM route_rules r JOIN agents a ON a.id = r.agent_id
    WHERE r.expires_at IS NULL OR r.expires_at > now() ORDER BY r.kind, r.scope
""")
_SET_RULE = text("""
    INSERT INTO route_rules (id, tenant_id, kind, scope, agent_id, task, created_by, expires_at)
    VALUES (:id, :tenant, :kind, :scope, :agent, :task, :by, :expires)
    ON CONFLICT (tenant_id, kind, scope) DO UPDATE SET agent_id = excluded.agent_id, task = excluded.task,
        created_by = excluded.created_by, created_at = now(), expires_at = excluded.expires_at
    RETURNING id, created_at
""")
_DROP_RULE = text("DELETE FROM route_rules WHERE id = :id")
