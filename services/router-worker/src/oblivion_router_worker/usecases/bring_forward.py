"""Brings one run as far as it goes without its agent: routed, given to a socket, taken away, given up.

The same for the processor of the run's job, for whoever just created it, and for the sweep: the row is
locked, so that they take turns, and each finds what the one before has done. Nobody waits here for an agent.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from oblivion_contracts.jobs import RunOutcome
from oblivion_contracts.runs import CATEGORY_MINUTES, RunEventKind, RunFailure, RunSource, RunState
from oblivion_platform import runs, sessions
from oblivion_platform.agents.profiles import TenantAgents
from oblivion_platform.agents.registry import AgentRecord
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.presence import Place
from oblivion_platform.routing import (
    DEFAULT_TASK,
    RouteContext,
    Router,
    SlowPath,
    Stage,
    route,
)
from oblivion_platform.routing import Decision as Choice
from oblivion_platform.runs import Change, Holder, Run
from oblivion_router_worker.domain.run_place import ASKED_FOR_AGENT, RunPlace
from oblivion_router_worker.ports.deciding import Decision, Store
from oblivion_router_worker.ports.running import (
    Aftermath,
    Finished,
    Follow,
    LookAgain,
    PresenceBoard,
    Standing,
    Telling,
)
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.run_failures import (
    AGENT_ABSENT,
    AGENT_UNKNOWN,
    GIVEN_UP,
    LEASES_LOST,
    NOBODY_CHOSE,
    OVER_BUDGET,
    agent_unsure,
    too_late,
)
from oblivion_router_worker.usecases.stop_run import stop_descendants

BEHIND_ANOTHER_S = 30.0
CHOICE_S = 3600.0
MISSED_S = 1.0
MARGIN_S = 0.2


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """How patient we are with agents."""

    lease_s: float = 30.0
    grace_s: float = 60.0
    """Longer, where nobody could have renewed the lease: Redis or the gateway has just come back."""
    leases_lost_max: int = 3
    absent_look_again_s: float = 30.0
    absent_max: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class _Chosen:
    choice: Choice
    took_us: int


@dataclass(slots=True)
class _Step:
    """What one transaction came to."""

    standing: Standing | None = None
    ask_model: Choice | None = None
    prompt: str = field(default="", repr=False)
    aftermath: Aftermath = field(default_factory=Aftermath)

    def took(self, change: Change | None) -> None:
        if change is not None:
            self.aftermath.changes.append(change)
            if change.is_final:
                self.aftermath.ended.append(change.run_id)


class BringForward:
    """`follow` tells of what was done, after the commit."""

    def __init__(
        self,
        store: Store,
        routers: Routers,
        slow_path: SlowPath,
        presence: PresenceBoard,
        policy: RunPolicy,
        follow: Follow,
    ) -> None:
        self._store = store
        self._routers = routers
        self._slow_path = slow_path
        self._presence = presence
        self._policy = policy
        self._follow = follow

    async def __call__(self, tenant_id: UUID, run_id: UUID) -> Standing:
        """Do what can be done, and say when to look again.

        Raises:
            DependencyUnavailable: Postgres or Redis is away; nothing was done by halves.
        """
        # A lock is written to the disk: what nobody will change any more is read without one.
        run = await runs.read(self._store.alone(tenant_id), run_id)
        if run is None or run.state.is_final:
            return _finished(run)
        agents, router = await self._routers.agents(tenant_id), await self._routers.of(tenant_id)
        chosen: _Chosen | None = None
        while True:
            async with self._store.tenant(tenant_id) as decision:
                work = _Work(self._presence, self._policy, decision, tenant_id, agents, router)
                step = await work.bring(run_id, chosen)
            if not step.aftermath.is_empty:
                self._follow(tenant_id, step.aftermath)
            if step.standing is not None:
                return step.standing
            if step.ask_model is None:
                continue
            began = time.perf_counter()
            choice = await self._slow_path.choose(tenant_id, router, step.prompt, step.ask_model)
            chosen = _Chosen(choice, _us_since(began))

    async def at_once(self, decision: Decision, tenant_id: UUID, aftermath: Aftermath) -> None:
        """The same for what has just begun, in the transaction itself; what others are needed for, later."""
        for run in aftermath.begun:
            try:
                agents, router = await self._routers.agents(tenant_id), await self._routers.of(tenant_id)
                work = _Work(self._presence, self._policy, decision, tenant_id, agents, router)
                work.begins_thread = True
                step = await work.bring(run.run_id, None)
            except DependencyUnavailable:
                aftermath.forward.append(run)
                continue
            aftermath.add(step.aftermath)
            match step.standing:
                case LookAgain(after_s=after_s):
                    aftermath.parked.append((run, after_s))
                case None:
                    aftermath.forward.append(run)
                case _:
                    pass


class _Work:
    """One transaction of one run."""

    def __init__(
        self,
        presence: PresenceBoard,
        policy: RunPolicy,
        decision: Decision,
        tenant_id: UUID,
        agents: TenantAgents,
        router: Router,
    ) -> None:
        self._presence = presence
        self._policy = policy
        self._decision = decision
        self._tenant_id = tenant_id
        self._agents = agents
        self._router = router
        self._step = _Step()
        self.begins_thread = False
        """The run was made in this very transaction, and nobody else has work in its thread."""

    async def bring(self, run_id: UUID, chosen: _Chosen | None) -> _Step:
        # Of its own transaction's run nobody else can know.
        run = await runs.read(self._decision.tx, run_id, lock=not self.begins_thread)
        if run is None or run.state.is_final:
            self._step.standing = _finished(run)
        elif run.is_too_late and not await self._waits_for_a_person(run):
            await self._give_up(run, too_late(run.category))
        elif run.state is RunState.QUEUED:
            await self._route(run, chosen)
        elif run.is_held:
            await self._look_after(run)
        else:
            await self._assign(run, run.agent_id, run.task or DEFAULT_TASK)
        return self._step

    async def _waits_for_a_person(self, run: Run) -> bool:
        """An open question stops the run's clock, for as long as one may wait for an agent."""
        is_patient = run.deadline_at is None or run.now - run.deadline_at < self._policy.absent_max
        return is_patient and await runs.has_open_question(self._decision.tx, run.id)

    # Queued

    async def _route(self, run: Run, chosen: _Chosen | None) -> None:
        wanted = run.wanted.get("agent")
        if wanted:
            agent = self._agents.named(str(wanted))
            if agent is None or not agent.is_active:
                await self._give_up(run, AGENT_UNKNOWN)
                return
            task = run.wanted.get("task") or self._router.task_for(agent.name, run.prompt)
            chosen = _Chosen(Choice(agent.name, task, 1.0, "chosen by name", stage=Stage.NAMED), 0)
        if chosen is None:
            chosen = await self._choose(run)
        if chosen.choice.agent is None and chosen.choice.stage is not Stage.NONE:
            self._step.ask_model, self._step.prompt = chosen.choice, run.prompt
            return
        agent = self._agents.named(chosen.choice.agent) if chosen.choice.agent else None
        if agent is None and not _can_ask(run):
            agent = self._only_one()
        if agent is None:
            await self._ask_person(run, chosen)
            return
        await self._routed(run, agent, chosen)

    async def _choose(self, run: Run) -> _Chosen:
        began = time.perf_counter()
        integration_id, channel = run.place.get("integration_id"), run.place.get("channel")
        rules = await self._decision.desk.rules(run.session_id, integration_id, channel)
        override, default = rules.override, rules.channel_default
        context = RouteContext(
            override=self._name(override.agent_id) if override else None,
            # Work that is handed on goes to somebody else than whom the thread talks to.
            thread_agent=None if run.parent_run_id is not None else self._name(rules.in_thread),
            channel_agent=self._name(default.agent_id) if default else None,
            override_task=override.task if override else None,
            channel_task=default.task if default else None,
        )
        return _Chosen(route(self._router, run.prompt, context), _us_since(began))

    async def _routed(self, run: Run, agent: AgentRecord, chosen: _Chosen) -> None:
        task = chosen.choice.task or DEFAULT_TASK
        if self.begins_thread and await self._begin(run, agent, task):
            await self._note_choice(run, agent, chosen, task)
            return
        change = await runs.route(self._decision.tx, run, agent.id, agent.name, task)
        if change is None:
            await runs.wake_later(self._decision.tx, run.id, after_s=BEHIND_ANOTHER_S)
            self._step.standing = LookAgain(BEHIND_ANOTHER_S)
            return
        self._step.took(change)
        await self._note_choice(run, agent, chosen, task)
        await self._assign(run, agent.id, task)

    async def _begin(self, run: Run, agent: AgentRecord, task: str) -> bool:
        """Route and assign in one statement; whether somebody has room for it now."""
        if not agent.is_active or agent.definition.limits.usd_per_day is not None:
            return False
        place = await self._presence.pick(self._tenant_id, agent.id, task)
        if place is None:
            return False
        holder, deadline_s = Holder(place.sid, place.gateway), CATEGORY_MINUTES[run.category] * 60
        start = runs.Start(agent.id, agent.name, task, holder, self._policy.lease_s, deadline_s)
        change = await runs.begin(self._decision.tx, run.id, start)
        self._given(run, place, change)
        return change is not None

    async def _note_choice(self, run: Run, agent: AgentRecord, chosen: _Chosen, task: str) -> None:
        await self._decision.desk.note_decision(run.id, agent.id, chosen.choice, chosen.took_us)
        if run.source is not RunSource.DELEGATION:
            version = await sessions.set_current(self._decision.tx, run.session_id, agent.id, task)
            if version is not None:
                self._step.aftermath.sessions.append((run.session_id, version))

    async def _ask_person(self, run: Run, chosen: _Chosen) -> None:
        """Nobody is likely: whoever asked chooses, from a menu in the thread."""
        if not self._router.profiles:
            await self._give_up(run, AGENT_UNKNOWN)
            return
        if not _can_ask(run):
            await self._give_up(run, agent_unsure(sorted(self._router.profiles)))
            return
        patience_s = (run.created_at + self._policy.absent_max - run.now).total_seconds()
        if patience_s <= 0:
            await self._give_up(run, NOBODY_CHOSE)
            return
        if not run.place.get(ASKED_FOR_AGENT):
            likely = [candidate.agent for candidate in chosen.choice.candidates]
            names = likely + [name for name in sorted(self._router.profiles) if name not in likely]
            data = {"choose_agent": names}
            self._step.took(await runs.note(self._decision.tx, run.id, RunEventKind.NOTICE, data))
            await self._decision.desk.note_decision(run.id, None, chosen.choice, chosen.took_us)
            await self._decision.desk.keep_in_place(run.id, {ASKED_FOR_AGENT: True})
        look_again_s = min(CHOICE_S, patience_s)
        await runs.wake_later(self._decision.tx, run.id, after_s=look_again_s)
        self._step.standing = LookAgain(look_again_s)

    def _only_one(self) -> AgentRecord | None:
        """There is no choice, and no `general`, or routing had taken it."""
        names = list(self._router.profiles)
        return self._agents.named(names[0]) if len(names) == 1 else None

    # Held

    async def _look_after(self, run: Run) -> None:
        if not run.lease_is_over:
            self._step.standing = LookAgain(_until(run.lease_until, run.now) + MARGIN_S)
            return
        if await self._has_grace(run):
            self._step.standing = LookAgain(1.0)
            return
        change = await runs.lose_lease(self._decision.tx, run)
        if change is None:
            return
        self._step.took(change)
        self._step.aftermath.tell.append(Telling(run.id, run.gateway, run.fence, "task.cancelled"))
        if run.lost_leases + 1 >= self._policy.leases_lost_max:
            await self._give_up(run, LEASES_LOST)
            return
        await self._assign(run, run.agent_id, run.task or DEFAULT_TASK)

    async def _has_grace(self, run: Run) -> bool:
        """Redis lost what the gateway wrote there: the holder may well be alive, and be back in a moment.

        Nobody works on what nobody acknowledged.
        """
        if run.gateway is None or run.lease_until is None or run.is_unheard:
            return False
        late_s = (run.now - run.lease_until).total_seconds()
        return late_s < self._policy.grace_s and not await self._presence.is_marked(run.gateway)

    # To be given to somebody

    async def _assign(self, run: Run, agent_id: UUID | None, task: str) -> None:
        agent = self._agents.by_id.get(agent_id) if agent_id else None
        if agent is None or not agent.is_active:
            await self._give_up(run, AGENT_UNKNOWN)
            return
        limit_usd = agent.definition.limits.usd_per_day
        if limit_usd is not None and await self._decision.desk.spent_today_usd(agent.id) >= limit_usd:
            await self._give_up(run, OVER_BUDGET)
            return
        place = await self._presence.pick(self._tenant_id, agent.id, task)
        if place is None:
            await self._wait(run)
            return
        change = await runs.assign(
            self._decision.tx,
            run.id,
            Holder(place.sid, place.gateway),
            lease_s=self._policy.lease_s,
            deadline_s=CATEGORY_MINUTES[run.category] * 60,
        )
        self._given(run, place, change)

    def _given(self, run: Run, place: Place, change: Change | None) -> None:
        if change is None:
            return
        self._step.took(change)
        self._step.aftermath.tell.append(Telling(run.id, place.gateway, change.fence, "task.assigned"))
        self._step.standing = LookAgain(self._policy.lease_s + MARGIN_S)

    async def _wait(self, run: Run) -> None:
        if run.now - run.created_at > self._policy.absent_max:
            await self._give_up(run, AGENT_ABSENT)
            return
        patience_s = self._policy.absent_look_again_s
        change = await runs.wait_for_agent(self._decision.tx, run.id, look_again_s=patience_s)
        if change is None:
            await runs.wake_later(self._decision.tx, run.id, after_s=patience_s)
        self._step.took(change)
        # Whoever came between the look at the board and this commit could not see that the run waits.
        self._step.standing = LookAgain(patience_s if change is None else min(MISSED_S, patience_s))

    async def _give_up(self, run: Run, failure: RunFailure) -> None:
        self._step.took(await runs.give_up(self._decision.tx, run.id, failure))
        await stop_descendants(self._decision, self._step.aftermath, run.id, by=GIVEN_UP)
        for queued in await runs.queue_unread(self._decision.tx, run, 0):
            self._step.took(queued)
        if run.is_held:
            self._step.aftermath.tell.append(Telling(run.id, run.gateway, run.fence, "task.cancelled"))
        self._step.standing = Finished(RunOutcome(state=RunState.FAILED.value, failure_code=failure.code))

    def _name(self, agent_id: UUID | None) -> str | None:
        agent = self._agents.by_id.get(agent_id) if agent_id else None
        return agent.name if agent else None


def _can_ask(run: Run) -> bool:
    """A menu needs a message, and somebody who looks at it."""
    return run.source in (RunSource.SLACK, RunSource.CLICKUP) and RunPlace.of(run.place) is not None


def _finished(run: Run | None) -> Finished:
    if run is None:
        return Finished(RunOutcome(state="unknown"))
    code = run.failure.code if run.failure else None
    return Finished(RunOutcome(state=run.state.value, failure_code=code))


def _until(when: datetime | None, now: datetime) -> float:
    return max(0.0, (when - now).total_seconds()) if when is not None else 0.0


def _us_since(began: float) -> int:
    return int((time.perf_counter() - began) * 1_000_000)
