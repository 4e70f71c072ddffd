"""Postgres and Redis stop, die, are absent and come back; nothing acknowledged is lost."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import redis.asyncio

from oblivion_ingestion.bootstrap import running
from oblivion_ingestion.settings import Settings
from oblivion_ingestion.testing import (
    APP,
    SLACK_SECRET,
    TEAM,
    Running,
    World,
    connected_world,
    message,
    served,
    task_event,
)
from oblivion_platform.database.migrate import upgrade
from oblivion_platform.database.roles import OWNER, SERVICE_ROLES, ensure_roles
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.service import CannotStart
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_platform.testing.databases import password_of

pytestmark = pytest.mark.integration
NOTICED_WITHIN_S = 3.0 + 2.0
"""Slack's deadline, and what a busy machine may add to it."""
BACK_WITHIN_S = 5.0
AS_INSTALLED = {name: Settings.model_fields[name].default for name in ("sweep_every_s", "sweep_overdue_s")}
"""Sweeping as the settings have it, not as often as other tests do."""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of our own, to be ill-treated."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    asyncio.run(server.start())
    asyncio.run(ensure_roles(server.admin_url, {role: password_of(role) for role in (OWNER, *SERVICE_ROLES)}))
    upgrade(FreshDatabase(server.admin_url, "postgres").owner_url)
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="module")
def module_world(postgres: EmbeddedPostgres, redis_server_url: str) -> World:
    return connected_world(FreshDatabase(postgres.admin_url, "postgres"), redis_server_url)


@pytest.fixture
def frail(module_world: World, postgres: EmbeddedPostgres, redis_url: str) -> Iterator[World]:
    """A world whose Postgres a test may stop or kill."""
    module_world.forget_events()
    yield module_world
    asyncio.run(postgres.start())


@pytest.fixture
async def frail_service(frail: World) -> AsyncIterator[Running]:
    async with served(frail.settings()) as started:
        yield started


def refused_for_now(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1


async def accepted(service: Running, ts: str) -> bool:
    return (await service.slack(message(ts))).status_code == 200


async def test_a_stopped_postgres_is_noticed_in_time_and_work_goes_on_when_it_wakes(
    frail_service: Running, frail: World, postgres: EmbeddedPostgres
) -> None:
    assert await accepted(frail_service, "1.0")
    os.kill(postgres.pid, signal.SIGSTOP)
    stop_backends(postgres)
    began_s = time.monotonic()
    answers = await asyncio.gather(*(frail_service.slack(message(f"2.{n}")) for n in range(20)))
    assert all(map(refused_for_now, answers))
    assert time.monotonic() - began_s < NOTICED_WITHIN_S
    assert (await frail_service.http.get("/health/ready")).status_code == 200
    wake(postgres)
    await eventually(lambda: accepted(frail_service, "2.0"), within_s=BACK_WITHIN_S)
    await asyncio.gather(*(frail_service.slack(message(f"2.{n}")) for n in range(20)))
    assert len(frail.events()) == 21


def stop_backends(postgres: EmbeddedPostgres) -> None:
    for child in children_of(postgres):
        os.kill(child, signal.SIGSTOP)


def wake(postgres: EmbeddedPostgres) -> None:
    for process in (*children_of(postgres), postgres.pid):
        os.kill(process, signal.SIGCONT)


def children_of(postgres: EmbeddedPostgres) -> list[int]:
    return [
        int(pid) for pid in Path(f"/proc/{postgres.pid}/task/{postgres.pid}/children").read_text().split()
    ]


async def test_a_killed_postgres_is_a_503_and_never_a_401_and_pods_stay_in_service(
    frail_service: Running, frail: World, postgres: EmbeddedPostgres
) -> None:
    assert await accepted(frail_service, "1.0")
    os.kill(postgres.pid, signal.SIGKILL)
    await eventually(lambda: not frail_service.ingestion.changes.listening)
    answers = [await frail_service.slack(message("2.0")), await frail_service.clickup(task_event())]
    assert all(map(refused_for_now, answers))
    for path in ("/health/live", "/health/ready"):
        assert (await frail_service.http.get(path)).status_code == 200
    await postgres.start()
    await eventually(lambda: accepted(frail_service, "2.0"), within_s=BACK_WITHIN_S)
    assert len(frail.events()) == 2


async def test_a_service_that_starts_before_postgres_answers_503_until_it_comes(
    frail: World, postgres: EmbeddedPostgres
) -> None:
    await postgres.stop()
    async with served(frail.settings(), usable=False) as service:
        assert refused_for_now(await service.slack(message("3.0")))
        assert (await service.http.get("/health/live")).status_code == 200
        assert (await service.http.get("/health/ready")).status_code == 503
        await postgres.start()
        await eventually(lambda: accepted(service, "3.0"), within_s=BACK_WITHIN_S)
        assert (await service.http.get("/health/ready")).status_code == 200


async def test_a_table_that_is_locked_is_a_503_in_time(service: Running, world: World) -> None:
    assert await accepted(service, "1.0")
    with world.admin() as admin, admin.transaction():
        # The service is in this very loop, and may be in the midst of a transaction.
        await asyncio.to_thread(admin.execute, "LOCK TABLE inbound_events IN ACCESS EXCLUSIVE MODE")
        began_s = time.monotonic()
        assert refused_for_now(await service.slack(message("2.0")))
        assert time.monotonic() - began_s < NOTICED_WITHIN_S
    await eventually(lambda: accepted(service, "2.0"), within_s=BACK_WITHIN_S)


async def test_a_right_that_is_missing_is_ours_to_mend_so_the_sender_tries_again(
    service: Running, world: World
) -> None:
    with world.admin() as admin:
        admin.execute("REVOKE INSERT ON inbound_events FROM oblivion_ingestion")
        columns = (
            "id, tenant_id, integration_id, source, event_type, subject, dedupe_key, priority, transport"
        )
        admin.execute(f"REVOKE INSERT ({columns}) ON inbound_events FROM oblivion_ingestion")
    assert refused_for_now(await service.slack(message()))


async def jobs_in(redis_url: str) -> int:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        return int(await client.zcard("bull:webhook-processing:prioritized"))


async def test_a_redis_that_is_wiped_loses_nothing(service: Running, world: World) -> None:
    for number in range(20):
        assert await accepted(service, f"1.{number}")
    async with redis.asyncio.Redis.from_url(world.redis_url) as client:
        await client.flushall()

    async def all_are_back() -> bool:
        return await jobs_in(world.redis_url) == 20

    await eventually(all_are_back)


async def test_without_redis_webhooks_are_acknowledged_and_queued_when_it_comes(
    world: World, tmp_path: Path
) -> None:
    server = EmbeddedRedis(tmp_path)
    async with served(world.settings(redis_url=server.url, **AS_INSTALLED)) as service:
        for number in range(20):
            assert await accepted(service, f"1.{number}")
        await server.start()
        try:

            async def all_are_queued() -> bool:
                return await jobs_in(server.url) == 20

            await eventually(all_are_queued, within_s=BACK_WITHIN_S)
        finally:
            # Closed while it still answers, as Redis would be.
            await service.ingestion.sweeper.close()
    await server.stop()


async def test_a_stopped_redis_does_not_delay_an_answer(world: World, tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    await server.start()
    async with served(world.settings(redis_url=server.url, **AS_INSTALLED)) as service:
        assert await accepted(service, "1.0")
        os.kill(server.pid, signal.SIGSTOP)
        for number in range(10):
            began_s = time.monotonic()
            assert await accepted(service, f"2.{number}")
            assert time.monotonic() - began_s < NOTICED_WITHIN_S
        os.kill(server.pid, signal.SIGCONT)

        async def all_are_queued() -> bool:
            return await jobs_in(server.url) == 11

        await eventually(all_are_queued, within_s=BACK_WITHIN_S)
    await server.stop()


async def test_secrets_rotate_without_a_gap(service: Running, world: World) -> None:
    assert await accepted(service, "1.0")
    world.add_secret(f"slack:{APP}:{TEAM}", b"the new secret", world.slack)

    async def new_is_taken() -> bool:
        return (await service.slack(message("2.0"), secret=b"the new secret")).status_code == 200

    await eventually(new_is_taken)
    assert await accepted(service, "3.0")
    with world.admin() as admin:
        admin.execute(
            "UPDATE signing_secrets SET state = 'retired' WHERE lookup_key = %s", (f"slack:{APP}:{TEAM}",)
        )

    async def all_are_refused() -> bool:
        return (await service.slack(message("4.0"))).status_code == 401

    await eventually(all_are_refused)


async def test_a_webhook_whose_secret_arrives_late_is_taken_at_its_repeat(
    service: Running, world: World
) -> None:
    late = {**task_event(), "webhook_id": "late"}
    assert (await service.clickup(late, secret=b"late")).status_code == 401
    world.add_secret("clickup:late", b"late", world.clickup)

    async def taken() -> bool:
        return (await service.clickup(late, secret=b"late")).status_code == 200

    await eventually(taken)


async def test_changes_are_heard_again_after_the_listening_connection_died(
    service: Running, world: World
) -> None:
    assert await accepted(service, "1.0")
    with world.admin() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'oblivion-ingestion changes' AND datname = current_database()"
        )
        admin.execute("UPDATE signing_secrets SET state = 'retired'")

    async def refused() -> bool:
        return (await service.slack(message("2.0"))).status_code == 401

    await eventually(refused)
    await eventually(lambda: service.ingestion.changes.listening)


async def test_a_secret_sealed_under_another_key_is_a_503_not_a_401(world: World) -> None:
    async with served(world.settings(signing_key="Q3VyaW91c2VyIGFuZCBjdXJpb3VzZXIhIGNyaWVkIEE")) as service:
        answer = await service.slack(message())
    assert refused_for_now(answer)
    assert SLACK_SECRET.decode() not in answer.text


@pytest.mark.parametrize("role", ["postgres", OWNER])
async def test_a_superuser_or_owner_is_refused_at_start(world: World, role: str) -> None:
    url = world.database.admin_url if role == "postgres" else world.database.url(role)
    with pytest.raises(CannotStart, match="OBLIVION_DATABASE_URL"):
        async with running(world.settings(database_url=url)):
            pass


async def test_a_shutdown_finishes_what_was_taken(world: World) -> None:
    async with running(world.settings()) as service:
        await eventually(lambda: service.ingestion.inbox.available)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as http:
            sender = Running(service.ingestion, http, service.port)
            posts = [asyncio.create_task(sender.slack(message(f"1.{number}"))) for number in range(50)]
            await eventually(lambda: any(post.done() for post in posts))
            closing = asyncio.create_task(service.ingestion.inbox.close())
            answers = await asyncio.gather(*posts)
            await closing
    taken = [answer for answer in answers if answer.status_code == 200]
    assert all(answer.status_code in {200, 503} for answer in answers)
    assert len(world.events()) >= len(taken) > 0
