"""`/api/queues`, `/api/breakers`, `/api/tool-calls` and `/api/settings`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from oblivion_contracts.queues import Breakers, Queues
from oblivion_contracts.tenant_settings import TenantSettings, TenantSettingsView
from oblivion_contracts.tool_calls import ToolCallPage, ToolCalls
from oblivion_gateway.routes.dependencies import AllowedCaller, Edit, Read, ServicesNeeded
from oblivion_gateway.routes.pages import LIMIT, Cursor, Limit
from oblivion_gateway.routes.problems import ALWAYS, problems

router = APIRouter(prefix="/api", responses=problems(*ALWAYS))
ToolName = Annotated[str | None, Query(pattern=r"^[^\x00-\x1f]{1,200}$", description="Only this tool.")]


@router.get("/queues", tags=["system"])
async def list_queues(read: Read, services: ServicesNeeded) -> Queues:
    """What of the tenant's work waits, how long, and how fast it is done."""
    return await read(services.work.queues)


@router.get("/breakers", tags=["system"])
async def list_breakers(caller: AllowedCaller, services: ServicesNeeded) -> Breakers:
    """Providers that failed again and again and are left alone for a while."""
    return await services.work.open_breakers(caller)


@router.get("/runs/{run_id}/tool-calls", tags=["runs"], responses=problems(404))
async def list_run_tool_calls(run_id: UUID, read: Read, services: ServicesNeeded) -> ToolCalls:
    """Which tools a run called, oldest first, at most 500; never with what."""
    return await read(lambda unit: services.work.calls_of_run(unit, run_id))


@router.get("/tool-calls", tags=["tools"])
async def list_tool_calls(
    read: Read,
    services: ServicesNeeded,
    connection_id: UUID | None = None,
    tool: ToolName = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> ToolCallPage:
    """Calls of tools, newest first; of their arguments the names alone."""
    return await read(
        lambda unit: services.work.calls(unit, cursor, limit, connection_id=connection_id, tool=tool)
    )


@router.get("/settings", tags=["system"])
async def show_settings(read: Read, services: ServicesNeeded) -> TenantSettingsView:
    """What the tenant decides by itself, and the limits that it lives within."""
    return await read(services.tenant.show)


@router.patch("/settings", tags=["system"], response_model=TenantSettingsView)
async def change_settings(wish: TenantSettings, edit: Edit, services: ServicesNeeded) -> Response:
    """What is not given stays; null lets the system's own setting hold again."""
    return await edit(lambda unit: services.tenant.change(unit, wish))
