"""One Agent looked after: what it owns is as its spec says, it sleeps or wakes, its status tells how it is.

Level, not edge: everything is read anew and every write may be repeated, so that a crash between any two of
them is mended by the next look.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from oblivion_contracts.agent_resource import AgentSpec, AgentStatus
from oblivion_operator.domain.agents import Agent, Ref, is_leaving, parse_agent, read_status, ref_of, uid_of
from oblivion_operator.domain.manifests import Body, part
from oblivion_operator.domain.scaling import last_active, wanted_replicas
from oblivion_operator.domain.status import Seen, describe
from oblivion_operator.errors import Hindered
from oblivion_operator.metrics import CONDITIONS_TURNED, WOKEN
from oblivion_operator.ports import Clock, Cluster, EventKind
from oblivion_operator.usecases.belonging import Belonging
from oblivion_operator.usecases.children import KeepChildren
from oblivion_operator.usecases.credentials import KeepCredentials
from oblivion_operator.usecases.demands import Demands
from oblivion_operator.usecases.observed import Observed
from oblivion_platform.errors import OblivionFailure, TransientFailure


@dataclass
class Charge:
    """An Agent that is looked after."""

    agent: Agent
    status: AgentStatus
    """As it was last written or read."""
    tenant: UUID | None = None
    hindrance: tuple[str, str] | None = None


class TendAgents:
    """One per process; called for one Agent at most once at a time."""

    def __init__(
        self,
        cluster: Cluster,
        observed: Observed,
        belonging: Belonging,
        credentials: KeepCredentials,
        children: KeepChildren,
        demands: Demands,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._observed = observed
        self._belonging = belonging
        self._credentials = credentials
        self._children = children
        self._demands = demands
        self._clock = clock
        self._charges: dict[Ref, Charge] = {}

    async def __call__(self, ref: Ref, is_thorough: bool) -> None:  # noqa: FBT001 - the queue's call
        """Raises: TransientFailure: what could be done was done; to be called again."""
        charge = self._charges.get(ref)
        failure: TransientFailure | None = None
        if is_thorough or charge is None:
            body = await self._cluster.agent(ref)
            if body is None or is_leaving(body):
                self._forget(ref, charge)
                self._belonging.forget(ref)
                return
            if not await self._belonging.is_ours(ref):
                self._charges.pop(ref, None)
                return
            charge = self._charges[ref] = Charge(*_read(body))
            self._observed.agents[ref] = charge.agent.uid
            failure = await self._apply(charge, body)
        elif charge.hindrance is None:
            await self._wake_or_sleep(charge)
        await self._report(charge)
        if failure is not None:
            raise failure

    @property
    def tenants(self) -> set[UUID]:
        """Those of all Agents that are looked after."""
        return {charge.tenant for charge in self._charges.values() if charge.tenant is not None}

    def everyone(self) -> Iterator[Ref]:
        return iter(self._charges)

    def concerned(self, uids: set[UUID]) -> Iterator[Ref]:
        """Those of these uids, and those that may have to be put to sleep by now."""
        for ref, charge in self._charges.items():
            is_woken = charge.agent.spec.replicas == 0 and charge.status.replicas > 0
            if is_woken or charge.agent.uid in uids:
                yield ref

    def phases(self) -> Counter[str]:
        """How many Agents are in each phase."""
        return Counter(charge.status.phase or "Pending" for charge in self._charges.values())

    def hindered(self) -> Iterator[Ref]:
        """Those that wait for a person."""
        return (ref for ref, charge in self._charges.items() if charge.hindrance is not None)

    def _forget(self, ref: Ref, charge: Charge | None) -> None:
        self._charges.pop(ref, None)
        self._observed.forget(ref)
        if charge is not None:
            self._children.forget(charge.agent)

    async def _apply(self, charge: Charge, body: Body) -> TransientFailure | None:
        """Make everything as the spec says; what hinders it is noted down."""
        try:
            charge.agent = parse_agent(body)
            await self._carry_out(charge)
        except Hindered as hindrance:
            charge.hindrance = hindrance.reason, hindrance.message
        except TransientFailure as failure:
            is_new = charge.status.observed_generation != charge.agent.generation
            if is_new or self._deployment(charge.agent) is None:
                charge.hindrance = _as_reason(failure), failure.message
            return failure
        return None

    async def _carry_out(self, charge: Charge) -> None:
        agent = charge.agent
        tenant = await self._credentials.tenant_of(agent.ref.namespace)
        charge.tenant = tenant.id
        credentials = await self._credentials.secret_of(agent, tenant.id)
        await self._credentials.register(agent, tenant.id, credentials)
        missing = await self._credentials.missing_secrets(agent)
        if missing:
            raise Hindered(
                "SecretMissing",
                f"spec.secretRefs names what is not in the namespace {agent.ref.namespace}: "
                f"{', '.join(missing)}. Create it, or take it out; until then nothing is changed.",
            )
        await self._children.look_for_deployment(agent)
        replicas = self._wanted(charge)
        await self._children.keep(charge.agent, credentials.secret, replicas)

    async def _wake_or_sleep(self, charge: Charge) -> None:
        deployment = self._deployment(charge.agent)
        if deployment is None:
            return
        wanted = self._wanted(charge)
        if wanted != deployment["spec"].get("replicas"):
            await self._children.scale(charge.agent, wanted)

    def _wanted(self, charge: Charge) -> int:
        agent, now = charge.agent, self._clock.now()
        current = part(self._deployment(agent) or {}, "spec").get("replicas", 0)
        demand = self._demands.of(agent.uid)
        if agent.spec.replicas == 0 and current > 0 and last_active(agent, demand) is None:
            charge.agent = agent = replace(agent, last_active_at=now)  # Woken by hand.
        wanted = wanted_replicas(agent, current, demand, now)
        if agent.spec.replicas == 0 and wanted > current:
            charge.agent = replace(agent, last_active_at=now)
            WOKEN.inc()
        return wanted

    def _deployment(self, agent: Agent) -> Body | None:
        return self._observed.deployment(agent.ref, agent.child_name, agent.uid)

    async def _report(self, charge: Charge) -> None:
        if self._demands.is_awaited and charge.status.conditions:
            return  # What the gateway said before this operator began still stands there.
        agent = charge.agent
        seen = Seen(
            deployment=self._deployment(agent),
            pods=self._observed.pods(agent.ref),
            demand=self._demands.of(agent.uid),
            tenant=str(charge.tenant or ""),
            hindrance=charge.hindrance,
        )
        status = describe(agent, seen, charge.status, self._clock.now())
        if status == charge.status:
            return
        written = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        await self._cluster.write_status(agent.ref, agent.uid, written)
        previous, charge.status = charge.status, status
        await self._tell(agent, previous, status)

    async def _tell(self, agent: Agent, previous: AgentStatus, status: AgentStatus) -> None:
        """One Event for each turn of a condition's reason that a person would want to read of."""
        known = {condition.type: condition.reason for condition in previous.conditions}
        for condition in status.conditions:
            is_turned = known.get(condition.type) not in {condition.reason, None}
            is_worth_it = condition.type == "Ready" or (is_turned and condition.reason != "NotTold")
            if condition.reason == known.get(condition.type) or not is_worth_it:
                continue
            CONDITIONS_TURNED.labels(condition.type, condition.reason).inc()
            kind: EventKind = "Warning" if _is_bad(condition.type, condition.status, status) else "Normal"
            await self._cluster.tell(agent.ref, agent.uid, kind, condition.reason, condition.message)


def _is_bad(kind: str, truth: str, status: AgentStatus) -> bool:
    if kind == "Ready":
        return status.phase == "Failing" or (status.phase == "Pending" and truth == "False")
    return kind in {"Muted", "OverBudget"} and truth == "True"


def _read(body: Body) -> tuple[Agent, AgentStatus]:
    """Enough to report on, whatever the spec says."""
    status = read_status(body)
    generation: int = body["metadata"]["generation"]
    return Agent(ref_of(body), uid_of(body), generation, AgentSpec(), status.last_active_at), status


def _as_reason(failure: OblivionFailure) -> str:
    """`gateway_unavailable` as Kubernetes writes reasons."""
    words = failure.code.split("_")
    return failure.code if len(words) == 1 else "".join(word.capitalize() for word in words)
