"""`workflows` whose time has come."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.workflows import WorkflowDefinition
from oblivion_platform.database.engine import Database
from oblivion_platform.runs import Due
from oblivion_router_worker.ports.running import DueWorkflow


class PostgresDueWorkflows:
    """Implements `usecases.run_workflows.DueWorkflows`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self) -> Sequence[Due]:
        async with self._database.relay() as relay:
            return [Due(row.tenant_id, row.id) for row in await relay.execute(_DUE)]

    async def take(self, tx: AsyncConnection, workflow_id: UUID) -> DueWorkflow | None:
        row = (await tx.execute(_TAKE, {"id": workflow_id})).one_or_none()
        if row is None:
            return None
        return DueWorkflow(
            row.id, WorkflowDefinition.model_validate(row.definition), row.next_run_at, row.created_by
        )

    async def ran(
        self, tx: AsyncConnection, workflow_id: UUID, run_id: UUID, next_at: datetime | None
    ) -> None:
        await tx.execute(_RAN, {"id": workflow_id, "run": run_id, "next": next_at})


_DUE = text("""
    SELECT id, tenant_id FROM workflows
    WHERE state = 'active' AND next_run_at <= clock_timestamp() ORDER BY next_run_at LIMIT 100
""")
_TAKE = text("""
    SELECT id, definition, next_run_at, created_by FROM workflows
    WHERE id = :id AND state = 'active' AND next_run_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
""")
_RAN = text("""
    UPDATE workflows SET next_run_at = :next, last_run_id = :run, last_run_at = clock_timestamp()
    WHERE id = :id
""")
