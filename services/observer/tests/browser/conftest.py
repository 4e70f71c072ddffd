"""The whole embedded system, once, and a signed-in browser for each test."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from playwright.async_api import Error as PlaywrightError

from oblivion_cli.home import Home
from oblivion_cli.up.lock import running_system
from oblivion_observer.adapters.page_folder import read_page
from oblivion_observer.testing_provider import CLIENT, StandInProvider, standing_in
from oblivion_platform.embedded.process import free_port
from oblivion_platform.feed import Feed
from oblivion_sandbox.control import SandboxControl

UP_WITHIN_S = 150.0
DOWN_WITHIN_S = 60.0
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
MANY = {"OBLIVION_USER_REQUESTS_PER_MINUTE": "100000", "OBLIVION_TENANT_REQUESTS_PER_MINUTE": "100000"}
TENANT = {"OBLIVION_TENANT": "default"}
"""Whose the command line's verbs are, unless they say otherwise: some stories have a tenant of their own."""
PATIENCE_MS = 30_000
WIDTH = int(os.environ.get("STORIES_WIDTH", "1440"))
SCHEME = os.environ.get("STORIES_SCHEME", "light")
"""How wide the screen of all stories is that ask for none, and its colours: 390 and dark for phones."""
PICTURES = Path("build/screenshots/stories")
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Up:
    """A running `oblivion up`."""

    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    output: Path
    base_url: str

    @property
    def said(self) -> str:
        return self.output.read_text()

    def oblivion(self, *arguments: str) -> str:
        """What a verb of the command line says."""
        command = [sys.executable, "-m", "oblivion_cli", *arguments]
        run = subprocess.run(
            command,
            env=self.environment | TENANT,
            capture_output=True,
            text=True,
            timeout=UP_WITHIN_S,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()


@pytest.fixture(scope="session")
def identity_provider() -> Iterator[StandInProvider]:
    with standing_in() as provider:
        yield provider


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory, identity_provider: StandInProvider) -> Iterator[Up]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    if not read_page():
        pytest.skip("needs the page: make page")
    root = tmp_path_factory.mktemp("observer")
    PICTURES.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OBLIVION_")}
    environment |= {"OBLIVION_HOME": str(root / "home"), "COLUMNS": "200", **MANY}
    environment |= {"OBLIVION_OIDC_ISSUER": identity_provider.url, "OBLIVION_OIDC_CLIENT_ID": CLIENT}
    port, output = free_port(), root / "output.txt"
    command = [sys.executable, "-m", "oblivion_cli", "up", "--port", str(port)]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
    running = Up(process, environment, output, f"http://localhost:{port}")
    try:
        wait_until_up(running)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(DOWN_WITHIN_S)


def wait_until_up(up: Up) -> None:
    deadline = time.monotonic() + UP_WITHIN_S
    while "Stop: Ctrl-C" not in up.said:
        assert up.process.poll() is None, up.said
        assert time.monotonic() < deadline, up.said
        time.sleep(0.1)


@pytest.fixture(scope="session")
def lived_in(up: Up) -> Up:
    """The same, once the demo's story has been played on it."""
    up.oblivion("demo")
    return up


@pytest.fixture(scope="session")
def admin_cookies(up: Up) -> list[Any]:
    """Filled by whoever signs in first; a link works once."""
    return []


@dataclass
class Visits:
    """Opens pages, and remembers what went wrong in them."""

    up: Up
    browser: Browser
    stack: AsyncExitStack
    cookies: list[Any]
    errors: list[str] = field(default_factory=list[str])

    async def context(self, *, signed_in: bool = True, **options: Any) -> BrowserContext:
        screen = {"viewport": {"width": WIDTH, "height": 900}, "color_scheme": SCHEME}
        context = await self.browser.new_context(base_url=self.up.base_url, **(screen | options))
        self.stack.push_async_callback(context.close)
        if signed_in:
            await self._bring_cookie(context)
        return context

    async def page(self, *, signed_in: bool = True, **options: Any) -> Page:
        page = await (await self.context(signed_in=signed_in, **options)).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda line: self.errors.append(line.text) if "Content Security Policy" in line.text else None,
        )
        return page

    async def keep_pictures(self, story: str) -> None:
        """How each page looked at the end of the story, to be looked at; no story fails for want of one."""
        pages = [page for context in self.browser.contexts for page in context.pages]
        for number, page in enumerate(pages, start=1):
            path = PICTURES / f"{story}-{number}-{SCHEME}-{WIDTH}.png"
            with suppress(PlaywrightError):
                await page.screenshot(path=path, animations="disabled", timeout=5_000)

    async def sign_in(self, page: Page, link: str) -> None:
        await page.goto(link)
        await page.get_by_role("button", name="Sign in to Oblivion").click()

    async def _bring_cookie(self, context: BrowserContext) -> None:
        if not self.cookies:
            page = await context.new_page()
            await self.sign_in(page, self.up.oblivion("login"))
            await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
            self.cookies.extend(await context.cookies())
            await page.close()
        await context.add_cookies(self.cookies)


@pytest.fixture
async def visits(up: Up, admin_cookies: list[Any], request: pytest.FixtureRequest) -> AsyncGenerator[Visits]:
    async with async_playwright() as playwright, AsyncExitStack() as stack:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.push_async_callback(browser.close)
        made = Visits(up, browser, stack, admin_cookies)
        yield made
        await made.keep_pictures(request.node.name.removeprefix("test_").replace("/", "_"))
        assert made.errors == []


@pytest.fixture
async def page(visits: Visits) -> Page:
    """An admin's."""
    return await visits.page()


@pytest.fixture
async def newcomer(visits: Any, up: Any) -> Page:
    """The admin of a tenant in which there is nothing yet."""
    tenant = f"newcomers-{uuid4().hex[:6]}"
    up.oblivion("tenants", "create", tenant)
    up.oblivion("users", "create", "Nora", "--role", "admin", "--tenant", tenant)
    page: Page = await visits.page(signed_in=False)
    await visits.sign_in(page, up.oblivion("login", "--user", "Nora", "--tenant", tenant))
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


@pytest.fixture
async def sandbox(up: Up) -> AsyncGenerator[SandboxControl]:
    async with SandboxControl(up.base_url) as control:
        yield control


@pytest.fixture
def mention(sandbox: SandboxControl) -> Callable[..., Awaitable[str]]:
    """Says something to the squad in Slack, as @you or as somebody else, and returns its ts."""

    async def say(words: str, user: str = "you", channel: str = "launch") -> str:
        bot = (await sandbox.slack.app())["bot_user_id"]
        return str((await sandbox.slack.post(channel, f"<@{bot}> {words}", user=user))["ts"])

    return say


@pytest.fixture
async def feed(up: Any) -> AsyncGenerator[Feed]:
    """Written to as the services do."""
    running = running_system(Home(Path(up.environment["OBLIVION_HOME"])))
    assert running is not None
    made = Feed(f"redis://127.0.0.1:{running.ports['redis']}/0", "router-worker")
    yield made
    await made.close()
