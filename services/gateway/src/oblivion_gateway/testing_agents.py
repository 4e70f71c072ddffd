"""For tests: an agent that speaks the contract over a real socket, and a dispatcher that gives it work."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import socketio  # pyright: ignore[reportMissingTypeStubs]

from oblivion_contracts.agent_socket import (
    NAMESPACE,
    SERVER_EVENTS,
    Acknowledgement,
    AgentHello,
    HeldRun,
    RunMessage,
    TaskAssigned,
)
from oblivion_contracts.model import Contract
from oblivion_contracts.runs import CATEGORY_MINUTES, Category, RunSource
from oblivion_gateway.sockets.agents import AgentSocketServer
from oblivion_platform import runs, sessions
from oblivion_platform.database.engine import Database
from oblivion_platform.presence import Presence
from oblivion_platform.runs import Holder, NewRun, Run, RunSignals
from oblivion_platform.sessions import NewSessionRow, Said, SessionCache
from oblivion_platform.testing import PATIENCE_S, FreshDatabase, eventually

MessageT = TypeVar("MessageT", bound=Contract)


class TestAgent:
    """Does only what a test tells it to."""

    __test__ = False

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self.client: Any = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        self.received: list[tuple[str, Contract]] = []
        self.refusal: Any = None
        self.disconnected = asyncio.Event()
        for event in SERVER_EVENTS:
            self.client.on(event, self._receiver(event), namespace=NAMESPACE)
        self.client.on("connect_error", self._refused, namespace=NAMESPACE)
        self.client.on("disconnect", self._gone, namespace=NAMESPACE)

    @property
    def sid(self) -> str:
        return str(self.client.get_sid(NAMESPACE))

    async def connect(self, token: object, *, forwarded_for: str | None = None) -> None:
        """Raises: socketio.exceptions.ConnectionError: it is not let in; see `refusal`."""
        await self.client.connect(
            self._base_url,
            headers={"X-Forwarded-For": forwarded_for} if forwarded_for else {},
            auth={"token": token},
            transports=["websocket"],
            namespaces=[NAMESPACE],
            wait_timeout=30,
        )

    async def hello(self, *, handlers: list[str] | None = None, **more: Any) -> Acknowledgement:
        return await self.call("agent.hello", AgentHello(handlers=handlers or ["default"], **more))

    async def call(self, event: str, message: Contract | dict[str, Any]) -> Acknowledgement:
        body = (
            message.model_dump(mode="json", exclude_none=True) if isinstance(message, Contract) else message
        )
        return Acknowledgement.model_validate(await self.call_raw(event, body))

    async def call_raw(self, event: str, body: object) -> Any:
        return await self.client.call(event, body, namespace=NAMESPACE, timeout=30)

    def heard(self, kind: type[MessageT]) -> list[MessageT]:
        return [message for _, message in self.received if isinstance(message, kind)]

    async def next(self, kind: type[MessageT], *, count: int = 1, within_s: float = PATIENCE_S) -> MessageT:
        """The `count`-th message of that kind, once it is there."""
        await eventually(lambda: len(self.heard(kind)) >= count, within_s=within_s)
        return self.heard(kind)[count - 1]

    async def close(self) -> None:
        await self.client.disconnect()

    def _receiver(self, event: str) -> Any:
        def receive(data: object) -> None:
            self.received.append((event, SERVER_EVENTS[event].model_validate(data)))

        return receive

    def _refused(self, reason: object = None) -> None:
        self.refusal = reason

    def _gone(self, *_: object) -> None:
        self.disconnected.set()


def being_let_in(sockets: AgentSocketServer, namespace: str) -> list[str]:
    """Socket ids; there is at least one."""
    rooms: Any = sockets.rooms
    waiting: list[str] = rooms.pending_connect.get(namespace, [])
    assert waiting, "nobody waits at the door"  # noqa: S101 - a test's own wait
    return list(waiting)


def held_by(assigned: RunMessage) -> HeldRun:
    return HeldRun(run_id=assigned.run_id, fence=assigned.fence)


def about(assigned: RunMessage) -> dict[str, Any]:
    """What every message about that run begins with."""
    return {"run_id": str(assigned.run_id), "fence": assigned.fence}


@dataclass
class Dispatcher:
    """Stands in for the router-worker: creates runs, and assigns them as it does."""

    database: Database
    signals: RunSignals
    presence: Presence
    copies: SessionCache

    async def new_session(self, tenant_id: UUID, user_id: UUID | None = None) -> UUID:
        async with self.database.tenant(tenant_id) as tx:
            new = NewSessionRow(RunSource.API, user_id=user_id)
            return (await sessions.create(tx, tenant_id, new)).id

    async def say(self, tenant_id: UUID, session_id: UUID, words: str, **more: Any) -> int:
        """The message's sequence."""
        said = Said("user", words, RunSource.API, "Ana", **more)
        async with self.database.tenant(tenant_id) as tx:
            appended = await sessions.append_message(tx, session_id, said)
            await self.copies.outdate(tenant_id, session_id, appended.version)
        return appended.sequence

    async def new_run(
        self,
        tenant_id: UUID,
        agent_id: UUID,
        prompt: str = "do it",
        session_id: UUID | None = None,
        **more: Any,
    ) -> UUID:
        """A run that is routed to the agent, and waits for a socket."""
        session_id = session_id or await self.new_session(tenant_id)
        await self.say(tenant_id, session_id, prompt, user_id=more.get("user_id"))
        new = NewRun(
            session_id=session_id, source=RunSource.API, thread=f"session:{session_id}", prompt=prompt
        )
        for name, value in more.items():
            object.__setattr__(new, name, value)
        async with self.database.tenant(tenant_id) as tx:
            await runs.create(tx, tenant_id, new)
            run = await runs.read(tx, new.id)
            assert run is not None  # noqa: S101 - just created
            await runs.route(tx, run, agent_id, "agent", "default")
        return new.id

    async def assign(self, tenant_id: UUID, run_id: UUID, *, lease_s: float = 30, hint: bool = True) -> Run:
        """Give the run to a socket of its agent, as soon as there is one."""
        before = await self.read(tenant_id, run_id)
        agent_id = before.agent_id
        assert agent_id is not None  # noqa: S101 - it was routed

        async def place() -> Any:
            found = await self.presence.pick(tenant_id, agent_id, "default")
            assert found is not None, "no replica is online"  # noqa: S101 - a test's own wait
            return found

        found = await eventually(place)
        deadline_s = 60.0 * CATEGORY_MINUTES[Category.MEDIUM]
        async with self.database.tenant(tenant_id) as tx:
            holder = Holder(found.sid, found.gateway)
            change = await runs.assign(tx, run_id, holder, lease_s=lease_s, deadline_s=deadline_s)
        run = await self.read(tenant_id, run_id)
        if hint and change is not None:
            await self.signals.tell_agent(tenant_id, run_id, run.gateway, run.fence, "task.assigned")
        return run

    async def tell(self, tenant_id: UUID, run_id: UUID, what: str) -> None:
        run = await self.read(tenant_id, run_id)
        await self.signals.tell_agent(tenant_id, run_id, run.gateway, run.fence, what)

    async def read(self, tenant_id: UUID, run_id: UUID) -> Run:
        async with self.database.tenant(tenant_id) as tx:
            run = await runs.read(tx, run_id)
        assert run is not None, "there is no such run"  # noqa: S101 - a test's own check
        return run


@asynccontextmanager
async def dispatching(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Dispatcher]:
    pool = Database.connect(database.url("oblivion_router_worker"), pool_size=4)
    dispatcher = Dispatcher(pool, RunSignals(redis_url), Presence(redis_url), SessionCache(redis_url))
    try:
        yield dispatcher
    finally:
        await dispatcher.signals.close()
        await dispatcher.presence.close()
        await dispatcher.copies.close()
        await pool.close()


async def work(
    agent: TestAgent, dispatcher: Dispatcher, tenant_id: UUID, agent_id: UUID, **more: Any
) -> TaskAssigned:
    """A run that the agent has acknowledged; `more` is what differs in it."""
    run_id = await dispatcher.new_run(tenant_id, agent_id, **more)
    await dispatcher.assign(tenant_id, run_id)
    count = len(agent.heard(TaskAssigned))
    assigned = await agent.next(TaskAssigned, count=max(1, count))
    while assigned.run_id != run_id:
        count += 1
        assigned = await agent.next(TaskAssigned, count=count)
    await agent.call("task.ack", about(assigned))
    return assigned
