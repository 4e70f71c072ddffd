"""Agents while things die: Redis for ten seconds, a gateway by SIGKILL, the index."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from oblivion_contracts.agent_socket import TaskAssigned, TaskCancelled
from oblivion_contracts.agents import AgentDefinition, AgentLimits
from oblivion_contracts.runs import RunState
from oblivion_gateway.testing import World, running_world
from oblivion_gateway.testing_agents import TestAgent, about, dispatching, held_by, work
from oblivion_platform.agents import parse_client_id, update_agent
from oblivion_platform.embedded import EmbeddedRedis
from oblivion_platform.embedded.process import free_port
from oblivion_platform.lifetime import tied_to_parent
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_sandbox.testing import running_sandbox

pytestmark = [pytest.mark.integration, pytest.mark.faults]

AGENTS = 50
AWAY_S = 10.0
BACK_WITHIN_S = 5.0


async def test_fifty_agents_work_again_soon_after_redis_was_away(
    database: FreshDatabase, tmp_path: Path
) -> None:
    redis = EmbeddedRedis(tmp_path / "redis")
    url = await redis.start()
    async with running_world(database, url) as world, dispatching(database, url) as dispatcher:
        tenant = await world.new_tenant()
        issued = await world.new_agent(tenant)
        agent_id = parse_client_id(issued.client_id).agent_id
        async with world.database.tenant(tenant.id) as tx:
            await update_agent(tx, tenant.id, agent_id, AgentDefinition(limits=AgentLimits(concurrency=1)))
        token = await world.agent_token(issued)
        agents = [TestAgent(world.base_url) for _ in range(AGENTS)]
        for agent in agents:
            await agent.connect(token)
            assert (await agent.hello()).ok
        held = await _held(agents, dispatcher, tenant.id, agent_id)
        os.kill(redis.pid, signal.SIGKILL)
        ends_at = time.monotonic() + AWAY_S
        while time.monotonic() < ends_at:
            beat = await held.agent.call("task.heartbeat", about(held.run))
            assert beat.ok, "Postgres alone keeps a lease"
        assert not any(agent.disconnected.is_set() for agent in agents)
        await redis.stop()
        # Asked meanwhile.
        runs = [await dispatcher.new_run(tenant.id, agent_id) for _ in range(AGENTS)]
        await redis.start()
        began = time.monotonic()
        assert await _complete(held)
        few = asyncio.Semaphore(4)

        async def assign(run_id: UUID) -> None:
            async with few:  # As many as the dispatcher has connections.
                await dispatcher.assign(tenant.id, run_id)

        assigning = asyncio.gather(*(assign(run_id) for run_id in runs))
        given = await asyncio.gather(*(_begin_next(agent, but=held.run.run_id) for agent in agents))
        ends = await asyncio.gather(*(_complete(one) for one in given))
        took_s = time.monotonic() - began
        await assigning
        assert all(ends)
        assert sorted(one.run.run_id for one in given) == sorted(runs), "each agent had one of them"
        states = [(await dispatcher.read(tenant.id, run_id)).state for run_id in runs]
        assert set(states) == {RunState.SUCCEEDED}
        assert not any(agent.disconnected.is_set() for agent in agents)
        assert took_s < BACK_WITHIN_S
        for agent in agents:
            await agent.close()
    await redis.stop()


@dataclass(frozen=True)
class Held:
    """A run, and the agent that got it."""

    agent: TestAgent
    run: TaskAssigned


async def _held(agents: list[TestAgent], dispatcher: Any, tenant_id: UUID, agent_id: UUID) -> Held:
    await dispatcher.assign(tenant_id, await dispatcher.new_run(tenant_id, agent_id))

    async def given() -> Held:
        found = {run.run_id: Held(agent, run) for agent in agents for run in agent.heard(TaskAssigned)}
        assert len(found) == 1
        return next(iter(found.values()))

    held = await eventually(given)
    assert (await held.agent.call("task.ack", about(held.run))).ok
    return held


async def _begin_next(agent: TestAgent, *, but: UUID) -> Held:
    """The one run that the agent is given since, acknowledged."""

    def given() -> TaskAssigned:
        # Of one that is sent again, since nobody had acknowledged it yet, once is enough.
        found = {run.run_id: run for run in agent.heard(TaskAssigned) if run.run_id != but}
        assert len(found) == 1
        return next(iter(found.values()))

    run = await eventually(given, within_s=2 * BACK_WITHIN_S)
    assert (await agent.call("task.ack", about(run))).ok
    return Held(agent, run)


async def _complete(held: Held) -> bool:
    return (await held.agent.call("task.completed", {**about(held.run), "answer": "done"})).ok


@asynccontextmanager
async def gateway_process(world: World) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str]]:
    """Another gateway of the same system, as a process of its own."""
    port, settings = free_port(), world.settings
    environment = {
        **os.environ,
        "PORT": str(port),
        "OBLIVION_HOST": "127.0.0.1",
        "OBLIVION_DATABASE_URL": settings.database_url.get_secret_value(),
        "OBLIVION_REDIS_URL": settings.redis_url.get_secret_value(),
        "OBLIVION_MASTER_KEY": settings.master_key.get_secret_value(),
        "OBLIVION_PUBLIC_URL": settings.public_url,
        "OBLIVION_LOG_LEVEL": "warning",
    }
    command = tied_to_parent([sys.executable, "-m", "oblivion_gateway"])
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    url = f"http://127.0.0.1:{port}"

    async def ready() -> bool:
        async with httpx.AsyncClient() as http:
            try:
                return (await http.get(f"{url}/health/ready")).status_code == 200
            except httpx.HTTPError:
                return False

    try:
        await eventually(ready, within_s=30)
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_an_agent_whose_gateway_is_killed_keeps_its_run_at_another(office: Any) -> None:
    async with gateway_process(office.world) as (process, url):
        agent = TestAgent(url)
        await agent.connect(await office.world.agent_token(office.issued))
        assert (await agent.hello()).ok
        assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
        process.send_signal(signal.SIGKILL)
        await eventually(agent.disconnected.is_set)
    back = await office.agent(held=[held_by(assigned)])
    assert (await back.call("task.heartbeat", about(assigned))).ok
    assert (await back.call("task.completed", {**about(assigned), "answer": "done"})).ok
    assert back.heard(TaskCancelled) == []
    run = await office.dispatcher.read(office.tenant.id, assigned.run_id)
    assert (run.state, run.fence, run.lost_leases) == (RunState.SUCCEEDED, assigned.fence, 0)


async def test_the_presence_of_a_killed_gateway_ends_in_silence(office: Any) -> None:
    async with gateway_process(office.world) as (process, url):
        agent = TestAgent(url)
        await agent.connect(await office.world.agent_token(office.issued))
        await agent.hello()
        process.send_signal(signal.SIGKILL)
        await eventually(agent.disconnected.is_set)

    async def silent() -> bool:
        board = await office.dispatcher.presence.replicas(office.tenant.id, [office.agent_id])
        return board == {office.agent_id: []}

    await eventually(silent, within_s=35)
    assert await office.dispatcher.presence.pick(office.tenant.id, office.agent_id, "default") is None


async def test_what_was_finished_while_the_index_was_away_is_found_once_it_is_back(
    database: FreshDatabase, redis_url: str, tmp_path: Path, new_office: Any
) -> None:
    async with running_sandbox(tmp_path) as sandbox:
        sandbox_url = sandbox.qdrant_url
        office = await new_office(qdrant_url="http://127.0.0.1:1")
        agent = await office.agent()
        lost = await agent.call("search.history", {"query": "the login page"})
        assert (lost.ok, lost.problem.status) == (False, 503)
        assert lost.retry_after_s > 0
        place = (office.dispatcher, office.tenant.id, office.agent_id)
        assigned = await work(agent, *place, user_id=office.tenant.people["user"])
        await agent.call("task.completed", {**about(assigned), "answer": "the login page works again"})
        async with running_world(
            database, redis_url, master_key=office.world.settings.master_key, qdrant_url=sandbox_url
        ) as world:
            await agent.close()
            seeker = await office.agent(world=world)
            # For the person who asked before: what was not said in public is theirs alone.
            again = await work(seeker, *place, user_id=office.tenant.people["user"])
            query = {"query": "users cannot log in", "run": about(again)}

            async def found() -> Any:
                answer = await seeker.call("search.history", query)
                assert answer.ok
                assert answer.hits
                return answer.hits[0]

            hit = await eventually(found)
            async with office.dispatcher.database.tenant(office.tenant.id) as tx:
                lacking = await tx.execute(text("SELECT id FROM runs WHERE indexed_at IS NULL"))
                assert lacking.scalars().all() == [again.run_id]
            assert (hit.run_id, hit.answer) == (assigned.run_id, "the login page works again")
            await seeker.close()
