"""A conversation that began in Slack goes on here, and back."""

import json
import re
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from oblivion_sandbox.control import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
Mention = Callable[..., Awaitable[str]]


async def test_a_conversation_goes_from_slack_to_the_page_and_back(
    page: Page, sandbox: SandboxControl, mention: Mention
):
    words, more = f"summarise the roof {uuid4().hex[:6]}", f"and the gutter {uuid4().hex[:6]}"
    await mention(words)
    await page.goto("/runs")
    await page.get_by_role("link", name=re.compile(words)).first.click()
    await expect(page.get_by_role("heading", name="analysis answered")).to_be_visible()
    await page.get_by_role("link", name="The whole conversation").click()
    messages = page.get_by_role("region", name="Messages")
    await expect(messages.get_by_text(words).first).to_be_visible()
    seen = page.get_by_label("Slack sees what is said here")
    await expect(seen).to_be_checked()
    await page.get_by_label("Say something").fill(more)
    await page.get_by_role("button", name="Send").click()
    await expect(messages.get_by_text("from the page")).to_be_visible()
    shown = await sandbox.slack.wait_for_message(
        "launch", lambda message: more in json.dumps(message, ensure_ascii=False), within_s=30
    )
    assert shown["thread_ts"]

    await seen.click()
    await expect(seen).not_to_be_checked()
    session = await (await page.request.get(f"/api/sessions/{page.url.rpartition('/')[2]}")).json()
    assert session["visible_in_slack"] is False
