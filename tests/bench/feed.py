"""The page's live feed at 500 lines a second, in a headless Chromium, on the whole embedded system.

Lines are written as services write them, into the system's own Redis, and come by way of a gateway and the
front proxy. Measured is how long the page's main thread is busy at a time, and what its heap holds, after a
collection, at the end and after the second minute. Browsers tell of tasks over 50 ms alone, so each message
that came stands for one task, and all that nobody told of for one of 0 ms. `FEED_MINUTES` shortens it.
"""

import os
import re
import uuid

from playwright.async_api import Page, expect

from oblivion_observer.testing import ALL_TEXTS, WATCH_TASKS, heap_bytes, long_tasks_ms, tenant_of
from oblivion_platform.feed import Feed
from oblivion_platform.testing.feed import tell_steadily
from tests.bench.browser import admins_page
from tests.bench.figures import Figure, at_most, percentile
from tests.system import System

LINES_PER_S = 500
MINUTES = float(os.environ.get("FEED_MINUTES", "10"))
WARM_MINUTES = min(2.0, MINUTES / 2)
TASK_MS, HEAP_MB = 100.0, 10.0


async def measure() -> list[Figure]:
    """Some minutes to fill what is kept, then as long as it takes to see what grows."""
    async with admins_page() as (system, page):
        return await _measure(system, page)


async def _measure(system: System, page: Page) -> list[Figure]:
    words = f"line-{uuid.uuid4().hex[:6]}"
    messages = counted_messages(page)
    await page.goto(f"{system.base_url}/feed?search={words}")
    await expect(page.locator("[data-connection=live]")).to_be_visible()
    await page.evaluate(WATCH_TASKS)
    tenant, feed = await tenant_of(page), Feed(system.redis_url, "router-worker")
    first = await tell_steadily(feed, tenant, words, per_s=LINES_PER_S, for_s=60 * WARM_MINUTES)
    # A collection is a long task too, and nobody's but ours.
    tasks_ms = await long_tasks_ms(page)
    warm = await heap_bytes(page)
    await page.evaluate("window.tasks = []")
    rest = await tell_steadily(
        feed, tenant, f"{words} on", per_s=LINES_PER_S, for_s=60 * (MINUTES - WARM_MINUTES)
    )
    await feed.close()
    await expect(page.get_by_text(f"{words} on {rest - 1}", exact=True)).to_be_visible()
    tasks_ms += await long_tasks_ms(page)
    grown_mb = (await heap_bytes(page) - warm) / 1e6
    await page.get_by_role("button", name="Pause").click()
    shown = [
        int(found[1]) for text in await page.evaluate(ALL_TEXTS) if (found := re.search(r" on (\d+)$", text))
    ]
    wrong = len(set(range(rest - len(shown), rest)) ^ set(shown))
    told = f"{len(messages)} messages, {first + rest} lines in {MINUTES:g} min"
    p99_ms = percentile(all_tasks(tasks_ms, messages), 0.99)
    return [
        at_most("live feed: tasks of the page, p99", p99_ms, "ms", TASK_MS, told),
        Figure("live feed: longest task of the page", max(tasks_ms, default=0.0), "ms",
               f"{len(tasks_ms)} over 50 ms"),
        at_most("live feed: growth of the page's heap after minute two", grown_mb, "MB", HEAP_MB,
                f"from {warm / 1e6:.1f} MB"),
        at_most("live feed: lines lost or doubled among those kept", wrong, "lines", 0, f"{len(shown)} kept"),
    ]  # fmt: skip


def counted_messages(page: Page) -> list[None]:
    """Grows with each message that the page gets on its WebSockets."""
    messages: list[None] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda _: messages.append(None)))
    return messages


def all_tasks(long_ms: list[float], messages: list[None]) -> list[float]:
    """Long ones, and the rest of one for each message."""
    return [*long_ms, *[0.0] * max(0, len(messages) - len(long_ms))]
