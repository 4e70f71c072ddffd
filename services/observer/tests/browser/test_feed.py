"""The live feed on the page: what happens appears, can be narrowed down, and is neither lost nor doubled."""

import json
import re
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import psutil
import pytest
from playwright.async_api import Page, expect

from oblivion_observer.testing import ALL_TEXTS, heap_bytes, tenant_of
from oblivion_platform.feed import Feed, Line
from oblivion_platform.testing import eventually
from oblivion_platform.testing.feed import tell_steadily

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
Mention = Callable[..., Awaitable[str]]
LIVE = "[data-connection=live]"
NOTE_CONNECTIONS = """
    window.connections = [];
    const badge = document.querySelector("[data-connection]");
    new MutationObserver(() => window.connections.push(badge.dataset.connection))
        .observe(badge, { attributeFilter: ["data-connection"] });
"""
"""A connection may come back before anybody has looked."""


async def opened(page: Page, search: str = "") -> Any:
    await page.goto(f"/feed?search={search}" if search else "/feed")
    await expect(page.locator(LIVE)).to_be_visible()
    return page.get_by_role("log", name="Live feed")


def new_words() -> str:
    return f"story-{uuid4().hex[:8]}"


async def run_of(page: Page, words: str) -> str:
    """The id of the run that was asked for so."""

    async def found() -> str:
        runs = (await (await page.request.get("/api/runs")).json())["items"]
        ids = [run["id"] for run in runs if words in run["prompt"]]
        assert ids
        return ids[0]

    return await eventually(found)


async def test_the_lines_of_a_mention_appear_as_it_is_worked_on(page: Page, mention: Mention):
    words = new_words()
    lines = await opened(page)
    await mention(f"summarise {words}")
    run = await run_of(page, words)
    await page.get_by_label("Search lines").fill(run)
    its = lines.locator(".feed-line").filter(has=page.locator(f'a[href="/runs/{run}"]'))
    for told in ("A run was given to its agent", "A run is at work", "slack, run answer: sent"):
        await expect(its.get_by_text(told).first).to_be_visible()
    await its.filter(has_text="A run succeeded").get_by_role("link", name="run").click()
    await expect(page.get_by_role("heading", name="analysis answered")).to_be_visible()
    await expect(page).to_have_url(re.compile(f"/runs/{run}$"))


async def test_what_people_write_is_not_in_the_feed(page: Page, mention: Mention):
    words = new_words()
    lines = await opened(page)
    await mention(f"summarise {words}")
    search = page.get_by_label("Search lines")
    await search.fill(await run_of(page, words))
    await expect(lines.get_by_text("A run succeeded")).to_be_visible()
    await search.fill(words)
    await expect(page.get_by_role("heading", name="No line fits")).to_be_visible()


async def test_level_source_and_search_narrow_it_down_and_the_address_keeps_them(page: Page, feed: Feed):
    words, tenant = new_words(), await tenant_of(page)
    await opened(page, words)
    feed.tell(tenant, Line("event.handled", f"{words} quiet"))
    feed.tell(tenant, Line("effect.failed", f"{words} wrong", "warning"))
    feed.tell(tenant, Line("effect.dead", f"{words} dead", "error"))
    await expect(page.get_by_text(re.compile(r"^3 of \d+ lines$"))).to_be_visible()
    await page.get_by_role("combobox", name="Level").click()
    await page.get_by_role("option", name="Warning and above").click()
    await expect(page.get_by_text(re.compile(r"^2 of \d+ lines$"))).to_be_visible()
    await page.get_by_role("combobox", name="Source").click()
    await page.get_by_role("option", name="router-worker").click()
    await expect(page.get_by_text(re.compile(r"^2 of \d+ lines$"))).to_be_visible()
    for kept in ("level=warning", "source=router-worker", f"search={words}"):
        await expect(page).to_have_url(re.compile(rf"[?&]{kept}(&|$)"))
    await page.reload()
    lines = page.get_by_role("log", name="Live feed")
    await expect(lines.locator(".feed-text")).to_have_text([f"{words} wrong", f"{words} dead"])
    await page.get_by_role("combobox", name="Source").click()
    await page.get_by_role("option", name="mcp-hub").click()
    await expect(page.get_by_role("heading", name="No line fits")).to_be_visible()


async def test_a_pause_holds_still_and_counts_what_comes(page: Page, feed: Feed):
    words, tenant = new_words(), await tenant_of(page)
    lines = await opened(page, words)
    feed.tell(tenant, Line("run.progress", f"{words} 0"))
    await expect(lines.locator(".feed-text")).to_have_text([f"{words} 0"])
    await page.get_by_role("button", name="Pause").click()
    for number in range(1, 4):
        feed.tell(tenant, Line("run.progress", f"{words} {number}"))
    # Other stories' lines may come as well.
    await expect(page.get_by_role("button", name=re.compile(r"Go on · ([3-9]|\d\d+) new"))).to_be_visible()
    await expect(lines.locator(".feed-text")).to_have_text([f"{words} 0"])
    await page.get_by_role("button", name="Go on").click()
    await expect(lines.locator(".feed-text")).to_have_text([f"{words} {number}" for number in range(4)])


async def test_whoever_scrolls_up_reads_in_peace(page: Page, feed: Feed):
    words, tenant = new_words(), await tenant_of(page)
    lines = await opened(page, words)
    await tell_steadily(feed, tenant, words, per_s=200, for_s=0.5)
    await expect(lines.get_by_text(f"{words} 99", exact=True)).to_be_in_viewport()
    await lines.focus()
    await page.keyboard.press("Home")
    await expect(lines.get_by_text(f"{words} 0", exact=True)).to_be_in_viewport()
    feed.tell(tenant, Line("run.progress", f"{words} 100"))
    await expect(page.get_by_role("button", name=re.compile("Go on · "))).to_be_visible()
    await expect(lines.get_by_text(f"{words} 0", exact=True)).to_be_in_viewport()
    await page.get_by_role("button", name="Go on").click()
    await expect(lines.get_by_text(f"{words} 100", exact=True)).to_be_in_viewport()


async def test_a_gateway_that_is_killed_costs_no_line_and_none_is_there_twice(
    page: Page, up: Any, feed: Feed
):
    words, tenant = new_words(), await tenant_of(page)
    lines = await opened(page, words)
    told = await tell_steadily(feed, tenant, words, per_s=50, for_s=1)
    await expect(lines.get_by_text(f"{words} {told - 1}", exact=True)).to_be_visible()
    await page.evaluate(NOTE_CONNECTIONS)
    process_of(up, "oblivion_gateway").send_signal(signal.SIGKILL)
    await eventually(lambda: page.evaluate("window.connections.includes('connecting')"))
    for number in range(told, told + 50):
        feed.tell(tenant, Line("run.progress", f"{words} {number}"))
    await expect(page.locator(LIVE)).to_be_visible(timeout=120_000)
    feed.tell(tenant, Line("run.progress", f"{words} {told + 50}"))
    await expect(lines.get_by_text(f"{words} {told + 50}", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    assert await page.evaluate(ALL_TEXTS) == [f"{words} {number}" for number in range(told + 51)]


def process_of(up: Any, module: str) -> psutil.Process:
    children = psutil.Process(up.process.pid).children(recursive=True)
    [found] = [each for each in children if module in each.cmdline()]
    return found


async def test_whoever_has_the_feed_open_too_often_is_told_so_and_goes_on_when_there_is_room(page: Page):
    words, refusals = "You have the live feed open 100 times. Close some.", 1

    def refuse_first(socket: Any) -> None:
        nonlocal refusals
        if refusals == 0:
            socket.connect_to_server()
            return
        refusals -= 1
        refusal = json.dumps({"message": words, "data": "too_many_feeds"})
        opening = json.dumps(
            {"sid": "s", "upgrades": [], "pingInterval": 10_000, "pingTimeout": 20_000, "maxPayload": 100_000}
        )
        socket.on_message(lambda said: socket.send(f"44/admin,{refusal}") if said == "40/admin," else None)
        socket.send(f"0{opening}")

    await page.route_web_socket("**/socket.io/**", refuse_first)
    await page.goto("/feed")
    await expect(page.get_by_text(words)).to_be_visible()
    await expect(page.locator(LIVE)).to_be_visible()
    await expect(page.get_by_text(words)).to_have_count(0)


async def test_lines_that_are_not_kept_any_more_are_a_gap_in_sight(page: Page, feed: Feed):
    words, tenant = new_words(), await tenant_of(page)

    async def behind(route: Any) -> None:
        """A browser that was away for very long."""
        server = route.connect_to_server()
        route.on_message(
            lambda message: server.send(
                '42/admin,["follow",{"after":"5-5"}]' if '"follow"' in message else message
            )
        )

    await page.route_web_socket(re.compile("/socket.io/"), behind)
    feed.tell(tenant, Line("run.progress", words))
    lines = await opened(page, words)
    await expect(lines.get_by_text("Lines are missing here")).to_be_visible()


async def test_whoever_is_signed_out_elsewhere_is_asked_to_sign_in(visits: Any, up: Any):
    up.oblivion("users", "create", "Fern", "--role", "user")
    page: Page = await visits.page(signed_in=False)
    await visits.sign_in(page, up.oblivion("login", "--user", "Fern"))
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await opened(page)
    await page.request.post("/auth/logout", headers={"Origin": up.base_url})
    await expect(page.get_by_role("heading", name="Sign in to Oblivion")).to_be_visible()


async def test_a_guest_is_told_that_it_is_not_theirs(visits: Any, up: Any):
    up.oblivion("users", "create", "Gwen", "--role", "guest")
    page: Page = await visits.page(signed_in=False)
    await visits.sign_in(page, up.oblivion("login", "--user", "Gwen"))
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await page.goto("/feed")
    await expect(page.get_by_text("That is not there for you")).to_be_visible()


async def test_500_lines_a_second_leave_the_page_at_ease(page: Page, feed: Feed):
    """For a minute; `tests/bench/feed.py` goes on for ten, and says how much at ease."""
    words, tenant = new_words(), await tenant_of(page)
    lines = await opened(page, words)
    told = await tell_steadily(feed, tenant, words, per_s=500, for_s=60)
    await expect(lines.get_by_text(f"{words} {told - 1}", exact=True)).to_be_visible()
    await expect(page.get_by_text(re.compile(r"^\d+ of 5000 lines$"))).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    texts = await page.evaluate(ALL_TEXTS)
    assert texts == [f"{words} {number}" for number in range(told - len(texts), told)]
    # Of those kept, a few may be of what else goes on in the system.
    assert 4_500 < len(texts) <= 5_000
    # What is held is the newest lines, however many came: some 20 MB at most, where 30,000 came.
    assert await eventually(lambda: within(page, 60_000_000))


async def within(page: Page, most_bytes: float) -> bool:
    return await heap_bytes(page) < most_bytes
