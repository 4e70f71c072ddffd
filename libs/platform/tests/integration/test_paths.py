"""The front proxy, run for real on a free port: the path table, streams, WebSockets and absent services."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import aiohttp
import httpx
import pytest
from aiohttp import web

from oblivion_platform.embedded.process import ServerProcess, free_port
from oblivion_platform.paths import FRONT_READY_PATH, caddyfile, service_of
from oblivion_platform.testing import PATIENCE_S

pytestmark = pytest.mark.integration

CADDY = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/webhooks", "ingestion"),
        ("/webhooks/slack/abc", "ingestion"),
        ("/webhooksother", "observer"),
        ("/slack", "sandbox"),
        ("/slack/api/chat.postMessage", "sandbox"),
        ("/clickup/api/v2/task/1", "sandbox"),
        ("/", "observer"),
        ("/runs/1", "observer"),
    ],
)
def test_the_table_says_which_service_answers(path: str, service: str | None) -> None:
    assert service_of(path) == service


@contextlib.asynccontextmanager
async def _served(routes: list[web.RouteDef]) -> AsyncGenerator[str]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _proxy(upstreams: Mapping[str, str], folder: Path) -> AsyncGenerator[str]:
    assert CADDY is not None
    port = free_port()
    config = folder / "Caddyfile"
    config.write_text(caddyfile(upstreams, port=port))
    process = ServerProcess("the front proxy", folder / "front.log")
    process.spawn([CADDY, "run", "--config", str(config), "--adapter", "caddyfile"], cwd=folder)
    base = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            async with httpx.AsyncClient() as client:
                return (await client.get(base + FRONT_READY_PATH)).status_code == 200
        return False

    try:
        assert await process.wait_until(answers, within_s=30), process.failure("ended")
        yield base
    finally:
        await process.stop()


async def _who(request: web.Request) -> web.Response:
    return web.json_response({"path": request.path_qs, "body": len(await request.read())})


async def test_requests_reach_their_service_with_the_full_path_and_body(tmp_path: Path) -> None:
    async with (
        _served([web.route("*", "/{tail:.*}", _who)]) as ingestion,
        _proxy({"ingestion": ingestion}, tmp_path) as base,
        httpx.AsyncClient(base_url=base) as client,
    ):
        answer = await client.post("/webhooks/slack/1?x=1", content=b"x" * 3_000)
        assert answer.json() == {"path": "/webhooks/slack/1?x=1", "body": 3_000}
        unknown = await client.get("/unknown")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "path_unknown")
        assert unknown.headers["content-type"] == "application/problem+json"


async def _named(request: web.Request) -> web.Response:
    return web.json_response({"path": f"gateway {request.path_qs}"})


async def test_what_the_others_leave_over_is_the_observers(tmp_path: Path) -> None:
    async with (
        _served([web.route("*", "/{tail:.*}", _who)]) as observer,
        _served([web.get("/api/me", _named)]) as gateway,
        _proxy({"observer": observer, "gateway": gateway}, tmp_path) as base,
        httpx.AsyncClient(base_url=base) as client,
    ):
        assert [(await client.get(path)).json()["path"] for path in ("/", "/runs/1")] == ["/", "/runs/1"]
        assert (await client.get("/api/me")).json()["path"] == "gateway /api/me"
        assert (await client.get(FRONT_READY_PATH)).status_code == 200


async def test_an_absent_service_is_a_503_with_retry_after(tmp_path: Path) -> None:
    upstreams = {"ingestion": f"127.0.0.1:{free_port()}"}
    async with _proxy(upstreams, tmp_path) as base, httpx.AsyncClient(base_url=base) as client:
        answer = await client.post("/webhooks/slack/1", content=b"x")
        assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
        assert int(answer.headers["retry-after"]) > 0


async def test_streams_and_websockets_pass_at_once(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: first\n\n")
        await go_on.wait()
        return response

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"echo {message.data}")
        return socket

    async with (
        _served([web.get("/slack/stream", stream), web.get("/slack/socket", echo)]) as sandbox,
        _proxy({"sandbox": sandbox}, tmp_path) as base,
        aiohttp.ClientSession() as client,
    ):
        async with client.get(f"{base}/slack/stream") as response:
            first = await asyncio.wait_for(response.content.readany(), PATIENCE_S)
            assert first == b"data: first\n\n", "arrives while the response is still open"
            go_on.set()
        async with client.ws_connect(f"{base}/slack/socket") as socket:
            await socket.send_str("hello")
            assert await asyncio.wait_for(socket.receive_str(), PATIENCE_S) == "echo hello"


async def test_the_proxy_opens_no_admin_port(tmp_path: Path) -> None:
    async with _proxy({}, tmp_path):
        with pytest.raises(OSError, match="2019"):
            await asyncio.open_connection("127.0.0.1", 2019)
