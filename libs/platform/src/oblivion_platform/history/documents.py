"""A run that succeeded → what is embedded of it, and what is kept beside to be shown and filtered by.

Its thread comes along as the messages before it. A failure answers nobody's question, and talk that never led
to a run was not said to an agent: neither is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

EMBEDDED_LENGTH_MAX = 8_000
SHOWN_LENGTH_MAX = 4_000
MESSAGES_BEFORE = 6
_SHOWN_SOURCES = frozenset({"slack", "clickup", "workflow"})


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
    """Said where everybody could read it."""
    prompt: str = field(repr=False)
    answer: str = field(repr=False)
    before: str = field(repr=False)
    """What was said in the thread before."""
    at: datetime

    @property
    def embedded(self) -> str:
        return f"{self.prompt}\n\n{self.answer}\n\n{self.before}"[:EMBEDDED_LENGTH_MAX]


def is_shared(source: str, place: Mapping[str, Any]) -> bool:
    """Whether it was said in a channel that is known to be public; anything else is its asker's alone."""
    return source in _SHOWN_SOURCES and place.get("is_public") is True


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
            shared=is_shared(row.source, row.place),
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
    SELECT r.id, r.tenant_id, r.session_id, r.user_id, a.name AS agent, r.source, r.place, r.prompt,
        r.result, r.finished_at, (
            SELECT string_agg(left(m.body, 500), E'\n' ORDER BY m.seq DESC)
            FROM (SELECT body, seq FROM session_messages
                  WHERE session_id = r.session_id AND at < r.created_at AND role <> 'system'
                  ORDER BY seq DESC LIMIT :before) AS m) AS before
    FROM runs r LEFT JOIN agents a ON a.tenant_id = r.tenant_id AND a.id = r.agent_id
    WHERE r.id = ANY(:runs) AND r.state = 'succeeded'
""")
_SET_INDEXED = text("UPDATE runs SET indexed_at = clock_timestamp() WHERE id = ANY(:runs)")
