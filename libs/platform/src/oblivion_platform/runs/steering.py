"""Steps that the router-worker and people decide: create, route, assign, lose, cancel, give up."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.runs import RunEventKind, RunFailure, RunState
from oblivion_platform.database.statements import execute, first, scalar
from oblivion_platform.runs.records import Change, Holder, NewRun, Run, Start
from oblivion_platform.runs.statements import HELD, LIVE, step, take

HIDDEN = "is_hidden"
"""In a run's place: Slack does not see it, whatever its session says later."""
PLACE_KEYS = (
    HIDDEN,
    "integration_id",
    "channel",
    "thread_ts",
    "question_ts",
    "asker",
    "is_public",
    "task_mapping_id",
    "task_id",
    "clickup_integration_id",
    "comment_id",
    "clickup_asker",
    "answer_as_comment",
    "status_map",
)
"""What a run's place says from the start; the rest is what has been shown of that very run."""
_QUEUED = {"state": RunState.QUEUED.value}


async def create(tx: AsyncConnection, tenant_id: UUID, new: NewRun) -> Change | None:
    """Store a new run as `queued`; None when its event led to one before."""
    values = {
        "id": new.id,
        "tenant": tenant_id,
        "session": new.session_id,
        "parent": new.parent_run_id,
        "hops": new.hops,
        "source": new.source.value,
        "user": new.user_id,
        "requested_by": new.requested_by,
        "thread": new.thread,
        "prompt": new.prompt,
        "wanted": json.dumps({"agent": new.wanted_agent, "task": new.wanted_task}),
        "category": new.category.value,
        "priority": new.priority,
        "context": json.dumps(new.context),
        "carried_state": json.dumps(new.carried_state),
        "skills": list(new.skills),
        "allowed_tools": None if new.allowed_tools is None else list(new.allowed_tools),
        "place": json.dumps(new.place),
        "event": new.event_id,
        "workflow": new.workflow_id,
        "traceparent": new.traceparent,
        "data": json.dumps(_QUEUED),
    }
    row = await first(tx, _CREATE, values)
    return None if row is None else Change(new.id, row.last_seq, data=_QUEUED)


async def route(tx: AsyncConnection, run: Run, agent_id: UUID, agent: str, task: str) -> Change | None:
    """`queued → routed`; None when another run of the thread is live, or the run is not queued any more."""
    # Two runs of one thread must not both find it free; the unique index would only raise.
    await execute(tx, _LOCK_THREAD, {"thread": f"{run.tenant_id}:{run.thread}"})
    data = {"state": RunState.ROUTED.value, "agent": agent, "task": task}
    values = {"run": run.id, "agent": agent_id, "task": task, "thread": run.thread}
    return await take(tx, _ROUTE, RunEventKind.STATE, data, values)


async def assign(
    tx: AsyncConnection, run_id: UUID, holder: Holder, *, lease_s: float, deadline_s: float
) -> Change | None:
    """Give the run to a socket under a new fence; None when it is not waiting for one.

    `deadline_s` counts from the first assignment.
    """
    values = {
        "run": run_id,
        "holder": holder.socket,
        "gateway": holder.gateway,
        "lease_s": lease_s,
        "deadline_s": deadline_s,
    }
    return await take(tx, _ASSIGN, RunEventKind.STATE, {"state": RunState.ASSIGNED.value}, values)


async def begin(tx: AsyncConnection, run_id: UUID, start: Start) -> Change | None:
    """`queued → assigned` in one statement; None when the run is not queued.

    Only for a run that begins a thread in this very transaction: nobody else can be live there.
    """
    data = {"state": RunState.ROUTED.value, "agent": start.agent, "task": start.task}
    values = {
        "run": run_id,
        "agent": start.agent_id,
        "task": start.task,
        "holder": start.holder.socket,
        "gateway": start.holder.gateway,
        "lease_s": start.lease_s,
        "deadline_s": start.deadline_s,
        "routed": json.dumps(data),
    }
    return await take(tx, _BEGIN, RunEventKind.STATE, {"state": RunState.ASSIGNED.value}, values)


async def wait_for_agent(tx: AsyncConnection, run_id: UUID, *, look_again_s: float) -> Change | None:
    """`routed → waiting`: no replica of its agent is online. None when it is not `routed`."""
    data = {"state": RunState.WAITING.value, "waiting_for": "agent"}
    values = {"run": run_id, "look_again_s": look_again_s}
    return await take(tx, _WAIT_FOR_AGENT, RunEventKind.STATE, data, values)


async def wake_later(tx: AsyncConnection, run_id: UUID, *, after_s: float) -> None:
    """Let the sweep look after the run then; no step."""
    await execute(tx, _WAKE_LATER, {"run": run_id, "after_s": after_s})


async def stumble(tx: AsyncConnection, run_id: UUID, failure: RunFailure, *, again_after_s: float) -> int:
    """Count a failure that nobody foresaw, and let the sweep wait; how many there were, 0 once it is over."""
    values = {"run": run_id, "failure": failure.model_dump_json(), "after_s": again_after_s}
    return await scalar(tx, _STUMBLE, values) or 0


async def lose_lease(tx: AsyncConnection, run: Run) -> Change | None:
    """Take the run from a holder whose lease is over; None when it was renewed meanwhile.

    The fence stays: the holder may `resume` for as long as nobody else was given the run.
    """
    data = {"state": RunState.ROUTED.value, "reason": "lease_lost"}
    values = {"run": run.id, "fence": run.fence}
    return await take(tx, _LOSE_LEASE, RunEventKind.STATE, data, values)


async def give_up(tx: AsyncConnection, run_id: UUID, failure: RunFailure) -> Change | None:
    """Fail a run whoever holds it: too late, no agent, lost too often. None when it is over already."""
    data = {"state": RunState.FAILED.value, "failure": failure.model_dump()}
    values = {"run": run_id, "failure": failure.model_dump_json()}
    return await take(tx, _GIVE_UP, RunEventKind.STATE, data, values)


async def cancel(tx: AsyncConnection, run_id: UUID, by: str) -> Change | None:
    """End a live run at once; what its holder still sends is refused. None when it is over already.

    The holder stands in the row still, so that it can be told to stop.
    """
    data = {"state": RunState.CANCELLED.value, "by": by}
    return await take(tx, _CANCEL, RunEventKind.STATE, data, {"run": run_id, "by": by})


async def note(
    tx: AsyncConnection, run_id: UUID, kind: RunEventKind, data: Mapping[str, Any]
) -> Change | None:
    """Write down something that happened to a live run and is no change of its state."""
    return await take(tx, _NOTE, kind, data, {"run": run_id})


async def shown(tx: AsyncConnection, run_id: UUID, sequence: int, place: Mapping[str, Any]) -> None:
    """Note that everything up to `sequence` was decided to be shown; `place` is merged into the row's."""
    await execute(tx, _SHOWN, {"run": run_id, "sequence": sequence, "place": json.dumps(place)})


async def retry(tx: AsyncConnection, run: Run, requested_by: str) -> Change | None:
    """Do the work of a run that is over once more, as a new run behind the others of its thread."""
    values = {"run": run.id, "new": uuid4(), "by": requested_by, "place_keys": list(PLACE_KEYS)}
    values["data"] = json.dumps({**_QUEUED, "retry_of": str(run.id)})
    row = await first(tx, _RETRY, values)
    return None if row is None else Change(row.id, row.last_seq, data=_QUEUED)


_NOTE_CREATED = """noted AS (
        INSERT INTO run_events (tenant_id, run_id, seq, kind, data)
        SELECT tenant_id, id, last_seq, 'state', CAST(%(data)s AS jsonb) FROM created
    )
    SELECT id, last_seq FROM created"""

_CREATE = f"""
    WITH created AS (
        INSERT INTO runs (id, tenant_id, session_id, parent_run_id, hops, source, user_id, requested_by,
            thread, prompt, wanted, category, priority, context, carried_state, skills, allowed_tools, place,
            event_id, workflow_id, traceparent, last_seq)
        VALUES (%(id)s, %(tenant)s, %(session)s, %(parent)s, %(hops)s, %(source)s, %(user)s, %(requested_by)s,
            %(thread)s,
            %(prompt)s, CAST(%(wanted)s AS jsonb), %(category)s, %(priority)s, CAST(%(context)s AS jsonb),
            CAST(%(carried_state)s AS jsonb), CAST(%(skills)s AS text[]), CAST(%(allowed_tools)s AS text[]),
            CAST(%(place)s AS jsonb), %(event)s, %(workflow)s, %(traceparent)s, 1)
        ON CONFLICT (tenant_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
        RETURNING tenant_id, id, last_seq
    ), {_NOTE_CREATED}
"""  # noqa: S608 - constants of this module
_RETRY = f"""
    WITH created AS (
        INSERT INTO runs (id, tenant_id, session_id, parent_run_id, hops, source, user_id, requested_by,
            thread, prompt, wanted, category, priority, context, carried_state, skills, allowed_tools, place,
            workflow_id, traceparent, last_seq)
        SELECT %(new)s, tenant_id, session_id, parent_run_id, hops, source, user_id, %(by)s, thread,
            prompt, wanted, category, priority, context, carried_state, skills, allowed_tools,
            (SELECT coalesce(jsonb_object_agg(key, value), '{{}}') FROM jsonb_each(place)
             WHERE key = ANY(CAST(%(place_keys)s AS text[]))), workflow_id, traceparent, 1
        FROM runs WHERE id = %(run)s AND state IN ('succeeded', 'failed', 'cancelled')
        RETURNING tenant_id, id, last_seq
    ), {_NOTE_CREATED}
"""  # noqa: S608 - constants of this module
_LOCK_THREAD = "SELECT pg_advisory_xact_lock(hashtextextended(%(thread)s, 0))"
_ROUTE = step(
    "state = 'routed', agent_id = %(agent)s, task = %(task)s, routed_at = clock_timestamp(),"
    " wake_at = clock_timestamp()",
    """id = %(run)s AND state = 'queued' AND NOT EXISTS (
        SELECT FROM runs other WHERE other.thread = %(thread)s AND other.id <> %(run)s
          AND (other.state IN ('routed', 'assigned', 'running', 'waiting')
               OR other.state = 'queued' AND (other.created_at, other.id) < (runs.created_at, runs.id)))""",
)
_ASSIGNED = """state = 'assigned', waiting_for = NULL, fence = fence + 1, holder = %(holder)s,
    gateway = %(gateway)s, acknowledged_at = NULL,
    lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
    wake_at = clock_timestamp() + make_interval(secs => %(lease_s)s), assigned_at = clock_timestamp(),
    deadline_at = coalesce(deadline_at, clock_timestamp() + make_interval(secs => %(deadline_s)s))"""
_ASSIGN = step(
    _ASSIGNED, "id = %(run)s AND (state = 'routed' OR state = 'waiting' AND waiting_for = 'agent')"
)
_BEGIN = f"""
    WITH changed AS (
        UPDATE runs SET {_ASSIGNED}, agent_id = %(agent)s, task = %(task)s, routed_at = clock_timestamp(),
            last_seq = last_seq + 2
        WHERE id = %(run)s AND state = 'queued'
        RETURNING tenant_id, id, last_seq, state, fence, agent_id
    ), noted AS (
        INSERT INTO run_events (tenant_id, run_id, seq, kind, data)
        SELECT tenant_id, id, last_seq - 1, %(kind)s, CAST(%(routed)s AS jsonb) FROM changed
        UNION ALL SELECT tenant_id, id, last_seq, %(kind)s, CAST(%(data)s AS jsonb) FROM changed
    )
    SELECT id, last_seq, state, fence, agent_id FROM changed
"""  # noqa: S608 - constants of this module
_WAIT_FOR_AGENT = step(
    "state = 'waiting', waiting_for = 'agent',"
    " wake_at = clock_timestamp() + make_interval(secs => %(look_again_s)s)",
    "id = %(run)s AND state = 'routed'",
)
_WAKE_LATER = """
    UPDATE runs SET wake_at = clock_timestamp() + make_interval(secs => %(after_s)s) WHERE id = %(run)s
"""
_STUMBLE = f"""
    UPDATE runs SET wake_at = clock_timestamp() + make_interval(secs => %(after_s)s),
        failures = failures || (CAST(%(failure)s AS jsonb) || jsonb_build_object('at', clock_timestamp()))
    WHERE id = %(run)s AND {LIVE} RETURNING jsonb_array_length(failures)
"""  # noqa: S608 - constants of this package
_LOSE_LEASE = step(
    """state = 'routed', waiting_for = NULL, holder = NULL, gateway = NULL, lease_until = NULL,
    acknowledged_at = NULL, lost_leases = lost_leases + 1, wake_at = clock_timestamp()""",
    f"id = %(run)s AND fence = %(fence)s AND {HELD} AND lease_until <= clock_timestamp()",
)
_GIVE_UP = step(
    """state = 'failed', waiting_for = NULL, failure = CAST(%(failure)s AS jsonb), fence = fence + 1,
    lease_until = NULL, checkpoint = NULL, finished_at = clock_timestamp()""",
    f"id = %(run)s AND {LIVE}",
)
_CANCEL = step(
    """state = 'cancelled', waiting_for = NULL, cancel_requested_by = %(by)s, lease_until = NULL,
    checkpoint = NULL, finished_at = clock_timestamp()""",
    f"id = %(run)s AND {LIVE}",
)
_NOTE = step("presented_seq = presented_seq", f"id = %(run)s AND {LIVE}")
_SHOWN = """
    UPDATE runs SET presented_seq = greatest(presented_seq, %(sequence)s),
        place = place || CAST(%(place)s AS jsonb)
    WHERE id = %(run)s
"""
