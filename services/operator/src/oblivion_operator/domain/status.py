"""Everything that is known of an Agent → its status; a condition keeps the moment of its last turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from oblivion_contracts.agent_operator import AgentDemand
from oblivion_contracts.agent_resource import AgentStatus, Condition, Phase
from oblivion_operator.domain.agents import Agent
from oblivion_operator.domain.labels import selector_labels
from oblivion_operator.domain.manifests import Body, part
from oblivion_operator.domain.rollout import judge
from oblivion_operator.domain.scaling import last_active

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True)
class Seen:
    """What is known of an Agent at a moment."""

    deployment: Body | None
    pods: Sequence[Body]
    demand: AgentDemand | None
    """None: it is not registered, or the gateway does not answer."""
    tenant: str = ""
    hindrance: tuple[str, str] | None = None
    """Reason and sentence of what keeps it from being applied."""


@dataclass(frozen=True)
class _Finding:
    type: str
    status: Truth
    reason: str
    message: str


def describe(agent: Agent, seen: Seen, previous: AgentStatus, now: datetime) -> AgentStatus:
    """The status; the same input gives the same output but for `now`, which only a turn writes down."""
    ready, phase = _ready(agent, seen, now)
    replicas = part(seen.deployment or {}, "status").get("replicas", 0)
    findings = [ready, _connected(seen, phase), _muted(seen, now), _over_budget(agent, seen)]
    return AgentStatus(
        phase=phase,
        online=(seen.demand and seen.demand.online) or 0,
        runs=seen.demand.live_runs if seen.demand else 0,
        replicas=replicas,
        selector=",".join(f"{key}={value}" for key, value in selector_labels(agent).items()),
        tenant=seen.tenant,
        last_active_at=last_active(agent, seen.demand),
        observed_generation=agent.generation,
        conditions=[_condition(finding, agent.generation, previous, now) for finding in findings],
    )


def _condition(finding: _Finding, generation: int, previous: AgentStatus, now: datetime) -> Condition:
    known = next((one for one in previous.conditions if one.type == finding.type), None)
    stands = known is not None and known.status == finding.status
    return Condition(
        type=finding.type,
        status=finding.status,
        observed_generation=generation,
        last_transition_time=known.last_transition_time if known and stands else now.replace(microsecond=0),
        reason=finding.reason,
        message=finding.message,
    )


def _ready(agent: Agent, seen: Seen, now: datetime) -> tuple[_Finding, Phase]:
    if seen.hindrance is not None:
        phase: Phase = "Failing" if seen.deployment is not None else "Pending"
        return _Finding("Ready", "False", *seen.hindrance), phase
    if seen.demand is not None and seen.demand.state == "disabled":
        message = f"An admin disabled it; `oblivion agents enable {agent.name}` takes it back in."
        return _Finding("Ready", "False", "Disabled", message), "Failing"
    rollout = judge(agent, seen.deployment, seen.pods, now)
    truth: Truth = "True" if rollout.is_ready else "False"
    return _Finding("Ready", truth, rollout.reason, rollout.message), rollout.phase


def _connected(seen: Seen, phase: Phase) -> _Finding:
    demand = seen.demand
    if demand is None or demand.online is None:
        return _Finding(
            "Connected", "Unknown", "NotTold", "The gateway does not say which replicas are connected."
        )
    if demand.online > 0:
        return _Finding("Connected", "True", "Connected", f"{demand.online} replicas are connected.")
    if phase == "Asleep":
        return _Finding("Connected", "False", "Asleep", "It sleeps, and connects when it is woken.")
    return _Finding("Connected", "False", "NotConnected", "No replica is connected to the gateway yet.")


def _muted(seen: Seen, now: datetime) -> _Finding:
    demand = seen.demand
    if demand is None or demand.muted_until is None or demand.muted_until <= now:
        return _Finding("Muted", "False", "Speaking", "Its messages are let through.")
    until = demand.muted_until.strftime("%Y-%m-%d %H:%M:%S UTC")
    return _Finding("Muted", "True", "Muted", f"Until {until}: {demand.mute_reason or 'no reason given'}")


def _over_budget(agent: Agent, seen: Seen) -> _Finding:
    limit_usd = agent.spec.limits.usd_per_day
    if limit_usd is None:
        return _Finding("OverBudget", "False", "NoBudget", "spec.limits.usdPerDay is not set.")
    if seen.demand is None or not seen.demand.over_budget:
        return _Finding("OverBudget", "False", "WithinBudget", f"Less than {limit_usd:g} US dollars today.")
    return _Finding(
        "OverBudget",
        "True",
        "OverBudget",
        f"It reports {seen.demand.spent_today_usd:.2f} of {limit_usd:g} US dollars a day; new runs are "
        "refused until midnight UTC. spec.limits.usdPerDay raises the limit.",
    )
