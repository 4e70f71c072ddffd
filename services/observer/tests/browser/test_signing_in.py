"""A person signs in at an identity provider, in a real browser."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]


async def at_the_provider(page: Page, email: str) -> None:
    await page.goto("/runs?state=failed")
    await expect(page.get_by_role("heading", name="Sign in to Oblivion")).to_be_visible()
    await page.get_by_role("link", name="Single sign-on").click()
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_role("button", name="It is me").click()


@pytest.mark.parametrize("width", [1440, 390])
async def test_somebody_signs_in_by_their_company_and_is_where_they_wanted_to_be(
    visits: Any, up: Any, width: int
):
    name = f"Olga {uuid4().hex[:6]}"
    email = f"{name.replace(' ', '.').lower()}@example.com"
    up.oblivion("users", "create", name, "--email", email, "--role", "user")
    page: Page = await visits.page(signed_in=False, viewport={"width": width, "height": 900})
    await at_the_provider(page, email)
    await expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    await expect(page).to_have_url(f"{up.base_url}/runs?state=failed")
    me = await (await page.request.get("/api/me")).json()
    assert (me["name"], me["role"]) == (name, "user")
    assert "oblivion_session" not in await page.evaluate("document.cookie")


async def test_whoever_the_tenant_does_not_know_is_not_let_in(visits: Any):
    page: Page = await visits.page(signed_in=False)
    await at_the_provider(page, f"nobody-{uuid4().hex[:6]}@example.com")
    await expect(page.get_by_role("alert")).to_contain_text("You are nobody here yet")
    assert (await page.request.get("/api/me")).status == 401
    await page.get_by_role("link", name="Sign in another way").click()
    await expect(page.get_by_role("heading", name="Sign in to Oblivion")).to_be_visible()
