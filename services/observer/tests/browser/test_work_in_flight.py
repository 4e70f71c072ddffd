"""What waits, what was called, what a link does: seen and tried on the page."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from oblivion_observer.queue_board import PROGRAM
from oblivion_observer.testing import tenant_of
from oblivion_platform.feed import Feed, telling_breakers
from oblivion_platform.node import node_program
from oblivion_platform.testing import eventually
from oblivion_sandbox.control import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
Mention = Callable[..., Awaitable[str]]
ARRIVES_MS = 60_000
NEEDS_NODE = pytest.mark.skipif(node_program() is None or not PROGRAM.exists(), reason="needs Node")


async def test_queues_tell_what_was_done_and_lead_to_the_rows(page: Page, mention: Mention):
    words = f"summarise the quay {uuid4().hex[:6]}"
    await mention(words)
    await page.goto("/runs")
    await page.get_by_role("link", name=re.compile(words)).first.click()
    await expect(page.get_by_role("heading", name="analysis answered")).to_be_visible()
    await page.goto("/")
    await page.get_by_role("main").get_by_role("link", name=re.compile("^Queues")).click()
    await expect(page.get_by_role("heading", name="Queues", level=1)).to_be_visible()
    for name in ("Events", "Runs", "To Slack and ClickUp"):
        section = page.get_by_role("region", name=name, exact=True)
        await expect(section.get_by_text("Done, last hour")).to_be_visible()
        await expect(section.get_by_role("img", name=re.compile("^Done: [1-9]"))).to_be_visible()
    await page.get_by_role("region", name="Events", exact=True).get_by_role("link", name="Waiting").click()
    await expect(page.get_by_role("heading", name="Events", level=1)).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/events\?state=received$"))


async def test_an_open_breaker_stands_in_the_overview_and_leads_to_what_happened(page: Page, feed: Feed):
    provider = f"wiki-{uuid4().hex[:6]}"
    tell, tenant = telling_breakers(feed), await tenant_of(page)
    tell(tenant, provider, "opened")
    await page.goto("/")
    breakers = page.get_by_role("link", name=re.compile("^Breakers"))
    await expect(breakers).to_contain_text(f"left alone: {provider}")
    await breakers.click()
    lines = page.get_by_role("log", name="Live feed")
    await expect(lines.get_by_text(f"{provider} failed again and again")).to_be_visible()
    tell(tenant, provider, "closed")
    await page.goto("/")
    await expect(breakers).to_contain_text("closed")


@NEEDS_NODE
async def test_an_operator_sees_the_real_queue_board_and_nobody_else_does(
    page: Page, visits: Any, up: Any, mention: Mention
):
    await mention(f"summarise the pier {uuid4().hex[:6]}")
    await page.goto("/queues")
    await expect(page.get_by_role("heading", name="Queues", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="Queue board of all tenants")).to_have_count(0)
    assert (await page.request.get("/admin/queues")).status == 403

    name = f"Opal {uuid4().hex[:6]}"
    up.oblivion("users", "create", name, "--role", "admin")
    up.oblivion("users", "operator", name)
    theirs: Page = await visits.page(signed_in=False)
    await theirs.goto("/admin/queues")
    await expect(theirs.get_by_role("heading", name="Sign in to Oblivion")).to_be_visible()
    await visits.sign_in(theirs, up.oblivion("login", "--user", name))
    await expect(theirs.get_by_role("heading", name="Queues", level=1)).to_be_visible()
    await theirs.get_by_role("link", name="Queue board of all tenants").click()
    await expect(theirs).to_have_title(re.compile("Oblivion's queues"))
    await expect(theirs.get_by_role("link", name=re.compile("ai-agent-tasks")).first).to_be_visible()
    await theirs.goto("/admin/queues/queue/ai-agent-tasks?status=completed")
    await expect(theirs.get_by_text("process-mention").first).to_be_visible()
    await expect(theirs.get_by_text("No workers")).to_have_count(0)
    await expect(theirs.locator("body"), "jobs hold ids only").not_to_contain_text("summarise the pier")
    await theirs.screenshot(path="build/screenshots/queue-board-light-1440.png")
    # Bull Board asks Google for its font: the policy keeps the browser here, and the board does without.
    visits.errors[:] = [each for each in visits.errors if "fonts.googleapis.com" not in each]


async def test_a_sample_goes_through_the_link_and_says_that_it_arrived(
    page: Page, up: Any, sandbox: SandboxControl
):
    await sandbox.clickup.add_list("Samples")
    await sandbox.slack.add_channel("samples")
    up.oblivion("mappings", "link", "Samples", "#samples")
    await page.goto("/mappings")
    mapping = page.get_by_role("article", name="Samples and #samples")
    await mapping.get_by_role("button", name="Test and events").click()
    await expect(mapping.get_by_role("region", name="Last events")).to_contain_text("None in the last 7 days")
    await mapping.get_by_role("button", name="Send a sample").click()
    sample = mapping.get_by_role("region", name="Sample")
    await expect(sample.get_by_text("It works: the sample appeared in #samples.")).to_be_visible(
        timeout=ARRIVES_MS
    )
    await sandbox.slack.wait_for_message("samples", lambda seen: "Sample from Oblivion" in json.dumps(seen))
    await expect(mapping.get_by_text("1 task in the channel")).to_be_visible()
    message = sample.get_by_role("link", name="Its message in Slack")
    await expect(message).to_have_attribute("href", re.compile(rf"{up.base_url}/slack/archives/C\w+/p\d+"))
    await expect(page, "a link shows the same thing").to_have_url(re.compile("mapping="))
    await page.reload()
    events = mapping.get_by_role("region", name="Last events")
    await expect(events.get_by_role("link", name="clickup taskCreated")).to_be_visible()
    await events.get_by_role("link", name="clickup taskCreated").click()
    await expect(page.get_by_role("dialog", name="Event")).to_be_visible()


async def test_what_a_link_cannot_send_stands_at_it_with_its_dead_letter(
    page: Page, up: Any, sandbox: SandboxControl
):
    list_id = await sandbox.clickup.add_list("Rejects")
    channel = await sandbox.slack.add_channel("rejects")
    up.oblivion("mappings", "link", "Rejects", "#rejects")
    await sandbox.slack.misbehave(f"chat.postMessage {channel}", "error", times=1, code="invalid_blocks")
    await sandbox.clickup.create_task(list_id, "Too odd for Slack")
    await page.goto("/mappings")
    mapping = page.get_by_role("article", name="Rejects and #rejects")
    await mapping.get_by_role("button", name="Test and events").click()
    troubles = mapping.get_by_role("region", name="Troubles")
    await expect(troubles.get_by_text("Too odd for Slack")).to_be_visible(timeout=ARRIVES_MS)
    await troubles.get_by_role("link", name="Its dead letter").click()
    drawer = page.get_by_role("dialog", name="Dead letter")
    await expect(drawer.get_by_role("heading", name="What went wrong")).to_be_visible()
    await drawer.get_by_role("button", name="Discard this letter").click()
    dialog = page.get_by_role("dialog", name="Discard this letter?")
    await dialog.get_by_label("Reason").fill("a story is over")
    await dialog.get_by_role("button", name="Discard this letter").click()
    await expect(dialog).to_have_count(0)


async def test_a_mention_ends_in_a_notion_page_and_the_run_shows_the_call_its_event_and_its_trace(
    page: Page, mention: Mention, sandbox: SandboxControl
):
    title = f"buy sails {uuid4().hex[:6]}"
    ts = await mention(f'create a task "{title}" in notion')
    await page.goto("/runs")
    await page.get_by_role("link", name=re.compile(title)).first.click()
    await expect(page.get_by_role("heading", name="notion answered")).to_be_visible()
    steps = page.get_by_label("Steps of the run")
    await expect(steps.get_by_text("Called notion__createTask")).to_be_visible()
    order = re.compile("running.*Called notion__createTask.*succeeded", re.DOTALL)
    await expect(steps).to_contain_text(order)
    await expect(steps).to_contain_text("writes, with")
    run = await (await page.request.get(f"/api/runs/{page.url.rpartition('/')[2]}")).json()
    await expect(page.get_by_text(run["trace_id"])).to_be_visible()

    await page.get_by_role("link", name="what came in").click()
    await expect(page.get_by_role("dialog", name="Event").get_by_text(ts)).to_be_visible()

    channel = (await sandbox.slack.channels())["launch"]
    answer = json.dumps(await sandbox.slack.thread(channel, ts))
    assert title in answer, "the result is in the thread"
    written = [each for each in await sandbox.notion.documents("page") if title in json.dumps(each)]
    assert len(written) == 1
    await page.goto("/notion")
    await expect(page.get_by_text(title).first).to_be_visible()

    connections = (await (await page.request.get("/connections")).json())["items"]
    notion = next(each for each in connections if each["name"] == "notion")
    await page.goto(f"/tools/{notion['id']}")
    calls = page.get_by_role("table", name="Calls")
    await calls.get_by_role("link", name="createTask").first.click()
    await expect(page.get_by_role("heading", name="Run", level=1)).to_be_visible()


async def is_as_the_system_has_it(page: Page) -> bool:
    return (await (await page.request.get("/api/settings")).json())["slack_streaming"] is None


async def test_a_tenants_settings_are_set_by_admins_and_not_shown_to_users(page: Page, visits: Any, up: Any):
    await page.goto("/settings")
    choice = page.get_by_role("combobox", name="Answers in Slack, as they are written")
    await choice.click()
    await page.get_by_role("option", name="Nowhere").click()
    await expect(choice).to_have_value("Nowhere")
    await expect(page.get_by_text("Set.", exact=True).first).to_be_visible()
    await page.reload()
    await expect(choice).to_have_value("Nowhere")
    await choice.click()
    await page.get_by_role("option", name="As the system has it").click()
    await expect(choice).to_have_value("As the system has it")
    await eventually(lambda: is_as_the_system_has_it(page))
    await expect(page.get_by_role("table").get_by_text("30 days")).to_be_visible()

    name = f"Una {uuid4().hex[:6]}"
    up.oblivion("users", "create", name, "--role", "user")
    theirs: Page = await visits.page(signed_in=False)
    await visits.sign_in(theirs, up.oblivion("login", "--user", name))
    await expect(theirs.get_by_role("heading", name="Overview")).to_be_visible()
    for path in ("/settings", "/queues"):
        await theirs.goto(path)
        await expect(theirs.get_by_text("That is not there for you")).to_be_visible()
    await expect(theirs.get_by_role("link", name="Settings")).to_have_count(0)


async def test_an_open_overview_asks_far_less_often_than_a_person_may(page: Page):
    asked: list[str] = []
    open_ones: set[Any] = set()

    def begun(request: Any) -> None:
        if "/api/" in request.url:
            asked.append(request.url)
            open_ones.add(request)

    def ended(request: Any) -> None:
        open_ones.discard(request)

    page.on("request", begun)
    page.on("requestfinished", ended)
    page.on("requestfailed", ended)
    await page.clock.install()
    await page.goto("/")
    await expect(page.get_by_role("link", name=re.compile("^Breakers"))).to_be_visible()
    asked.clear()
    for _ in range(60):
        await page.clock.run_for(1_000)
        await eventually(lambda: not open_ones)
    assert 0 < len(asked) <= 40, asked
