"""The page in a headless Chromium, on an embedded system of its own."""

import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from tests.system import System

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
PATIENCE_MS = 120_000


@asynccontextmanager
async def admins_page(environment: Mapping[str, str] | None = None) -> AsyncGenerator[tuple[System, Page]]:
    """A system whose services have these variables too, and an admin's page of it, at the overview."""
    with tempfile.TemporaryDirectory(prefix="oblivion-bench-") as folder:
        system = System(Path(folder) / "home", {"OBLIVION_LOG_LEVEL": "warning", **(environment or {})})
        try:
            await system.start()
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=FLAGS
                )
                page = await browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(PATIENCE_MS)
                expect.set_options(timeout=PATIENCE_MS)
                await page.goto((await system.command("login")).strip())
                await page.get_by_role("button", name="Sign in to Oblivion").click()
                await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
                yield system, page
        finally:
            await system.stop()
