"""The main path with agents: a registry, and agents that stand in for the gateway's side."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.runs import RunFailure, Usage
from oblivion_platform import runs, sessions
from oblivion_platform.agents import create_agent, seed_squad
from oblivion_platform.database.engine import Database
from oblivion_platform.presence import Presence, Replica
from oblivion_platform.queue import JobQueue
from oblivion_platform.runs import Run, RunJob, RunSignals
from oblivion_platform.sessions import Said
from oblivion_platform.tasks import end
from oblivion_platform.testing import PATIENCE_S, FreshDatabase, eventually

Json = dict[str, Any]


@dataclass
class Squad:
    """A tenant's agents, and what the gateway would do for them."""

    database: Database
    presence: Presence
    signals: RunSignals
    jobs: JobQueue
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

    async def assigned(self, *, fence: int | None = None, within_s: float = PATIENCE_S) -> Run:
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
        async def complete(tx: AsyncConnection) -> runs.Change | None:
            said = Said("agent", answer, run.source, source_ref=f"run:{run.id}", run_id=run.id)
            await sessions.append_message(tx, run.session_id, said)
            return await runs.complete(tx, run.id, run.fence, answer, Usage(cost_usd=cost_usd))

        await self.step(complete)

    async def fail(self, run: Run, words: str) -> None:
        failure = RunFailure(code="agent_failed", message=words)
        await self.step(lambda tx: runs.fail(tx, run.id, run.fence, failure, None))

    async def hasten(self, run: Run) -> None:
        """Let the job of a run that has ended end too."""
        await self.jobs.hasten(runs.job_of(self.tenant_id, RunJob.of(run)))

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
            await end(task)


@pytest.fixture
async def squad(path: Any, database: FreshDatabase, redis_url: str) -> AsyncGenerator[Squad]:
    gateway = Database.connect(database.url("oblivion_gateway"))
    presence, signals, jobs = Presence(redis_url), RunSignals(redis_url), runs.run_queue(redis_url)
    tenant_id = UUID(str((await path.rows("SELECT id FROM tenants"))[0]["id"]))
    await path.run("""UPDATE tenants SET settings = '{"unknown_users": "guest"}'""")
    async with gateway.tenant(tenant_id) as tx:
        agents = await seed_squad(tx, tenant_id)
        agents.append(await create_agent(tx, tenant_id, "fixer", AgentDefinition(aliases=["fixit"])))
    yield Squad(gateway, presence, signals, jobs, tenant_id, {agent.name: agent.id for agent in agents})
    await jobs.close()
    await presence.close()
    await signals.close()
    await gateway.close()


class Talk:
    """A person who talks to the bot in #launch, and sees what it says."""

    def __init__(self, path: Any) -> None:
        self._path = path

    async def ask(self, words: str, *, user: str = "ana", thread_ts: str | None = None) -> str:
        """Mention the bot; returns the ts of the message."""
        text_ = f"@oblivion {words}"
        post = self._path.slack.post
        return (await post(self._path.channel, text_, user=user, thread_ts=thread_ts, typed=True))["ts"]

    async def said(self, thread_ts: str, words: str, *, within_s: float = PATIENCE_S) -> list[Json]:
        """What the bot says in the thread, once one of it has these words."""

        async def found() -> list[Json]:
            messages = [m for m in await self._path.thread(thread_ts) if m.get("bot_id")]
            assert any(words in shown(m) for m in messages), [shown(m)[:300] for m in messages]
            return messages

        return await eventually(found, within_s=within_s)

    async def whispered(self, words: str) -> Json:
        async def found() -> Json:
            all_of_them = await self._path.slack.ephemerals(self._path.channel)
            fitting = [each for each in all_of_them if words in str(each)]
            assert fitting, all_of_them
            return fitting[-1]

        return await eventually(found)

    async def reactions(self, ts: str) -> set[str]:
        entries = [entry["message"] for entry in await self._path.slack.messages(self._path.channel)]
        message = next(m for m in entries if m["ts"] == ts)
        return {reaction["name"] for reaction in message.get("reactions", [])}


def shown(message: Json) -> str:
    return message["text"] + str(message.get("blocks"))


@pytest.fixture
def talk(path: Any) -> Talk:
    return Talk(path)
