"""Dead letters: events and effects that were given up, with the reason and the history of each."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_cli.errors import UsageWrong
from oblivion_cli.usecases.audit import Actor, note
from oblivion_cli.usecases.events import Events, Reviver
from oblivion_cli.usecases.ids import check_prefix, the_one
from oblivion_platform.database.engine import Database

_DEAD = """
    SELECT id, 'event' AS kind, event_type AS what, subject AS about, received_at AS since, attempts,
        failures,
        coalesce(failures -> -1 ->> 'code', 'unknown') AS cause, failures -> -1 ->> 'message' AS message
    FROM inbound_events WHERE state = 'dead'
    UNION ALL
    SELECT id, 'effect', kind, destination, created_at, attempts, failures,
        coalesce(failures -> -1 ->> 'code', 'unknown'), failures -> -1 ->> 'message'
    FROM outbox WHERE state = 'dead'
"""
_LIST = text(f"""
    SELECT id, kind, what, about, cause, message, attempts, since FROM ({_DEAD}) dead
    WHERE CAST(:cause AS text) IS NULL OR cause = :cause ORDER BY since DESC LIMIT :limit
""")  # noqa: S608 - a constant
_CHOOSE = text(f"""
    SELECT id, kind FROM ({_DEAD}) dead WHERE (CAST(:cause AS text) IS NULL OR cause = :cause)
""")  # noqa: S608 - a constant
_FIND = text(f"SELECT id, kind FROM ({_DEAD}) dead WHERE CAST(id AS text) LIKE :prefix || '%'")  # noqa: S608 - a constant
_SHOW = text(f"SELECT * FROM ({_DEAD}) dead WHERE id = :id")  # noqa: S608 - a constant
_REPORT = text(f"""
    SELECT cause, kind, count(*) AS count, min(since) AS oldest, max(since) AS newest, max(message) AS message
    FROM ({_DEAD}) dead GROUP BY cause, kind ORDER BY count DESC, cause
""")  # noqa: S608 - a constant
_RETRY_EFFECTS = text("""
    UPDATE outbox SET state = 'pending', attempts = 0, lease_until = NULL,
        next_attempt_at = greatest(clock_timestamp(), next_attempt_at)
    WHERE id = ANY(:ids) AND state = 'dead'
""")
_DISCARD_EVENTS = text(
    "UPDATE inbound_events SET state = 'discarded' WHERE id = ANY(:ids) AND state = 'dead'"
)
_DISCARD_EFFECTS = text("UPDATE outbox SET state = 'discarded' WHERE id = ANY(:ids) AND state = 'dead'")


@dataclass(frozen=True)
class Choice:
    """Which dead letters are meant: these ids, those of one cause, or everything."""

    ids: list[str] = field(default_factory=list[str])
    cause: str | None = None
    everything: bool = False


@dataclass(frozen=True)
class Chosen:
    """Dead letters by where they live."""

    events: list[UUID]
    effects: list[UUID]

    @property
    def count(self) -> int:
        return len(self.events) + len(self.effects)


class DeadLetters:
    """The dead letters of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor

    async def listing(self, cause: str | None, limit: int) -> list[dict[str, Any]]:
        return await self._rows(_LIST, cause=cause, limit=limit)

    async def report(self) -> list[dict[str, Any]]:
        """Counts by cause, with the oldest and the newest of each."""
        return await self._rows(_REPORT)

    async def show(self, typed: str) -> dict[str, Any]:
        """One dead letter with the history of its failures.

        Raises:
            NotFound, UsageWrong: the id means none, or several.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            letter_id = await self._find(tx, typed)
            return dict((await tx.execute(_SHOW, {"id": letter_id.id})).mappings().one())

    async def retry(self, choice: Choice, queue: Reviver) -> Chosen:
        """Try them again. Effects leave with what their task or comment shows now.

        Raises:
            NotFound, UsageWrong: an id means none, or several; nothing was chosen.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            chosen = await self._choose(tx, choice)
            await tx.execute(_RETRY_EFFECTS, {"ids": chosen.effects})
            await note(
                tx, self._tenant_id, self._actor, "dead_letters.retried", _subject(choice), **_counts(chosen)
            )
        if chosen.events:
            await Events(self._database, self._tenant_id, self._actor).replay(chosen.events, queue)
        return chosen

    async def discard(self, choice: Choice, reason: str) -> Chosen:
        """Give them up for good; they stay in the database, with the reason in the audit log.

        Raises:
            NotFound, UsageWrong: an id means none, or several; nothing was chosen.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            chosen = await self._choose(tx, choice)
            await tx.execute(_DISCARD_EVENTS, {"ids": chosen.events})
            await tx.execute(_DISCARD_EFFECTS, {"ids": chosen.effects})
            await note(
                tx, self._tenant_id, self._actor, "dead_letters.discarded", _subject(choice),
                reason=reason, **_counts(chosen),
            )  # fmt: skip
        return chosen

    async def _choose(self, tx: AsyncConnection, choice: Choice) -> Chosen:
        if choice.ids:
            rows = [await self._find(tx, typed) for typed in choice.ids]
        elif choice.cause is not None or choice.everything:
            rows = (await tx.execute(_CHOOSE, {"cause": choice.cause})).all()
        else:
            raise UsageWrong("No dead letter is named.", "Give ids, --cause CODE or --all.")
        return Chosen(
            events=[row.id for row in rows if row.kind == "event"],
            effects=[row.id for row in rows if row.kind == "effect"],
        )

    async def _find(self, tx: AsyncConnection, typed: str) -> Any:
        found = (await tx.execute(_FIND, {"prefix": check_prefix(typed)})).all()
        the_one(found, "dead letter", typed, "oblivion dead-letters list")
        return found[0]

    async def _rows(self, statement: Any, **values: Any) -> list[dict[str, Any]]:
        async with self._database.tenant(self._tenant_id) as tx:
            return [dict(row) for row in (await tx.execute(statement, values)).mappings()]


def _subject(choice: Choice) -> str:
    return ", ".join(choice.ids) or choice.cause or "all"


def _counts(chosen: Chosen) -> dict[str, int]:
    return {"events": len(chosen.events), "effects": len(chosen.effects)}
