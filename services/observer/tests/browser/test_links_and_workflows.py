"""Lists are linked to channels on the page, workflows made and run there; what comes of it is in Slack."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, expect

from oblivion_platform.testing import eventually
from oblivion_sandbox.control import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
A_READING_LATER_MS = 110_000
"""Lists and channels are read again when somebody looks after a minute, not sooner."""


def has(*words: str) -> Any:
    """Tells a Slack message with all these words, wherever in it they stand."""
    return lambda message: all(each in json.dumps(message, ensure_ascii=False) for each in words)


async def open_link_panel(page: Page) -> tuple[Locator, Locator]:
    """The panels of lists and channels; they are there by themselves while nothing is linked."""
    await page.goto("/mappings")
    button, lists = (
        page.get_by_role("button", name="Link a list"),
        page.get_by_role("region", name="ClickUp lists"),
    )
    await expect(button.or_(lists)).to_be_visible()
    if await button.is_visible():
        await button.click()
    return lists, page.get_by_role("region", name="Slack channels")


async def test_a_list_is_linked_on_the_page_and_its_tasks_appear_in_the_channel(
    page: Page, sandbox: SandboxControl
):
    list_id = await sandbox.clickup.add_list("Roadmap")
    await sandbox.slack.add_channel("roadmap")
    lists, channels = await open_link_panel(page)
    await lists.get_by_label("Search ClickUp lists").fill("ROAD")
    await lists.get_by_role("radio", name="Roadmap").check(timeout=A_READING_LATER_MS)
    await channels.get_by_role("radio", name="#roadmap").check(timeout=A_READING_LATER_MS)
    terms = page.get_by_role("region", name="How they follow each other")
    await terms.get_by_role("button", name="Link", exact=True).click()
    mapping = page.get_by_role("article", name="Roadmap and #roadmap")
    await expect(mapping.get_by_text("0 tasks in the channel; no event yet")).to_be_visible()

    await sandbox.clickup.create_task(list_id, "Paint the bridge")
    message = await sandbox.slack.wait_for_message("roadmap", has("Paint the bridge"), within_s=30)
    assert message["blocks"]
    await expect(mapping.get_by_text("1 task in the channel")).to_be_visible(timeout=30_000)

    await mapping.get_by_role("button", name="Options").click()
    dialog = page.get_by_role("dialog", name="Options of Roadmap and #roadmap")
    await dialog.get_by_role("combobox", name="What goes back to ClickUp").click()
    await page.get_by_role("option", name="Every reply").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(mapping.get_by_text("every reply goes back")).to_be_visible()
    await mapping.get_by_role("button", name="Unlink").click()
    await page.get_by_role("dialog").get_by_role("button", name="Unlink").click()
    await expect(mapping).to_have_count(0)


async def choose(page: Page, dialog: Locator, what: str, option: str) -> None:
    await dialog.get_by_role("combobox", name=what).click()
    await page.get_by_role("option", name=option).click()


async def test_tag_metadata_and_default_agent_are_set_by_hand_and_hold(
    page: Page, up: Any, sandbox: SandboxControl, mention: Callable[..., Awaitable[str]]
):
    channel = f"bridges-{uuid4().hex[:6]}"
    list_id = await sandbox.clickup.add_list(channel)
    await sandbox.slack.add_channel(channel)
    up.oblivion("mappings", "link", channel, f"#{channel}")
    await page.goto("/mappings")
    mapping = page.get_by_role("article", name=f"{channel} and #{channel}")
    await mapping.get_by_role("button", name="Options").click()
    dialog = page.get_by_role("dialog", name=f"Options of {channel} and #{channel}")
    await choose(page, dialog, "What appears in the channel", "Tasks with a tag")
    await dialog.get_by_label("Tag").fill("#paint")
    await choose(page, dialog, "What goes back to ClickUp", "Replies with metadata")
    await expect(dialog.get_by_text("Say which event type.")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    await dialog.get_by_label("Event type").fill("deploy")
    await choose(page, dialog, "Default agent", "calendar")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await page.reload()
    kept = "tasks with #paint; replies of deploy go back; calendar answers"
    await expect(mapping.get_by_text(kept)).to_be_visible()
    await mapping.get_by_role("button", name="Options").click()
    await expect(dialog.get_by_label("Tag")).to_have_value("#paint")
    await expect(dialog.get_by_label("Event type")).to_have_value("deploy")
    await expect(dialog.get_by_role("combobox", name="Default agent")).to_have_value("calendar")

    plain = await sandbox.clickup.create_task(list_id, "Sweep the bridge")
    marked = await sandbox.clickup.create_task(list_id, "Mend the bridge #paint")
    task = await sandbox.slack.wait_for_message(channel, has("Mend the bridge"))
    await page.goto("/events?source=clickup")
    # What became of it has been decided; that it was made is told twice, and looked at once.
    told = page.get_by_role("row").filter(has_text=plain["id"]).filter(has_text="unchanged")
    await expect(told.first).to_be_visible()
    assert not [each for each in await sandbox.slack.messages(channel) if has("Sweep")(each["message"])]

    await sandbox.slack.post(channel, "This stays here.", thread_ts=task["ts"])
    metadata = {"event_type": "deploy", "event_payload": {}}
    await sandbox.slack.post(channel, "It is out.", thread_ts=task["ts"], metadata=metadata)

    async def comments() -> str:
        written = json.dumps(await sandbox.clickup.comments(marked["id"]))
        assert "It is out." in written
        return written

    assert "This stays here." not in await eventually(comments)

    words = f"summarise what is left of {channel}"
    await mention(words, channel=channel)
    await page.goto("/runs")
    await page.get_by_role("link", name=re.compile(words)).first.click()
    await expect(page.get_by_role("heading", name="calendar answered")).to_be_visible()


async def test_a_channel_that_the_app_is_not_in_says_what_to_do(page: Page, sandbox: SandboxControl):
    await sandbox.slack.add_channel("strangers", app_member=False)
    lists, channels = await open_link_panel(page)
    await lists.get_by_role("radio").first.check(timeout=A_READING_LATER_MS)
    await channels.get_by_label("Search Slack channels").fill("#strangers")
    await channels.get_by_role("radio", name="#strangers").check(timeout=A_READING_LATER_MS)
    await expect(channels.get_by_role("radio")).to_have_count(1)
    await expect(channels.get_by_text("Oblivion is not in it yet")).to_be_visible()
    terms = page.get_by_role("region", name="How they follow each other")
    await expect(terms.get_by_text("/invite @oblivion")).to_be_visible()
    await expect(terms.get_by_role("button", name="Link", exact=True)).to_be_enabled()


async def test_linking_works_on_a_phone(visits: Any):
    page: Page = await visits.page(viewport={"width": 380, "height": 800})
    lists, channels = await open_link_panel(page)
    await lists.get_by_role("radio").first.check(timeout=A_READING_LATER_MS)
    await channels.get_by_role("radio").first.check(timeout=A_READING_LATER_MS)
    await expect(page.get_by_role("region", name="How they follow each other")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 380


async def test_a_workflow_is_made_run_and_its_result_is_in_slack(page: Page, sandbox: SandboxControl):
    await page.goto("/workflows")
    await page.get_by_role("button", name="Create a workflow").click()
    dialog = page.get_by_role("dialog", name="Create a workflow")
    await dialog.get_by_label("Name").fill("Bridge report")
    await dialog.get_by_label("Prompt").fill("summarise how the bridge is doing")
    await dialog.get_by_role("combobox", name="Agent").click()
    await page.get_by_role("option", name="analysis").click()
    await dialog.get_by_role("combobox", name="Channel").fill("launch")
    await page.get_by_role("option", name="#launch").click(timeout=A_READING_LATER_MS)
    await dialog.get_by_label("Schedule").fill("99 9 * * 1")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_text("is not a cron expression of five fields")).to_be_visible()
    await dialog.get_by_label("Schedule").fill("0 9 * * 1")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_text("Runs next on Monday")).to_be_visible()
    await dialog.get_by_role("button", name="Good").click()

    await expect(page.get_by_role("heading", name="Bridge report", level=1)).to_be_visible()
    await expect(page.get_by_text("#launch")).to_be_visible()
    await page.get_by_role("button", name="Run now").click()
    await page.get_by_role("link", name="See the run").click()
    await expect(page.get_by_role("heading", name="analysis answered")).to_be_visible(timeout=30_000)
    run_id = page.url.rpartition("/")[2]
    run = await (await page.request.get(f"/api/runs/{run_id}")).json()
    assert run["source"] == "workflow"
    notified = await sandbox.slack.wait_for_message("launch", has(run_id, "Sandbox model"), within_s=30)
    assert "thread_ts" not in notified, "it stands in the channel itself"

    await page.go_back()
    history = page.get_by_role("table", name="Runs")
    await expect(history.get_by_role("link", name="summarise how the bridge is doing")).to_have_count(1)
    await page.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog", name="Change Bridge report")
    await form.get_by_label("The clock runs it").click()
    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_text("the clock does not run it")).to_be_visible()
    await form.get_by_role("button", name="Good").click()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="Workflows", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="Bridge report")).to_have_count(0)


async def test_a_guest_sees_no_form_and_a_user_none_either_but_runs(visits: Any, up: Any, page: Page):
    made = await page.request.post(
        "/api/workflows",
        data={"name": "Shared", "prompt": "summarise the week", "agent": "analysis"},
        headers={"Origin": up.base_url},
    )
    assert made.status == 201, await made.text()
    for name, role in (("Greta", "guest"), ("Uwe", "user")):
        up.oblivion("users", "create", name, "--role", role)
        theirs: Page = await visits.page(signed_in=False)
        await visits.sign_in(theirs, up.oblivion("login", "--user", name))
        await expect(theirs.get_by_role("heading", name="Overview")).to_be_visible()
        assert (await theirs.request.get("/api/places?kind=list")).status == 403
        await theirs.goto("/mappings")
        expected = "That is not there for you" if role == "guest" else "Tasks of a ClickUp list"
        await expect(theirs.get_by_text(expected)).to_be_visible()
        await expect(theirs.get_by_role("region", name="ClickUp lists")).to_have_count(0)
        await theirs.goto("/workflows")
        if role == "guest":
            await expect(theirs.get_by_text("That is not there for you")).to_be_visible()
        else:
            await theirs.get_by_role("link", name="Shared").click()
            await theirs.get_by_role("button", name="Run now").click()
            await expect(theirs.get_by_role("link", name="See the run")).to_be_visible()
        for form in ("Create a workflow", "Change", "Delete", "Link a list"):
            await expect(theirs.get_by_role("button", name=form)).to_have_count(0)
