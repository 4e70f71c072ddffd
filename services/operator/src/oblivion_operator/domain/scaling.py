"""How many pods an Agent shall have now."""

from datetime import datetime, timedelta

from oblivion_contracts.agent_operator import AgentDemand
from oblivion_operator.domain.agents import Agent


def wanted_replicas(agent: Agent, current: int, demand: AgentDemand | None, now: datetime) -> int:
    """As many as the spec says; with `replicas: 0`, one from the first run until `idleMinutes` without any.

    Without word from the gateway it stays as it is.
    """
    if agent.spec.replicas > 0:
        return agent.spec.replicas
    if demand is None:
        return current
    if demand.live_runs > 0:
        return max(current, 1)
    if current == 0:
        return 0
    active_at = last_active(agent, demand)
    idle = timedelta(minutes=agent.spec.idle_minutes)
    return 0 if active_at is None or now - active_at >= idle else current


def last_active(agent: Agent, demand: AgentDemand | None) -> datetime | None:
    """When it was woken, or last finished a run."""
    known = [agent.last_active_at, demand.last_finished_at if demand else None]
    return max((moment for moment in known if moment is not None), default=None)
