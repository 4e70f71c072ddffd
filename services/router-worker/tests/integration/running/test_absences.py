"""Redis or Postgres away: every pod stays in service, comes back by itself, and consumes again within 5 s.

OBLIVION_TEST_AWAY_S makes the absence as long as one likes; liveness has to bear a full minute.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.testing import FreshDatabase
from oblivion_platform.testing.databases import copy_of, template_database

AWAY_S = float(os.environ.get("OBLIVION_TEST_AWAY_S", "3"))
BACK_WITHIN_S = 5.0
LOOK_EVERY_S = 0.25


@pytest.fixture
def redis_of_its_own(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "redis")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
def redis_url(redis_of_its_own: EmbeddedRedis) -> str:
    return redis_of_its_own.url


@pytest.fixture
def postgres_of_its_own(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
def database(postgres_of_its_own: EmbeddedPostgres) -> Iterator[FreshDatabase]:
    url = postgres_of_its_own.admin_url
    with template_database(url) as template, copy_of(template, url) as fresh:
        yield fresh


async def looks(path, worker_port: int) -> set[tuple[str, int]]:
    """What the probes of both services were answered while the absence lasted."""
    answers: set[tuple[str, int]] = set()
    services = {"ingestion": path.ingestion_url, "router-worker": f"http://127.0.0.1:{worker_port}"}
    until = time.monotonic() + AWAY_S
    async with httpx.AsyncClient() as http:
        while time.monotonic() < until:
            for service, url in services.items():
                for probe in ("live", "ready"):
                    answer = await http.get(f"{url}/health/{probe}")
                    answers.add((f"{service} {probe}", answer.status_code))
            await asyncio.sleep(LOOK_EVERY_S)
    return answers


IN_SERVICE = {
    (f"{service} {probe}", 200) for service in ("ingestion", "router-worker") for probe in ("live", "ready")
}


async def test_redis_away(path, redis_of_its_own, unused_tcp_port):
    async with path.worker(port=unused_tcp_port):
        before = await path.clickup.create_task(path.list_id, "Before")
        await path.message_of(before["id"])
        await redis_of_its_own.stop()
        meanwhile = await path.clickup.create_task(path.list_id, "Meanwhile")
        assert await looks(path, unused_tcp_port) == IN_SERVICE

        await redis_of_its_own.start()
        back_at = time.monotonic()
        after = await path.clickup.create_task(path.list_id, "After")
        for task in (after, meanwhile):
            await path.message_of(task["id"])
        assert time.monotonic() - back_at < BACK_WITHIN_S
        await path.settled()
        assert len(await path.thread()) == 3


async def test_postgres_away(path, postgres_of_its_own, unused_tcp_port):
    async with path.worker(port=unused_tcp_port):
        before = await path.clickup.create_task(path.list_id, "Before")
        await path.message_of(before["id"])
        await path.settled()
        await postgres_of_its_own.stop()
        assert await looks(path, unused_tcp_port) == IN_SERVICE

        await postgres_of_its_own.start()
        back_at = time.monotonic()
        await path.admin.dispose()  # Its connections are of the server that was.
        after = await path.clickup.create_task(path.list_id, "After")
        await path.message_of(after["id"])
        assert time.monotonic() - back_at < BACK_WITHIN_S
        await path.settled()
        assert len(await path.thread()) == 2
