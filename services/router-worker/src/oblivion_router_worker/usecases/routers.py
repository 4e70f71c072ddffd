"""A tenant's registry, compiled once for each of its versions."""

from uuid import UUID

from oblivion_platform.agents.profiles import TenantAgents
from oblivion_platform.routing import Router, compile_router
from oblivion_router_worker.ports.running import Agents

TENANTS_KEPT = 500


class Routers:
    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        self._compiled: dict[UUID, tuple[int, Router]] = {}

    async def agents(self, tenant_id: UUID) -> TenantAgents:
        return await self._agents.of(tenant_id)

    async def likely(self, tenant_id: UUID, named: str | None, in_thread: UUID | None) -> UUID | None:
        """Who is named, else who answers in the thread: nobody has decided yet."""
        if named is None:
            return in_thread
        agent = (await self._agents.of(tenant_id)).named(named)
        return None if agent is None else agent.id

    async def of(self, tenant_id: UUID) -> Router:
        """Raises: DependencyUnavailable: the registry is not in memory, and Postgres is away."""
        agents = await self._agents.of(tenant_id)
        known = self._compiled.get(tenant_id)
        if known is not None and known[0] == agents.version:
            return known[1]
        if known is not None and known[1].profiles == {each.name: each for each in agents.profiles}:
            router = known[1]  # Read again, and the same: what was made of it stays.
        else:
            router = compile_router(agents.profiles)
        if len(self._compiled) >= TENANTS_KEPT:
            self._compiled.clear()
        self._compiled[tenant_id] = (agents.version, router)
        return router
