"""`/api/agents`."""

from uuid import UUID

from fastapi import APIRouter, Response, status

from oblivion_contracts.administration import AgentPage, LiveSecrets, Mute
from oblivion_contracts.agents import (
    AgentCreated,
    AgentDefinition,
    AgentView,
    ClientSecretIssued,
    NewAgent,
)
from oblivion_gateway.routes.dependencies import Edit, Once, Read, ServicesNeeded
from oblivion_gateway.routes.pages import LIMIT, Cursor, Limit
from oblivion_gateway.routes.problems import ALWAYS, problems

router = APIRouter(prefix="/api/agents", tags=["agents"], responses=problems(*ALWAYS))
CREATED = status.HTTP_201_CREATED
GONE = status.HTTP_204_NO_CONTENT


@router.get("")
async def list_agents(
    read: Read, services: ServicesNeeded, cursor: Cursor = None, limit: Limit = LIMIT
) -> AgentPage:
    """Agents by name, with who is online."""
    return await read(lambda unit: services.agents.listing(unit, cursor, limit))


@router.post("", status_code=CREATED, response_model=AgentCreated, responses=problems(409))
async def create_agent(new: NewAgent, once: Once, services: ServicesNeeded) -> Response:
    """Register an agent. Its secret is shown here and never again."""
    return await once(lambda unit: services.agents.create(unit, new), status=CREATED)


@router.get("/{agent_id}", responses=problems(404))
async def show_agent(agent_id: UUID, read: Read, services: ServicesNeeded) -> AgentView:
    """One agent."""
    return await read(lambda unit: services.agents.show(unit, agent_id))


@router.put("/{agent_id}", response_model=AgentView, responses=problems(404, 409))
async def change_agent(
    agent_id: UUID, definition: AgentDefinition, edit: Edit, services: ServicesNeeded
) -> Response:
    """Replace the definition."""
    return await edit(lambda unit: services.agents.change(unit, agent_id, definition))


@router.delete("/{agent_id}", status_code=GONE, responses=problems(404))
async def disable_agent(agent_id: UUID, edit: Edit, services: ServicesNeeded) -> Response:
    """Disable it: tokens, secrets and sockets stop working at once. What it did stays."""
    return await edit(lambda unit: services.agents.disable(unit, agent_id), status=GONE)


@router.post("/{agent_id}/enable", response_model=AgentView, responses=problems(404))
async def enable_agent(agent_id: UUID, once: Once, services: ServicesNeeded) -> Response:
    """Take a disabled agent back in."""
    return await once(lambda unit: services.agents.enable(unit, agent_id))


@router.post("/{agent_id}/mute", response_model=AgentView, responses=problems(404))
async def mute_agent(agent_id: UUID, wish: Mute, once: Once, services: ServicesNeeded) -> Response:
    """Refuse its messages for a while; its answers still count."""
    return await once(lambda unit: services.agents.mute(unit, agent_id, wish))


@router.post("/{agent_id}/unmute", response_model=AgentView, responses=problems(404))
async def unmute_agent(agent_id: UUID, once: Once, services: ServicesNeeded) -> Response:
    """Let it speak again."""
    return await once(lambda unit: services.agents.unmute(unit, agent_id))


@router.get("/{agent_id}/secrets", responses=problems(404))
async def list_secrets(agent_id: UUID, read: Read, services: ServicesNeeded) -> LiveSecrets:
    """Its live secrets, without their values."""
    return await read(lambda unit: services.agents.secrets(unit, agent_id))


@router.post(
    "/{agent_id}/secrets", status_code=CREATED, response_model=ClientSecretIssued, responses=problems(404)
)
async def issue_secret(agent_id: UUID, once: Once, services: ServicesNeeded) -> Response:
    """Another secret, shown once. Two are live at most: a third retires the oldest."""
    return await once(lambda unit: services.agents.issue_secret(unit, agent_id), status=CREATED)


@router.delete("/{agent_id}/secrets/{secret_id}", status_code=GONE, responses=problems(404))
async def retire_secret(agent_id: UUID, secret_id: UUID, edit: Edit, services: ServicesNeeded) -> Response:
    """Make a secret useless."""
    return await edit(lambda unit: services.agents.retire_secret(unit, agent_id, secret_id), status=GONE)
