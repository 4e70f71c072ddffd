"""What other people wrote stays text wherever it is shown, and what is another tenant's is not there."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from oblivion_sandbox.control import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
Mention = Callable[..., Awaitable[str]]
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
AS_TEXT = "<img src=x onerror=alert(1)>"
ARRIVES_MS = 60_000


async def stays_text(page: Page) -> None:
    """It is there as it was written; a dialog or a refused script would fail the story by itself."""
    await expect(page.get_by_text(AS_TEXT).first).to_be_attached()
    await expect(page.get_by_label("Loading")).to_have_count(0)
    await expect(page.locator("img[src=x]")).to_have_count(0)


async def made(page: Page, up: Any, kind: str, **wish: Any) -> dict[str, Any]:
    answer = await page.request.post(f"/api/{kind}", data=wish, headers={"Origin": up.base_url})
    assert answer.status == 201, await answer.text()
    return await answer.json()


async def test_what_agents_workflows_and_people_are_called_stays_text(page: Page, up: Any):
    marked = f"{HOSTILE} {uuid4().hex[:6]}"
    name = f"painter-{uuid4().hex[:6]}"
    words = {"description": marked, "keywords": [marked], "examples": [marked], "system_prompt": marked}
    agent = (await made(page, up, "agents", name=name, **words))["agent"]
    workflow = await made(page, up, "workflows", name=marked, prompt=marked)
    await made(page, up, "users", name=marked, role="guest")
    paths = (
        "/agents",
        f"/agents/{agent['id']}",
        "/workflows",
        f"/workflows/{workflow['id']}",
        "/users",
        "/audit",
    )
    for path in paths:
        await page.goto(path)
        await stays_text(page)
        assert path in page.url, "nothing that somebody is called leads elsewhere"


async def test_a_task_s_title_and_a_list_s_name_stay_text(page: Page, up: Any, sandbox: SandboxControl):
    name, channel = f"{HOSTILE} {uuid4().hex[:6]}", f"hostile-{uuid4().hex[:6]}"
    list_id = await sandbox.clickup.add_list(name)
    channel_id = await sandbox.slack.add_channel(channel)
    up.oblivion("mappings", "link", name, f"#{channel}")
    await sandbox.slack.misbehave(f"chat.postMessage {channel_id}", "error", times=1, code="invalid_blocks")
    await sandbox.clickup.create_task(list_id, f"Task {HOSTILE}")
    await page.goto("/mappings")
    mapping = page.get_by_role("article").filter(has_text=name)
    await mapping.get_by_role("button", name="Test and events").click()
    troubles = mapping.get_by_role("region", name="Troubles")
    await expect(troubles.get_by_text(f"Task {AS_TEXT}")).to_be_visible(timeout=ARRIVES_MS)
    await stays_text(page)
    await troubles.get_by_role("link", name="Its dead letter").click()
    drawer = page.get_by_role("dialog", name="Dead letter")
    await drawer.get_by_role("button", name="Discard this letter").click()
    dialog = page.get_by_role("dialog", name="Discard this letter?")
    await dialog.get_by_label("Reason").fill("a story is over")
    await dialog.get_by_role("button", name="Discard this letter").click()
    await expect(dialog).to_have_count(0)


async def test_what_a_tool_gave_back_stays_text(page: Page, mention: Mention, sandbox: SandboxControl):
    mark = uuid4().hex[:6]
    await mention(f'create a task "{mark} &lt;img src=x onerror=alert(1)&gt;" in notion')
    await page.goto("/runs")
    await page.get_by_role("link", name=re.compile(mark)).first.click()
    await expect(page.get_by_role("heading", name="notion answered")).to_be_visible()
    await expect(
        page.get_by_label("Steps of the run").get_by_text("Called notion__createTask")
    ).to_be_visible()
    run = await (await page.request.get(f"/api/runs/{page.url.rpartition('/')[2]}")).json()
    assert AS_TEXT in run["result"], "the tool's result is in the answer"
    await stays_text(page)


async def test_what_another_tenant_has_is_not_there(page: Page, newcomer: Page, lived_in: Any):
    async def first(kind: str) -> str:
        found = (await (await page.request.get(kind)).json())["items"]
        return str(found[0]["id"])

    own = {
        "/runs": "/api/runs",
        "/agents": "/api/agents",
        "/sessions": "/api/sessions",
        "/tools": "/connections",
    }
    for path, api in own.items():
        wanted = await first(api)
        assert (await newcomer.request.get(f"{api}/{wanted}")).status == 404
        await newcomer.goto(f"{path}/{wanted}")
        await expect(newcomer.get_by_text("That does not exist, or is not yours")).to_be_visible()
    event = await first("/api/events")
    await newcomer.goto(f"/events?event={event}")
    await expect(
        newcomer.get_by_role("dialog", name="Event").get_by_text("That does not exist, or is not yours")
    ).to_be_visible()
