from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_sandbox.testing import RunningSandbox

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Tags(HTMLParser):
    """Scripts, event handlers and inline styles of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.suspicious: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script":
            self.scripts.append(values.get("src") or "inline")
        handlers = [name for name in values if name.startswith("on") or name == "style"]
        if handlers or (tag == "img" and values.get("src") == "x"):
            self.suspicious.append(self.get_starttag_text() or tag)


async def hostile_world(sandbox: RunningSandbox, slack: AsyncWebClient) -> tuple[str, str]:
    """Hostile text wherever text is shown; returns the paths of a thread and of a task."""
    section = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": HOSTILE},
        "fields": [{"type": "plain_text", "text": HOSTILE}],
    }
    button = {
        "type": "button",
        "action_id": HOSTILE,
        "value": HOSTILE,
        "text": {"type": "plain_text", "text": HOSTILE[:75]},
    }
    blocks = [
        section,
        {"type": "header", "text": {"type": "plain_text", "text": HOSTILE}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": HOSTILE}]},
        {"type": "actions", "elements": [button]},
        {"type": "markdown", "text": HOSTILE + "[x](javascript:alert(3))"},
    ]
    posted = await slack.chat_postMessage(channel="launch", text=HOSTILE, blocks=blocks)
    await sandbox.control.slack.post("launch", HOSTILE, typed=True)
    await sandbox.control.slack.post("launch", HOSTILE, files=[{"id": "F1", "name": HOSTILE}])
    await sandbox.control.slack.post("launch", HOSTILE, thread_ts=posted["ts"])
    await sandbox.control.slack.add_channel(HOSTILE)
    lists = await sandbox.control.clickup.lists()
    await sandbox.control.clickup.add_list(HOSTILE)
    task = await sandbox.control.clickup.create_task(lists["Launch"], HOSTILE, markdown_content=HOSTILE)
    await sandbox.control.clickup.comment(task["id"], HOSTILE)
    link = {"text": HOSTILE, "attributes": {"link": "javascript:alert(4)"}}
    await sandbox.control.clickup.comment(task["id"], "", comment=[link])
    return (
        f"/slack?channel={posted['channel']}&thread={posted['ts']}",
        f"/clickup?list={lists['Launch']}&task={task['id']}",
    )


async def test_what_people_write_never_becomes_html(
    sandbox: RunningSandbox, slack: AsyncWebClient, browser: httpx.AsyncClient
):
    for path in await hostile_world(sandbox, slack):
        side = path.split("?")[0]
        page = await browser.get(path)
        tags = Tags(page.text)
        assert page.status_code == 200
        assert "&lt;script&gt;" in page.text
        assert tags.scripts == [f"{side}/static/common.js", f"{side}/static{side}.js"]
        assert tags.suspicious == []
        assert 'href="javascript:' not in page.text


async def test_pages_forbid_inline_scripts(browser: httpx.AsyncClient):
    for path in ("/slack", "/clickup", "/clickup/t/nothing"):
        policy = (await browser.get(path)).headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe-inline" not in policy


async def test_both_pages_say_that_they_are_stand_ins(browser: httpx.AsyncClient):
    assert "A stand-in for Slack" in (await browser.get("/slack")).text
    assert "A stand-in for ClickUp" in (await browser.get("/clickup")).text


async def test_a_tasks_url_leads_to_it_on_the_page(sandbox: RunningSandbox, browser: httpx.AsyncClient):
    task = (await sandbox.control.clickup.tasks())[0]
    page = await browser.get(task["url"], follow_redirects=True)
    assert page.status_code == 200
    assert task["name"] in page.text
    assert (await browser.get("/clickup/t/nothing")).status_code == 404


async def test_another_sites_page_may_not_act_here(sandbox: RunningSandbox, browser: httpx.AsyncClient):
    answer = await browser.post("/slack/control/reset", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.browser
async def test_a_person_posts_replies_edits_and_deletes(sandbox: RunningSandbox, page: Page):
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(f"{sandbox.base_url}/slack")
    await page.get_by_label("Message #general").fill("hello @ana")
    await page.keyboard.press("Enter")
    message = page.locator("#messages .message").last
    await expect(message.locator(".mention")).to_have_text("@ana")
    await message.hover()
    await message.get_by_role("button", name="Edit message").click()
    await page.get_by_label("Edit text").fill("hello @ben")
    await page.keyboard.press("Enter")
    await expect(message.locator(".mention")).to_have_text("@ben")
    await message.hover()
    await message.get_by_role("link", name="Reply").click()
    await page.get_by_label("Reply", exact=True).fill("#clickup in thread")
    await page.keyboard.press("Enter")
    await expect(page.locator("#thread .message")).to_have_count(2)
    reply = page.locator("#thread .message").last
    await reply.hover()
    await reply.get_by_role("button", name="Delete message").click()
    await expect(page.locator("#thread .message")).to_have_count(1)
    stored = await sandbox.control.slack.messages("general")
    assert [(entry["revisions"], entry["deleted"]) for entry in stored] == [(1, False), (0, True)]


@pytest.mark.browser
async def test_what_the_app_posts_appears_by_itself(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page
):
    await page.goto(f"{sandbox.base_url}/slack")
    await slack.chat_postMessage(channel="general", text="from the app")
    await expect(page.locator("#messages .message").last).to_contain_text("from the app")
    assert await page.locator("#messages .message", has_text="from the app").count() == 1


@pytest.mark.browser
async def test_a_person_files_edits_and_comments_a_task(sandbox: RunningSandbox, page: Page):
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(f"{sandbox.base_url}/clickup")
    await page.get_by_label("Name of a new task").fill("Fix the login")
    await page.get_by_text("Details").click()
    await page.locator("[data-new-task]").get_by_label("Description").fill("@AI_Squad please")
    await page.locator("[data-new-task]").get_by_label("ana").check()
    await page.get_by_role("button", name="Create task").click()
    await page.get_by_role("link", name="Fix the login").click()
    await page.get_by_label("Status").last.select_option("review")
    await page.get_by_label("Due date").last.fill("2030-01-02")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast")).to_have_text("Saved.")
    await page.get_by_label("Write a comment").fill("on it")
    await page.get_by_role("button", name="Comment", exact=True).click()
    await expect(page.locator(".comment-text")).to_have_text("on it")
    await page.get_by_role("button", name="Edit comment").click()
    await page.get_by_label("Edit text").fill("done")
    await page.get_by_role("button", name="Save").last.click()
    await expect(page.locator(".comment-text")).to_have_text("done")
    task = (await sandbox.control.clickup.tasks())[-1]
    assert task["status"]["status"] == "review"
    assert task["markdown_description"] == "@AI_Squad please"
    assert task["assignees"][0]["username"] == "ana"
    assert task["due_date"] is not None
    await page.get_by_role("button", name="Delete task").click()
    await expect(page.get_by_role("link", name="Fix the login")).to_have_count(0)


@pytest.mark.browser
async def test_saving_a_task_changes_only_what_was_changed(sandbox: RunningSandbox, page: Page):
    task = (await sandbox.control.clickup.tasks())[0]
    await page.goto(f"{sandbox.base_url}/clickup/t/{task['id']}")
    await page.get_by_label("Title").fill("Another title")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast")).to_have_text("Saved.")
    saved = (await sandbox.control.clickup.tasks())[0]
    changed = {name for name in task if task[name] != saved[name]}
    assert changed == {"name", "date_updated"}


@pytest.mark.browser
async def test_news_take_neither_the_focus_nor_half_written_text(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page
):
    first = await sandbox.control.slack.post("general", "first")
    await page.goto(f"{sandbox.base_url}/slack")
    message = page.locator(f"#messages [data-ts='{first['ts']}']")
    await message.get_by_role("link", name="Reply").focus()
    await slack.chat_postMessage(channel="general", text="second")
    await expect(page.locator("#messages .message")).to_have_count(2)
    await expect(message.get_by_role("link", name="Reply")).to_be_focused()

    await message.hover()
    await message.get_by_role("button", name="Edit message").click()
    await page.get_by_label("Edit text").fill("half")
    await slack.chat_postMessage(channel="general", text="third")
    await expect(page.get_by_label("Edit text")).to_have_value("half")
    await page.keyboard.press("Escape")
    await expect(page.locator("#messages .message")).to_have_count(3)
    assert (await sandbox.control.slack.messages("general"))[0]["message"]["text"] == "first"


@pytest.mark.browser
async def test_hostile_text_runs_nothing_in_a_real_browser(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page
):
    dialogs: list[Any] = []
    errors: list[Any] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog))  # noqa: PLW0108  # Playwright marks it
    page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108  # the same
    for path in await hostile_world(sandbox, slack):
        await page.goto(sandbox.base_url + path)
        await expect(page.locator("#main")).to_contain_text("<script>")
    assert dialogs == []
    assert errors == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [380, 768, 1440])
async def test_pages_fit_their_screen(sandbox: RunningSandbox, slack: AsyncWebClient, page: Page, width: int):
    await page.set_viewport_size({"width": width, "height": 800})
    for path in ("/slack", "/clickup", *await hostile_world(sandbox, slack)):
        await page.goto(sandbox.base_url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
