"""The agents of a tenant: who they are, what they may be called, and the secrets they sign in with.

    async with database.tenant(tenant_id) as tx:
        agent = await create_agent(tx, tenant_id, "fixer", AgentDefinition())
        issued = await issue_secret(tx, SecretHasher(master_keys), ClientId(tenant_id, agent.id))
        await seed_squad(tx, tenant_id)

What is asked for all the time comes from `AgentDirectory`, which keeps it in memory.
"""

from oblivion_platform.agents.credentials import ClientId, SecretHasher, parse_client_id
from oblivion_platform.agents.errors import (
    AgentNameTaken,
    AgentNotFound,
    AgentOfAnotherTenant,
    SecretNotFound,
)
from oblivion_platform.agents.profiles import CHANNEL, MUTES_CHANNEL, AgentDirectory, TenantAgents, profile_of
from oblivion_platform.agents.registry import (
    AgentRecord,
    create_agent,
    find_agent,
    list_agents,
    mute_agent,
    mute_loud_agent,
    note_agent_seen,
    read_agent,
    set_agent_state,
    spent_today_usd,
    update_agent,
)
from oblivion_platform.agents.resources import (
    ResourceDemand,
    register_resource,
    resource_demands,
    retire_resources,
)
from oblivion_platform.agents.secrets import (
    SecretRecord,
    issue_secret,
    keep_only_secret,
    list_secrets,
    retire_secret,
    secret_is_live,
)
from oblivion_platform.agents.squad import definition_of, seed_squad

__all__ = [
    "CHANNEL",
    "MUTES_CHANNEL",
    "AgentDirectory",
    "AgentNameTaken",
    "AgentNotFound",
    "AgentOfAnotherTenant",
    "AgentRecord",
    "ClientId",
    "ResourceDemand",
    "SecretHasher",
    "SecretNotFound",
    "SecretRecord",
    "TenantAgents",
    "create_agent",
    "definition_of",
    "find_agent",
    "issue_secret",
    "keep_only_secret",
    "list_agents",
    "list_secrets",
    "mute_agent",
    "mute_loud_agent",
    "note_agent_seen",
    "parse_client_id",
    "profile_of",
    "read_agent",
    "register_resource",
    "resource_demands",
    "retire_resources",
    "retire_secret",
    "secret_is_live",
    "seed_squad",
    "set_agent_state",
    "spent_today_usd",
    "update_agent",
]
