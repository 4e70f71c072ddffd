"""Agents that are Agent resources of a cluster: their row's id is the resource's uid.

A resource that is deleted and applied again has another uid. Its new row takes over what belonged to the old
one: sessions, runs, and the routing rules that name it. The squad's own agents make room likewise.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.agents import AgentDefinition
from oblivion_platform.agents.errors import AgentNotFound, AgentOfAnotherTenant
from oblivion_platform.agents.registry import AgentRecord, create_agent, read_agent, update_agent

_NAME_MAX = 63
_UNIQUE_CHARACTERS = 8


@dataclass(frozen=True)
class ResourceDemand:
    """What waits for an agent, and how it is."""

    id: UUID
    state: str
    live_runs: int
    last_finished_at: datetime | None
    muted_until: datetime | None
    mute_reason: str | None
    spent_today_usd: float
    over_budget: bool


async def register_resource(
    tx: AsyncConnection,
    tenant_id: UUID,
    uid: UUID,
    name: str,
    definition: AgentDefinition,
    *,
    namesakes: Collection[UUID] = (),
) -> AgentRecord:
    """Create or update the agent of the resource `uid`; one that an admin disabled stays so.

    `namesakes`: other resources of this name that exist. Whoever else has the name is gone.

    Raises:
        AgentNameTaken: nothing was written that matters.
        AgentOfAnotherTenant: the transaction is over.
    """
    try:
        known = await read_agent(tx, uid, lock=True)
    except AgentNotFound:
        return await _create(tx, tenant_id, uid, name, definition, namesakes)
    if known.definition == definition:
        return known
    return await update_agent(tx, tenant_id, uid, definition)


async def _create(
    tx: AsyncConnection,
    tenant_id: UUID,
    uid: UUID,
    name: str,
    definition: AgentDefinition,
    namesakes: Collection[UUID],
) -> AgentRecord:
    gone = (await tx.execute(_GONE, {"name": name, "namesakes": list(namesakes)})).scalar_one_or_none()
    if gone is not None:
        await _make_room(tx, gone, name)
    try:
        made = await create_agent(tx, tenant_id, name, definition, origin="resource", agent_id=uid)
    except IntegrityError:  # Ids are unique among all tenants, whose rows we do not see.
        raise AgentOfAnotherTenant from None
    if gone is not None:
        for statement in _SUCCEED:
            await tx.execute(statement, {"old": gone, "new": uid})
    return made


async def _make_room(tx: AsyncConnection, agent_id: UUID, name: str) -> None:
    suffix = f"-{agent_id.hex[:_UNIQUE_CHARACTERS]}"
    former = name[: _NAME_MAX - len(suffix)] + suffix
    await tx.execute(_RENAME, {"id": agent_id, "name": former})
    await tx.execute(_DROP_ALIASES, {"ids": [agent_id]})
    await tx.execute(_RETIRE_SECRETS, {"ids": [agent_id]})


async def retire_resources(
    tx: AsyncConnection, existing: Collection[UUID], listed_s_ago: float
) -> Mapping[UUID, str]:
    """Shut out the agents whose resources are gone; their names by id.

    Those registered after the resources were listed are left alone.
    """
    values = {"existing": list(existing), "listed_s_ago": listed_s_ago}
    retired: dict[UUID, str] = {row.id: row.name for row in await tx.execute(_RETIRE, values)}
    if retired:
        await tx.execute(_DROP_ALIASES, {"ids": list(retired)})
        await tx.execute(_RETIRE_SECRETS, {"ids": list(retired)})
    return retired


async def resource_demands(tx: AsyncConnection) -> list[ResourceDemand]:
    """Of every agent of the tenant whose resource exists."""
    rows = await tx.execute(_DEMANDS)
    return [_demand(dict(row)) for row in rows.mappings()]


def _demand(row: dict[str, Any]) -> ResourceDemand:
    limit_usd: float | None = row.pop("limit_usd")
    over = limit_usd is not None and row["spent_today_usd"] >= limit_usd
    return ResourceDemand(**row, over_budget=over)


_GONE = text("""
    SELECT id FROM agents
    WHERE name = :name AND (origin = 'squad' OR origin = 'resource' AND NOT id = ANY(:namesakes)) FOR UPDATE
""")
_RENAME = text("UPDATE agents SET name = :name, state = 'disabled', updated_at = now() WHERE id = :id")
_DROP_ALIASES = text("DELETE FROM agent_aliases WHERE agent_id = ANY(:ids)")
_RETIRE_SECRETS = text("""
    UPDATE client_secrets SET state = 'retired' WHERE agent_id = ANY(:ids) AND state = 'live'
""")
_SUCCEED = (
    text("UPDATE route_rules SET agent_id = :new WHERE agent_id = :old"),
    text("UPDATE sessions SET agent_id = :new WHERE agent_id = :old"),
    text("UPDATE runs SET agent_id = :new WHERE agent_id = :old"),
)
_RETIRE = text("""
    UPDATE agents SET state = 'disabled', updated_at = now()
    WHERE origin = 'resource' AND NOT id = ANY(:existing)
        AND created_at < now() - make_interval(secs => :listed_s_ago)
        AND (state = 'active'
             OR EXISTS (SELECT FROM client_secrets s WHERE s.agent_id = agents.id AND s.state = 'live'))
    RETURNING id, name
""")
# A day is UTC's, as where runs are refused.
_DEMANDS = text("""
    SELECT a.id, a.state, a.muted_until, a.mute_reason,
        CAST(a.definition -> 'limits' ->> 'usd_per_day' AS double precision) AS limit_usd,
        (SELECT count(*) FROM runs r
         WHERE r.tenant_id = a.tenant_id AND r.agent_id = a.id AND r.finished_at IS NULL) AS live_runs,
        (SELECT max(r.finished_at) FROM runs r
         WHERE r.tenant_id = a.tenant_id AND r.agent_id = a.id) AS last_finished_at,
        (SELECT coalesce(sum(r.cost_usd), 0) FROM runs r
         WHERE r.tenant_id = a.tenant_id AND r.agent_id = a.id
            AND (r.finished_at IS NULL OR r.finished_at >= today.begin) AND r.created_at >= today.begin
        ) AS spent_today_usd
    FROM agents a,
        (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS begin) today
    WHERE a.origin = 'resource'
        AND EXISTS (SELECT FROM client_secrets s WHERE s.agent_id = a.id AND s.state = 'live')
    ORDER BY a.id
""")
