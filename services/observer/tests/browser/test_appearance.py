"""Every view, light and dark, on a wall screen and on a phone: nothing cut off, nothing serious for axe.

The pictures are kept in build/screenshots, to be looked at.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from oblivion_observer.testing import VIEWS

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(600)]
WEB = Path(__file__).parents[2] / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = Path("build/screenshots")
RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})"


@pytest.fixture
def pictures() -> Path:
    if not AXE.exists():
        pytest.skip("needs axe-core: make page")
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES


async def shown(page: Page, path: str, title: str) -> None:
    await page.goto(path)
    await expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    await expect(page.get_by_label("Loading")).to_have_count(0)


async def newest(page: Page, kind: str, title: str | None = None) -> tuple[str, str]:
    """Path and title of the first of the API's list."""
    first = (await (await page.request.get(f"/api/{kind}")).json())["items"][0]
    return f"/{kind}/{first['id']}", title or first["name"]


async def notion(page: Page) -> tuple[str, str]:
    """A connection that every embedded system has."""
    found = (await (await page.request.get("/connections")).json())["items"]
    first = next(each for each in found if each["provider"] == "notion")
    return f"/tools/{first['id']}", first["name"]


async def workflow(page: Page, base_url: str) -> tuple[str, str]:
    """One that the clock runs, made if there is none yet."""
    wish = {"name": "Weekly report", "prompt": "summarise the week", "schedule": "0 9 * * 1"}
    if not (await (await page.request.get("/api/workflows")).json())["items"]:
        made = await page.request.post("/api/workflows", data=wish, headers={"Origin": base_url})
        assert made.status == 201, await made.text()
    return await newest(page, "workflows")


async def faults(page: Page) -> list[str]:
    """What axe finds that keeps somebody out."""
    await page.evaluate(AXE.read_text())
    found = (await page.evaluate(RULES))["violations"]
    grave = [each for each in found if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in grave]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_view_is_whole_and_open_to_everybody(
    lived_in: Any, visits: Any, pictures: Path, scheme: str, width: int
):
    page: Page = await visits.page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    wrong: dict[str, list[str]] = {}
    views = VIEWS | {"one-run": await newest(page, "runs", "Run"), "one-agent": await newest(page, "agents")}
    views |= {"one-tool": await notion(page), "one-workflow": await workflow(page, lived_in.base_url)}
    lived_in.oblivion("mappings", "link", "Launch", "#launch")
    for name, (path, title) in views.items():
        await shown(page, path, title)
        if name == "mappings":
            await page.get_by_role("button", name="Test and events").first.click()
            await expect(page.get_by_role("region", name="Troubles")).to_be_visible()
        picture = pictures / f"{name}-{scheme}-{width}.png"
        await page.screenshot(path=picture, full_page=True, animations="disabled")
        found = await faults(page)
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found.append("wider than the screen")
        if found:
            wrong[name] = found
    assert wrong == {}


async def is_in_navigation(page: Page) -> bool:
    return await page.evaluate("document.activeElement.closest('nav') !== null")


async def test_a_phones_closed_navigation_is_out_of_reach_of_the_keyboard(visits: Any):
    page: Page = await visits.page(viewport={"width": 390, "height": 900})
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    burger = page.get_by_role("button", name="Navigation")
    await burger.focus()
    reached = []
    for _ in range(6):
        await page.keyboard.press("Tab")
        reached.append(await is_in_navigation(page))
    assert not any(reached)
    await burger.focus()
    await page.keyboard.press("Enter")
    await expect(burger).to_have_attribute("aria-expanded", "true")
    while not await is_in_navigation(page):
        await page.keyboard.press("Tab")
    agents = page.get_by_role("navigation", name="Views").get_by_role("link", name="Agents")
    await agents.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Agents", level=1)).to_be_visible()
    await expect(burger).to_have_attribute("aria-expanded", "false")
    await expect(page.locator("nav[inert]")).to_have_count(1)


async def test_the_page_can_be_used_by_keyboard_alone(page: Page):
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    burger = page.get_by_role("button", name="Navigation")
    if await burger.is_visible():  # On a phone the navigation is behind it.
        await burger.focus()
        await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Agents", exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Agents")).to_be_visible()
    await page.get_by_role("link", name="analysis").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="analysis", level=1)).to_be_visible()
    await expect(page).to_have_url(re.compile("/agents/"))
