"""The agents of a tenant: rows in `agents` and `agent_aliases`, on the caller's transaction.

A name and an alias are found alike, without regard to case, so no two agents may share one.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.identifiers import SQUAD_ALIAS
from oblivion_platform.agents.errors import AgentNameTaken, AgentNotFound
from oblivion_platform.routing.stages import SQUAD_ALIASES

Origin = Literal["squad", "resource", "api"]
AgentState = Literal["active", "disabled"]


@dataclass(frozen=True)
class AgentRecord:
    """A row of `agents`."""

    id: UUID
    name: str
    origin: Origin
    definition: AgentDefinition
    state: AgentState
    muted_until: datetime | None
    mute_reason: str | None
    last_seen_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_active(self) -> bool:
        return self.state == "active"


def fold(name: str) -> str:
    """What is compared of a name or alias."""
    return name.strip().removeprefix("@").casefold()


async def create_agent(
    tx: AsyncConnection,
    tenant_id: UUID,
    name: str,
    definition: AgentDefinition,
    *,
    origin: Origin = "api",
    agent_id: UUID | None = None,
) -> AgentRecord:
    """Register an agent; it has no secret yet. Its id is a new one, unless it has one already elsewhere.

    Raises:
        AgentNameTaken: name or alias is another agent's; nothing was written that matters.
    """
    await _refuse_taken(tx, name, definition, agent_id=None)
    values = {
        "id": agent_id or uuid4(),
        "tenant": tenant_id,
        "name": name,
        "origin": origin,
        "definition": _json(definition),
    }
    row = (await tx.execute(_INSERT, values)).mappings().one_or_none()
    if row is None:
        raise AgentNameTaken(name)
    await _write_aliases(tx, tenant_id, row["id"], definition)
    return _record(row)


async def update_agent(
    tx: AsyncConnection, tenant_id: UUID, agent_id: UUID, definition: AgentDefinition
) -> AgentRecord:
    """Replace the definition.

    Raises:
        AgentNotFound, AgentNameTaken: nothing was changed.
    """
    known = await read_agent(tx, agent_id, lock=True)
    await _refuse_taken(tx, known.name, definition, agent_id=agent_id)
    row = (await tx.execute(_UPDATE, {"id": agent_id, "definition": _json(definition)})).mappings().one()
    await _write_aliases(tx, tenant_id, agent_id, definition)
    return _record(row)


async def set_agent_state(tx: AsyncConnection, agent_id: UUID, state: AgentState) -> AgentRecord:
    """Disable it, at once and everywhere, or take it back in.

    Raises:
        AgentNotFound
    """
    return _one((await tx.execute(_SET_STATE, {"id": agent_id, "state": state})).mappings().one_or_none())


async def mute_agent(
    tx: AsyncConnection, agent_id: UUID, until: datetime | None, reason: str | None
) -> AgentRecord:
    """Refuse its messages until then; None lets it speak again.

    Raises:
        AgentNotFound
    """
    values = {"id": agent_id, "until": until, "reason": reason}
    return _one((await tx.execute(_MUTE, values)).mappings().one_or_none())


async def mute_loud_agent(tx: AsyncConnection, agent_id: UUID, until: datetime, reason: str) -> bool:
    """The same to an agent that says too much; False: it is muted already, and stays so as long as it was."""
    values = {"id": agent_id, "until": until, "reason": reason}
    return (await tx.execute(_MUTE_LOUD, values)).rowcount == 1


async def note_agent_seen(tx: AsyncConnection, agent_id: UUID) -> None:
    await tx.execute(_SEEN, {"id": agent_id})


async def read_agent(tx: AsyncConnection, agent_id: UUID, *, lock: bool = False) -> AgentRecord:
    """Raises: AgentNotFound."""
    rows = await tx.execute(_READ_LOCKED if lock else _READ, {"id": agent_id})
    return _one(rows.mappings().one_or_none())


async def spent_today_usd(tx: AsyncConnection, agent_id: UUID) -> float:
    """What the agent reports of runs that were asked for since midnight UTC, as its limit counts it."""
    return float((await tx.execute(_SPENT_TODAY, {"id": agent_id})).scalar_one())


async def find_agent(tx: AsyncConnection, name_or_alias: str) -> AgentRecord:
    """The agent that people call so.

    Raises:
        AgentNotFound
    """
    return _one((await tx.execute(_FIND, {"name": fold(name_or_alias)})).mappings().one_or_none())


async def list_agents(
    tx: AsyncConnection, *, after: str = "", limit: int = 1_000, disabled_too: bool = True
) -> list[AgentRecord]:
    """By name, from the one after `after` on."""
    rows = await tx.execute(_LIST, {"after": after, "limit": limit, "disabled_too": disabled_too})
    return [_record(row) for row in rows.mappings()]


async def _refuse_taken(
    tx: AsyncConnection, name: str, definition: AgentDefinition, *, agent_id: UUID | None
) -> None:
    aliases = sorted({fold(alias) for alias in definition.aliases})
    if not SQUAD_ALIASES.isdisjoint([*aliases, name]):
        raise AgentNameTaken(SQUAD_ALIAS)
    # An agent of the same name that is being created answers by ON CONFLICT.
    taken = (await tx.execute(_TAKEN, {"names": [name, *aliases], "agent": agent_id})).scalar()
    if taken is not None:
        raise AgentNameTaken(str(taken))


async def _write_aliases(
    tx: AsyncConnection, tenant_id: UUID, agent_id: UUID, definition: AgentDefinition
) -> None:
    wanted = sorted({fold(alias) for alias in definition.aliases})
    await tx.execute(_DROP_ALIASES, {"agent": agent_id, "wanted": wanted})
    for alias in wanted:
        values = {"id": uuid4(), "tenant": tenant_id, "agent": agent_id, "alias": alias}
        owner = (await tx.execute(_ADD_ALIAS, values)).scalar()
        if owner is not None and owner != agent_id:
            raise AgentNameTaken(alias)


def _json(definition: AgentDefinition) -> str:
    return json.dumps(definition.model_dump(mode="json"))


def _one(row: Any) -> AgentRecord:
    if row is None:
        raise AgentNotFound
    return _record(row)


def _record(row: Any) -> AgentRecord:
    fields: dict[str, Any] = dict(row)
    fields["definition"] = AgentDefinition.model_validate(fields["definition"])
    return AgentRecord(**fields)


_COLUMNS = (
    "id, name, origin, definition, state, muted_until, mute_reason, last_seen_at, created_at, updated_at"
)
_INSERT = text(f"""
    INSERT INTO agents (id, tenant_id, name, origin, definition)
    VALUES (:id, :tenant, :name, :origin, CAST(:definition AS jsonb))
    ON CONFLICT (tenant_id, name) DO NOTHING RETURNING {_COLUMNS}
""")  # noqa: S608 - a constant
_UPDATE = text(f"""
    UPDATE agents SET definition = CAST(:definition AS jsonb), updated_at = now() WHERE id = :id
    RETURNING {_COLUMNS}
""")  # noqa: S608 - a constant
_SET_STATE = text(f"""
    UPDATE agents SET state = :state, updated_at = now() WHERE id = :id RETURNING {_COLUMNS}
""")  # noqa: S608 - a constant
_MUTE = text(f"""
    UPDATE agents SET muted_until = :until, mute_reason = :reason WHERE id = :id RETURNING {_COLUMNS}
""")  # noqa: S608 - a constant
_MUTE_LOUD = text("""
    UPDATE agents SET muted_until = :until, mute_reason = :reason
    WHERE id = :id AND coalesce(muted_until, '-infinity') <= now()
""")
_SEEN = text("UPDATE agents SET last_seen_at = now() WHERE id = :id")
_READ = text(f"SELECT {_COLUMNS} FROM agents WHERE id = :id")  # noqa: S608 - a constant
_SPENT_TODAY = text("""
    SELECT coalesce(sum(cost_usd), 0) FROM runs
    WHERE agent_id = :id AND created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
""")
_READ_LOCKED = text(f"SELECT {_COLUMNS} FROM agents WHERE id = :id FOR UPDATE")  # noqa: S608 - a constant
_FIND = text(f"""
    SELECT {_COLUMNS} FROM agents
    WHERE name = :name OR id = (SELECT agent_id FROM agent_aliases WHERE alias = :name)
    ORDER BY name = :name DESC LIMIT 1
""")  # noqa: S608 - a constant
_LIST = text(f"""
    SELECT {_COLUMNS} FROM agents WHERE name > :after AND (:disabled_too OR state = 'active')
    ORDER BY name LIMIT :limit
""")  # noqa: S608 - a constant
_TAKEN = text("""
    SELECT name FROM agents WHERE name = ANY(:names) AND id IS DISTINCT FROM CAST(:agent AS uuid)
    UNION ALL
    SELECT alias FROM agent_aliases
    WHERE alias = ANY(:names) AND agent_id IS DISTINCT FROM CAST(:agent AS uuid)
    LIMIT 1
""")
_DROP_ALIASES = text("DELETE FROM agent_aliases WHERE agent_id = :agent AND NOT alias = ANY(:wanted)")
# The update changes nothing: it makes RETURNING tell whose the alias is.
_ADD_ALIAS = text("""
    INSERT INTO agent_aliases (id, tenant_id, agent_id, alias) VALUES (:id, :tenant, :agent, :alias)
    ON CONFLICT (tenant_id, alias) DO UPDATE SET alias = excluded.alias RETURNING agent_id
""")
