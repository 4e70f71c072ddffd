"""People's App Homes: shown when they are opened, and again when something in them changes.

A home is made of what is true now, so many changes are one showing, a moment after the first. Showings of one
person leave in order, and only the newest that waits is sent. What is lost is seen at the next visit.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from oblivion_platform import runs
from oblivion_router_worker.domain.run_effects import PublishHome, person_destination
from oblivion_router_worker.domain.surface_view import home_view
from oblivion_router_worker.ports.deciding import Decision, Store
from oblivion_router_worker.ports.kicking import Kick
from oblivion_router_worker.ports.running import Listed, OpenHome, OpenHomes, Person, PresenceBoard
from oblivion_router_worker.usecases.errands import Background
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.showing import Showing

CHANGES_TOGETHER_S = 2.0
RUNS_LISTED = 10
QUESTIONS_LISTED = 10


class Homes:
    def __init__(
        self, routers: Routers, identify: Identify, presence: PresenceBoard, open_homes: OpenHomes
    ) -> None:
        self._routers = routers
        self._identify = identify
        self._presence = presence
        self._open_homes = open_homes

    async def open(self, decision: Decision, showing: Showing, home: OpenHome, person: Person | None) -> None:
        """Show it, and keep it fresh for an hour."""
        await self._open_homes.opened(showing.tenant_id, home)
        await self.show(decision, showing, home, person)

    async def open_now(self, tenant_id: UUID) -> Sequence[OpenHome]:
        return await self._open_homes.now(tenant_id)

    async def show(self, decision: Decision, showing: Showing, home: OpenHome, person: Person | None) -> None:
        """One's runs, who is online, and for members what waits for an approval."""
        listed: Sequence[Listed] = ()
        if person is not None:
            listed = await decision.desk.listed(person.user_id, live_only=False, limit=RUNS_LISTED)
        asked: list[tuple[UUID, str, str]] = []
        if person is not None and person.may_operate:
            seen_by = None if person.role == "admin" else person.user_id
            pending = await runs.pending_approvals(decision.tx, seen_by=seen_by, limit=QUESTIONS_LISTED)
            asked = [(approval.id, approval.question, approval.detail) for approval in pending]
        agents = await self.agents(showing.tenant_id)
        address = await self._identify.sign_in_address(decision)
        shown = [(run.id, run.state, run.agent, run.prompt) for run in listed]
        view = home_view(shown, agents, asked, sign_in_address=address)
        destination = person_destination(home.integration_id, home.user, "home")
        await showing.send(home.integration_id, destination, PublishHome(home.user, view))

    async def agents(self, tenant_id: UUID) -> list[tuple[str, str, int]]:
        """Name, description and connected replicas of each."""
        agents = await self._routers.agents(tenant_id)
        active = [agent for agent in agents.agents if agent.is_active]
        online = await self._presence.replicas(tenant_id, [agent.id for agent in active])
        return [(agent.name, agent.definition.description, len(online.get(agent.id, []))) for agent in active]


class RefreshHomes:
    """Implements `ports.running.HomeWatch`."""

    def __init__(self, store: Store, homes: Homes, kick: Kick, background: Background) -> None:
        self._store = store
        self._homes = homes
        self._kick = kick
        self._background = background
        self._timers: dict[UUID, asyncio.TimerHandle] = {}

    def changed(self, tenant_id: UUID) -> None:
        """A run began, ended or asks for something; returns at once."""
        if tenant_id not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[tenant_id] = loop.call_later(CHANGES_TOGETHER_S, self._due, tenant_id)

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _due(self, tenant_id: UUID) -> None:
        self._timers.pop(tenant_id, None)
        self._background.start(self.refresh(tenant_id), "refresh homes")

    async def refresh(self, tenant_id: UUID) -> None:
        """Show every open home as it is now.

        Raises:
            DependencyUnavailable: Postgres is away; the next change or visit shows them.
        """
        for home in await self._homes.open_now(tenant_id):
            async with self._store.tenant(tenant_id) as decision:
                person = await decision.people.known("slack", f"{home.team}:{home.user}")
                showing = Showing(decision.outbox, tenant_id)
                if person is not None and person.is_active:
                    await self._homes.show(decision, showing, home, person)
            for destination, first in showing.destinations.items():
                self._kick(tenant_id, destination, first)
