"""Lists of runs and what people think of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.administration import RouteLabel, RunLabel
from oblivion_contracts.runs import RunView
from oblivion_platform.runs.records import Run
from oblivion_platform.runs.views import COLUMNS, run_of, view


@dataclass(frozen=True)
class RunFilter:
    """Which runs to list; None lists all."""

    state: str | None = None
    agent_id: UUID | None = None
    session_id: UUID | None = None
    workflow_id: UUID | None = None
    user_id: UUID | None = None
    limit: int = 50
    before: tuple[datetime, UUID] | None = None
    """Where the page before ended."""


async def list_runs(tx: AsyncConnection, wanted: RunFilter) -> list[RunView]:
    """Newest first."""
    at, last = wanted.before or (None, None)
    values = {
        "state": wanted.state,
        "agent": wanted.agent_id,
        "session": wanted.session_id,
        "workflow": wanted.workflow_id,
        "user": wanted.user_id,
        "limit": wanted.limit,
        "at": at,
        "last": last,
    }
    return await show_runs(tx, [run_of(row) for row in await tx.execute(_LIST, values)])


async def show_runs(tx: AsyncConnection, runs: Sequence[Run]) -> list[RunView]:
    """Runs as people see them: with what other tables know of each."""
    beside = {row.id: row for row in await tx.execute(_BESIDE, {"runs": [run.id for run in runs]})}
    shown: list[RunView] = []
    for run in runs:
        more = beside[run.id]
        counted = {"tool_failures": more.tool_failures, "approvals_denied": more.approvals_denied}
        shown.append(view(run, more.agent).model_copy(update=counted))
    return shown


async def label_run(
    tx: AsyncConnection,
    tenant_id: UUID,
    run_id: UUID,
    label: RunLabel,
    *,
    agent_id: UUID | None,
    user_id: UUID | None,
    labelled_by: str,
) -> RouteLabel:
    """Store what somebody thinks; of the same person's several, the last counts."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "tenant": tenant_id,
        "run": run_id,
        "kind": label.kind,
        "agent": agent_id,
        "user": user_id,
        "by": labelled_by,
    }
    row = (await tx.execute(_LABEL, values)).one()
    return RouteLabel(
        id=row.id, run_id=run_id, kind=label.kind, agent=label.agent, labelled_by=labelled_by, at=row.at
    )


_LIST = text(f"""
    SELECT {COLUMNS} FROM runs
    WHERE (CAST(:state AS text) IS NULL OR state = :state)
        AND (CAST(:agent AS uuid) IS NULL OR agent_id = :agent)
        AND (CAST(:session AS uuid) IS NULL OR session_id = :session)
        AND (CAST(:workflow AS uuid) IS NULL OR workflow_id = :workflow)
        AND (CAST(:user AS uuid) IS NULL OR user_id = :user)
        AND (CAST(:at AS timestamptz) IS NULL
             OR (created_at, id) < (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY created_at DESC, id DESC LIMIT :limit
""")  # noqa: S608 - a constant
_BESIDE = text("""
    SELECT r.id, a.name AS agent,
        (SELECT count(*) FROM tool_calls c WHERE c.run_id = r.id AND c.state = 'failed') AS tool_failures,
        (SELECT count(*) FROM approvals q WHERE q.run_id = r.id AND q.state = 'denied') AS approvals_denied
    FROM runs r LEFT JOIN agents a ON a.id = r.agent_id WHERE r.id = ANY(:runs)
""")
# A thumb up is no thumb down any more: a person's other one turns into it.
_LABEL = text("""
    WITH turned AS (
        UPDATE route_labels SET kind = :kind, agent_id = CAST(:agent AS uuid), at = clock_timestamp()
        WHERE tenant_id = :tenant AND run_id = :run AND labelled_by = :by
          AND kind = CASE CAST(:kind AS text) WHEN 'good' THEN 'bad' WHEN 'bad' THEN 'good' END
          AND NOT EXISTS (SELECT FROM route_labels same WHERE same.tenant_id = :tenant
                          AND same.run_id = :run AND same.labelled_by = :by AND same.kind = :kind)
        RETURNING id, at
    ), noted AS (
        INSERT INTO route_labels (id, tenant_id, run_id, kind, agent_id, user_id, labelled_by)
        SELECT CAST(:id AS uuid), CAST(:tenant AS uuid), CAST(:run AS uuid), :kind, CAST(:agent AS uuid),
            CAST(:user AS uuid), :by
        WHERE NOT EXISTS (SELECT FROM turned)
        ON CONFLICT (tenant_id, run_id, labelled_by, kind)
        DO UPDATE SET agent_id = excluded.agent_id, at = excluded.at RETURNING id, at
    )
    SELECT id, at FROM turned UNION ALL SELECT id, at FROM noted
""")
