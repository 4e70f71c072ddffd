"""Workflows by the clock: each tick becomes one run, however many workers see it.

Taking the tick, creating its run and setting the next time are one transaction under the workflow's row lock.
After a time in which nobody looked, one run makes up for all ticks that were missed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from oblivion_contracts.runs import RunSource
from oblivion_platform import runs, sessions
from oblivion_platform.errors import PermanentFailure
from oblivion_platform.operations.workflows import next_run_at
from oblivion_platform.runs import Due, NewRun, RunJob
from oblivion_platform.sessions import NewSessionRow, Said
from oblivion_router_worker.ports.clock import Clock
from oblivion_router_worker.ports.deciding import Decision, Store
from oblivion_router_worker.ports.running import Aftermath, DueWorkflow, Follow


class DueWorkflows(Protocol):
    async def due(self) -> Sequence[Due]:
        """Workflows of all tenants whose time has come, through the relay's door."""
        ...

    async def take(self, tx: Any, workflow_id: UUID) -> DueWorkflow | None:
        """The workflow, locked; None when somebody else has it, or its tick has been run."""
        ...

    async def ran(self, tx: Any, workflow_id: UUID, run_id: UUID, next_at: datetime | None) -> None: ...


class RunWorkflows:
    def __init__(self, workflows: DueWorkflows, store: Store, clock: Clock, follow: Follow) -> None:
        self._workflows = workflows
        self._store = store
        self._clock = clock
        self._follow = follow

    async def __call__(self) -> None:
        """Raises: DependencyUnavailable: Postgres is away; the ticks wait."""
        for found in await self._workflows.due():
            aftermath = Aftermath()
            async with self._store.tenant(found.tenant_id) as decision:
                workflow = await self._workflows.take(decision.tx, found.run_id)
                if workflow is not None:
                    await self._run(decision, found.tenant_id, workflow, aftermath)
            if not aftermath.is_empty:
                self._follow(found.tenant_id, aftermath)

    async def _run(
        self, decision: Decision, tenant_id: UUID, workflow: DueWorkflow, aftermath: Aftermath
    ) -> None:
        definition = workflow.definition
        session = await sessions.create(
            decision.tx,
            tenant_id,
            NewSessionRow(
                source=RunSource.WORKFLOW,
                user_id=workflow.created_by,
                title=definition.name,
                workflow={"id": str(workflow.id), "name": definition.name},
            ),
        )
        new = NewRun(
            session_id=session.id,
            source=RunSource.WORKFLOW,
            thread=session.queue,
            prompt=definition.prompt,
            user_id=workflow.created_by,
            requested_by=f"workflow {definition.name}",
            wanted_agent=definition.agent,
            place={"channel": definition.slack_channel} if definition.slack_channel else {},
            event_id=uuid5(workflow.id, workflow.due_at.astimezone(UTC).isoformat()),
            workflow_id=workflow.id,
        )
        said = Said(
            role="user",
            text=new.prompt,
            source=RunSource.WORKFLOW,
            author=definition.name,
            source_ref=f"run:{new.id}:prompt",
            user_id=workflow.created_by,
            run_id=new.id,
        )
        await sessions.append_message(decision.tx, session.id, said)
        change = await runs.create(decision.tx, tenant_id, new)
        await self._workflows.ran(decision.tx, workflow.id, new.id, self._next(workflow))
        if change is not None:
            aftermath.changes.append(change)
            aftermath.forward.append(RunJob.of(new))

    def _next(self, workflow: DueWorkflow) -> datetime | None:
        try:
            return next_run_at(workflow.definition, self._clock.now())
        except PermanentFailure:
            return None
