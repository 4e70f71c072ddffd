"""Questions put to a run at work that it ended without reading: each becomes a run of its own."""

from typing import Any
from uuid import uuid5

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.runs import RunSource
from oblivion_platform.runs.records import Change, NewRun, Run
from oblivion_platform.runs.steering import create

AT_ONCE_MAX = 50


async def queue_unread(tx: AsyncConnection, run: Run, read_up_to: int) -> list[Change]:
    """Queue runs behind `run`, which ends in this transaction, for questions after that message.

    Whoever puts a question to a run holds its row locked meanwhile, so that none slips in between.
    """
    values = {"session": run.session_id, "run": run.id, "seq": read_up_to, "limit": AT_ONCE_MAX}
    changes: list[Change] = []
    for row in await tx.execute(_UNREAD, values):
        new = _run_for(run, row)
        change = await create(tx, run.tenant_id, new)
        if change is not None:
            changes.append(change)
        await tx.execute(_ANSWERED_BY, {"session": run.session_id, "seq": row.seq, "run": new.id})
    return changes


def _run_for(run: Run, row: Row[Any]) -> NewRun:
    return NewRun(
        id=uuid5(run.id, f"unread:{row.seq}"),
        session_id=run.session_id,
        source=RunSource(row.source),
        thread=run.thread,
        prompt=row.body,
        user_id=row.user_id,
        requested_by=row.author,
        context=run.context,
        place=row.place,
        traceparent=run.traceparent,
    )


_UNREAD = text("""
    SELECT seq, body, author, user_id, source, place FROM session_messages
    WHERE session_id = :session AND asked_run_id = :run AND seq > :seq AND run_id IS NULL
    ORDER BY seq LIMIT :limit
""")
_ANSWERED_BY = text("UPDATE session_messages SET run_id = :run WHERE session_id = :session AND seq = :seq")
