"""Who may come in, what is kept, and where messages go: set on the page."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from oblivion_platform.testing import eventually
from oblivion_sandbox.control import SandboxControl

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]


async def test_somebody_is_let_in_given_a_role_and_shut_out(page: Page, visits: Any, up: Any):
    name = f"Ida {uuid4().hex[:6]}"
    await page.goto("/users")
    await page.get_by_role("button", name="Let somebody in").click()
    dialog = page.get_by_role("dialog", name="Let somebody in")
    await dialog.get_by_role("textbox", name="Name").fill(name)
    await dialog.get_by_role("button", name="Let in").click()
    await expect(dialog.get_by_text("without an e-mail address nobody recognises them there")).to_be_visible()
    await expect(dialog.get_by_text(f"oblivion login --user '{name}'")).to_be_visible()
    await dialog.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("button", name=f"Shut out {name}")).to_be_visible()

    theirs: Page = await visits.page(signed_in=False)
    await visits.sign_in(theirs, up.oblivion("login", "--user", name))
    views = theirs.get_by_role("navigation", name="Views")
    await expect(views.get_by_role("link", name="Mappings")).to_be_visible()
    await expect(views.get_by_role("link", name="Audit log")).to_have_count(0)

    await page.get_by_role("combobox", name=f"Role of {name}").click()
    await page.get_by_role("option", name="admin").click()
    await expect(page.get_by_text(f"{name} is changed.").first).to_be_visible()
    await theirs.reload()
    await expect(views.get_by_role("link", name="Audit log")).to_be_visible()

    await page.get_by_role("button", name=f"Shut out {name}").click()
    question = page.get_by_role("dialog", name=f"Shut out {name}?")
    await question.get_by_role("button", name="Shut out").click()
    await expect(page.get_by_role("button", name=f"Let in {name}")).to_be_visible()
    await theirs.reload()
    await expect(theirs.get_by_role("heading", name="Sign in to Oblivion")).to_be_visible()
    assert (await theirs.request.get("/api/me")).status == 401


async def test_kept_tokens_say_of_what_they_are_and_how_they_are_replaced(page: Page):
    await page.goto("/credentials")
    kept = page.get_by_role("table", name="Credentials")
    slack = kept.get_by_role("row").filter(has_text="slack bot token")
    await expect(slack.get_by_text("oblivion slack connect")).to_be_visible()
    # It was used to look at the workspace, if for nothing else.
    await expect(slack.locator("time")).to_have_count(2)
    await kept.get_by_role("link", name="its page").first.click()
    await expect(page.get_by_role("heading", name="Its tools")).to_be_visible()
    await expect(page).to_have_url(re.compile("/tools/"))


async def test_a_clickup_token_says_when_it_was_used(page: Page, up: Any, sandbox: SandboxControl):
    list_id = await sandbox.clickup.add_list("Tokens")
    await sandbox.slack.add_channel("tokens")
    up.oblivion("mappings", "link", "Tokens", "#tokens")
    await sandbox.clickup.create_task(list_id, "Fetched by the token")
    await sandbox.slack.wait_for_message("tokens", lambda seen: "Fetched" in json.dumps(seen), within_s=60)

    async def is_told() -> None:
        await page.goto("/credentials")
        row = page.get_by_role("row").filter(has_text="clickup token")
        # Kept since, and used; the page is given time to show it before it is asked anew.
        await expect(row.locator("time")).to_have_count(2)

    await eventually(is_told)


async def test_the_audit_log_names_who_did_what_and_shows_all_of_a_line(page: Page, up: Any):
    name = f"Ada {uuid4().hex[:6]}"
    made = await page.request.post("/api/users", data={"name": name}, headers={"Origin": up.base_url})
    assert made.status == 201, await made.text()
    await page.goto("/audit")
    row = page.get_by_role("row").filter(has_text="user, created").filter(has_text=name)
    await expect(row).to_contain_text("you")
    await row.get_by_role("link").click()
    drawer = page.get_by_role("dialog", name="What was changed")
    await expect(drawer.get_by_text(re.compile("user.created"))).to_be_visible()
    await expect(page, "a link shows the same thing").to_have_url(re.compile("line="))
    await page.reload()
    await expect(drawer.get_by_text(name)).to_be_visible()
    await drawer.get_by_role("button", name="Close").click()
    await expect(drawer).to_have_count(0)


async def test_the_audit_log_is_narrowed_down_and_the_address_keeps_it(page: Page, up: Any):
    ada, bo = (f"{name} {uuid4().hex[:6]}" for name in ("Ada", "Bo"))
    for name in (ada, bo):
        made = await page.request.post("/api/users", data={"name": name}, headers={"Origin": up.base_url})
        assert made.status == 201, await made.text()
    await page.goto("/audit")
    lines = page.get_by_role("table", name="Audit log").get_by_role("row")
    await page.get_by_label("Search lines").fill(f"user, created {ada}")
    await expect(lines).to_have_count(2)
    await expect(lines.nth(1)).to_contain_text(ada)
    await page.get_by_label("Search lines").fill("")
    await page.get_by_role("combobox", name="What").click()
    await page.get_by_role("option", name="user, created").click()
    await expect(lines.filter(has_text=bo)).to_be_visible()
    await expect(lines.filter(has_not_text="user, created")).to_have_count(1)  # The titles.
    await page.get_by_role("combobox", name="Who").click()
    await page.get_by_role("option", name="you", exact=True).click()
    await expect(page).to_have_url(re.compile(r"(?=.*action=user.created)(?=.*actor=user)"))
    await page.reload()
    await expect(page.get_by_role("combobox", name="Who")).to_have_value("you")
    await lines.filter(has_text=ada).get_by_role("link").click()
    drawer = page.get_by_role("dialog", name="What was changed")
    await drawer.get_by_role("button", name="Close").click()
    await expect(page, "a line that was looked at leaves the rest").to_have_url(re.compile("actor=user"))
    await page.get_by_label("Search lines").fill(uuid4().hex)
    await expect(page.get_by_role("heading", name="No line fits")).to_be_visible()


async def test_a_rule_is_set_for_a_while_and_dropped(page: Page):
    await page.goto("/routing")
    rules = page.get_by_role("region", name="Rules")
    await rules.get_by_role("button", name="Set a rule").click()
    dialog = page.get_by_role("dialog", name="Set a rule")
    await expect(dialog.get_by_role("button", name="Set", exact=True)).to_be_disabled()
    await dialog.get_by_role("combobox", name="Goes to").click()
    await page.get_by_role("option", name="calendar").click()
    await dialog.get_by_label("Hours").fill("2")
    await dialog.get_by_role("button", name="Set", exact=True).click()
    row = rules.get_by_role("row").filter(has_text="calendar")
    await expect(row).to_contain_text("everywhere")
    rule = (await (await page.request.get("/api/routes/rules")).json())["items"][0]
    assert (rule["kind"], rule["agent"], rule["expires_at"] is None) == ("default", "calendar", False)
    await row.get_by_role("button", name="Drop the rule for calendar").click()
    await page.get_by_role("dialog", name="Drop the rule?").get_by_role("button", name="Drop").click()
    await expect(rules.get_by_text("None: whatever is not said")).to_be_visible()
