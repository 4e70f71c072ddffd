"""The inbox: what came in, what became of it, and handling it once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.jobs import ProcessEvent
from oblivion_platform.jobs import NewJob
from oblivion_platform.operations.audit import Actor, note
from oblivion_platform.operations.errors import NothingFound


@dataclass(frozen=True)
class EventFilter:
    """Which events to list; None lists all."""

    state: str | None = None
    source: str | None = None
    limit: int = 50
    before: tuple[datetime, UUID] | None = None
    """Where the page before ended."""
    without: str | None = None
    """All but those in this state."""


async def list_events(tx: AsyncConnection, wanted: EventFilter) -> list[dict[str, Any]]:
    """Newest first."""
    at, last = wanted.before or (None, None)
    values = {
        "state": wanted.state,
        "without": wanted.without,
        "source": wanted.source,
        "limit": wanted.limit,
        "at": at,
        "last": last,
    }
    return [dict(row) for row in (await tx.execute(_LIST, values)).mappings()]


async def show_event(tx: AsyncConnection, event_id: UUID) -> dict[str, Any]:
    """Everything about an event, its raw body too, which is for people who may see it only.

    Raises:
        NothingFound
    """
    row = (await tx.execute(_SHOW, {"id": event_id})).mappings().one_or_none()
    if row is None:
        raise NothingFound("event")
    return dict(row)


async def replay_events(
    tx: AsyncConnection, tenant_id: UUID, actor: Actor, event_ids: Sequence[UUID]
) -> list[NewJob]:
    """Have events handled again, as if they had just come; what they did already is not done twice.

    Returns the jobs to revive once that is committed: of those events only whose bodies are still there.
    """
    rows = (await tx.execute(_REPLAY, {"ids": list(event_ids)})).all()
    for row in rows:
        await note(tx, tenant_id, actor, "event.replayed", row.id)
    return [_job(tenant_id, row.id, row.priority) for row in rows]


def _job(tenant_id: UUID, event_id: UUID, priority: int) -> NewJob:
    command = ProcessEvent(event_id=event_id, tenant_id=tenant_id)
    return NewJob(str(event_id), command.model_dump(mode="json"), priority)


_LIST = text("""
    SELECT id, received_at, source, event_type, subject, state, outcome, attempts, transport
    FROM inbound_events
    WHERE (CAST(:state AS text) IS NULL OR state = :state)
        AND (CAST(:without AS text) IS NULL OR state <> :without)
        AND (CAST(:source AS text) IS NULL OR source = :source)
        AND (CAST(:at AS timestamptz) IS NULL
             OR (received_at, id) < (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY received_at DESC, id DESC LIMIT :limit
""")
_SHOW = text("""
    SELECT id, received_at, source, event_type, subject, dedupe_key, priority, transport, state, outcome,
        attempts, processed_at, failures, content_type, length(body) AS body_bytes, body
    FROM inbound_events WHERE id = :id
""")
_REPLAY = text("""
    UPDATE inbound_events SET state = 'received', outcome = NULL, attempts = 0, processed_at = NULL
    WHERE id = ANY(:ids) AND body IS NOT NULL RETURNING id, priority
""")
