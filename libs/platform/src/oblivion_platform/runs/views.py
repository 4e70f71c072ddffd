"""Reading runs: one row, its steps, what waits, and what people are shown of it."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.runs import Category, RunEvent, RunFailure, RunSource, RunState, RunView, Usage
from oblivion_platform.database.statements import Asked, fetch, first, scalar
from oblivion_platform.runs.records import Due, Run

MEDIAN_OF = 20
_FIELDS = tuple(field.name for field in fields(Run))


async def read(tx: Asked, run_id: UUID, *, lock: bool = False) -> Run | None:
    """One run; `lock` keeps others from changing it until the transaction ends."""
    row = await first(tx, _READ_LOCKED if lock else _READ, {"run": run_id})
    return None if row is None else run_of(row)


async def read_many(tx: AsyncConnection, run_ids: Sequence[UUID]) -> dict[UUID, Run]:
    """Those that there are."""
    return {row.id: run_of(row) for row in await fetch(tx, _READ_MANY, {"runs": list(run_ids)})}


async def read_checkpoint(tx: Asked, run_id: UUID) -> bytes | None:
    value = await scalar(tx, _CHECKPOINT, {"run": run_id})
    return None if value is None else bytes(value)


async def events_since(
    tx: AsyncConnection, run_id: UUID, sequence: int, *, limit: int = 500
) -> Sequence[RunEvent]:
    """Steps after `sequence`, in order."""
    rows = await fetch(tx, _EVENTS, {"run": run_id, "sequence": sequence, "limit": limit})
    return [RunEvent(run_id=run_id, sequence=r.seq, at=r.at, kind=r.kind, data=r.data) for r in rows]


async def expected_s(tx: AsyncConnection, agent_id: UUID) -> float | None:
    """Median duration of the agent's last runs that succeeded; None when it has none."""
    return await scalar(tx, _EXPECTED, {"agent": agent_id, "last": MEDIAN_OF})


async def next_in_thread(tx: AsyncConnection, thread: str) -> UUID | None:
    """The oldest run that waits for the thread to be free."""
    return await scalar(tx, _NEXT_IN_THREAD, {"thread": thread})


async def due(relay: AsyncConnection, *, overdue_s: float, limit: int = 200) -> Sequence[Due]:
    """Live runs of all tenants that nobody has looked after in time; through the relay's door."""
    return [Due(*row) for row in await fetch(relay, _DUE, {"overdue_s": overdue_s, "limit": limit})]


async def unshown(relay: AsyncConnection, *, limit: int = 200) -> Sequence[Due]:
    """Runs of all tenants with steps that were not shown yet; through the relay's door."""
    return [Due(*row) for row in await fetch(relay, _UNSHOWN, {"limit": limit})]


async def unindexed(relay: AsyncConnection, *, limit: int = 50) -> Sequence[Due]:
    """Succeeded runs of all tenants that the history index lacks; through the relay's door."""
    return [Due(*row) for row in await fetch(relay, _UNINDEXED, {"limit": limit})]


def view(run: Run, agent: str | None) -> RunView:
    """What the run's own row says of it; `agent` is the name of its agent."""
    return RunView(
        id=run.id,
        state=run.state,
        waiting_for="approval" if run.waiting_for == "approval" else ("agent" if run.waiting_for else None),
        source=run.source,
        session_id=run.session_id,
        parent_run_id=run.parent_run_id,
        agent=agent,
        task=run.task,
        category=run.category,
        prompt=run.prompt,
        result=run.result,
        failure=run.failure,
        percent=run.percent,
        progress=run.progress,
        usage=usage_of(run),
        requested_by=run.requested_by,
        event_id=run.event_id,
        trace_id=None if run.traceparent is None else run.traceparent.split("-")[1],
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        last_sequence=run.last_seq,
    )


def usage_of(run: Run) -> Usage:
    used = run.usage
    return Usage(
        model=str(used.get("model", "")),
        input_tokens=int(used.get("input_tokens", 0)),
        output_tokens=int(used.get("output_tokens", 0)),
        cost_usd=run.cost_usd,
    )


def run_of(row: Any) -> Run:
    """From a row that has at least `COLUMNS`."""
    values = {name: getattr(row, name) for name in _FIELDS}
    values["source"] = RunSource(values["source"])
    values["state"] = RunState(values["state"])
    values["category"] = Category(values["category"])
    values["failure"] = None if values["failure"] is None else RunFailure(**values["failure"])
    return Run(**values)


COLUMNS = """id, tenant_id, session_id, parent_run_id, hops, source, state, waiting_for, user_id,
    requested_by, thread, prompt, wanted, agent_id, task, category, priority, deadline_at, context,
    carried_state, skills, allowed_tools, fence, holder, gateway, lease_until, acknowledged_at,
    lost_leases, percent, progress, result, failure, usage, cost_usd, cancel_requested_by,
    last_seq, presented_seq, place, event_id, workflow_id, traceparent, wake_at, created_at,
    routed_at, assigned_at, started_at, finished_at, clock_timestamp() AS now"""
"""Of `runs`, as `run_of` takes them."""

_READ = f"SELECT {COLUMNS} FROM runs WHERE id = %(run)s"  # noqa: S608
_READ_LOCKED = f"SELECT {COLUMNS} FROM runs WHERE id = %(run)s FOR UPDATE"  # noqa: S608
_READ_MANY = f"SELECT {COLUMNS} FROM runs WHERE id = ANY(%(runs)s)"  # noqa: S608
_CHECKPOINT = "SELECT checkpoint FROM runs WHERE id = %(run)s"
_EVENTS = """
    SELECT seq, at, kind, data FROM run_events WHERE run_id = %(run)s AND seq > %(sequence)s
    ORDER BY seq LIMIT %(limit)s
"""
_EXPECTED = """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - created_at))
    FROM (SELECT created_at, finished_at FROM runs WHERE agent_id = %(agent)s AND state = 'succeeded'
          ORDER BY finished_at DESC LIMIT %(last)s) AS latest
"""
_NEXT_IN_THREAD = """
    SELECT id FROM runs WHERE thread = %(thread)s AND state = 'queued' ORDER BY created_at, id LIMIT 1
"""
_DUE = """
    SELECT tenant_id, id, priority, extract(epoch FROM clock_timestamp() - wake_at)::float8 FROM runs
    WHERE state IN ('queued', 'routed', 'assigned', 'running', 'waiting')
      AND wake_at < clock_timestamp() - make_interval(secs => %(overdue_s)s)
    ORDER BY wake_at LIMIT %(limit)s
"""
_UNSHOWN = "SELECT tenant_id, id FROM runs WHERE presented_seq < last_seq LIMIT %(limit)s"
_UNINDEXED = """
    SELECT tenant_id, id FROM runs WHERE state = 'succeeded' AND indexed_at IS NULL
    ORDER BY finished_at LIMIT %(limit)s
"""
