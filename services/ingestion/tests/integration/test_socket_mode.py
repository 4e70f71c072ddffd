"""Slack Socket Mode against the stand-in: acknowledged after the commit, one dedupe with HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from oblivion_ingestion.testing import Running, World, served
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_sandbox.testing import RunningSandbox, running_sandbox

pytestmark = pytest.mark.integration


NOTICED_WITHIN_S = 60.0
"""A line that says nothing is given up once some pings had no answer."""


@dataclass
class Connected:
    """A world whose Slack team is the sandbox's, connected by an app-level token."""

    world: World
    sandbox: RunningSandbox
    app: dict[str, Any]
    token_row: UUID

    def settings(self) -> Any:
        return self.world.settings(slack_api_url=self.sandbox.slack_api_url, health_token="t")

    def messages(self) -> list[dict[str, Any]]:
        return [event for event in self.world.events() if event["event_type"] in {"message", "app_mention"}]


@pytest.fixture
async def connected(database: FreshDatabase, redis_url: str, tmp_path: Path) -> AsyncIterator[Connected]:
    world = World(database, redis_url)
    # Slow enough that no delivery is given up while a test holds it back.
    async with running_sandbox(tmp_path, limits_scale=0, retry_scale=0.05) as sandbox:
        app = await sandbox.control.slack.change_app(socket_mode=True)
        world.add_integration(world.slack, "slack", app["team_id"], world.tenant)
        key = f"slack:{app['app_id']}:{app['team_id']}"
        row = world.add_secret(key, app["app_token"].encode(), world.slack, kind="app_token")
        yield Connected(world, sandbox, app, row)


@pytest.fixture
async def service(connected: Connected) -> AsyncIterator[Running]:
    async with served(connected.settings()) as started:
        await eventually(lambda: started.ingestion.slack_sockets.states() == ["connected"])
        yield started


async def test_a_message_comes_in_and_is_acknowledged(service: Running, connected: Connected) -> None:
    posted = await connected.sandbox.control.slack.post("general", "hello over the socket")
    (event,) = await eventually(lambda: connected.messages() or False)
    assert (event["tenant_id"], event["transport"]) == (connected.world.tenant, "socket")
    assert json.loads(event["body"])["event"]["text"] == "hello over the socket"
    assert event["dedupe_key"].endswith(posted["ts"])
    await eventually(lambda: all_acknowledged(connected))
    assert service.counted("slack", "accepted") == 1


async def all_acknowledged(connected: Connected) -> bool:
    return set(await connected.sandbox.control.slack.delivery_counts()) == {"delivered"}


async def test_a_message_is_not_acknowledged_before_its_commit(
    service: Running, connected: Connected
) -> None:
    with connected.world.admin() as admin, admin.transaction():
        # The service is in this very loop, and may be in the midst of a transaction.
        await asyncio.to_thread(admin.execute, "LOCK TABLE inbound_events IN ACCESS EXCLUSIVE MODE")
        await connected.sandbox.control.slack.post("general", "hello over the socket")
        # Its insert waits for the lock; the connection that looks is another one.
        await eventually(lambda: inserts_waiting(connected) > 0)
        counts = await connected.sandbox.control.slack.delivery_counts()
        assert counts.get("delivered", 0) == 0
        assert counts["waiting"] > 0
    await eventually(lambda: all_acknowledged(connected), within_s=30)
    assert len(connected.messages()) == 1


def inserts_waiting(connected: Connected) -> int:
    with connected.world.admin() as admin:
        (count,) = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO inbound_events%'"
        ).fetchone() or (0,)
    return int(count)


async def test_a_mention_is_one_event_also_over_the_socket(service: Running, connected: Connected) -> None:
    bot = connected.app["bot_user_id"]
    await connected.sandbox.control.slack.post("general", f"<@{bot}> please")
    await eventually(lambda: service.counted("slack", "accepted") == 2)
    assert len(connected.messages()) == 1


async def test_a_slash_command_is_stored_in_the_form_that_http_would_have_brought(
    service: Running, connected: Connected
) -> None:
    await connected.sandbox.control.slack.command("/oblivion", "do it")
    (event,) = await eventually(lambda: connected.world.events() or False)
    assert event["event_type"] == "slash_command"
    assert parse_qs(event["body"].decode())["text"] == ["do it"]


async def test_after_a_disconnect_it_connects_again_and_misses_nothing(
    service: Running, connected: Connected
) -> None:
    for number, reason in enumerate(["refresh_requested", "warning"]):
        await connected.sandbox.control.slack.disconnect_sockets(reason)
        await connected.sandbox.control.slack.post("general", f"after {reason}")
        await eventually(lambda expected=number + 1: len(connected.messages()) >= expected)
    texts = [json.loads(message["body"])["event"]["text"] for message in connected.messages()]
    assert sorted(texts) == ["after refresh_requested", "after warning"]


async def test_an_event_that_comes_by_socket_and_by_http_is_stored_once(
    service: Running, connected: Connected
) -> None:
    key = f"slack:{connected.app['app_id']}:{connected.app['team_id']}"
    secret = str(connected.app["signing_secret"]).encode()
    connected.world.add_secret(key, secret, connected.world.slack)
    await connected.sandbox.control.slack.post("general", "hello both ways")
    (event,) = await eventually(lambda: connected.messages() or False)

    async def taken() -> bool:
        return (await service.slack(event["body"], secret=secret)).status_code == 200

    await eventually(taken)
    assert [each["id"] for each in connected.messages()] == [event["id"]]


async def test_several_replicas_store_an_event_once(service: Running, connected: Connected) -> None:
    async with served(connected.settings()) as other:
        await eventually(lambda: other.ingestion.slack_sockets.states() == ["connected"])
        for number in range(10):
            await connected.sandbox.control.slack.post("general", f"message {number}")
        await eventually(lambda: len(connected.messages()) >= 10)
        assert len(connected.messages()) == 10


async def test_a_token_that_is_retired_is_disconnected_at_once(
    service: Running, connected: Connected
) -> None:
    with connected.world.admin() as admin:
        admin.execute("UPDATE signing_secrets SET state = 'retired' WHERE id = %s", (connected.token_row,))
    await eventually(lambda: _no_connections(connected))
    assert service.ingestion.slack_sockets.states() == []


async def _no_connections(connected: Connected) -> bool:
    return await connected.sandbox.control.slack.socket_connections() == 0


async def test_a_token_that_appears_is_connected_at_once(connected: Connected) -> None:
    with connected.world.admin() as admin:
        admin.execute("DELETE FROM signing_secrets")
    async with served(connected.settings()) as service:
        assert service.ingestion.slack_sockets.states() == []
        key = f"slack:{connected.app['app_id']}:{connected.app['team_id']}"
        connected.world.add_secret(
            key, connected.app["app_token"].encode(), connected.world.slack, kind="app_token"
        )
        await eventually(lambda: service.ingestion.slack_sockets.states() == ["connected"])


async def test_a_token_that_slack_refuses_shows_in_health_and_harms_nothing_else(
    service: Running, connected: Connected
) -> None:
    other, tenant = uuid4(), uuid4()
    connected.world.add_integration(other, "slack", "T0009", tenant)
    connected.world.add_secret(
        "slack:A0009:T0009", b"xapp-1-A0009-wrong", other, tenant=tenant, kind="app_token"
    )
    await eventually(lambda: sorted(service.ingestion.slack_sockets.states()) == ["connected", "connecting"])
    await connected.sandbox.control.slack.post("general", "still here")
    await eventually(lambda: bool(connected.messages()))
    details = (await service.http.get("/health/details", headers={"authorization": "Bearer t"})).json()
    told = str(details["dependencies"]["slack socket mode"])
    assert "'connected'" in told
    assert "'connecting'" in told


@pytest.mark.parametrize("first", ["is refused", "is cut off", "falls silent"])
async def test_a_ticket_is_tried_once_and_another_one_is_asked_for(connected: Connected, first: str) -> None:
    tickets: list[str] = []
    tried: list[str] = []

    async def give_ticket(request: web.Request) -> web.Response:
        tickets.append(str(len(tickets)))
        return web.json_response({"ok": True, "url": f"{server.make_url('/link')}?ticket={tickets[-1]}"})

    async def link(request: web.Request) -> web.StreamResponse:
        tried.append(request.query["ticket"])
        if tried[-1] == "0" and first == "is refused":
            raise web.HTTPForbidden
        is_silent = tried[-1] == "0" and first == "falls silent"
        socket = web.WebSocketResponse(autoping=not is_silent)
        await socket.prepare(request)
        if tried[-1] == "0" and first == "is cut off":
            assert request.transport is not None
            request.transport.abort()  # As a cut line: no farewell.
        async for _ in socket:
            pass
        return socket

    slack = web.Application()
    slack.add_routes([web.post("/api/apps.connections.open", give_ticket), web.get("/link", link)])
    async with TestServer(slack) as server:
        settings = connected.world.settings(slack_api_url=str(server.make_url("/api/")))
        async with served(settings) as service:
            await eventually(lambda: tried == ["0", "1"], within_s=NOTICED_WITHIN_S)
            await eventually(lambda: service.ingestion.slack_sockets.states() == ["connected"])
    assert tried == ["0", "1"]
