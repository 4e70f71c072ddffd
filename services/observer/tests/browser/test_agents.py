"""Agents are made, changed, silenced and shut out on the page, and their lost secrets replaced."""

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]


async def open_form(page: Page, name: str) -> Locator:
    """The dialog that makes an agent, with its name typed."""
    await page.goto("/agents")
    await page.get_by_role("button", name="Create an agent").click()
    dialog = page.get_by_role("dialog", name="Create an agent")
    await dialog.get_by_role("textbox", name="Name", exact=True).fill(name)
    return dialog


async def create(page: Page, name: str) -> dict[str, str]:
    """Make one that runs anywhere, and look at its page; returns the environment that was shown."""
    dialog = await open_form(page, name)
    await dialog.get_by_role("button", name="Create", exact=True).click()
    environment = environment_of(await dialog.get_by_label("Its environment").inner_text())
    await dialog.get_by_role("button", name="I have kept it").click()
    await expect(dialog).to_have_count(0)
    await page.get_by_role("link", name=name).click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    return environment


def environment_of(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split())


async def signs_in(environment: dict[str, str]) -> int:
    """What the door says to an agent that is started so."""
    async with httpx.AsyncClient(base_url=environment["OBLIVION_URI"]) as http:
        proof = {"client_id": environment["AGENT_ID"], "client_secret": environment["AGENT_SECRET"]}
        answer = await http.post("/auth/token", data={"grant_type": "client_credentials", **proof})
        return answer.status_code


async def names(page: Page) -> set[str]:
    found = await (await page.request.get("/api/agents?limit=200")).json()
    return {agent["name"] for agent in found["items"]}


async def test_an_agent_is_created_with_a_secret_shown_once_and_muted(page: Page):
    environment = await create(page, "welder")
    assert environment["AGENT_SECRET"].startswith("obs_")
    assert environment["AGENT_SECRET"] not in await page.content()
    await page.get_by_role("button", name="Mute", exact=True).click()
    dialog = page.get_by_role("dialog", name="Mute welder")
    await dialog.get_by_label("Reason").fill("too loud")
    await dialog.get_by_role("button", name="Mute", exact=True).click()
    await expect(page.get_by_text("too loud")).to_be_visible()
    await page.get_by_role("button", name="Unmute").click()
    await expect(page.get_by_role("button", name="Mute", exact=True)).to_be_visible()


async def test_an_agent_for_the_cluster_is_shown_and_not_registered(page: Page):
    dialog = await open_form(page, "painter")
    await dialog.get_by_label("What for").fill("Paints: things")
    await dialog.get_by_role("button", name="Keywords, tools, limits and more").click()
    await dialog.get_by_label("Examples").fill("paint the bridge\npaint the door")
    await dialog.get_by_label("Messages a minute").fill("3")
    await dialog.get_by_role("tab", name="On the cluster").click()
    shown = dialog.get_by_label("The YAML to apply")
    for line in (
        'name: "painter"',
        'description: "Paints: things"',
        '- "paint the door"',
        "messagesPerMinute: 3",
    ):
        await expect(shown).to_contain_text(line)
    await expect(dialog.get_by_role("button", name="Create", exact=True)).to_have_count(0)
    await dialog.get_by_role("button", name="Close").click()
    assert "painter" not in await names(page)


async def test_a_lost_secret_is_replaced_and_the_old_one_retired(page: Page):
    old = await create(page, "forgetful")
    secrets = page.get_by_role("region", name="Secrets")
    await secrets.get_by_role("button", name="New secret").click()
    new = environment_of(await secrets.get_by_label("Its environment").inner_text())
    await expect(secrets.get_by_role("button", name="Retire")).to_have_count(2)
    assert (await signs_in(old), await signs_in(new)) == (200, 200)
    await secrets.get_by_role("button", name="Retire").first.click()
    dialog = page.get_by_role("dialog", name=re.compile("Retire the secret"))
    await dialog.get_by_role("button", name="Retire").click()
    await expect(secrets.get_by_role("button", name="Retire")).to_have_count(1)
    assert sorted([await signs_in(old), await signs_in(new)]) == [200, 401]


async def test_a_new_secret_can_be_copied_on_a_phone(visits: Any):
    page: Page = await visits.page(viewport={"width": 390, "height": 900})
    await create(page, "pocket")
    secrets = page.get_by_role("region", name="Secrets")
    await secrets.get_by_role("button", name="New secret").click()
    copy = secrets.get_by_role("button", name="Copy")
    await expect(copy).to_be_visible()
    inside, around = await copy.bounding_box(), await secrets.bounding_box()
    assert inside is not None
    assert around is not None
    assert inside["x"] + inside["width"] <= around["x"] + around["width"], "it is cut off"


async def test_whoever_retires_the_last_secret_is_told_what_that_does(page: Page):
    environment = await create(page, "lonely")
    secrets = page.get_by_role("region", name="Secrets")
    retire = secrets.get_by_role("button", name="Retire")
    dialog = page.get_by_role("dialog", name=re.compile("Retire the secret"))
    warning = dialog.get_by_text(re.compile("It is the last: lonely is cut off within 15 minutes"))
    await secrets.get_by_role("button", name="New secret").click()
    await expect(retire).to_have_count(2)
    await retire.first.click()
    await expect(dialog.get_by_text("Take the new one into use first.")).to_be_visible()
    await expect(warning).to_have_count(0)
    await dialog.get_by_role("button", name="Retire").click()
    await expect(retire).to_have_count(1)
    await retire.click()
    await expect(warning).to_contain_text("until it is given a new secret.")
    await dialog.get_by_role("button", name="Retire").click()
    await expect(secrets.get_by_text("It has none, so it cannot sign in.")).to_be_visible()
    assert await signs_in(environment) == 401


async def test_an_agents_page_tells_its_limits_its_runs_and_what_it_spends(page: Page, mention: Any):
    words = "summarise what the lighthouse keeper earns"
    await mention(words)
    await page.goto("/agents?search=analy")
    await expect(page.get_by_role("table", name="Agents").get_by_role("link")).to_have_count(1)
    await page.get_by_role("link", name="analysis").click()
    await expect(page.get_by_role("row", name=re.compile("Messages a minute 10"))).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile(r"Spent today \(UTC\) \$\d+\.\d\d"))).to_be_visible()
    run = page.get_by_role("table", name="Runs").get_by_role("row").filter(has_text=words)
    await expect(run).to_contain_text(re.compile(r"\$\d\.\d{4}"))


async def test_an_agent_is_changed_where_it_was_registered(page: Page, up: Any):
    await create(page, "tiler")
    await page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change tiler")
    await dialog.get_by_label("What for").fill("Lays tiles")
    await dialog.get_by_label("Keywords").fill("tile")
    await page.keyboard.press("Enter")
    await dialog.get_by_label("Tasks").fill("lay: Lays them\ncut")
    await dialog.get_by_label("Dollars a day").fill("2")
    await dialog.get_by_role("button", name="Add a skill").click()
    await dialog.get_by_label("Name of skill 1").fill("grout")
    await dialog.get_by_label("Instructions of skill 1").fill("Mix it first.")
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Lays tiles").first).to_be_visible()
    await expect(dialog).to_have_count(0)
    agent = await (await page.request.get(f"/api{page.url.removeprefix(up.base_url)}")).json()
    assert (agent["keywords"], agent["limits"]["usd_per_day"]) == (["tile"], 2)
    assert agent["capabilities"] == [
        {"name": "lay", "description": "Lays them"},
        {"name": "cut", "description": ""},
    ]
    assert agent["skills"] == [{"name": "grout", "text": "Mix it first."}]
    await expect(page.get_by_label("As a resource")).to_contain_text("usdPerDay: 2")


async def test_an_agent_is_shut_out_and_let_in_again(page: Page):
    environment = await create(page, "stranger")
    await page.get_by_role("button", name="Disable").click()
    dialog = page.get_by_role("dialog", name="Disable stranger?")
    await expect(dialog.get_by_text("stop working at once")).to_be_visible()
    await dialog.get_by_role("button", name="Disable").click()
    await expect(page.get_by_role("button", name="Enable")).to_be_visible()
    assert await signs_in(environment) == 401
    await page.get_by_role("button", name="Enable").click()
    await expect(page.get_by_role("button", name="Disable")).to_be_visible()
    audit = (await (await page.request.get("/api/audit")).json())["items"]
    assert {"agent.disabled", "agent.enabled"} <= {line["action"] for line in audit}
