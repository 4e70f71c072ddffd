"""Whatever there is to show, each view says so: that it waits, that nothing is there, what went wrong."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from oblivion_observer.testing import VIEWS
from oblivion_platform.testing import eventually

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
WHO = re.compile(r"/(api/(?!me$)|connections|providers)")
"""Everything that views ask for, but who is signed in."""
AWAY = "The store is away for now."
SAID_OF_NOTHING = {
    "overview": "No runs",
    "runs": "No runs",
    "agents": "No agents",
    "sessions": "No conversations",
    "tools": "Nothing is connected",
    "mappings": "Nothing is linked yet",
    "workflows": "No workflows",
    "routing": "No opinions yet",
    "feed": "Nothing has happened yet",
    "events": "No events",
    "dead-letters": "Nothing was given up",
    "queues": "Done, last hour",
    "settings": "Answers in Slack, as they are written",
    "first-steps": "No Slack workspace is connected.",
    "credentials": "None is kept",
    "users": "Nora",
    "audit": "user, created",
}


async def test_every_view_says_that_nothing_is_there_yet(newcomer: Page):
    assert SAID_OF_NOTHING.keys() == VIEWS.keys()
    for name, (path, title) in VIEWS.items():
        await newcomer.goto(path)
        await expect(newcomer.get_by_role("heading", name=title, level=1)).to_be_visible()
        await expect(newcomer.get_by_text(SAID_OF_NOTHING[name]).first).to_be_visible()
        await expect(newcomer.get_by_label("Loading")).to_have_count(0)


def refusing(answers: asyncio.Event) -> Callable[[Route], Awaitable[None]]:
    """Once that happened, each request is told why it cannot be answered."""
    problem = json.dumps({"code": "store_away", "detail": AWAY})

    async def wait_and_refuse(route: Route) -> None:
        await answers.wait()
        await route.fulfill(status=403, body=problem, content_type="application/problem+json")

    return wait_and_refuse


async def try_again(page: Page) -> None:
    """Wherever it is offered, until nothing is wrong any more.

    What is asked again by itself takes the offer back, also while we aim at it.
    """

    async def nothing_is_wrong() -> None:
        with suppress(PlaywrightTimeout):
            await page.get_by_role("button", name="Try again").first.click(timeout=1_000)
        await expect(page.get_by_text(AWAY)).to_have_count(0, timeout=1_000)

    await eventually(nothing_is_wrong, within_s=60)


async def test_every_view_says_that_it_waits_then_what_went_wrong_and_goes_on(page: Page):
    for path, title in VIEWS.values():
        if path == "/feed":
            continue  # It has no request to wait for: the next story is its own.
        answers = asyncio.Event()
        await page.route(WHO, refusing(answers))
        await page.goto(path)
        await expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        await expect(page.get_by_label("Loading").first).to_be_visible()
        answers.set()
        await expect(page.get_by_text(AWAY).first).to_be_visible()
        await expect(page.get_by_label("Loading")).to_have_count(0)
        await page.unroute(WHO)
        await try_again(page)


async def test_the_live_feed_says_that_it_waits_while_nobody_answers(page: Page):
    def keep_silent(_socket: Any) -> None:
        """A connection on which nothing comes."""

    await page.route_web_socket("**/socket.io/**", keep_silent)
    await page.goto("/feed")
    await expect(page.get_by_label("Loading")).to_be_visible()
    await expect(page.locator("[data-connection=connecting]")).to_be_visible()


async def test_times_are_in_the_readers_zone_and_exact_where_one_points(visits: Any, lived_in: Any):
    page: Page = await visits.page(timezone_id="Asia/Tokyo", locale="en-GB")
    await page.goto("/audit")
    moment = page.get_by_role("table", name="Audit log").locator("time").first
    await expect(moment).to_contain_text("GMT+9")
    await moment.hover()
    await expect(page.get_by_role("tooltip")).to_contain_text("GMT+9")
