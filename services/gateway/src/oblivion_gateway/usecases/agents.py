"""Agents over REST: registered, changed, disabled, muted; their secrets issued and retired."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from oblivion_contracts.administration import AgentPage, LiveSecret, LiveSecrets, Mute
from oblivion_contracts.agents import (
    AgentCreated,
    AgentDefinition,
    AgentView,
    ClientSecretIssued,
    NewAgent,
)
from oblivion_gateway.domain.cursors import decode_name, next_cursor
from oblivion_gateway.ports import WhoIsOnline
from oblivion_gateway.usecases.requests import Unit
from oblivion_platform import agents
from oblivion_platform.agents import AgentRecord, ClientId, SecretHasher
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.feed import Line, Teller
from oblivion_platform.presence import Replica

_FOR_ADMINS = {"system_prompt", "skills", "limits", "model"}


class ManageAgents:
    """Every change is a line in the audit log."""

    def __init__(self, hasher: SecretHasher, online: WhoIsOnline, feed: Teller) -> None:
        self._hasher = hasher
        self._online = online
        self._feed = feed

    async def listing(self, unit: Unit, cursor: str | None, limit: int) -> AgentPage:
        found = await agents.list_agents(unit.tx, after=decode_name(cursor) or "", limit=limit)
        return AgentPage(
            items=await self._views(unit, found),
            next_cursor=next_cursor(found, limit, lambda one: (one.name,)),
        )

    async def show(self, unit: Unit, agent_id: UUID) -> AgentView:
        view = await self._view(unit, await agents.read_agent(unit.tx, agent_id))
        if not view.is_whole:
            return view
        return view.model_copy(update={"spent_today_usd": await agents.spent_today_usd(unit.tx, agent_id)})

    async def create(self, unit: Unit, new: NewAgent) -> AgentCreated:
        definition = AgentDefinition(**new.model_dump(exclude={"name"}))
        agent = await agents.create_agent(unit.tx, unit.caller.tenant_id, new.name, definition)
        credentials = await self._issue(unit, agent.id)
        await unit.note("agent.created", agent.name, agent_id=agent.id)
        return AgentCreated(agent=await self._view(unit, agent), credentials=credentials)

    async def change(self, unit: Unit, agent_id: UUID, definition: AgentDefinition) -> AgentView:
        agent = await agents.update_agent(unit.tx, unit.caller.tenant_id, agent_id, definition)
        await unit.note("agent.changed", agent.name, agent_id=agent_id)
        return await self._view(unit, agent)

    async def disable(self, unit: Unit, agent_id: UUID) -> None:
        """Its tokens, secrets and sockets stop working at once; what it did stays."""
        agent = await agents.set_agent_state(unit.tx, agent_id, "disabled")
        await unit.note("agent.disabled", agent.name, agent_id=agent_id)

    async def enable(self, unit: Unit, agent_id: UUID) -> AgentView:
        agent = await agents.set_agent_state(unit.tx, agent_id, "active")
        await unit.note("agent.enabled", agent.name, agent_id=agent_id)
        return await self._view(unit, agent)

    async def mute(self, unit: Unit, agent_id: UUID, wish: Mute) -> AgentView:
        until = datetime.now(UTC) + timedelta(minutes=wish.minutes)
        agent = await agents.mute_agent(unit.tx, agent_id, until, wish.reason or "muted by an admin")
        await unit.note("agent.muted", agent.name, agent_id=agent_id, minutes=wish.minutes)
        words = f"{agent.name} is muted for {wish.minutes} minutes"
        self._tell(unit, Line("agent.muted", words, "warning", agent_id=agent_id))
        return await self._view(unit, agent)

    async def unmute(self, unit: Unit, agent_id: UUID) -> AgentView:
        agent = await agents.mute_agent(unit.tx, agent_id, None, None)
        await unit.note("agent.unmuted", agent.name, agent_id=agent_id)
        self._tell(unit, Line("agent.unmuted", f"{agent.name} may speak again", "notice", agent_id=agent_id))
        return await self._view(unit, agent)

    async def secrets(self, unit: Unit, agent_id: UUID) -> LiveSecrets:
        await agents.read_agent(unit.tx, agent_id)
        found = await agents.list_secrets(unit.tx, agent_id)
        return LiveSecrets(
            items=[
                LiveSecret(
                    id=one.id, prefix=one.prefix, created_at=one.created_at, last_used_at=one.last_used_at
                )
                for one in found
            ]
        )

    async def issue_secret(self, unit: Unit, agent_id: UUID) -> ClientSecretIssued:
        agent = await agents.read_agent(unit.tx, agent_id)
        issued = await self._issue(unit, agent_id)
        await unit.note("agent.secret_issued", agent.name, secret_id=issued.secret_id)
        return issued

    async def retire_secret(self, unit: Unit, agent_id: UUID, secret_id: UUID) -> None:
        await agents.retire_secret(unit.tx, agent_id, secret_id)
        await unit.note("agent.secret_retired", agent_id, secret_id=secret_id)

    def _tell(self, unit: Unit, line: Line) -> None:
        async def tell() -> None:
            self._feed.tell(unit.caller.tenant_id, line)

        unit.after_commit.append(tell)

    async def _issue(self, unit: Unit, agent_id: UUID) -> ClientSecretIssued:
        client = ClientId(unit.caller.tenant_id, agent_id)
        return await agents.issue_secret(unit.tx, self._hasher, client)

    async def _view(self, unit: Unit, agent: AgentRecord) -> AgentView:
        return (await self._views(unit, [agent]))[0]

    async def _views(self, unit: Unit, found: Sequence[AgentRecord]) -> list[AgentView]:
        try:
            online = await self._online.replicas(unit.caller.tenant_id, [agent.id for agent in found])
        except DependencyUnavailable:  # Shown as offline: the list itself needs no Redis.
            online = dict[UUID, Sequence[Replica]]()
        return [_view(agent, online, is_whole=unit.caller.is_admin) for agent in found]


def _view(agent: AgentRecord, online: Mapping[UUID, Sequence[Replica]], *, is_whole: bool) -> AgentView:
    replicas = online.get(agent.id, ())
    return AgentView(
        **agent.definition.model_dump(exclude=set[str]() if is_whole else _FOR_ADMINS),
        is_whole=is_whole,
        id=agent.id,
        name=agent.name,
        origin=agent.origin,
        state=agent.state,
        online=len(replicas),
        running=sum(replica.running for replica in replicas),
        muted_until=agent.muted_until,
        mute_reason=agent.mute_reason,
        versions=sorted({replica.version for replica in replicas if replica.version}),
        created_at=agent.created_at,
        last_seen_at=agent.last_seen_at,
    )
