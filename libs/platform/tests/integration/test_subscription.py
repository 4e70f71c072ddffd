"""Subscriptions survive a Redis that dies, or that stops without dying."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import redis.asyncio

from oblivion_platform.embedded import EmbeddedRedis
from oblivion_platform.subscription import Subscription
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


class Ear:
    """Listens in the background and keeps what it hears."""

    def __init__(self, url: str) -> None:
        self.heard: list[bytes | None] = []
        self._task = asyncio.create_task(self._listen(Subscription(url, "channel")))

    async def _listen(self, subscription: Subscription) -> None:
        async for message in subscription.messages():
            self.heard.append(message)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncGenerator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def publish(url: str, message: str) -> None:
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.publish("channel", message)


async def test_messages_are_heard_after_the_word_that_listening_began(redis_url: str) -> None:
    ear = Ear(redis_url)
    await eventually(lambda: ear.heard == [None])
    await publish(redis_url, "hello")
    await eventually(lambda: ear.heard == [None, b"hello"])
    await ear.close()
    assert ear.heard == [None, b"hello"]


async def test_listening_goes_on_after_redis_was_gone(own_redis: EmbeddedRedis, tmp_path: Path) -> None:
    url = await own_redis.start()
    ear = Ear(url)
    await eventually(lambda: ear.heard == [None])
    await own_redis.stop()
    await own_redis.start()
    await eventually(lambda: ear.heard == [None, None])
    await publish(url, "again")
    await eventually(lambda: ear.heard[-1] == b"again")
    await ear.close()
    assert ear.heard == [None, None, b"again"]


async def test_a_redis_that_is_stopped_but_not_dead_is_noticed(own_redis: EmbeddedRedis) -> None:
    subscription = Subscription(await own_redis.start(), "channel")
    heard: list[bytes | None] = []

    async def listen() -> None:
        async for message in subscription.messages():
            heard.append(message)  # noqa: PERF401 - it never ends

    listening = asyncio.create_task(listen())
    await eventually(lambda: subscription.listening)
    os.kill(own_redis.pid, signal.SIGSTOP)
    try:
        await eventually(lambda: not subscription.listening)
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)
    await eventually(lambda: subscription.listening)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert heard == [None, None]
