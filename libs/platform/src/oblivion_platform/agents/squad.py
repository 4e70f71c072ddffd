"""The squad that comes with the system, registered in a tenant."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.agents import AgentDefinition, AgentLimits, Capability
from oblivion_platform.agents.errors import AgentNameTaken, AgentNotFound
from oblivion_platform.agents.registry import AgentRecord, create_agent, find_agent, update_agent
from oblivion_platform.logging import get_logger
from oblivion_platform.routing import AgentProfile, default_squad

_log = get_logger(__name__)


async def seed_squad(tx: AsyncConnection, tenant_id: UUID) -> list[AgentRecord]:
    """Register the squad's agents that are missing, and bring the others up to date with this version.

    An agent that the tenant made itself, or disabled, is left as it is.
    """
    return [agent for profile in default_squad() if (agent := await _seed(tx, tenant_id, profile))]


async def _seed(tx: AsyncConnection, tenant_id: UUID, profile: AgentProfile) -> AgentRecord | None:
    definition = definition_of(profile)
    try:
        known = await find_agent(tx, profile.name)
    except AgentNotFound:
        known = None
    if known is not None and (known.origin != "squad" or known.definition == definition):
        return known if known.origin == "squad" else None
    try:
        if known is not None:
            return await update_agent(tx, tenant_id, known.id, definition)
        return await create_agent(tx, tenant_id, profile.name, definition, origin="squad")
    except AgentNameTaken as taken:
        _log.warning("squad agent left out", agent=profile.name, reason=taken.message)
        return None


def definition_of(profile: AgentProfile) -> AgentDefinition:
    """A profile as the registry stores it."""
    limits = profile.limits
    return AgentDefinition(
        description=profile.description,
        capabilities=[Capability(name=task.name, description=task.description) for task in profile.tasks],
        keywords=list(profile.keywords),
        examples=list(profile.examples),
        aliases=list(profile.aliases),
        system_prompt=profile.system_prompt,
        tools=list(profile.tools),
        limits=AgentLimits(
            messages_per_minute=limits.messages_per_minute,
            max_hops=limits.max_hops,
            max_tool_calls_per_run=limits.max_tool_calls_per_run,
            usd_per_day=limits.usd_per_day,
        ),
    )
