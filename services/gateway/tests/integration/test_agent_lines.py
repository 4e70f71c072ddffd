"""When the live feed says that an agent is online or offline, and when a new socket is no news."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from oblivion_contracts.runs import RunState
from oblivion_gateway.testing import running_world
from oblivion_gateway.testing_agents import about, held_by, work
from oblivion_gateway.usecases import announce
from oblivion_platform.feed import FeedReader, Line
from oblivion_platform.testing import FreshDatabase, eventually

pytestmark = pytest.mark.integration

Told = Callable[[], Awaitable[list[str]]]
ONLINE, OFFLINE = "A replica of fixer is online", "A replica of fixer is offline"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests in which nobody comes back in time."""
    monkeypatch.setattr(announce, "BACK_WITHIN_S", 0.1)


@pytest.fixture
async def told(office: Any, redis_url: str) -> AsyncGenerator[Told]:
    """The lines about agents, oldest first: all that this gateway has told by now, and what others have."""
    reader = FeedReader(redis_url)

    async def lines() -> list[str]:
        by_now = uuid4().hex
        office.world.gateway.feed.tell(office.tenant.id, Line("run.notice", by_now))

        async def written() -> list[str]:
            found = (await reader.newest(office.tenant.id)).lines
            assert by_now in {line.text for line in found}
            return [line.text for line in found if line.kind in {"agent.online", "agent.offline"}]

        return await eventually(written)

    yield lines
    await reader.close()


async def settled(office: Any, *, connected: int) -> None:
    """So many are still here, and of whoever left somebody was told by now, if ever: nobody is waited for."""
    await eventually(lambda: len(office.world.gateway.agent_gateway.connections) == connected)
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "agent came"))
    await office.world.gateway.agent_gateway._announce.close()


async def once_told(told: Told, count: int) -> list[str]:
    """All that is told by the time that so many lines are."""

    async def are_there() -> list[str]:
        lines = await told()
        assert len(lines) >= count
        return lines

    return await eventually(are_there)


@pytest.mark.parametrize("order", ["the old one goes first", "the new one comes first"])
async def test_a_socket_that_replaces_another_on_any_gateway_is_no_line_and_keeps_its_runs(
    office: Any,
    told: Told,
    database: FreshDatabase,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    order: str,
) -> None:
    monkeypatch.setattr(announce, "BACK_WITHIN_S", 3_600.0)
    instance = uuid4().hex
    async with running_world(database, redis_url, master_key=office.world.settings.master_key) as other:
        old = await office.agent(instance=instance)
        assigned = await work(old, office.dispatcher, office.tenant.id, office.agent_id)
        if order == "the old one goes first":
            await old.close()
        new = await office.agent(world=other, instance=instance, held=[held_by(assigned)])
        await old.close()
        await settled(office, connected=0)
        monkeypatch.setattr(announce, "BACK_WITHIN_S", 0.1)
        assert (await new.call("task.completed", {**about(assigned), "answer": "done"})).ok
        run = await office.dispatcher.read(office.tenant.id, assigned.run_id)
        assert (run.state, run.fence, run.lost_leases) == (RunState.SUCCEEDED, assigned.fence, 0)
        assert await once_told(told, 1) == [ONLINE]
        await new.close()
        assert await once_told(told, 2) == [ONLINE, OFFLINE]


@pytest.mark.usefixtures("impatient")
async def test_an_agent_that_is_lost_is_told_to_be_offline(office: Any, told: Told) -> None:
    agent = await office.agent(instance=uuid4().hex)
    assert await once_told(told, 1) == [ONLINE]
    agent.client.eio.ws._response.connection.transport.abort()  # The process is gone: no goodbye.
    assert await once_told(told, 2) == [ONLINE, OFFLINE]


@pytest.mark.usefixtures("impatient")
async def test_another_process_of_the_same_agent_is_a_replica_of_its_own(office: Any, told: Told) -> None:
    one, other = await office.agent(instance="one"), await office.agent(instance="other")
    assert await once_told(told, 2) == [ONLINE, ONLINE]
    await one.close()
    assert await once_told(told, 3) == [ONLINE, ONLINE, OFFLINE]
    await other.close()
    assert await once_told(told, 4) == [ONLINE, ONLINE, OFFLINE, OFFLINE]


async def test_an_older_client_that_names_no_instance_is_told_of_at_once(
    office: Any, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce, "BACK_WITHIN_S", 3_600.0)
    agent = await office.agent()
    await agent.close()
    assert await once_told(told, 2) == [ONLINE, OFFLINE]


async def test_who_left_is_told_of_before_its_gateway_ends_and_who_stayed_is_expected_elsewhere(
    office: Any, told: Told, database: FreshDatabase, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce, "BACK_WITHIN_S", 3_600.0)
    async with running_world(database, redis_url, master_key=office.world.settings.master_key) as ending:
        gone = await office.agent(world=ending, instance="gone")
        stayed = await office.agent(world=ending, instance="stayed")
        assert await once_told(told, 2) == [ONLINE, ONLINE]
        await gone.close()
        await eventually(lambda: len(ending.gateway.agent_gateway.connections) == 1)
    await eventually(stayed.disconnected.is_set)
    again = await office.agent(instance="stayed")
    assert (await again.hello(instance="stayed")).ok
    assert await once_told(told, 3) == [ONLINE, ONLINE, OFFLINE]


@pytest.mark.usefixtures("impatient")
async def test_the_same_instance_is_known_for_as_long_as_it_is_connected(
    office: Any, told: Told, redis_url: str
) -> None:
    import redis.asyncio

    one = await office.agent(instance="x")
    assert await once_told(told, 1) == [ONLINE]
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushdb()

        async def written_again() -> None:
            assert [key async for key in client.scan_iter("*:instance:x")]

        await eventually(written_again)
    await office.agent(instance="x")
    await one.close()
    await settled(office, connected=1)
    assert await told() == []
