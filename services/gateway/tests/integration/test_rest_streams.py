"""A run followed by Server-Sent Events."""

import asyncio
import json
from typing import Any

import httpx
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from oblivion_gateway.testing import Desk, World, running_world
from oblivion_platform import people
from oblivion_platform.testing import PATIENCE_S, FreshDatabase, eventually


async def events_of(world: World, run: str, token: str | None, **headers: str) -> list[dict[str, Any]]:
    """Follow a run to its end; each event with its id."""
    found: list[dict[str, Any]] = []
    sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **headers}
    async with (
        httpx.AsyncClient(base_url=world.base_url, timeout=30) as client,
        client.stream("GET", f"/api/jobs/{run}/progress", headers=sent) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        ids: list[str] = []
        async for line in answer.aiter_lines():
            field, _, value = line.partition(":")
            if field == "id":
                ids.append(value.strip())
            if field == "data":
                found.append(json.loads(value))
    assert ids == [str(event["sequence"]) for event in found]
    return found


async def test_a_stream_tells_every_step_and_ends_with_the_run(desk: Desk) -> None:
    run = await desk.new_run()
    ended = {"end": "run_over"}
    before = REGISTRY.get_sample_value("oblivion_sse_connection_seconds_count", ended) or 0
    with capture_logs() as logs:
        following = asyncio.create_task(events_of(desk.world, run, desk.admin))
        await desk.finish(run)
        events = await following

    assert [event["sequence"] for event in events] == [1, 2]
    assert events[-1]["data"]["state"] == "failed"
    assert REGISTRY.get_sample_value("oblivion_sse_connection_seconds_count", ended) == before + 1
    said = [line for line in logs if line.get("run_id") == run]
    assert [line["event"] for line in said] == ["stream opened", "stream closed"]
    assert (said[1]["end"], said[1]["seconds"] >= 0) == ("run_over", True)


async def test_who_cannot_stream_polls_the_run_s_status_to_its_end(desk: Desk) -> None:
    run = await desk.new_run()

    async def status() -> dict[str, Any]:
        answer = await desk.get(f"/api/jobs/{run}/status")
        return answer.raise_for_status().json()

    assert (await status())["state"] == "queued"
    await desk.finish(run)
    over = await status()
    assert (over["state"], over["failure"]["code"]) == ("failed", "no_agent")


async def test_a_stream_resumes_on_another_replica(desk: Desk, database: FreshDatabase) -> None:
    run = await desk.new_run()
    settings = desk.world.settings
    async with running_world(
        database, settings.redis_url.get_secret_value(), master_key=settings.master_key
    ) as second:
        following = asyncio.create_task(events_of(second, run, desk.admin, **{"Last-Event-ID": "1"}))
        await desk.finish(run)
        events = await following

    assert [event["sequence"] for event in events] == [2]
    assert await events_of(desk.world, run, desk.admin, **{"Last-Event-ID": "2"}) == []


async def test_a_silent_stream_shows_that_it_is_alive(desk: Desk) -> None:
    run = await desk.new_run()
    comments = 0
    async with (
        httpx.AsyncClient(base_url=desk.world.base_url, timeout=30) as client,
        client.stream(
            "GET", f"/api/jobs/{run}/progress", headers={"Authorization": f"Bearer {desk.admin}"}
        ) as answer,
    ):
        async for line in answer.aiter_lines():
            comments += line.startswith(":")
            if comments == 2:
                break

    assert comments == 2


async def test_a_stream_ends_when_its_replica_drains(desk: Desk, database: FreshDatabase) -> None:
    run = await desk.new_run()
    settings = desk.world.settings
    async with running_world(
        database, settings.redis_url.get_secret_value(), master_key=settings.master_key
    ) as second:
        following = asyncio.create_task(events_of(second, run, desk.admin))
        await eventually(lambda: REGISTRY.get_sample_value("oblivion_sse_connections") == 1)

    assert [event["sequence"] for event in await following] == [1]
    assert REGISTRY.get_sample_value("oblivion_sse_connections") == 0


async def test_a_stream_ends_when_who_follows_is_disabled(desk: Desk) -> None:
    run = await desk.new_run()
    following = asyncio.create_task(events_of(desk.world, run, desk.admin))
    await eventually(lambda: REGISTRY.get_sample_value("oblivion_sse_connections") == 1)
    async with desk.world.database.tenant(desk.tenant.id) as tx:
        await people.update_user(tx, desk.tenant.people["admin"], state="disabled")
    async with asyncio.timeout(PATIENCE_S):
        assert [event["sequence"] for event in await following] == [1]


async def test_a_browser_s_stream_ends_when_it_is_signed_out(desk: Desk) -> None:
    run, cookie = await desk.new_run(), await desk.world.cookie(desk.tenant, "admin")
    browser = {"Cookie": f"oblivion_session={cookie}"}
    following = asyncio.create_task(events_of(desk.world, run, None, **browser))
    await eventually(lambda: REGISTRY.get_sample_value("oblivion_sse_connections") == 1)
    async with desk.world.database.tenant(desk.tenant.id) as tx:
        await people.revoke_session(tx, cookie)
    async with asyncio.timeout(PATIENCE_S):
        assert [event["sequence"] for event in await following] == [1]


async def test_a_stream_ends_with_the_token_that_opened_it(desk: Desk) -> None:
    run, gateway = await desk.new_run(), desk.world.gateway
    subject = f"user:{desk.tenant.people['admin']}"
    short = await gateway.tokens.issue(desk.tenant.id, subject, "admin", ttl_s=2)
    async with asyncio.timeout(PATIENCE_S):
        assert [event["sequence"] for event in await events_of(desk.world, run, short.token)] == [1]


async def test_somebody_has_so_many_streams_and_no_more(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url, sse_streams_max=1) as world:
        tenant = await world.new_tenant()
        desk = Desk(world, tenant, await world.token(tenant, "admin"))
        run = await desk.new_run()
        following = asyncio.create_task(events_of(world, run, desk.admin))
        await eventually(lambda: REGISTRY.get_sample_value("oblivion_sse_connections") == 1)
        refused = await desk.get(f"/api/jobs/{run}/progress")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        await desk.finish(run)
        await following
        assert len(await events_of(world, run, desk.admin)) == 2
