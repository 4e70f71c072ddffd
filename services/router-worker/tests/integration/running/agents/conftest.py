"""The main path with agents: a registry, and agents that stand in for the gateway's side."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.runs import RunFailure, Usage
from oblivion_platform import runs
from oblivion_platform.agents import create_agent, seed_squad
from oblivion_platform.database.engine import Database
from oblivion_platform.presence import Presence, Replica
from oblivion_platform.runs import Run, RunSignals
from oblivion_platform.testing import FreshDatabase, eventually

Json = dict[str, Any]


@dataclass
class Squad:
    """A tenant's agents, and what the gateway would do for them."""

    database: Database
    presence: Presence
    signals: RunSignals
    tenant_id: UUID
    ids: dict[str, UUID]
    gateway: str = field(default_factory=lambda: f"gw-{uuid4().hex[:8]}")

    async def online(self, name: str, *, concurrency: int = 5) -> str:
        """Connect a replica; returns its socket."""
        sid = f"{name}-{uuid4().hex[:6]}"
        replica = Replica(
            sid=sid, gateway=self.gateway, handlers=["default"], concurrency=concurrency, since=0.0
        )
        await self.presence.mark(self.gateway)
        await self.presence.write({(self.tenant_id, self.ids[name]): [replica]})
        return sid

    async def offline(self, name: str, sid: str) -> None:
        await self.presence.withdraw(self.tenant_id, self.ids[name], [sid])

    async def step(self, call: Any) -> Any:
        """Take one step of an agent in a transaction, and tell of it."""
        async with self.database.tenant(self.tenant_id) as tx:
            result = await call(tx)
        change = result[1] if isinstance(result, tuple) else result
        if isinstance(change, runs.Change):
            await self.signals.changed(self.tenant_id, change)
        return result

    async def read(self, run_id: UUID) -> Run:
        async with self.database.tenant(self.tenant_id) as tx:
            run = await runs.read(tx, run_id)
        assert run is not None
        return run

    async def all_runs(self) -> list[Run]:
        async with self.database.tenant(self.tenant_id) as tx:
            ids = (await tx.execute(text("SELECT id FROM runs ORDER BY created_at, id"))).scalars().all()
            return [run for run_id in ids if (run := await runs.read(tx, run_id)) is not None]

    async def assigned(self, *, fence: int | None = None, within_s: float = 10) -> Run:
        """The run that is assigned and not acknowledged yet."""

        async def found() -> Run:
            waiting = [run for run in await self.all_runs() if run.state.value == "assigned"]
            assert waiting, [run.state for run in await self.all_runs()]
            assert fence is None or waiting[0].fence == fence
            return waiting[0]

        return await eventually(found, within_s=within_s)

    async def acknowledge(self, run: Run, *, lease_s: float = 30) -> None:
        await self.step(lambda tx: runs.acknowledge(tx, run.id, run.fence, lease_s=lease_s))

    async def complete(self, run: Run, answer: str, *, cost_usd: float = 0.0) -> None:
        usage = Usage(cost_usd=cost_usd)
        await self.step(lambda tx: runs.complete(tx, run.id, run.fence, answer, usage))

    async def fail(self, run: Run, words: str) -> None:
        failure = RunFailure(code="agent_failed", message=words)
        await self.step(lambda tx: runs.fail(tx, run.id, run.fence, failure, None))

    @asynccontextmanager
    async def answering(self, name: str, answer: str) -> AsyncGenerator[None]:
        """An agent that answers whatever it is given with the same words."""
        await self.online(name)

        async def work() -> None:
            while True:
                for run in await self.all_runs():
                    if run.state.value == "assigned":
                        await self.acknowledge(run)
                        await self.complete(run, answer)
                await asyncio.sleep(0.02)

        task = asyncio.create_task(work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def squad(path: Any, database: FreshDatabase, redis_url: str) -> AsyncGenerator[Squad]:
    gateway = Database.connect(database.url("oblivion_gateway"))
    presence, signals = Presence(redis_url), RunSignals(redis_url)
    tenant_id = UUID(str((await path.rows("SELECT id FROM tenants"))[0]["id"]))
    await path.run("""UPDATE tenants SET settings = '{"unknown_users": "guest"}'""")
    async with gateway.tenant(tenant_id) as tx:
        agents = await seed_squad(tx, tenant_id)
        agents.append(await create_agent(tx, tenant_id, "fixer", AgentDefinition(aliases=["fixit"])))
    yield Squad(gateway, presence, signals, tenant_id, {agent.name: agent.id for agent in agents})
    await presence.close()
    await signals.close()
    await gateway.close()
