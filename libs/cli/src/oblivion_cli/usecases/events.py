"""The inbox: what came in, what became of it, and handling it once more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text

from oblivion_cli.errors import CommandFailed
from oblivion_cli.usecases.audit import Actor, note
from oblivion_cli.usecases.ids import check_prefix, the_one
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.jobs import NewJob
from oblivion_platform.operations.events import EventFilter as EventFilter
from oblivion_platform.operations.events import list_events, replay_events, show_event

_FIND = text("SELECT id FROM inbound_events WHERE CAST(id AS text) LIKE :prefix || '%' LIMIT 2")


class Reviver(Protocol):
    """The queue, as far as replays need it."""

    async def revive(self, job: NewJob) -> None:
        """Raises: DependencyUnavailable: Redis is away."""
        ...


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
        async with self._database.tenant(self._tenant_id) as tx:
            return await list_events(tx, wanted)

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
            event = await show_event(tx, event_id)
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
            jobs = await replay_events(tx, self._tenant_id, self._actor, event_ids)
        if event_ids and not jobs:
            raise CommandFailed(
                "The event's body is purged, so it cannot be handled again.",
                "Bodies are kept as long as the tenant's retention says; change the task or message anew.",
            )
        done = [UUID(job.id) for job in jobs]
        return Replayed(done, len(event_ids) - len(done), await revive(queue, jobs))


async def revive(queue: Reviver, jobs: list[NewJob]) -> bool:
    """Add jobs again; False when Redis is away: the services' sweep adds them later."""
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
