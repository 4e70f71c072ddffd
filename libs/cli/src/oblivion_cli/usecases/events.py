"""The inbox: what came in, what became of it, and handling it once more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text

from oblivion_cli.errors import CommandFailed
from oblivion_cli.usecases.audit import Actor, note
from oblivion_cli.usecases.ids import check_prefix, the_one
from oblivion_contracts.jobs import ProcessEvent
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.jobs import NewJob

_LIST = text("""
    SELECT id, received_at, source, event_type, subject, state, outcome, attempts, transport
    FROM inbound_events
    WHERE (CAST(:state AS text) IS NULL OR state = :state)
        AND (CAST(:source AS text) IS NULL OR source = :source)
    ORDER BY received_at DESC, id LIMIT :limit
""")
_FIND = text("SELECT id FROM inbound_events WHERE CAST(id AS text) LIKE :prefix || '%' LIMIT 2")
_SHOW = text("""
    SELECT id, received_at, source, event_type, subject, dedupe_key, priority, transport, state, outcome,
        attempts, processed_at, failures, content_type, length(body) AS body_bytes, body
    FROM inbound_events WHERE id = :id
""")
_REPLAY = text("""
    UPDATE inbound_events SET state = 'received', outcome = NULL, attempts = 0, processed_at = NULL
    WHERE id = ANY(:ids) AND body IS NOT NULL RETURNING id, priority
""")


class Reviver(Protocol):
    """The queue, as far as replays need it."""

    async def revive(self, job: NewJob) -> None:
        """Raises: DependencyUnavailable: Redis is away."""
        ...


@dataclass(frozen=True)
class EventFilter:
    """Which events to list; None lists all."""

    state: str | None = None
    source: str | None = None
    limit: int = 50


@dataclass(frozen=True)
class Replayed:
    """What a replay came to. `queued` is False when Redis is away: the services' sweep adds them later."""

    ids: list[UUID]
    purged: int
    queued: bool


class Events:
    """The inbound events of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor

    async def listing(self, wanted: EventFilter) -> list[dict[str, Any]]:
        values = {"state": wanted.state, "source": wanted.source, "limit": wanted.limit}
        async with self._database.tenant(self._tenant_id) as tx:
            return [dict(row) for row in (await tx.execute(_LIST, values)).mappings()]

    async def find(self, typed: str) -> UUID:
        """The id that is meant.

        Raises:
            NotFound: no event has it.
            UsageWrong: several have.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            found = (await tx.execute(_FIND, {"prefix": check_prefix(typed)})).all()
        return the_one(found, "event", typed, "oblivion events list")

    async def show(self, event_id: UUID, *, with_body: bool) -> dict[str, Any]:
        """Everything about an event; its body only on demand, which the audit log then says."""
        async with self._database.tenant(self._tenant_id) as tx:
            event = dict((await tx.execute(_SHOW, {"id": event_id})).mappings().one())
            body: bytes | None = event.pop("body")
            if with_body:
                event["body"] = None if body is None else body.decode(errors="replace")
                await note(tx, self._tenant_id, self._actor, "event.body_read", event_id)
        return event

    async def replay(self, event_ids: list[UUID], queue: Reviver) -> Replayed:
        """Have events handled again, as if they had just come. What they did already is not done twice.

        Raises:
            CommandFailed: the bodies of all of them are purged.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            rows = (await tx.execute(_REPLAY, {"ids": event_ids})).all()
            for row in rows:
                await note(tx, self._tenant_id, self._actor, "event.replayed", row.id)
        if event_ids and not rows:
            raise CommandFailed(
                "The event's body is purged, so it cannot be handled again.",
                "Bodies are kept as long as the tenant's retention says; change the task or message anew.",
            )
        jobs = [self._job(row.id, row.priority) for row in rows]
        return Replayed([row.id for row in rows], len(event_ids) - len(rows), await _revive(queue, jobs))

    def _job(self, event_id: UUID, priority: int) -> NewJob:
        command = ProcessEvent(event_id=event_id, tenant_id=self._tenant_id)
        return NewJob(str(event_id), command.model_dump(mode="json"), priority)


async def _revive(queue: Reviver, jobs: list[NewJob]) -> bool:
    try:
        for job in jobs:
            await queue.revive(job)
    except DependencyUnavailable:
        return False
    return True


def age(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = int((now - since).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} s"
