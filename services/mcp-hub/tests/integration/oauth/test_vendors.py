"""Signing in at the vendors of built-in providers, and what goes wrong on the way."""

from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from oblivion_platform import people

pytestmark = pytest.mark.integration

REDIRECT_URI = "http://localhost:8300/oauth/callback"
CALLS = {
    "slack": ("slack__getChannels", {}),
    "notion": ("notion__search", {"query": "handbook"}),
    "linear": ("linear__getIssues", {}),
    "jira": ("jira__getIssues", {}),
    "google_calendar": ("googlecalendar__listCalendars", {}),
}
"""Provider → a tool that reads."""


@pytest.mark.parametrize("provider", CALLS)
async def test_an_admin_signs_in_and_the_tools_work(browser, provider):
    connection = await browser.with_app(provider)
    before = await browser.shown(connection)
    page = await browser.sign_in(connection)
    after, tested = await browser.shown(connection), await browser.tested(connection)
    tool, arguments = CALLS[provider]
    async with browser.world.client(await browser.world.token(browser.tenant, "user")) as client:
        result = await client.call_tool(tool, arguments)
    assert (page.status_code, "is connected" in page.text) == (200, True)
    assert (before["sign_in"]["state"], after["sign_in"]["state"]) == ("needed", "done")
    assert tested["ok"] is True, tested["detail"]
    assert not result.is_error, result.content


@pytest.mark.parametrize("provider", CALLS)
async def test_the_address_carries_pkce_and_a_state_and_leads_back_here(browser, provider):
    connection = await browser.with_app(provider)
    first, second = [parse_qs(urlsplit((await browser.begin(connection))["url"]).query) for _ in range(2)]
    assert first["response_type"] == ["code"]
    assert first["redirect_uri"] == [REDIRECT_URI]
    assert (first["code_challenge_method"], len(first["code_challenge"][0])) == (["S256"], 43)
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


async def test_somebody_who_waits_is_told_when_it_is_done(browser):
    connection = await browser.with_app("notion")
    begun = await browser.begin(connection)
    at = f"/connections/{connection.id}/authorize/{begun['id']}"
    before = (await browser.admin("GET", at)).json()
    await browser.come_back(await browser.server("notion").agree(begun["url"]))
    after = (await browser.admin("GET", at)).json()
    assert (before["state"], after) == ("waiting", {"state": "connected", "detail": "notion is connected."})


async def test_a_state_is_good_once(browser):
    connection = await browser.with_app("notion")
    location = await browser.server("notion").agree((await browser.begin(connection))["url"])
    pages = [await browser.come_back(location) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 400]


@pytest.mark.parametrize(
    "state", ["", "forged", "x.y", f"{'0' * 32}.forged", "0" * 5_000, "00000000000000000000000000000000."]
)
async def test_a_forged_state_connects_nothing(browser, state):
    connection = await browser.with_app("notion")
    await browser.begin(connection)
    page = await browser.world.request("GET", "/oauth/callback", params={"state": state, "code": "c"})
    assert (page.status_code, (await browser.shown(connection))["sign_in"]["state"]) == (400, "needed")


async def test_a_state_that_is_over_connects_nothing(browser, database):
    connection = await browser.with_app("notion")
    begun = await browser.begin(connection)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE oauth_flows SET expires_at = now()")
    page = await browser.come_back(await browser.server("notion").agree(begun["url"]))
    told = (await browser.admin("GET", f"/connections/{connection.id}/authorize/{begun['id']}")).json()
    assert (page.status_code, told["state"]) == (400, "expired")


async def test_a_browser_that_is_somebody_elses_finishes_nothing(browser):
    world, tenant = browser.world, browser.tenant
    connection = await browser.with_app("notion")
    async with world.cli.tenant(tenant.id) as tx:
        theirs = await people.open_session(tx, tenant.id, tenant.people["user"])
        own = await people.open_session(tx, tenant.id, tenant.people["admin"])
    pages = []
    for cookie in (theirs, own):
        location = await browser.server("notion").agree((await browser.begin(connection))["url"])
        headers = {"Cookie": f"oblivion_session={cookie}"}
        pages.append(await browser.come_back(location, headers=headers))
    assert [page.status_code for page in pages] == [400, 200]
    assert "Somebody else began this sign-in" in pages[0].text


async def test_who_is_no_admin_any_more_connects_nothing(browser, database):
    connection = await browser.with_app("notion")
    location = await browser.server("notion").agree((await browser.begin(connection))["url"])
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE users SET role = 'user' WHERE id = %s", (browser.tenant.people["admin"],))
    page = await browser.come_back(location)
    assert (page.status_code, "may not connect" in page.text) == (400, True)


async def test_a_deleted_connection_is_not_signed_in(browser):
    connection = await browser.with_app("notion")
    location = await browser.server("notion").agree((await browser.begin(connection))["url"])
    await browser.admin("DELETE", f"/connections/{connection.id}")
    assert (await browser.come_back(location)).status_code == 400


async def test_who_does_not_agree_is_told_so(browser):
    connection = await browser.with_app("notion")
    begun = await browser.begin(connection)
    page = await browser.come_back(await browser.server("notion").agree(begun["url"], "deny"))
    told = (await browser.admin("GET", f"/connections/{connection.id}/authorize/{begun['id']}")).json()
    assert (page.status_code, told["state"]) == (400, "failed")
    assert "not agreed" in page.text


async def test_a_code_of_another_sign_in_is_not_taken(browser):
    """As an attacker's, put into the victim's browser: PKCE ties a code to who began."""
    connection = await browser.with_app("linear")
    codes, states = [], []
    for _ in range(2):
        location = await browser.server("linear").agree((await browser.begin(connection))["url"])
        query = parse_qs(urlsplit(location).query)
        codes.append(query["code"][0])
        states.append(query["state"][0])
    page = await browser.come_back(f"/oauth/callback?code={codes[0]}&state={states[1]}")
    assert (page.status_code, (await browser.shown(connection))["sign_in"]["state"]) == (400, "needed")


async def test_a_wrong_client_secret_is_said(browser):
    connection = await browser.with_app("jira", client_secret="wrong-canary")
    page = await browser.sign_in(connection)
    assert (page.status_code, "client id, secret" in page.text) == (400, True)
    assert "canary" not in page.text


async def test_a_code_is_not_taken_while_the_server_is_away_and_another_sign_in_works(browser):
    connection = await browser.with_app("google_calendar")
    await browser.sandbox.control.calendar.misbehave("oauth", "http_500_before", times=1)
    first, second = await browser.sign_in(connection), await browser.sign_in(connection)
    assert (first.status_code, second.status_code) == (400, 200)
    assert "does not answer" in first.text


async def test_without_an_app_the_admin_is_told_what_to_register(browser):
    made = await browser.admin("POST", "/connections", json={"provider": "slack", "auth": "oauth"})
    answer = await browser.admin("POST", f"/connections/{made.json()['id']}/authorize")
    assert answer.status_code == 422
    assert REDIRECT_URI in answer.json()["detail"]


async def test_only_admins_begin(browser):
    connection = await browser.with_app("notion")
    token = await browser.world.token(browser.tenant, "user", "oblivion")
    answer = await browser.world.request("POST", f"/connections/{connection.id}/authorize", token=token)
    assert answer.status_code == 403


async def test_a_neighbours_connection_is_not_signed_in(browser):
    connection = await browser.with_app("notion")
    neighbour = await browser.world.new_tenant()
    token = await browser.world.token(neighbour, "admin", "oblivion")
    answer = await browser.world.request("POST", f"/connections/{connection.id}/authorize", token=token)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"provider": "clickup", "auth": "oauth"}, "takes a key"),
        ({"provider": "notion", "auth": "signed_identity"}, "MCP server"),
        ({"provider": "notion", "auth": "oauth", "secret": "s"}, "no secret"),
        ({"provider": "notion", "auth": "secret", "client": {"client_id": "c"}}, "by OAuth"),
        ({"provider": "notion", "client": {"client_id": ""}}, "client"),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_a_reason(browser, wish, said):
    answer = await browser.admin("POST", "/connections", json=wish)
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True)


async def test_another_app_ends_the_sign_in(browser):
    connection = await browser.signed_in("notion")
    await browser.admin("PATCH", f"/connections/{connection.id}", json={"client": {"client_id": "other"}})
    shown = await browser.shown(connection)
    assert (shown["sign_in"]["state"], shown["has_secret"]) == ("needed", False)
