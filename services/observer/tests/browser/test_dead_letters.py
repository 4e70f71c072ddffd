"""What was given up is looked at, tried again, or discarded with a reason."""

import re
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, expect

from oblivion_sandbox.control import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
Mention = Callable[..., Awaitable[str]]


async def dead_letter(page: Page, sandbox: SandboxControl, mention: Mention) -> Locator:
    """A message that Slack refuses for good, opened from the overview's figure."""
    # In a channel where nothing that an earlier story began can take its place.
    name = f"mill-{uuid4().hex[:6]}"
    channel = await sandbox.slack.add_channel(name)
    await sandbox.slack.misbehave(f"chat.postMessage {channel}", "error", times=1, code="invalid_blocks")
    await mention(f"summarise the {name}", channel=name)
    await page.goto("/")
    await page.get_by_role("link", name=re.compile("Dead letters [1-9]")).click()
    await page.get_by_role("button", name="slack invalid blocks: 1").click()
    await expect(page).to_have_url(re.compile("cause=slack_invalid_blocks"))
    await page.get_by_role("link", name="effect: slack").first.click()
    drawer = page.get_by_role("dialog", name="Dead letter")
    await expect(drawer.get_by_role("heading", name="What went wrong")).to_be_visible()
    await expect(drawer.get_by_role("link", name="The run")).to_be_visible()
    await expect(page, "a link shows the same thing").to_have_url(re.compile("letter="))
    return drawer


async def test_a_dead_letter_is_opened_and_tried_again(page: Page, sandbox: SandboxControl, mention: Mention):
    drawer = await dead_letter(page, sandbox, mention)
    await drawer.get_by_role("button", name="Retry").click()
    await expect(page.get_by_role("heading", name="Nothing was given up")).to_be_visible()
    audit = (await (await page.request.get("/api/audit")).json())["items"]
    assert "dead_letters.retried" in {line["action"] for line in audit}


async def test_a_dead_letter_is_discarded_with_a_reason(
    page: Page, sandbox: SandboxControl, mention: Mention
):
    drawer = await dead_letter(page, sandbox, mention)
    await drawer.get_by_role("button", name="Discard this letter").click()
    dialog = page.get_by_role("dialog", name="Discard this letter?")
    await expect(dialog.get_by_role("button", name="Discard this letter")).to_be_disabled()
    await dialog.get_by_label("Reason").fill("the mill is closed")
    await dialog.get_by_role("button", name="Discard this letter").click()
    await expect(page.get_by_role("heading", name="Nothing was given up")).to_be_visible()
    audit = (await (await page.request.get("/api/audit")).json())["items"]
    reasons = {line["detail"].get("reason") for line in audit if line["action"] == "dead_letters.discarded"}
    assert "the mill is closed" in reasons
