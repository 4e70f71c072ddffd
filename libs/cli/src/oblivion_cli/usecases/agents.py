"""Agents of a tenant, registered and given secrets from the command line."""

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from oblivion_cli.errors import NotFound, UsageWrong
from oblivion_cli.usecases.audit import Actor, note
from oblivion_contracts.agents import AgentDefinition, ClientSecretIssued
from oblivion_platform.agents import (
    AgentNameTaken,
    AgentNotFound,
    AgentRecord,
    ClientId,
    SecretHasher,
    create_agent,
    find_agent,
    issue_secret,
    list_agents,
    list_secrets,
    set_agent_state,
)
from oblivion_platform.agents.registry import AgentState
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database, Tx
from oblivion_platform.errors import DependencyUnavailable

if TYPE_CHECKING:
    from oblivion_platform.presence import Presence, Replica


@dataclass(frozen=True)
class Registered:
    """An agent and the secret that was just made for it, which is shown this once."""

    agent: AgentRecord
    issued: ClientSecretIssued = field(repr=False)


class Agents:
    """What an admin does about agents; each change is in the audit log."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor, master_keys: MasterKeyRing) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor
        self._hasher = SecretHasher(master_keys)

    async def create(self, name: str, definition: AgentDefinition) -> Registered:
        """Register an agent with a first secret.

        Raises:
            UsageWrong: the name, or an alias of it, is another agent's.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            try:
                agent = await create_agent(tx, self._tenant_id, name, definition)
            except AgentNameTaken as taken:
                raise UsageWrong(
                    f"There is an agent called {name} already.",
                    f"Choose another name, or make a secret for it: oblivion agents secret {name}",
                ) from taken
            issued = await issue_secret(tx, self._hasher, ClientId(self._tenant_id, agent.id))
            await note(tx, self._tenant_id, self._actor, "agent.created", agent.id, name=name)
        return Registered(agent, issued)

    async def new_secret(self, name: str) -> Registered:
        """Another secret for an agent; of three, the oldest is retired.

        Raises:
            NotFound: there is no such agent.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            agent = await _find(tx, name)
            issued = await issue_secret(tx, self._hasher, ClientId(self._tenant_id, agent.id))
            await note(tx, self._tenant_id, self._actor, "agent.secret_issued", agent.id, name=agent.name)
        return Registered(agent, issued)

    async def set_state(self, name: str, state: AgentState) -> None:
        """Raises: NotFound."""
        async with self._database.tenant(self._tenant_id) as tx:
            agent = await _find(tx, name)
            await set_agent_state(tx, agent.id, state)
            action = "agent.enabled" if state == "active" else "agent.disabled"
            await note(tx, self._tenant_id, self._actor, action, agent.id, name=agent.name)

    async def show(self, name: str) -> dict[str, Any]:
        """Raises: NotFound."""
        async with self._database.tenant(self._tenant_id) as tx:
            agent = await _find(tx, name)
            secrets = await list_secrets(tx, agent.id)
        return {
            "name": agent.name,
            "client_id": str(ClientId(self._tenant_id, agent.id)),
            "state": agent.state,
            "origin": agent.origin,
            "muted_until": agent.muted_until,
            "last_seen_at": agent.last_seen_at,
            "created_at": agent.created_at,
            "secrets": [
                f"{secret.prefix}… (last used {secret.last_used_at or 'never'})" for secret in secrets
            ],
            **agent.definition.model_dump(mode="json"),
        }

    async def listing(self, presence: "Presence") -> list[dict[str, Any]]:
        """All of them; `online` counts replicas, and is None while Redis cannot tell."""
        async with self._database.tenant(self._tenant_id) as tx:
            agents = await list_agents(tx)
        replicas: dict[UUID, list[Replica]] | None = None
        with contextlib.suppress(DependencyUnavailable):
            replicas = await presence.replicas(self._tenant_id, [agent.id for agent in agents])
        return [
            {
                "name": agent.name,
                "state": agent.state,
                "online": None if replicas is None else len(replicas[agent.id]),
                "origin": agent.origin,
                "description": agent.definition.description,
                "last_seen_at": agent.last_seen_at,
            }
            for agent in agents
        ]


async def _find(tx: Tx, name: str) -> AgentRecord:
    try:
        return await find_agent(tx, name)
    except AgentNotFound as missing:
        raise NotFound(f"There is no agent called {name}.", "See `oblivion agents list`.") from missing
