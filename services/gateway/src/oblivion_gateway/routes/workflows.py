"""`/api/workflows`."""

from uuid import UUID

from fastapi import APIRouter, Response

from oblivion_contracts.administration import WorkflowPage
from oblivion_contracts.sessions import MessageAccepted
from oblivion_contracts.workflows import WorkflowDefinition, WorkflowView
from oblivion_gateway.routes.dependencies import Edit, Once, Read, ServicesNeeded
from oblivion_gateway.routes.pages import LIMIT, Cursor, Limit
from oblivion_gateway.routes.problems import ALWAYS, problems

router = APIRouter(prefix="/api/workflows", tags=["workflows"], responses=problems(*ALWAYS))


@router.get("")
async def list_workflows(
    read: Read, services: ServicesNeeded, cursor: Cursor = None, limit: Limit = LIMIT
) -> WorkflowPage:
    """Workflows, newest first."""
    return await read(lambda unit: services.workflows.listing(unit, cursor, limit))


@router.post("", status_code=201, response_model=WorkflowView, responses=problems(404, 409))
async def create_workflow(new: WorkflowDefinition, once: Once, services: ServicesNeeded) -> Response:
    """Store a named prompt, to be run by hand or by the clock."""
    return await once(lambda unit: services.workflows.create(unit, new), status=201)


@router.get("/{workflow_id}", responses=problems(404))
async def show_workflow(workflow_id: UUID, read: Read, services: ServicesNeeded) -> WorkflowView:
    """One workflow."""
    return await read(lambda unit: services.workflows.show(unit, workflow_id))


@router.put("/{workflow_id}", response_model=WorkflowView, responses=problems(404, 409))
async def change_workflow(
    workflow_id: UUID, definition: WorkflowDefinition, edit: Edit, services: ServicesNeeded
) -> Response:
    """Replace it."""
    return await edit(lambda unit: services.workflows.change(unit, workflow_id, definition))


@router.delete("/{workflow_id}", status_code=204, responses=problems(404))
async def delete_workflow(workflow_id: UUID, edit: Edit, services: ServicesNeeded) -> Response:
    """Delete it; its runs stay."""
    return await edit(lambda unit: services.workflows.delete(unit, workflow_id), status=204)


@router.post("/{workflow_id}/run", status_code=202, response_model=MessageAccepted, responses=problems(404))
async def run_workflow(workflow_id: UUID, once: Once, services: ServicesNeeded) -> Response:
    """Run it now."""
    return await once(lambda unit: services.workflows.run(unit, workflow_id), status=202)
