"""A finished run → what is embedded of it, and what is kept beside to be shown and filtered by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

EMBEDDED_LENGTH_MAX = 8_000
SHOWN_LENGTH_MAX = 4_000
MESSAGES_BEFORE = 6
_PRIVATE_SOURCES = frozenset({"api", "terminal", "web"})


@dataclass(frozen=True, slots=True)
class Document:
    """One run as the index knows it."""

    run_id: UUID
    tenant_id: UUID
    session_id: UUID
    user_id: UUID | None
    agent: str | None
    source: str
    shared: bool
    """Said where others could read it too."""
    prompt: str = field(repr=False)
    answer: str = field(repr=False)
    before: str = field(repr=False)
    """What was said in the thread before."""
    at: datetime

    @property
    def embedded(self) -> str:
        return f"{self.prompt}\n\n{self.answer}\n\n{self.before}"[:EMBEDDED_LENGTH_MAX]


def shared_in(source: str, thread: str, user_id: UUID | None) -> bool:
    """Whether more than `user_id` could see it: not in a direct message, nor outside of Slack and ClickUp.

    `thread` is `slack:{integration}:{channel}:{ts}` there; Slack's direct channels begin with D.
    """
    if user_id is None:
        return True
    if source in _PRIVATE_SOURCES or source == "delegation":
        return False
    parts = thread.split(":")
    return not (parts[0] == "slack" and len(parts) > 2 and parts[2].startswith("D"))


async def read_documents(tx: AsyncConnection, run_ids: Sequence[UUID]) -> list[Document]:
    """Those of the runs that succeeded."""
    rows = await tx.execute(_READ, {"runs": list(run_ids), "before": MESSAGES_BEFORE})
    return [
        Document(
            run_id=row.id,
            tenant_id=row.tenant_id,
            session_id=row.session_id,
            user_id=row.user_id,
            agent=row.agent,
            source=row.source,
            shared=shared_in(row.source, row.thread, row.user_id),
            prompt=row.prompt[:SHOWN_LENGTH_MAX],
            answer=(row.result or "")[:SHOWN_LENGTH_MAX],
            before=row.before or "",
            at=row.finished_at,
        )
        for row in rows
    ]


async def set_indexed(tx: AsyncConnection, run_ids: Sequence[UUID]) -> None:
    await tx.execute(_SET_INDEXED, {"runs": list(run_ids)})


_READ = text("""
    SELECT r.id, r.tenant_id, r.session_id, r.user_id, a.name AS agent, r.source, r.thread, r.prompt,
        r.result, r.finished_at, (
            SELECT string_agg(left(m.body, 500), E'\n' ORDER BY m.seq DESC)
            FROM (SELECT body, seq FROM session_messages
                  WHERE session_id = r.session_id AND at < r.created_at AND role <> 'system'
                  ORDER BY seq DESC LIMIT :before) AS m) AS before
    FROM runs r LEFT JOIN agents a ON a.tenant_id = r.tenant_id AND a.id = r.agent_id
    WHERE r.id = ANY(:runs) AND r.state = 'succeeded'
""")
_SET_INDEXED = text("UPDATE runs SET indexed_at = clock_timestamp() WHERE id = ANY(:runs)")
