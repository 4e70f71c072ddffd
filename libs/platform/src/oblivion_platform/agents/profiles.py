"""A tenant's agents and routing rules, kept in memory until NOTIFY `agents` drops them.

profiles = AgentDirectory(database)
announcements.hear("agents", changed=profiles.drop, unheard=profiles.drop_all)
agents = await profiles.of(tenant_id)
router = compile_router(agents.profiles)     # `agents.version` tells whether it is still the same
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from uuid import UUID

from sqlalchemy import text

from oblivion_platform.agents.registry import AgentRecord, fold, list_agents
from oblivion_platform.database.engine import Database
from oblivion_platform.routing.profiles import AgentProfile, Limits, Task

KEEP_S = 30.0
"""How old an answer can be while announcements go unheard."""
TENANTS_KEPT = 1_000
CHANNEL = "agents"
MUTES_CHANNEL = "agent_mutes"
"""Only who takes agents' messages needs to hear it."""

_versions = count(1)
_IS_ACTIVE = text("SELECT state = 'active' FROM tenants WHERE id = :tenant")


@dataclass(frozen=True)
class TenantAgents:
    """Every agent of one tenant, the disabled ones too."""

    agents: tuple[AgentRecord, ...]
    version: int = field(default_factory=lambda: next(_versions))
    """Another one after each change: what was made of the agents is kept as long as it stays."""

    @cached_property
    def by_id(self) -> dict[UUID, AgentRecord]:
        return {agent.id: agent for agent in self.agents}

    @cached_property
    def _by_name(self) -> dict[str, AgentRecord]:
        aliases = {fold(alias): agent for agent in self.agents for alias in agent.definition.aliases}
        return {**aliases, **{agent.name: agent for agent in self.agents}}

    def named(self, name_or_alias: str) -> AgentRecord | None:
        return self._by_name.get(fold(name_or_alias))

    @cached_property
    def profiles(self) -> tuple[AgentProfile, ...]:
        """What the router compiles: the active agents."""
        return tuple(profile_of(agent) for agent in self.agents if agent.is_active)


class AgentDirectory:
    """Answers from memory; asks Postgres after a change, or when the answer has grown old."""

    def __init__(
        self, database: Database, *, keep_s: float = KEEP_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._keep_s = keep_s
        self._clock = clock
        self._kept: dict[UUID, tuple[float, TenantAgents]] = {}
        self._loading: dict[UUID, asyncio.Task[TenantAgents]] = {}
        self._changes = 0
        self._listeners: list[Callable[[UUID | None], object]] = []

    async def of(self, tenant_id: UUID) -> TenantAgents:
        """The tenant's agents.

        Raises:
            DependencyUnavailable: they are not in memory, and Postgres is away.
        """
        kept = self._kept.get(tenant_id)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        loading = self._loading.get(tenant_id)
        if loading is None:
            loading = self._loading[tenant_id] = asyncio.create_task(self._load(tenant_id))
        # Shielded: others may wait for the same answer when this caller goes away.
        return await asyncio.shield(loading)

    async def find(self, tenant_id: UUID, agent_id: UUID) -> AgentRecord | None:
        return (await self.of(tenant_id)).by_id.get(agent_id)

    async def is_active(self, tenant_id: UUID, agent_id: UUID) -> bool:
        agent = await self.find(tenant_id, agent_id)
        return agent is not None and agent.is_active

    def on_change(self, listener: Callable[[UUID | None], object]) -> None:
        """Have `listener` told of the tenant that changed; None: any may have."""
        self._listeners.append(listener)

    def forget(self, tenant_id: UUID) -> None:
        """Read the tenant's agents again when they are next asked for; nobody is told."""
        self._changes += 1
        self._kept.pop(tenant_id, None)
        self._loading.pop(tenant_id, None)

    def drop(self, tenant_id: UUID) -> None:
        """Forget what a change could touch."""
        self.forget(tenant_id)
        for listener in self._listeners:
            listener(tenant_id)

    def drop_all(self) -> None:
        """Forget everything: changes may have gone unheard."""
        self._changes += 1
        self._kept.clear()
        self._loading.clear()
        for listener in self._listeners:
            listener(None)

    async def _load(self, tenant_id: UUID) -> TenantAgents:
        changes = self._changes
        try:
            async with self._database.tenant(tenant_id) as tx:
                is_active = (await tx.execute(_IS_ACTIVE, {"tenant": tenant_id})).scalar_one_or_none()
                # Of a tenant that is suspended nobody works: sockets are cut, and nothing is routed.
                found = await list_agents(tx, limit=100_000) if is_active else []
            agents = TenantAgents(tuple(found))
        finally:
            if self._loading.get(tenant_id) is asyncio.current_task():
                del self._loading[tenant_id]
        if changes == self._changes:  # Else the answer may be from before the change.
            if len(self._kept) >= TENANTS_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[tenant_id] = (self._clock() + self._keep_s, agents)
        return agents


def profile_of(agent: AgentRecord) -> AgentProfile:
    """An agent of the registry as the router sees it."""
    definition = agent.definition
    limits = definition.limits
    tasks = tuple(Task(capability.name, capability.description) for capability in definition.capabilities)
    plain = AgentProfile(agent.name)
    return AgentProfile(
        name=agent.name,
        description=definition.description,
        tasks=tasks or plain.tasks,
        keywords=tuple(definition.keywords),
        examples=tuple(definition.examples),
        aliases=tuple(definition.aliases),
        system_prompt=definition.system_prompt,
        tools=tuple(definition.tools),
        limits=Limits(
            messages_per_minute=limits.messages_per_minute,
            max_hops=limits.max_hops,
            max_tool_calls_per_run=limits.max_tool_calls_per_run,
            usd_per_day=limits.usd_per_day,
        ),
    )
