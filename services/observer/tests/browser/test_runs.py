"""What people do with runs: followed, judged, approved, cancelled, done again."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
Mention = Callable[..., Awaitable[str]]


async def opened(page: Page, words: str) -> str:
    """The newest run that was asked for with these words; returns its id."""
    await page.goto("/runs")
    await page.get_by_role("link", name=re.compile(words)).first.click()
    await expect(page.get_by_role("heading", name="Run", level=1)).to_be_visible()
    return page.url.rpartition("/")[2]


async def waiting_run(page: Page, mention: Mention) -> tuple[str, str]:
    """One that waits, since a guest asked for what guests may not have by themselves."""
    title = f"sell milk {uuid4().hex[:6]}"
    await mention(f'create a task "{title}" in notion', user="ana")
    run_id = await opened(page, title)
    await expect(page.get_by_text("A run waits for your approval")).to_be_visible()
    return run_id, title


async def test_whoever_got_the_wrong_agent_says_which_is_right(page: Page, mention: Mention):
    words = f"summarise the harbour {uuid4().hex[:6]}"
    await mention(words)
    await opened(page, words)
    await expect(page.get_by_role("heading", name="analysis answered")).to_be_visible()
    await page.get_by_role("button", name="Opinion").click()
    await page.get_by_role("menuitem", name="The wrong agent").click()
    dialog = page.get_by_role("dialog", name="The wrong agent")
    await expect(dialog.get_by_text("analysis answered.")).to_be_visible()
    await dialog.get_by_role("combobox", name="Which would have been right").click()
    await page.get_by_role("option", name="notion").click()
    await dialog.get_by_role("button", name="Say so").click()
    await expect(page.get_by_text("Noted: admins see it under Routing.")).to_be_visible()
    await page.goto("/routing")
    opinions = page.get_by_role("table", name="Opinions")
    row = opinions.get_by_role("row").filter(has_text="The wrong agent").first
    await expect(row).to_contain_text("notion")
    labels = (await (await page.request.get("/api/routes/labels")).json())["items"]
    assert ("wrong_agent", "notion") in {(label["kind"], label["agent"]) for label in labels}


async def test_a_run_is_done_again_as_another(page: Page, mention: Mention):
    words = f"summarise the lighthouse {uuid4().hex[:6]}"
    await mention(words)
    first = await opened(page, words)
    await page.get_by_role("button", name="Do it again").click()
    await expect(page).not_to_have_url(re.compile(first))
    await expect(page.get_by_role("heading", name="analysis answered")).to_be_visible()
    again = await (await page.request.get(f"/api/runs/{page.url.rpartition('/')[2]}")).json()
    assert (again["prompt"], again["id"] == first) == (words, False)


async def answered(
    page: Page, verb: str, title: str, comment: str = "", within: Locator | None = None
) -> None:
    """Once more asked, with what it is about in sight."""
    await (within or page.get_by_role("main")).get_by_role("button", name=verb).click()
    dialog = page.get_by_role("dialog", name=f"{verb} this?")
    await expect(dialog).to_contain_text(title)
    await dialog.get_by_label("Comment").fill(comment)
    await dialog.get_by_role("button", name=verb).click()
    await expect(dialog).to_have_count(0)


async def test_a_question_is_answered_on_the_page_and_the_work_goes_on(page: Page, mention: Mention):
    _, title = await waiting_run(page, mention)
    await expect(page.locator("[data-connection=live]")).to_be_visible()
    await expect(page.get_by_text("May I use notion__createTask?").first).to_be_visible()
    bar = page.get_by_role("progressbar", name="Progress of the run")
    await expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
    await answered(page, "Approve", title, "go ahead")
    steps = page.get_by_label("Steps of the run")
    await expect(steps.get_by_text("approved by you")).to_be_visible()
    await expect(steps.get_by_text("go ahead")).to_be_visible()
    await expect(page.locator("[data-connection=ended]")).to_be_visible()
    await expect(bar).to_have_count(0)
    held = await (await page.request.get("/notion/control/documents/page")).text()
    assert title in held


async def test_a_guest_reads_who_approves_and_an_admin_what_is_asked(page: Page, visits: Any, up: Any):
    title = f"sell tea {uuid4().hex[:6]}"
    up.oblivion("users", "create", "Gesa", "--role", "guest")
    theirs: Page = await visits.page(signed_in=False)
    asked: list[str] = []
    theirs.on("request", lambda request: asked.append(request.url))
    await visits.sign_in(theirs, up.oblivion("login", "--user", "Gesa"))
    await expect(theirs.get_by_role("heading", name="Overview")).to_be_visible()
    await theirs.goto("/sessions")
    await theirs.get_by_role("button", name="New conversation").click()
    await theirs.get_by_label("Say something").fill(f'create a task "{title}" in notion')
    await theirs.get_by_role("button", name="Send").click()
    messages = theirs.get_by_role("region", name="Messages")
    await expect(messages.get_by_text("It waits for an approval.")).to_be_visible()
    await expect(messages.get_by_text("Somebody of the team has to approve this")).to_be_visible()
    conversation = theirs.url
    await theirs.goto("/runs")
    await theirs.get_by_role("link", name=re.compile(title)).first.click()
    await expect(theirs.get_by_text("Somebody of the team has to approve this")).to_be_visible()
    await expect(theirs.get_by_text("It waits for an approval.")).to_be_visible()
    await expect(theirs.get_by_text("Usually it takes")).to_have_count(0)
    await expect(theirs.get_by_text("That is not there for you")).to_have_count(0)
    assert not [url for url in asked if "/api/approvals" in url]

    await page.goto("/")
    card = page.get_by_role("alert").filter(has_text=title)
    await expect(card.get_by_text("Gesa asked notion:")).to_be_visible()
    await expect(card.locator("pre")).to_contain_text(f'"{title}"')
    await expect(card).not_to_contain_text("```")
    await expect(card.get_by_role("link", name=re.compile(title))).to_have_attribute(
        "href", f"/runs/{theirs.url.rpartition('/')[2]}"
    )
    await card.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("dialog", name="Approve this?").locator("pre")).to_contain_text(title)
    await page.keyboard.press("Escape")
    await expect(theirs.get_by_text("Somebody of the team has to approve this")).to_be_visible()
    await answered(page, "Approve", title, within=card)
    await expect(theirs.get_by_label("Steps of the run").get_by_text("approved by you")).to_be_visible()
    await expect(theirs.get_by_text("Somebody of the team has to approve this")).to_have_count(0)
    await theirs.goto(conversation)
    await expect(messages.get_by_text(title).nth(1)).to_be_visible()


async def test_a_denied_question_is_told_to_the_agent_and_nothing_is_written(page: Page, mention: Mention):
    _, title = await waiting_run(page, mention)
    await answered(page, "Deny", title, "not this one")
    steps = page.get_by_label("Steps of the run")
    await expect(steps.get_by_text("denied by you")).to_be_visible()
    await expect(steps.get_by_text("not this one")).to_be_visible()
    bad = page.locator(".mantine-Timeline-item").filter(has=page.locator(".tabler-icon-x"))
    await expect(bad.filter(has_text="denied by you")).to_be_visible()
    await expect(page.locator("[data-connection=ended]")).to_be_visible()
    await expect(page.get_by_text("with failures: 1 approval denied")).to_be_visible()
    await page.goto("/runs")
    row = page.get_by_role("row").filter(has_text=title)
    await expect(row.get_by_role("img", name="with failures: 1 approval denied")).to_be_visible()
    held = await (await page.request.get("/notion/control/documents/page")).text()
    assert title not in held


async def test_a_run_is_cancelled_and_nothing_comes_of_it(page: Page, mention: Mention):
    run_id, title = await waiting_run(page, mention)
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_label("Steps of the run").get_by_text("cancelled by you")).to_be_visible()
    await expect(page.get_by_text("A run waits for your approval")).to_have_count(0)
    run = await (await page.request.get(f"/api/runs/{run_id}")).json()
    assert run["state"] == "cancelled"
    held = await (await page.request.get("/notion/control/documents/page")).text()
    assert title not in held


async def test_questions_that_cannot_be_asked_for_say_so(page: Page):
    async def away(route: Any) -> None:
        await route.fulfill(status=403, json={"code": "x", "detail": "Not now."})

    await page.route("**/api/approvals*", away)
    await page.goto("/")
    await expect(page.get_by_text("Not now.")).to_be_visible()
    await page.unroute("**/api/approvals*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("Not now.")).to_have_count(0)
    await expect(page.get_by_role("heading", name="Overview")).to_have_count(1)
