"""An installation is led through what it needs, and each step turns green by itself."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]
AGENT = """
from oblivion_client import Agent, Run, TaskAssigned

agent = Agent("helper")

@agent.on_task()
async def answer(task: TaskAssigned, run: Run) -> str:
    return "Here I am."

agent.run()
"""


@asynccontextmanager
async def started(environment: dict[str, str]) -> AsyncGenerator[None]:
    """An agent as somebody starts it with what the page showed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OBLIVION_")}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", AGENT, env=kept | environment)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def step(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem", name=title)


async def test_an_empty_installation_leads_to_its_first_answer(newcomer: Page):
    page = newcomer
    await expect(page.get_by_text("First steps: 0 of 5 are done")).to_be_visible()
    await expect(page.get_by_role("button", name="Not now")).to_be_visible()
    await page.get_by_role("link", name="Go on").click()
    slack = step(page, "Connect Slack")
    await expect(slack.get_by_text("No Slack workspace is connected.")).to_be_visible()
    await expect(slack.get_by_label("In a terminal")).to_have_text("oblivion slack connect")
    await slack.get_by_role("button", name="Show the manifest").click()
    await expect(slack.get_by_label("The app's manifest")).to_contain_text("app_mentions:read")
    clickup = step(page, "Connect ClickUp")
    await expect(clickup.get_by_text("No ClickUp workspace is connected.")).to_be_visible()
    await expect(step(page, "Link a list").get_by_text("to do")).to_be_visible()

    agent = step(page, "Start an agent")
    await expect(agent.get_by_text("There is no agent yet.")).to_be_visible()
    await agent.get_by_role("button", name="How").click()
    await agent.get_by_role("button", name="Create an agent").click()
    dialog = page.get_by_role("dialog", name="Create an agent")
    await dialog.get_by_role("textbox", name="Name", exact=True).fill("helper")
    await dialog.get_by_role("button", name="Create", exact=True).click()
    shown = await dialog.get_by_label("Its environment").inner_text()
    await dialog.get_by_role("button", name="I have kept it").click()
    await expect(agent.get_by_text("None of 1 agents is online.")).to_be_visible()
    async with started(dict(line.split("=", 1) for line in shown.split())):
        await expect(agent.get_by_text("1 of 1 agents online.")).to_be_visible()
        await expect(agent.get_by_text("done")).to_be_visible()

        asking = step(page, "Ask something")
        await expect(asking.get_by_text("Nothing has been asked yet.")).to_be_visible()
        await asking.get_by_role("button", name="How").click()
        await asking.get_by_role("button", name="New conversation").click()
        await page.get_by_label("Say something").fill("@helper are you there?")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_text("Here I am.")).to_be_visible()
        await page.goto("/first-steps")
        await expect(asking.get_by_text("An agent has answered.")).to_be_visible()
    await expect(page.get_by_text("3 steps are left")).to_have_count(1)


async def test_what_is_connected_is_done_and_the_overview_leads_on(
    page: Page, mention: Callable[..., Awaitable[None]]
):
    await mention("summarise what we have so far")
    await page.goto("/first-steps")
    for title in ("Connect Slack", "Connect ClickUp", "Start an agent", "Ask something"):
        await expect(step(page, title).get_by_text("done", exact=True)).to_be_visible()
    links = (await (await page.request.get("/api/mappings")).json())["items"]
    linked = any(link["state"] == "active" for link in links)
    await expect(step(page, "Link a list").get_by_text("to do")).to_have_count(0 if linked else 1)
