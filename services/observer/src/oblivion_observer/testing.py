"""What stories and benchmarks of the page share."""

from typing import Any
from uuid import UUID

from playwright.async_api import Page

WATCH_TASKS = """
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((each) => each.duration)))
        .observe({ type: "longtask", buffered: false });
"""
ALL_TEXTS = """async () => {
    const place = document.querySelector(".feed");
    const found = new Map();
    const settle = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    for (let top = 0; ; top += place.clientHeight / 2) {
        place.scrollTop = top;
        await settle();
        for (const row of place.querySelectorAll(".feed-place"))
            found.set(Math.round(new DOMMatrix(getComputedStyle(row).transform).f),
                row.querySelector(".feed-text").textContent);
        if (top >= place.scrollHeight) break;
    }
    return [...found.entries()].sort((a, b) => a[0] - b[0]).map((each) => each[1]);
}"""
"""Every line of the list, from the first to the last, whether it is in sight or not."""


async def tenant_of(page: Page) -> UUID:
    """Whose page it is."""
    cookies = {each.get("name"): each.get("value", "") for each in await page.context.cookies()}
    return UUID(hex=cookies["oblivion_session"].partition(".")[0])


async def heap_bytes(page: Page) -> float:
    """What is still used once everything that is not was collected."""
    session: Any = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return float(usage["usedSize"])


async def long_tasks_ms(page: Page) -> list[float]:
    """Of the browser's main thread, since `WATCH_TASKS`: those over 50 ms."""
    return [float(each) for each in await page.evaluate("window.tasks")]


VIEWS = {
    "overview": ("/", "Overview"),
    "runs": ("/runs", "Runs"),
    "agents": ("/agents", "Agents"),
    "sessions": ("/sessions", "Sessions"),
    "tools": ("/tools", "Tools"),
    "mappings": ("/mappings", "Mappings"),
    "workflows": ("/workflows", "Workflows"),
    "routing": ("/routing", "Routing"),
    "feed": ("/feed", "Live feed"),
    "events": ("/events", "Events"),
    "dead-letters": ("/dead-letters", "Dead letters"),
    "queues": ("/queues", "Queues"),
    "settings": ("/settings", "Settings"),
    "first-steps": ("/first-steps", "First steps"),
    "credentials": ("/credentials", "Credentials"),
    "users": ("/users", "Users"),
    "audit": ("/audit", "Audit log"),
}
"""Each view of the page: its address and its title."""
