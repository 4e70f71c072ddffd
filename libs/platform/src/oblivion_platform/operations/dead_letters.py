"""Dead letters: events, effects and runs that were given up, with the reason and the history of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.jobs import NewJob
from oblivion_platform.operations.audit import Actor, note
from oblivion_platform.operations.errors import CannotBeDone, NothingFound
from oblivion_platform.operations.events import replay_events

DEAD = """
    SELECT id, 'event' AS kind, event_type AS what, subject AS about, received_at AS since, attempts,
        failures,
        coalesce(failures -> -1 ->> 'code', 'unknown') AS cause, failures -> -1 ->> 'message' AS message
    FROM inbound_events WHERE state = 'dead'
    UNION ALL
    SELECT id, 'effect', kind, coalesce('run ' || CAST(run_id AS text), destination), created_at, attempts,
        failures,
        coalesce(failures -> -1 ->> 'code', 'unknown'), failures -> -1 ->> 'message'
    FROM outbox WHERE state = 'dead'
    UNION ALL
    SELECT id, 'run', 'run', thread, created_at, jsonb_array_length(failures), failures,
        coalesce(failures -> -1 ->> 'code', 'unknown'), failures -> -1 ->> 'message'
    FROM runs WHERE state = 'failed' AND failure ->> 'code' = 'unforeseen' AND archived_at IS NULL
"""
"""Every dead letter of the tenant, as a subquery."""

MISSING: Mapping[str, str] = {
    "slack.post_task": "a task's message, with all that belongs into its thread",
    "slack.update_task": "a task's newer state in its message",
    "slack.post_reply": "a comment in its task's thread",
    "slack.update_reply": "a comment's newer words in its task's thread",
    "slack.delete_reply": "the end of a comment that was taken back: its copy still stands in Slack",
    "slack.run_post": "a message of a run, or what its agent said on the way",
    "slack.run_edit": "a newer state of a run's message",
    "slack.run_answer": "a run's answer in its thread (`oblivion runs show` has it)",
    "slack.run_file": "the whole of a long answer, as a file in its thread (`oblivion runs show` has it)",
    "slack.set_reaction": "an emoji on a question",
    "slack.set_session_status": "Slack's own sign that an agent is at work",
    "slack.whisper": "a line that one person was told",
    "slack.respond": "the answer to one person's command",
    "slack.open_view": "a dialog that somebody asked for; it cannot be opened any more",
    "slack.publish_home": "a person's App Home, until they open it again",
    "slack.suggest_prompts": "suggestions in a conversation with the app",
    "clickup.create_comment": "a reply from Slack, as a comment on its task",
    "clickup.update_comment": "a reply's newer words in the comment on its task",
    "clickup.delete_comment": "the end of a reply that was taken back: its copy still stands in ClickUp",
    "clickup.run_comment": "a run's answer as a comment on its task (`oblivion runs show` has it)",
    "clickup.close_question": "the end of a run's question on its task: it is still somebody's thing to do",
    "clickup.move_task": "a task's move to the status that fits its run",
    "clickup.create_task": "a task that somebody made of a Slack message",
}
"""Kind of an effect → what people do not see for as long as it is not sent."""


@dataclass(frozen=True)
class Chosen:
    """Dead letters by where they live."""

    events: list[UUID]
    effects: list[UUID]
    runs: list[UUID] = field(default_factory=list[UUID])
    kinds: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many effects of each kind."""

    @property
    def missing(self) -> list[str]:
        """What people do not see without these effects; one line for each kind."""
        return [
            missing_of(kind) + (f" ({count} times)" if count > 1 else "")
            for kind, count in self.kinds.items()
        ]

    @property
    def count(self) -> int:
        return len(self.events) + len(self.effects) + len(self.runs)


def missing_of(kind: str) -> str:
    return MISSING.get(kind, kind)


async def list_letters(
    tx: AsyncConnection, cause: str | None, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[dict[str, Any]]:
    """Newest first."""
    at, last = before or (None, None)
    rows = await tx.execute(_LIST, {"cause": cause, "limit": limit, "at": at, "last": last})
    return [dict(row) for row in rows.mappings()]


async def report_letters(tx: AsyncConnection) -> list[dict[str, Any]]:
    """Counts by cause, with the oldest and the newest of each."""
    return [dict(row) for row in (await tx.execute(_REPORT)).mappings()]


async def show_letter(tx: AsyncConnection, letter_id: UUID) -> dict[str, Any]:
    """One dead letter with the history of its failures.

    Raises:
        NothingFound
    """
    row = (await tx.execute(_SHOW, {"id": letter_id})).mappings().one_or_none()
    if row is None:
        raise NothingFound("dead letter")
    return dict(row)


async def choose_letters(
    tx: AsyncConnection, ids: Sequence[UUID], cause: str | None, *, everything: bool
) -> Chosen:
    """These ids, those of one cause, or everything.

    Raises:
        NothingFound: an id is no dead letter's; nothing is chosen.
        CannotBeDone: nothing is named.
    """
    if ids:
        rows = (await tx.execute(_BY_IDS, {"ids": list(ids)})).all()
        if len({row.id for row in rows}) != len(set(ids)):
            raise NothingFound("dead letter")
    elif cause is not None or everything:
        rows = (await tx.execute(_BY_CAUSE, {"cause": cause})).all()
    else:
        raise CannotBeDone("nothing_chosen", "Name ids, a cause, or everything.")
    effects = [row for row in rows if row.kind == "effect"]
    return Chosen(
        events=[row.id for row in rows if row.kind == "event"],
        effects=[row.id for row in effects],
        runs=[row.id for row in rows if row.kind == "run"],
        kinds=Counter(row.what for row in effects),
    )


async def missing_effects(tx: AsyncConnection) -> Chosen:
    """All dead effects, for what is missing because of them."""
    rows = (await tx.execute(_BY_CAUSE, {"cause": None})).all()
    effects = [row for row in rows if row.kind == "effect"]
    return Chosen([], [row.id for row in effects], kinds=Counter(row.what for row in effects))


async def retry_letters(
    tx: AsyncConnection, tenant_id: UUID, actor: Actor, chosen: Chosen, subject: str
) -> list[NewJob]:
    """Try them again: effects leave with what their task or comment shows now, a run begins anew as another.

    Returns the jobs to revive once that is committed; runs are found by their sweep.
    """
    # Here, since it brings the queue's libraries, which listing needs not.
    from oblivion_platform import runs

    for run_id in chosen.runs:
        run = await runs.read(tx, run_id, lock=True)
        if run is not None:
            await runs.retry(tx, run, run.requested_by)
    await tx.execute(_PUT_AWAY_RUNS, {"ids": chosen.runs})
    await tx.execute(_RETRY_EFFECTS, {"ids": chosen.effects})
    await note(tx, tenant_id, actor, "dead_letters.retried", subject, **_counts(chosen))
    return await replay_events(tx, tenant_id, actor, chosen.events)


async def discard_letters(
    tx: AsyncConnection, tenant_id: UUID, actor: Actor, chosen: Chosen, subject: str, reason: str
) -> None:
    """Give them up for good; they stay in the database, with the reason in the audit log."""
    await tx.execute(_DISCARD_EVENTS, {"ids": chosen.events})
    await tx.execute(_DISCARD_EFFECTS, {"ids": chosen.effects})
    await tx.execute(_PUT_AWAY_RUNS, {"ids": chosen.runs})
    await note(tx, tenant_id, actor, "dead_letters.discarded", subject, reason=reason, **_counts(chosen))


def _counts(chosen: Chosen) -> dict[str, int]:
    return {"events": len(chosen.events), "effects": len(chosen.effects), "runs": len(chosen.runs)}


_LIST = text(f"""
    SELECT id, kind, what, about, cause, message, attempts, since FROM ({DEAD}) dead
    WHERE (CAST(:cause AS text) IS NULL OR cause = :cause)
        AND (CAST(:at AS timestamptz) IS NULL
             OR (since, id) < (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY since DESC, id DESC LIMIT :limit
""")  # noqa: S608 - a constant
_BY_IDS = text(f"SELECT id, kind, what FROM ({DEAD}) dead WHERE id = ANY(:ids)")  # noqa: S608 - a constant
_BY_CAUSE = text(f"""
    SELECT id, kind, what FROM ({DEAD}) dead WHERE (CAST(:cause AS text) IS NULL OR cause = :cause)
""")  # noqa: S608 - a constant
_SHOW = text(f"SELECT * FROM ({DEAD}) dead WHERE id = :id")  # noqa: S608 - a constant
_REPORT = text(f"""
    SELECT cause, kind, count(*) AS count, min(since) AS oldest, max(since) AS newest, max(message) AS message
    FROM ({DEAD}) dead GROUP BY cause, kind ORDER BY count DESC, cause
""")  # noqa: S608 - a constant
_RETRY_EFFECTS = text("""
    UPDATE outbox SET state = 'pending', attempts = 0, lease_until = NULL,
        next_attempt_at = greatest(clock_timestamp(), next_attempt_at)
    WHERE id = ANY(:ids) AND state = 'dead'
""")
_PUT_AWAY_RUNS = text("UPDATE runs SET archived_at = clock_timestamp() WHERE id = ANY(:ids)")
_DISCARD_EVENTS = text(
    "UPDATE inbound_events SET state = 'discarded' WHERE id = ANY(:ids) AND state = 'dead'"
)
_DISCARD_EFFECTS = text("UPDATE outbox SET state = 'discarded' WHERE id = ANY(:ids) AND state = 'dead'")
