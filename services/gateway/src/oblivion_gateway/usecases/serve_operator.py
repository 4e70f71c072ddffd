"""What the operator asks: its agents registered, what waits for them, and those that are gone shut out."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from oblivion_contracts.agent_operator import (
    AgentDemand,
    AgentDemands,
    AgentRegistered,
    AgentsRetired,
    RegisterAgent,
    RetainAgents,
    TenantNamed,
)
from oblivion_gateway.errors import NothingThere
from oblivion_gateway.ports import WhoIsOnline
from oblivion_platform import agents
from oblivion_platform.agents import ClientId, ResourceDemand, SecretHasher
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.operations.audit import Actor, note

OPERATOR = Actor("operator")


class ActiveTenants(Protocol):
    """Which tenants there are."""

    async def named(self, slug_or_id: str) -> TenantNamed | None:
        """Raises: DependencyUnavailable."""
        ...

    async def ids(self) -> Sequence[UUID]:
        """Raises: DependencyUnavailable."""
        ...


class ServeOperator:
    """Every call may be repeated: it then changes nothing."""

    def __init__(
        self, database: Database, hasher: SecretHasher, tenants: ActiveTenants, online: WhoIsOnline
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._tenants = tenants
        self._online = online

    async def tenant(self, slug_or_id: str) -> TenantNamed:
        """Raises: NothingThere."""
        found = await self._tenants.named(slug_or_id)
        if found is None:
            raise NothingThere("tenant")
        return found

    async def register(self, uid: UUID, wish: RegisterAgent) -> AgentRegistered:
        """The agent as the resource has it now, and its one secret.

        Raises:
            NothingThere: there is no such tenant.
            AgentNameTaken, AgentOfAnotherTenant
        """
        tenant = await self.tenant(str(wish.tenant_id))
        client = ClientId(tenant.id, uid)
        async with self._database.tenant(tenant.id) as tx:
            agent = await agents.register_resource(
                tx, tenant.id, uid, wish.name, wish.definition, namesakes=wish.namesakes
            )
            sha256 = bytes.fromhex(wish.secret_sha256)
            if await agents.keep_only_secret(tx, self._hasher, client, sha256):
                await note(tx, tenant.id, OPERATOR, "agent.registered", agent.name, agent_id=agent.id)
        return AgentRegistered(client_id=str(client), state=agent.state)

    async def demand(self, tenant_ids: Collection[UUID]) -> AgentDemands:
        """What waits for the agents of these tenants."""
        items: list[AgentDemand] = []
        for tenant_id in tenant_ids:
            async with self._database.tenant(tenant_id) as tx:
                found = await agents.resource_demands(tx)
            online = await self._online_of(tenant_id, [one.id for one in found])
            items += [_demand(one, online.get(one.id)) for one in found]
        return AgentDemands(items=items)

    async def retain(self, wish: RetainAgents) -> AgentsRetired:
        """Shut out, in every tenant, the agents whose resources are gone."""
        uids: list[UUID] = []
        for tenant_id in await self._tenants.ids():
            async with self._database.tenant(tenant_id) as tx:
                retired = await agents.retire_resources(tx, wish.uids, wish.listed_s_ago)
                for uid, name in retired.items():
                    await note(tx, tenant_id, OPERATOR, "agent.retired", name, agent_id=uid)
            uids += retired
        return AgentsRetired(uids=uids)

    async def _online_of(self, tenant_id: UUID, agent_ids: Sequence[UUID]) -> dict[UUID, int]:
        try:
            found = await self._online.replicas(tenant_id, agent_ids)
        except DependencyUnavailable:  # What waits for them is known all the same.
            return {}
        return {agent_id: len(found.get(agent_id, ())) for agent_id in agent_ids}


def _demand(known: ResourceDemand, online: int | None) -> AgentDemand:
    return AgentDemand(
        uid=known.id,
        state="active" if known.state == "active" else "disabled",
        live_runs=known.live_runs,
        online=online,
        last_finished_at=known.last_finished_at,
        muted_until=known.muted_until,
        mute_reason=known.mute_reason,
        spent_today_usd=known.spent_today_usd,
        over_budget=known.over_budget,
    )
