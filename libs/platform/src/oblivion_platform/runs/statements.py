"""How one statement changes a run and writes the step down under the next sequence number."""

import json
from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from oblivion_contracts.runs import FINAL_STATES, RunEventKind
from oblivion_platform.database.statements import Asked, first
from oblivion_platform.runs.records import Change, FencedOff, RunOver, RunUnknown

HELD = "state IN ('assigned', 'running', 'waiting') AND holder IS NOT NULL"
BY_HOLDER = f"id = %(run)s AND fence = %(fence)s AND {HELD}"
LIVE = "state IN ('queued', 'routed', 'assigned', 'running', 'waiting')"
_FINAL = frozenset(state.value for state in FINAL_STATES)
_QUIET = frozenset({RunEventKind.PROGRESS, RunEventKind.STATE, RunEventKind.TOOL})


def step(changes: LiteralString, condition: LiteralString) -> LiteralString:
    """The statement that makes `changes` where `condition` holds, and writes the step down."""
    return f"""
        WITH changed AS (
            UPDATE runs SET {changes}, last_seq = last_seq + 1 WHERE {condition}
            RETURNING tenant_id, id, last_seq, state, fence, agent_id
        ), noted AS (
            INSERT INTO run_events (tenant_id, run_id, seq, kind, data)
            SELECT tenant_id, id, last_seq, %(kind)s, CAST(%(data)s AS jsonb) FROM changed
        )
        SELECT id, last_seq, state, fence, agent_id FROM changed
    """  # noqa: S608 - both are constants of this package


async def take(
    tx: Asked,
    statement: LiteralString,
    kind: RunEventKind,
    data: Mapping[str, Any],
    values: Mapping[str, Any],
) -> Change | None:
    """Run a `step`; None when its condition does not hold."""
    row = await first(tx, statement, {**values, "kind": kind.value, "data": json.dumps(data)})
    if row is None:
        return None
    is_final = row.state in _FINAL
    is_quiet = kind in _QUIET and row.last_seq > 1 and not is_final
    return Change(row.id, row.last_seq, is_final, row.fence, is_quiet, kind, data, row.agent_id)


async def refuse(tx: Asked, run_id: UUID, fence: int) -> None:
    """Say why a holder's step did not hold.

    Raises:
        RunUnknown: no such run of this tenant.
        RunOver: it ended under this very fence, or by a person's cancellation.
        FencedOff: it is somebody else's.
    """
    row = await first(tx, _STANDING, {"run": run_id})
    if row is None:
        raise RunUnknown
    if row.fence == fence and row.state in _FINAL:
        raise RunOver(row.state)
    raise FencedOff


_STANDING = "SELECT fence, state FROM runs WHERE id = %(run)s"
