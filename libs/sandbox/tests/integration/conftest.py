"""A sandbox of its own for each test, and receivers for what it sends."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_platform.testing import polling
from oblivion_sandbox.testing import RunningSandbox, running_sandbox

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Received:
    """One request that the sandbox sent."""

    headers: dict[str, str]
    body: bytes
    json: Any
    at_s: float = field(default_factory=time.monotonic)


@dataclass
class Receiver:
    """An HTTP server that keeps what it is sent and answers as told."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    wait_s: float = 0.0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        parsed = await request.json() if request.content_type == "application/json" else None
        self.requests.append(Received(dict(request.headers), body, parsed))
        if self.wait_s:
            await asyncio.sleep(self.wait_s)
        status = self.answers.pop(0) if self.answers else 200
        if parsed is not None and parsed.get("type") == "url_verification":
            return web.json_response({"challenge": parsed["challenge"]})
        return web.Response(status=status)

    def events(self) -> list[Any]:
        return [received.json["event"] for received in self.requests]


@contextlib.asynccontextmanager
async def _receiving() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncGenerator[RunningSandbox]:
    async with running_sandbox(tmp_path / "sandbox", retry_scale=0.001) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with _receiving() as receiving:
        yield receiving


@pytest.fixture
async def slack(sandbox: RunningSandbox) -> AsyncWebClient:
    """slack_sdk's own client with the seeded bot token."""
    app = await sandbox.control.slack.app()
    # Without its retry handler, which repeats a post whose answer was lost.
    return AsyncWebClient(token=app["bot_token"], base_url=sandbox.slack_api_url, retry_handlers=[])


@pytest.fixture
async def clickup(sandbox: RunningSandbox) -> AsyncGenerator[httpx.AsyncClient]:
    """Plain httpx with the owner's personal token."""
    owner = await sandbox.control.clickup.owner()
    headers = {"Authorization": owner["token"]}
    async with httpx.AsyncClient(
        base_url=sandbox.clickup_api_url, headers=headers, trust_env=False
    ) as client:
        yield client


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return polling.eventually


@pytest.fixture
async def browser(sandbox: RunningSandbox) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
async def page() -> AsyncGenerator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(10_000)
        yield page
        await chromium.close()
