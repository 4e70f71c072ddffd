"""The vendors' authorisation servers: who agrees, what is checked, how tokens rotate, end or are revoked."""

import base64
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from oblivion_sandbox.oauth.grants import challenge
from oblivion_sandbox.testing import running_sandbox

pytestmark = pytest.mark.integration

BACK = "http://localhost:8300/oauth/callback"
VERIFIER = "v" * 64
AT = {
    "slack": ("/slack/oauth/v2/authorize", "/slack/api/oauth.v2.access"),
    "linear": ("/linear/oauth/authorize", "/linear/oauth/token"),
    "jira": ("/jira/authorize", "/jira/oauth/token"),
    "calendar": ("/calendar/o/oauth2/v2/auth", "/calendar/token"),
    "authority": ("/authority/authorize", "/authority/token"),
}


class App:
    """An app that signs somebody in."""

    def __init__(self, sandbox, side, about):
        self.sandbox = sandbox
        self.side = side
        self.about = about
        self.server = sandbox.control.oauth[side]

    def address(self, **more):
        asked = {
            "response_type": "code",
            "client_id": self.about["client_id"],
            "redirect_uri": BACK,
            "state": "s",
            "scope": "read offline_access",
            "access_type": "offline",
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
            **more,
        }
        return f"{self.sandbox.base_url}{AT[self.side][0]}?{urlencode(asked)}"

    async def code(self, **more):
        return parse_qs(urlsplit(await self.server.agree(self.address(**more))).query)["code"][0]

    async def ask(self, **form):
        app = {name: self.about[name] for name in ("client_id", "client_secret")}
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{self.sandbox.base_url}{AT[self.side][1]}", data={**app, **form})
        return answer.json()

    async def redeem(self, code, **more):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        return await self.ask(**form, **{"code_verifier": VERIFIER, **more})

    async def renew(self, token):
        return await self.ask(grant_type="refresh_token", refresh_token=token)


@pytest.fixture
async def app(tmp_path):
    async with running_sandbox(tmp_path) as sandbox:

        async def made(side):
            about = await sandbox.control.oauth[side].change(redirect_uris=[BACK])
            return App(sandbox, side, about)

        yield made


@pytest.mark.parametrize("side", AT)
async def test_a_code_is_good_once_for_whoever_knows_the_verifier(app, side):
    one = await app(side)
    code = await one.code()
    first, second = await one.redeem(code), await one.redeem(code)
    stolen = await one.redeem(await one.code(), code_verifier="w" * 64)
    assert first["access_token"]
    assert first["refresh_token"]
    assert ("error" in second, "error" in stolen) == (True, True)


async def test_a_code_that_comes_twice_ends_what_it_gave(app):
    one = await app("linear")
    code = await one.code()
    await one.redeem(code)
    await one.redeem(code)
    assert [grant["revoked"] for grant in await one.server.grants()] == [True]


async def test_refresh_tokens_rotate_and_an_old_one_ends_everything(app):
    one = await app("linear")
    first = await one.redeem(await one.code())
    second = await one.renew(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert (await one.renew(first["refresh_token"]))["error"] == "invalid_grant"
    assert (await one.renew(second["refresh_token"]))["error"] == "invalid_grant"


async def test_what_ends_or_is_taken_back_opens_nothing(app):
    one = await app("calendar")
    tokens = await one.redeem(await one.code())
    url = f"{one.sandbox.base_url}/calendar/v3/users/me/calendarList"

    async def opens():
        async with httpx.AsyncClient() as http:
            answer = await http.get(url, headers={"Authorization": f"Bearer {tokens['access_token']}"})
        return answer.status_code

    assert await opens() == 200
    await one.server.expire()
    assert await opens() == 401
    tokens = await one.renew(tokens["refresh_token"])
    assert await opens() == 200
    await one.server.revoke()
    assert (await opens(), (await one.renew(tokens["refresh_token"]))["error"]) == (401, "invalid_grant")


@pytest.mark.parametrize("back", ["http://localhost:8300/oauth/callback/", "https://evil.example/", ""])
async def test_nobody_is_sent_where_the_app_did_not_say(app, back):
    one = await app("jira")
    async with httpx.AsyncClient() as http:
        page = await http.get(one.address(redirect_uri=back))
        answer = await http.post(one.address(redirect_uri=back), data={"decision": "allow"})
    assert (page.status_code, answer.status_code, "location" in answer.headers) == (400, 400, False)


async def test_the_page_names_the_app_and_what_it_wants_and_a_person_may_say_no(app):
    one = await app("jira")
    async with httpx.AsyncClient() as http:
        page = await http.get(one.address(scope="read:jira-work <script>"))
    denied = await one.server.agree(one.address(), "deny")
    assert "Oblivion wants access to your Atlassian" in page.text
    assert "<script>" not in page.text
    assert "error=access_denied" in denied


async def test_notion_takes_json_and_basic_alone(app):
    one = await app("slack")
    control = one.sandbox.control.oauth["notion"]
    about = await control.change(redirect_uris=[BACK])
    asked = {"response_type": "code", "client_id": about["client_id"], "redirect_uri": BACK, "owner": "user"}
    url = f"{one.sandbox.base_url}/notion/v1/oauth/authorize?{urlencode(asked)}"
    body = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(await control.agree(url)).query)["code"][0],
        "redirect_uri": BACK,
    }
    pair = base64.b64encode(f"{about['client_id']}:{about['client_secret']}".encode()).decode()
    at = f"{one.sandbox.base_url}/notion/v1/oauth/token"
    async with httpx.AsyncClient() as http:
        form = await http.post(at, data={**body, "client_id": about["client_id"]})
        good = await http.post(at, json=body, headers={"Authorization": f"Basic {pair}"})
    assert form.status_code in {400, 401}
    assert (good.json()["token_type"], "expires_in" in good.json()) == ("bearer", False)


async def test_an_app_registers_itself_where_that_is_offered(app):
    one = await app("authority")
    at = one.sandbox.base_url
    async with httpx.AsyncClient() as http:
        about = (await http.get(f"{at}/.well-known/oauth-authorization-server/authority")).json()
        made = await http.post(about["registration_endpoint"], json={"redirect_uris": [BACK]})
        without = await http.post(about["registration_endpoint"], json={})
    one.about = made.json()
    tokens = await one.redeem(await one.code(resource="http://wiki/mcp"), resource="http://wiki/mcp")
    other = await one.redeem(await one.code(resource="http://wiki/mcp"), resource="http://other/mcp")
    assert about["issuer"] == f"{at}/authority"
    assert (made.status_code, without.status_code) == (201, 400)
    assert tokens["access_token"]
    assert other["error"] == "invalid_target"


async def test_without_pkce_the_server_of_ones_own_gives_nothing(app):
    one = await app("authority")
    location = await one.server.agree(one.address(code_challenge="", code_challenge_method=""))
    assert "error=invalid_request" in location


async def test_a_reset_forgets_every_app_and_token(app):
    one = await app("linear")
    await one.redeem(await one.code())
    await one.sandbox.control.reset()
    assert (await one.server.grants(), (await one.server.about())["client_id"] != one.about["client_id"]) == (
        [],
        True,
    )
