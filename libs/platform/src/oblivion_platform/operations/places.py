"""Lists and channels as they were seen last, and how the seeing went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.places import PlaceKind, PlaceView

SOURCES: dict[PlaceKind, str] = {"list": "clickup", "channel": "slack"}
"""Whose integrations have places of the kind."""
After = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the last reading of one integration went."""

    integration_id: UUID
    tried_at: datetime | None
    """When it ended, well or not; None: never."""
    read_at: datetime | None
    """When all was read last."""
    problem: str | None
    now: datetime
    """By the database's clock, which wrote the others."""

    @property
    def age_s(self) -> float | None:
        return None if self.tried_at is None else (self.now - self.tried_at).total_seconds()


@dataclass(frozen=True, slots=True)
class PlaceFilter:
    """Which places to list."""

    kind: PlaceKind
    search: str = ""
    """Part of the name or path, or the whole id, in any case."""
    limit: int = 50
    after: After | None = None
    """The last place of the page before; if it has gone, nothing follows."""


async def list_places(tx: AsyncConnection, wanted: PlaceFilter) -> list[PlaceView]:
    """By name."""
    integration, external = wanted.after or (None, None)
    values: dict[str, Any] = {
        "kind": wanted.kind,
        "search": wanted.search.strip().lower(),
        "limit": wanted.limit,
        "integration": integration,
        "external": external,
    }
    return [PlaceView.model_validate(dict(row)) for row in (await tx.execute(_LIST, values)).mappings()]


async def list_readings(tx: AsyncConnection, kind: PlaceKind) -> Sequence[Reading]:
    """One for each integration that has places of the kind."""
    rows = await tx.execute(_READINGS, {"source": SOURCES[kind]})
    return [Reading(row.id, row.tried_at, row.read_at, row.problem, row.now) for row in rows]


async def is_outside(tx: AsyncConnection, integration_id: UUID, channel: str) -> bool:
    """Whether the app is known not to be in the channel."""
    values = {"integration": integration_id, "channel": channel}
    return bool((await tx.execute(_IS_OUTSIDE, values)).scalar_one())


_LIST = text("""
    SELECT p.integration_id, p.kind, p.external_id, p.name, p.path, p.is_private, p.is_member, p.seen_at
    FROM places p JOIN integrations i ON i.id = p.integration_id AND i.state = 'active'
    WHERE p.kind = :kind
      AND (:search = '' OR position(:search IN lower(p.path || ' ' || p.name)) > 0
           OR lower(p.external_id) = :search)
      AND (CAST(:integration AS uuid) IS NULL
           OR (lower(p.name) COLLATE "C", p.integration_id, p.external_id) > (
               SELECT lower(name) COLLATE "C", integration_id, external_id FROM places
               WHERE integration_id = CAST(:integration AS uuid) AND external_id = :external))
    ORDER BY lower(p.name) COLLATE "C", p.integration_id, p.external_id LIMIT :limit
""")
_READINGS = text("""
    SELECT id, CAST(health -> 'places' ->> 'tried_at' AS timestamptz) AS tried_at,
        CAST(health -> 'places' ->> 'read_at' AS timestamptz) AS read_at,
        health -> 'places' ->> 'problem' AS problem, clock_timestamp() AS now
    FROM integrations WHERE source = :source AND state = 'active' ORDER BY created_at, id
""")
_IS_OUTSIDE = text("""
    SELECT EXISTS (SELECT FROM places WHERE integration_id = :integration AND external_id = :channel
                   AND kind = 'channel' AND NOT is_member)
""")
