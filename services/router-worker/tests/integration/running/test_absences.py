"""Redis or Postgres away: every pod stays in service, comes back by itself, and consumes again within 5 s.

A full minute is borne too (`pytest -m faults` runs that one): probes and patience have limits of their own,
which a short absence does not meet.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_platform.testing.databases import copy_of, template_database
from oblivion_router_worker.settings import Settings

BACK_WITHIN_S = 5.0
LOOK_EVERY_S = 0.25
AS_INSTALLED = {
    name: Settings.model_fields[name].default
    for name in ("park_first_s", "event_backoff_s", "outbox_sweep_every_s")
}
"""Waiting as the settings have it, not as short as other tests do."""

absences = pytest.mark.parametrize(
    ("how", "away_s"),
    [
        ("gone", 3),
        pytest.param("gone", 60, marks=pytest.mark.faults),
        pytest.param("frozen", 60, marks=pytest.mark.faults),
    ],
)


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


async def looks(path, worker_port: int, away_s: float) -> set[tuple[str, int]]:
    """What the probes of both services were answered while the absence lasted."""
    answers: set[tuple[str, int]] = set()
    services = {"ingestion": path.ingestion_url, "router-worker": f"http://127.0.0.1:{worker_port}"}
    until = time.monotonic() + away_s
    async with httpx.AsyncClient() as http:
        while time.monotonic() < until:
            for service, url in services.items():
                for probe in ("live", "ready"):
                    answer = await http.get(f"{url}/health/{probe}")
                    answers.add((f"{service} {probe}", answer.status_code))
            await asyncio.sleep(LOOK_EVERY_S)
    return answers


@asynccontextmanager
async def away(server: EmbeddedPostgres | EmbeddedRedis, how: str) -> AsyncGenerator[None]:
    """Gone: stopped and started again. Frozen: it keeps its connections and answers nothing."""
    if how == "gone":
        await server.stop()
        yield
        await server.start()
        return
    processes = processes_of(server)
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def processes_of(server: EmbeddedPostgres | EmbeddedRedis) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [server.pid, *map(int, children)]


IN_SERVICE = {
    (f"{service} {probe}", 200) for service in ("ingestion", "router-worker") for probe in ("live", "ready")
}


@absences
async def test_redis_away(path, redis_of_its_own, unused_tcp_port, how, away_s):
    async with path.worker(port=unused_tcp_port, **AS_INSTALLED):
        before = await path.clickup.create_task(path.list_id, "Before")
        await path.message_of(before["id"])
        async with away(redis_of_its_own, how):
            meanwhile = await path.clickup.create_task(path.list_id, "Meanwhile")
            assert await looks(path, unused_tcp_port, away_s) == IN_SERVICE
        back_at = time.monotonic()
        after = await path.clickup.create_task(path.list_id, "After")
        for task in (after, meanwhile):
            await path.message_of(task["id"])
        assert time.monotonic() - back_at < BACK_WITHIN_S
        await path.settled()
        assert len(await path.thread()) == 3


async def being_handled(path) -> None:
    """An event is in the middle of its handling: what it asks ClickUp for is on its way."""
    (slow,) = await path.clickup.rules()
    assert slow["applied"]


@absences
async def test_postgres_away(path, postgres_of_its_own, unused_tcp_port, how, away_s):
    async with path.worker(port=unused_tcp_port, **AS_INSTALLED):
        before = await path.clickup.create_task(path.list_id, "Before")
        await path.message_of(before["id"])
        await path.settled()
        await path.clickup.misbehave("GET /task/*", "slow", times=1, seconds=1)
        caught = await path.clickup.create_task(path.list_id, "Caught")
        await eventually(lambda: being_handled(path))
        async with away(postgres_of_its_own, how):
            assert await looks(path, unused_tcp_port, away_s) == IN_SERVICE
        back_at = time.monotonic()
        await path.admin.dispose()  # Its connections are of the server that was.
        after = await path.clickup.create_task(path.list_id, "After")
        for task in (after, caught):
            await path.message_of(task["id"])
        assert time.monotonic() - back_at < BACK_WITHIN_S
        await path.settled()
        assert len(await path.thread()) == 3
