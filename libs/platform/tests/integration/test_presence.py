"""Presence on a real Redis."""

import time
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
import redis.asyncio

from oblivion_platform.presence import Place, Presence, Replica
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

TENANT, OTHER_TENANT, AGENT = UUID(int=1), UUID(int=2), UUID(int=3)


def a_replica(sid: str, **changes: Any) -> Replica:
    values = {"sid": sid, "gateway": "g1", "handlers": ["default"], "concurrency": 2, "since": time.time()}
    return Replica(**{**values, **changes})


@pytest.fixture
async def presence(redis_url: str) -> AsyncGenerator[Presence]:
    board = Presence(redis_url)
    await board.mark("g1")
    yield board
    await board.close()


async def test_what_a_gateway_writes_is_read_back(presence: Presence) -> None:
    replica = a_replica("s1", running=1, version="1.0")
    await presence.write({(TENANT, AGENT): [replica]})
    assert await presence.replicas(TENANT, [AGENT]) == {AGENT: [replica]}
    assert await presence.replicas(OTHER_TENANT, [AGENT]) == {AGENT: []}


async def test_the_least_loaded_replica_is_picked_and_counts_as_loaded_at_once(presence: Presence) -> None:
    await presence.mark("g2")
    await presence.write({(TENANT, AGENT): [a_replica("s1", running=1), a_replica("s2", gateway="g2")]})
    assert await presence.pick(TENANT, AGENT, "x") == Place("s2", "g2")
    picked = {await presence.pick(TENANT, AGENT, "x"), await presence.pick(TENANT, AGENT, "x")}
    assert picked == {Place("s1", "g1"), Place("s2", "g2")}
    assert await presence.pick(TENANT, AGENT, "x") is None


async def test_only_a_replica_that_handles_the_task_and_does_not_drain_is_picked(presence: Presence) -> None:
    draining = a_replica("s1", draining=True)
    await presence.write({(TENANT, AGENT): [draining, a_replica("s2", handlers=["fix_bug"])]})
    assert await presence.pick(TENANT, AGENT, "other") is None
    assert await presence.pick(TENANT, AGENT, "fix_bug") == Place("s2", "g1")


async def test_sockets_of_a_gateway_that_was_killed_are_picked_by_nobody(presence: Presence) -> None:
    await presence.write({(TENANT, AGENT): [a_replica("s1", running=1), a_replica("s2", gateway="killed")]})
    assert await presence.pick(TENANT, AGENT, "x") == Place("s1", "g1")
    assert await presence.pick(TENANT, AGENT, "x") is None
    await presence.mark("killed")
    assert await presence.pick(TENANT, AGENT, "x") == Place("s2", "killed")


async def test_a_withdrawn_replica_is_gone(presence: Presence) -> None:
    await presence.write({(TENANT, AGENT): [a_replica("s1"), a_replica("s2")]})
    await presence.withdraw(TENANT, AGENT, ["s1"])
    assert [replica.sid for replica in (await presence.replicas(TENANT, [AGENT]))[AGENT]] == ["s2"]


async def test_a_newer_socket_of_an_instance_is_not_its_first_and_the_older_one_not_its_last(
    presence: Presence,
) -> None:
    assert await presence.arrive(TENANT, AGENT, "pod-1", "s1")
    assert not await presence.arrive(TENANT, AGENT, "pod-1", "s2")
    assert await presence.arrive(TENANT, AGENT, "pod-2", "s3")
    assert not await presence.depart(TENANT, AGENT, "pod-1", "s1")
    assert await presence.depart(TENANT, AGENT, "pod-1", "s2")
    assert not await presence.depart(TENANT, AGENT, "pod-1", "s2"), "somebody was told already"
    assert await presence.arrive(TENANT, AGENT, "pod-1", "s4")
    assert await presence.arrive(OTHER_TENANT, AGENT, "pod-1", "s5")


async def test_what_is_written_keeps_an_instance_known_and_its_newest_socket(
    presence: Presence, redis_url: str
) -> None:
    await presence.arrive(TENANT, AGENT, "pod-1", "new")
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        (key,) = [key async for key in client.scan_iter(f"t:{TENANT}:*:instance:pod-1")]
        await client.expire(key, 10)
        await presence.write({(TENANT, AGENT): [a_replica("old", instance="pod-1")]})
        assert await client.ttl(key) > 10
        assert not await presence.depart(TENANT, AGENT, "pod-1", "old")
        await client.flushdb()
    await presence.write({(TENANT, AGENT): [a_replica("new", instance="pod-1")]})
    assert await presence.arrive(TENANT, AGENT, "pod-1", "new"), "to be written is not to have come before"
    assert await presence.depart(TENANT, AGENT, "pod-1", "new")


async def test_a_silent_replica_is_dropped(redis_url: str) -> None:
    presence = Presence(redis_url, silent_after_s=1)
    await presence.write({(TENANT, AGENT): [a_replica("s1")]})

    async def dropped() -> bool:
        return (await presence.replicas(TENANT, [AGENT]))[AGENT] == []

    await eventually(dropped)
    assert await presence.pick(TENANT, AGENT, "x") is None
    await presence.close()


async def test_a_gateway_notices_that_redis_forgot(presence: Presence, redis_url: str) -> None:
    assert not await presence.mark("new")
    assert await presence.mark("new")
    assert await presence.is_marked("new")
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushdb()
    assert not await presence.is_marked("new")
    assert not await presence.mark("new")


async def test_a_gateway_that_ended_or_fell_silent_is_not_marked(presence: Presence) -> None:
    await presence.mark("ended", for_s=60)
    await presence.unmark("ended")
    assert not await presence.is_marked("ended")
    await presence.mark("silent", for_s=0.2)

    async def forgotten() -> bool:
        return not await presence.is_marked("silent")

    await eventually(forgotten)
    assert await presence.mark("silent") is False
