"""`/api/operator`: for the operator of our cluster alone, which signs in with its ServiceAccount's token."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request

from oblivion_contracts.agent_operator import (
    AgentDemands,
    AgentRegistered,
    AgentsRetired,
    RegisterAgent,
    RetainAgents,
    TenantNamed,
)
from oblivion_gateway.routes.dependencies import ServicesNeeded
from oblivion_gateway.routes.problems import ALWAYS, problems
from oblivion_platform.door import SignInNeeded


async def prove_operator(request: Request, services: ServicesNeeded) -> None:
    """Raises: SignInNeeded, OperatorTokenRefused, NoCluster, NotAllowed, DependencyUnavailable."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise SignInNeeded
    await services.prove_operator(token.strip())


router = APIRouter(
    prefix="/api/operator",
    tags=["operator"],
    responses=problems(*ALWAYS, 404),
    dependencies=[Depends(prove_operator)],
)
SlugOrId = Annotated[str, Path(min_length=1, max_length=63, pattern=r"^[a-z0-9-]+$")]
TenantIds = Annotated[list[UUID], Query(alias="tenant", min_length=1, max_length=500)]


@router.get("/tenants/{tenant}")
async def name_tenant(tenant: SlugOrId, services: ServicesNeeded) -> TenantNamed:
    """The tenant that a namespace's label names, by slug or id."""
    return await services.operator.tenant(tenant)


@router.put("/agents/{uid}", responses=problems(409))
async def register_agent(uid: UUID, wish: RegisterAgent, services: ServicesNeeded) -> AgentRegistered:
    """Register the agent of an Agent resource, or bring it up to date; this secret alone is live then."""
    return await services.operator.register(uid, wish)


@router.get("/demand")
async def show_demand(tenants: TenantIds, services: ServicesNeeded) -> AgentDemands:
    """What waits for the agents of these tenants, and how they are."""
    return await services.operator.demand(tenants)


@router.post("/agents/retain")
async def retain_agents(wish: RetainAgents, services: ServicesNeeded) -> AgentsRetired:
    """Shut out the agents whose resources are gone, in every tenant."""
    return await services.operator.retain(wish)
