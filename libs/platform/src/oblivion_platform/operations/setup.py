"""What an installation has of what it needs, as its rows tell."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Connected:
    """A workspace of Slack or ClickUp, and how the watchdog or the last send found it."""

    source: str
    name: str
    status: str
    detail: str


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """Of one tenant; who is online is known elsewhere."""

    workspaces: list[Connected]
    links: int
    link_problem: str | None
    """The newest, in words."""
    agents: list[UUID]
    """Those that are not disabled."""
    runs: int
    answered: int
    failure: str | None
    """Why the newest run failed, if it did."""


async def read_setup(tx: AsyncConnection) -> SetupFacts:
    """How far the tenant is."""
    row: dict[str, Any] = dict((await tx.execute(_FACTS)).mappings().one())
    workspaces = [Connected(**each) for each in row.pop("workspaces")]
    return SetupFacts(workspaces=workspaces, **row)


_FACTS = text("""
    SELECT
        (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'source', source, 'name', coalesce(nullif(name, ''), external_id),
                'status', coalesce(health ->> 'status', 'ok'), 'detail', coalesce(health ->> 'detail', '')
            ) ORDER BY created_at), '[]') FROM integrations WHERE state = 'active') AS workspaces,
        (SELECT count(*) FROM project_mappings WHERE state = 'active') AS links,
        (SELECT coalesce(problem ->> 'message', problem ->> 'code') FROM project_mappings
            WHERE state = 'active' AND problem IS NOT NULL ORDER BY updated_at DESC LIMIT 1) AS link_problem,
        (SELECT coalesce(array_agg(id), '{}') FROM agents WHERE state = 'active') AS agents,
        (SELECT count(*) FROM runs) AS runs,
        (SELECT count(*) FROM runs WHERE state = 'succeeded') AS answered,
        (SELECT failure ->> 'message' FROM runs ORDER BY created_at DESC, id DESC LIMIT 1) AS failure
""")
