"""Starting and stopping, with and without what it depends on."""

import asyncio
import contextlib

import httpx
import pytest

from oblivion_platform.queue import DEAF_AFTER_S
from oblivion_platform.service import CannotStart
from oblivion_platform.testing import eventually


async def test_it_refuses_a_role_that_could_see_every_tenant(path):
    for url in (path.database.admin_url, path.database.owner_url):
        with pytest.raises(CannotStart, match="OBLIVION_DATABASE_URL"):
            async with path.worker(database_url=url):
                pass


async def test_it_waits_for_postgres_unready_but_alive(path, unused_tcp_port):
    entered = asyncio.Event()

    async def run():
        async with path.worker(database_url="postgresql://x:y@127.0.0.1:1/z", port=unused_tcp_port):
            entered.set()

    waiting = asyncio.create_task(run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}") as http:

        async def status(kind):
            try:
                return (await http.get(f"/health/{kind}")).status_code
            except httpx.TransportError:
                return None

        async def alive():
            assert await status("live") == 200

        await eventually(alive)
        assert await status("ready") == 503
    assert not entered.is_set()
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting


async def test_it_is_ready_and_measured_once_it_consumes(path, unused_tcp_port):
    async with path.worker(port=unused_tcp_port, health_token="t0ken"):
        task = await path.clickup.create_task(path.list_id, "Ship it")
        await path.message_of(task["id"])
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}") as http:
            assert (await http.get("/health/ready")).status_code == 200
            assert (await http.get("/health/live")).status_code == 200
            headers = {"Authorization": "Bearer t0ken"}
            details = (await http.get("/health/details", headers=headers)).json()
            assert {name: each["ok"] for name, each in details["dependencies"].items()} == {
                "redis": True,
                "postgres": True,
            }
            metrics = (await http.get("/metrics")).text
    assert 'oblivion_events_handled_total{outcome="mirrored"}' in metrics
    assert 'oblivion_effect_tries_total{code="",kind="slack.post_task",outcome="sent"}' in metrics


async def test_it_is_not_live_once_it_takes_no_more_jobs(path, unused_tcp_port):
    asked, answers = asyncio.Event(), asyncio.Event()

    async def deaf(_token):
        asked.set()
        await answers.wait()

    async with (
        path.worker(port=unused_tcp_port) as worker,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}") as http,
    ):
        events = worker.worker
        await eventually(lambda: events._worker is not None)
        events._worker.getNextJob = deaf
        try:
            await path.clickup.create_task(path.list_id, "Ship it")  # Ends the read that goes on.
            await asyncio.wait_for(asked.wait(), 30)
            assert (await http.get("/health/live")).status_code == 200

            async def is_dead():
                # A job that is still at work turns the loop once more when it ends.
                events._turned_at -= DEAF_AFTER_S
                dead = await http.get("/health/live")
                assert dead.status_code == 503
                assert "webhook-processing" in dead.text

            await eventually(is_dead)
            assert (await http.get("/health/ready")).status_code == 200
        finally:
            answers.set()


async def test_webhooks_are_woken_and_old_bodies_removed_without_being_asked(path):
    async with path.worker(watch_every_s=0.2, purge_every_s=0.2):
        task = await path.clickup.create_task(path.list_id, "Ship it")
        await path.message_of(task["id"])
        await path.settled()
        await path.run("UPDATE inbound_events SET received_at = received_at - interval '31 days'")
        (webhook,) = await path.clickup.webhooks()
        await path.clickup.change_webhook(webhook["id"], status="suspended")

        async def woken():
            (found,) = await path.clickup.webhooks()
            assert found["health"]["status"] == "active"

        async def removed():
            old = "received_at < now() - interval '30 days'"
            assert await path.rows(f"SELECT 1 FROM inbound_events WHERE {old}")
            assert not await path.rows(f"SELECT 1 FROM inbound_events WHERE {old} AND body IS NOT NULL")

        await eventually(woken)
        await eventually(removed)


async def test_it_starts_and_stops_with_redis_away_and_still_sends(path):
    async with path.worker():
        task = await path.clickup.create_task(path.list_id, "Ship it")
        await path.message_of(task["id"])
        await path.settled()
    await path.run("UPDATE outbox SET state = 'pending', unanswered = true, attempts = 1")
    async with asyncio.timeout(20):
        async with path.worker(redis_url="redis://127.0.0.1:1/0"):

            async def sent():
                (row,) = await path.rows("SELECT state FROM outbox")
                assert row["state"] == "sent"

            await eventually(sent)
    assert len(await path.thread()) == 1


async def test_it_works_on_after_redis_was_wiped(path):
    import redis.asyncio

    async with path.worker(revive_after_s=0.1, revive_every_s=0.2):
        first = await path.clickup.create_task(path.list_id, "Before")
        await path.message_of(first["id"])
        async with redis.asyncio.Redis.from_url(path.redis_url) as client:
            await client.flushall()
        second = await path.clickup.create_task(path.list_id, "After")
        await path.message_of(second["id"])
        await path.settled()
        assert len(await path.thread()) == 2
