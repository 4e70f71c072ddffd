"""Questions put to a run at work that it ended without reading: each becomes a run of its own."""

from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.runs import RunSource
from oblivion_platform.database.statements import execute, fetch
from oblivion_platform.runs.records import Change, NewRun, Run
from oblivion_platform.runs.steering import create

AT_ONCE_MAX = 50


async def queue_unread(
    tx: AsyncConnection, run: Run, read_up_to: int, *, but_of: Collection[UUID | None] = ()
) -> list[Change]:
    """Queue runs behind `run`, which ends in this transaction, for questions after that message.

    Those of the people in `but_of` end with the run.

    Whoever puts a question to a run holds its row locked meanwhile, so that none slips in between.
    """
    but_of = [user_id for user_id in but_of if user_id is not None]
    values = {
        "session": run.session_id,
        "run": run.id,
        "seq": read_up_to,
        "limit": AT_ONCE_MAX,
        "but": but_of,
    }
    changes: list[Change] = []
    for row in await fetch(tx, _UNREAD, values):
        new = _run_for(run, row)
        change = await create(tx, run.tenant_id, new)
        if change is not None:
            changes.append(change)
        await execute(tx, _ANSWERED_BY, {"session": run.session_id, "seq": row.seq, "run": new.id})
    return changes


def _run_for(run: Run, row: Any) -> NewRun:
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


_UNREAD = """
    SELECT seq, body, author, user_id, source, place FROM session_messages
    WHERE session_id = %(session)s AND asked_run_id = %(run)s AND seq > %(seq)s AND run_id IS NULL
      AND coalesce(user_id <> ALL(CAST(%(but)s AS uuid[])), true)
    ORDER BY seq LIMIT %(limit)s
"""
_ANSWERED_BY = "UPDATE session_messages SET run_id = %(run)s WHERE session_id = %(session)s AND seq = %(seq)s"
