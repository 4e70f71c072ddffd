"""Workflows over REST: named prompts, run by hand here and by the clock elsewhere."""

from uuid import UUID

from oblivion_contracts.administration import WorkflowPage
from oblivion_contracts.runs import RunSource
from oblivion_contracts.sessions import MessageAccepted
from oblivion_contracts.workflows import WorkflowDefinition, WorkflowView
from oblivion_gateway.domain.cursors import decode_moment, next_cursor
from oblivion_gateway.ports import Aftermath
from oblivion_gateway.usecases.requests import Unit
from oblivion_platform import agents, runs, sessions
from oblivion_platform.operations import workflows
from oblivion_platform.runs import NewRun, RunJob
from oblivion_platform.sessions import NewSessionRow, Said
from oblivion_platform.telemetry import current_traceparent


class RunWorkflows:
    """Each run of a workflow is a session of its own."""

    def __init__(self, aftermath: Aftermath) -> None:
        self._aftermath = aftermath

    async def listing(self, unit: Unit, cursor: str | None, limit: int) -> WorkflowPage:
        found = await workflows.list_workflows(unit.tx, limit=limit, before=decode_moment(cursor))
        return WorkflowPage(
            items=found,
            next_cursor=next_cursor(found, limit, lambda one: (one.created_at.isoformat(), one.id)),
        )

    async def show(self, unit: Unit, workflow_id: UUID) -> WorkflowView:
        return await workflows.read_workflow(unit.tx, workflow_id)

    async def create(self, unit: Unit, definition: WorkflowDefinition) -> WorkflowView:
        await self._check_agent(unit, definition)
        caller = unit.caller
        made = await workflows.create_workflow(unit.tx, caller.tenant_id, definition, created_by=caller.id)
        await unit.note("workflow.created", made.id, name=made.name)
        return made

    async def change(self, unit: Unit, workflow_id: UUID, definition: WorkflowDefinition) -> WorkflowView:
        await self._check_agent(unit, definition)
        changed = await workflows.change_workflow(unit.tx, workflow_id, definition)
        await unit.note("workflow.changed", workflow_id, name=changed.name)
        return changed

    async def delete(self, unit: Unit, workflow_id: UUID) -> None:
        gone = await workflows.read_workflow(unit.tx, workflow_id)
        await workflows.delete_workflow(unit.tx, workflow_id)
        await unit.note("workflow.deleted", workflow_id, name=gone.name)

    async def run(self, unit: Unit, workflow_id: UUID) -> MessageAccepted:
        """Raises: NothingFound."""
        caller, tx = unit.caller, unit.tx
        workflow = await workflows.read_workflow(tx, workflow_id)
        session = await sessions.create(
            tx,
            caller.tenant_id,
            NewSessionRow(
                source=RunSource.WORKFLOW,
                user_id=caller.id,
                title=workflow.name,
                workflow={"id": str(workflow.id), "name": workflow.name},
            ),
        )
        run = NewRun(
            session_id=session.id,
            source=RunSource.WORKFLOW,
            thread=session.queue,
            prompt=workflow.prompt,
            user_id=caller.id,
            requested_by=caller.name,
            wanted_agent=workflow.agent,
            place={"channel": workflow.slack_channel} if workflow.slack_channel else {},
            workflow_id=workflow.id,
            traceparent=current_traceparent(),
        )
        said = Said(
            role="user",
            text=run.prompt,
            source=run.source,
            author=caller.name,
            user_id=caller.id,
            run_id=run.id,
        )
        appended = await sessions.append_message(tx, session.id, said)
        change = await runs.create(tx, caller.tenant_id, run)
        await workflows.note_workflow_run(tx, workflow.id, run.id)
        await unit.note("workflow.run", workflow.id, run_id=run.id)
        unit.after_commit += [
            lambda: self._aftermath.bring_forward(caller.tenant_id, RunJob.of(run)),
            lambda: self._aftermath.run_changed(caller.tenant_id, change),
        ]
        return MessageAccepted(session_id=session.id, run_id=run.id, sequence=appended.sequence)

    async def _check_agent(self, unit: Unit, definition: WorkflowDefinition) -> None:
        if definition.agent is not None:
            await agents.find_agent(unit.tx, definition.agent)
