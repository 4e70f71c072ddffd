"""What people do on the page, in a real browser, against the whole embedded system."""

import re
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

import pytest
from playwright.async_api import Page, Response, expect

from oblivion_sandbox.control import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
LANDING_SCRIPT_MAX_BYTES = 250_000
PLOTS = ("Events that came in", "Runs that ended")
Mention = Callable[..., Awaitable[str]]
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


async def test_whoever_is_not_signed_in_is_asked_and_is_then_where_they_wanted_to_be(visits: Any, up: Any):
    page: Page = await visits.page(signed_in=False)
    await page.goto("/runs?state=failed")
    await expect(page.get_by_role("heading", name="Sign in to Oblivion")).to_be_visible()
    await visits.sign_in(page, up.oblivion("login"))
    await expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    await expect(page).to_have_url(f"{up.base_url}/runs?state=failed")
    cookies = {cookie["name"]: cookie for cookie in await page.context.cookies()}
    assert cookies["oblivion_session"]["httpOnly"]
    assert "oblivion_session" not in await page.evaluate("document.cookie")
    await page.get_by_role("button", name="Account of you").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in to Oblivion")).to_be_visible()


FIGURES = {
    "Runs now": ("Runs", "/runs"),
    "Runs failed": ("Runs", "/runs?state=failed"),
    "Agents online": ("Agents", "/agents"),
    "Events": ("Events", "/events"),
    "Dead letters": ("Dead letters", "/dead-letters"),
    "Spent": ("Runs", "/runs"),
    "Queues": ("Queues", "/queues"),
    "Breakers": ("Live feed", "/feed"),
}


async def test_each_figure_of_the_overview_leads_to_what_is_behind_it(page: Page, up: Any):
    await page.goto("/")
    await expect(page.get_by_role("link", name=re.compile("Agents online 6 of"))).to_be_visible()
    for label, (title, address) in FIGURES.items():
        await page.goto("/")
        await page.get_by_role("main").get_by_role("link", name=re.compile(f"^{label}")).click()
        await expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        await expect(page).to_have_url(re.compile(f"^{re.escape(up.base_url + address)}"))


async def test_plots_go_back_as_far_as_the_address_says(page: Page):
    await page.goto("/")
    for plot in PLOTS:
        await expect(page.get_by_role("img", name=re.compile(f"^{plot}: "))).to_be_visible()
    await page.get_by_text("24 hours", exact=True).click()
    await expect(page).to_have_url(re.compile(r"\?minutes=1440$"))
    await page.reload()
    await expect(page.get_by_role("radio", name="24 hours")).to_be_checked()


async def test_runs_are_narrowed_down_and_the_address_keeps_it(page: Page, mention: Mention):
    await mention("summarise what is kept in the shed")
    await page.goto("/runs")
    runs = page.get_by_role("table", name="Runs")
    await expect(runs.get_by_role("link", name=re.compile("kept in the shed"))).to_be_visible()
    await page.get_by_role("combobox", name="Agent").click()
    await page.get_by_role("option", name="github").click()
    await expect(page.get_by_role("heading", name="No runs")).to_be_visible()
    await page.get_by_role("combobox", name="Agent").click()
    await page.get_by_role("option", name="analysis").click()
    await page.get_by_role("combobox", name="State").click()
    await page.get_by_role("option", name="succeeded").click()
    await expect(runs.get_by_role("link", name=re.compile("kept in the shed"))).to_be_visible()
    await expect(page).to_have_url(re.compile("state=succeeded"))
    await page.reload()
    await expect(runs.get_by_role("link", name=re.compile("kept in the shed"))).to_be_visible()
    await expect(page.get_by_role("combobox", name="Agent")).to_have_value("analysis")


async def test_a_mention_is_followed_live_to_its_answer(page: Page, mention: Mention):
    await page.goto("/runs")
    await mention("summarise what was said about the offsite")
    await page.get_by_role("link", name=re.compile("summarise what was said about the offsite")).click()
    await expect(page.get_by_text("routed to analysis")).to_be_visible()
    await expect(page.get_by_role("heading", name="analysis answered")).to_be_visible()
    await expect(page.locator("[data-connection=ended]")).to_be_visible()
    await expect(page.get_by_role("heading", name="Why this agent")).to_be_visible()
    steps = page.get_by_label("Steps of the run")
    await expect(steps).to_contain_text(re.compile("queued.*assigned.*succeeded", re.DOTALL))


async def test_what_people_write_stays_text(page: Page, mention: Mention):
    # Escaped as Slack sends it.
    await mention(f"summarise {escape(HOSTILE)}")
    await page.goto("/runs")
    await page.get_by_role("link", name=re.compile("summarise <img")).click()
    await expect(page.get_by_role("heading", name="you asked")).to_be_visible()
    await expect(page.get_by_role("main")).to_contain_text("<img src=x onerror=alert")
    await expect(page.locator("img[src=x]")).to_have_count(0)


async def test_a_mapping_is_seen_set_and_taken_back(page: Page, up: Any):
    up.oblivion("mappings", "link", "Launch", "#launch")
    await page.goto("/mappings")
    mapping = page.get_by_role("article", name="Launch and #launch")
    comments = mapping.get_by_label("Comments appear in the thread")
    await expect(comments).to_be_checked()
    await comments.click()
    await expect(comments).not_to_be_checked()
    await mapping.get_by_role("button", name="Unlink").click()
    await page.get_by_role("dialog").get_by_role("button", name="Unlink").click()
    await expect(mapping).to_have_count(0)
    audit = (await (await page.request.get("/api/audit")).json())["items"]
    assert {"mapping.unlinked"} <= {line["action"] for line in audit}


async def test_a_conversation_is_held_on_the_page(page: Page):
    await page.goto("/sessions")
    await page.get_by_role("button", name="New conversation").click()
    words = page.get_by_label("Say something")
    await expect(page.get_by_text("Enter sends it; Shift and Enter begin a new line.")).to_be_visible()
    await words.fill("summarise:")
    await words.press("Shift+Enter")
    await page.keyboard.type("the offsite is on Friday")
    await expect(words).to_have_value("summarise:\nthe offsite is on Friday")
    await words.press("Enter")
    await expect(words).to_have_value("")
    messages = page.get_by_role("region", name="Messages")
    await expect(messages.get_by_text("Sandbox model")).to_be_visible()
    await expect(messages).to_contain_text("the offsite is on Friday")
    await expect(page.get_by_text(re.compile("^From the page, with "))).to_be_visible()


async def test_a_message_is_tried_and_nothing_is_done(page: Page):
    await page.goto("/routing")
    await page.get_by_label("Try a message").fill("book a meeting room for tomorrow")
    await page.get_by_role("button", name="Try").click()
    await expect(page.get_by_role("heading", name="It goes to calendar")).to_be_visible()
    runs = (await (await page.request.get("/api/runs")).json())["items"]
    assert not [run for run in runs if "meeting room for tomorrow" in run["prompt"]]


async def test_an_event_is_looked_at_and_replayed(page: Page, mention: Mention):
    ts = await mention("summarise the week")
    await page.goto("/events?source=slack")
    # A mention is told as `app_mention` and as `message`; the one that came first stays.
    asked = page.get_by_role("row").filter(has_text=ts).filter(has_text="asked")
    await asked.get_by_role("link").first.click()
    drawer = page.get_by_role("dialog", name="Event")
    await expect(drawer.get_by_text("proved")).to_be_visible()
    await expect(page, "a link shows the same thing").to_have_url(re.compile("event="))
    await expect(drawer).not_to_contain_text("summarise the week")
    await drawer.get_by_role("button", name="Show the body").click()
    body = drawer.get_by_label("Its body, secrets masked")
    await expect(body).to_contain_text("summarise the week")
    await expect(body).to_contain_text('"token": "[redacted]"')
    await drawer.get_by_role("button", name="Replay").click()
    await expect(page.get_by_text("It is being handled again.")).to_be_visible()


async def test_events_that_were_ignored_are_shown_to_whoever_wants_them(page: Page, sandbox: SandboxControl):
    await sandbox.slack.add_channel("idle-talk")
    ts = (await sandbox.slack.post("idle-talk", "nobody is asked", user="ana"))["ts"]
    row = page.get_by_role("row").filter(has_text=ts)
    await page.goto("/events?ignored=true")
    await expect(row.get_by_text("ignored", exact=True)).to_be_visible()
    await page.get_by_label("Show ignored ones").click()
    await expect(row).to_have_count(0)
    await expect(page).to_have_url(re.compile("/events$"))
    await page.get_by_label("Show ignored ones").click()
    await expect(row).to_be_visible()
    await expect(page).to_have_url(re.compile("ignored=true"))


async def test_a_guest_sees_what_guests_may_see(visits: Any, up: Any):
    up.oblivion("users", "create", "Gus", "--role", "guest")
    page: Page = await visits.page(signed_in=False)
    await visits.sign_in(page, up.oblivion("login", "--user", "Gus"))
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    views = page.get_by_role("navigation", name="Views")
    await expect(views.get_by_role("link")).to_have_text(["Overview", "Runs", "Agents", "Sessions", "Tools"])
    await page.goto("/events")
    await expect(page.get_by_text("That is not there for you")).to_be_visible()
    await page.goto("/users")
    await expect(page.get_by_text("That is not there for you")).to_be_visible()
    await expect(page.get_by_role("button", name="Let somebody in")).to_have_count(0)


async def test_the_landing_view_loads_little_script(visits: Any):
    page: Page = await visits.page()
    sizes: dict[str, int] = {}

    def note(response: Response) -> None:
        if response.url.endswith(".js"):
            sizes[response.url] = int(response.headers["content-length"])

    page.on("response", note)
    await page.goto("/")
    for plot in PLOTS:
        await expect(page.get_by_role("img", name=re.compile(f"^{plot}: "))).to_be_visible()
    await expect(page.get_by_role("heading", name="Newest runs")).to_be_visible()
    assert 0 < sum(sizes.values()) < LANDING_SCRIPT_MAX_BYTES
