"""Signing in at MCP servers of one's own, by what they and their authorisation servers say of themselves."""

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from oblivion_contracts.connections import ConnectionView
from oblivion_mcp_hub.testing import served

pytestmark = pytest.mark.integration

METADATA = "/.well-known/oauth-protected-resource/mcp"


@dataclass
class Protected:
    """An MCP server that takes only tokens which its authorisation server gave out for it."""

    inner: object
    control: object
    authority: str
    url: str = ""
    about: dict = field(default_factory=dict)
    """In the place of what it says of itself."""
    shown: list[str] = field(default_factory=list)
    told: str | None = None
    """Where it says that this stands."""
    wants_nobody: bool = False

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
        elif scope["path"] == METADATA:
            said = {"resource": self.url, "authorization_servers": [self.authority], **self.about}
            await JSONResponse(said)(scope, receive, send)
        elif await self._is_let_in(scope):
            await self.inner(scope, receive, send)
        else:
            origin = self.url.removesuffix("/mcp")
            challenge = f'Bearer resource_metadata="{self.told or origin + METADATA}", scope="tools"'
            await Response(status_code=401, headers={"WWW-Authenticate": challenge})(scope, receive, send)

    async def _is_let_in(self, scope):
        given = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        self.shown.append(given)
        grants = await self.control.oauth["authority"].grants()
        if self.wants_nobody:
            return False
        live = [each for each in grants if not each["revoked"] and each["expires_ms"] > 0]
        return any(each["access_token"] == given and each["resource"] == self.url for each in live)


@pytest.fixture
async def protected(upstream, sandbox):
    made = Protected(upstream.app(), sandbox.control, f"{sandbox.base_url}/authority")
    async with served(made) as url:
        made.url = f"{url}/mcp"
        yield made


async def connected(browser, url, **wish):
    answer = await browser.admin(
        "POST", "/connections", json={"name": "wiki", "url": url, "auth": "oauth", **wish}
    )
    assert answer.status_code == 201, answer.text
    return ConnectionView.model_validate_json(answer.content)


async def names(browser):
    async with browser.world.client(await browser.world.token(browser.tenant, "user")) as client:
        return {tool.name for tool in (await client.list_tools()).tools}


async def called(browser):
    async with browser.world.client(await browser.world.token(browser.tenant, "user")) as client:
        return await client.call_tool("wiki__read", {"text": "hello"})


async def refusal(browser, connection):
    answer = await browser.admin("POST", f"/connections/{connection.id}/authorize")
    return answer.status_code, answer.json()["detail"]


async def test_the_hub_finds_the_server_registers_itself_and_signs_in(browser, protected):
    connection = await connected(browser, protected.url)
    before = await names(browser)
    page = await browser.sign_in(connection)
    after, result = await names(browser), await called(browser)
    assert (before, page.status_code) == (set(), 200)
    assert after == {"wiki__read", "wiki__write", "wiki__destroy"}
    assert result.content[0].text == "read: hello"


async def test_it_asks_for_the_scope_and_the_server_that_the_tokens_are_for(browser, protected):
    connection = await connected(browser, protected.url)
    asked = parse_qs(urlsplit((await browser.begin(connection))["url"]).query)
    assert (asked["resource"], asked["scope"]) == ([protected.url], ["tools"])


async def test_it_registers_once(browser, protected):
    connection = await connected(browser, protected.url)
    ids = [parse_qs(urlsplit((await browser.begin(connection))["url"]).query)["client_id"] for _ in range(2)]
    assert ids[0] == ids[1]
    assert ids[0][0].startswith("dyn-")


async def test_a_token_that_ended_is_renewed_in_the_middle_of_the_work(browser, protected, sandbox):
    connection = await connected(browser, protected.url)
    await browser.sign_in(connection)
    await called(browser)
    await sandbox.control.oauth["authority"].expire()
    result = await called(browser)
    assert (result.is_error, await browser.tokens_asked("mcp")) == (False, 2)


async def test_a_revoked_sign_in_withdraws_the_tools_with_a_sentence(browser, protected, sandbox):
    connection = await connected(browser, protected.url)
    await browser.sign_in(connection)
    await called(browser)
    await sandbox.control.oauth["authority"].revoke()
    result, shown = await called(browser), await browser.shown(connection)
    assert "oblivion connections connect wiki" in result.content[0].text
    assert (shown["sign_in"]["state"], await names(browser)) == ("again", set())


async def test_an_app_of_the_admins_own_is_used_where_there_is_one(browser, protected, sandbox):
    about = await sandbox.control.oauth["authority"].change(
        redirect_uris=["http://localhost:8300/oauth/callback"]
    )
    client = {"client_id": about["client_id"], "client_secret": about["client_secret"]}
    connection = await connected(browser, protected.url, client=client)
    page = await browser.sign_in(connection)
    assert (page.status_code, (await called(browser)).is_error) == (200, False)


async def test_an_admins_app_is_shown_to_no_other_authorisation_server(browser, protected, sandbox):
    """Else a tool server that turns evil would have the app's secret sent to a server of its own."""
    about = await sandbox.control.oauth["authority"].about()
    client = {"client_id": about["client_id"], "client_secret": about["client_secret"]}
    connection = await connected(browser, protected.url, client=client)
    await browser.begin(connection)
    async with served(Describes({})) as url:
        protected.authority = url
        status, detail = await refusal(browser, connection)
        again = await browser.admin("PATCH", f"/connections/{connection.id}", json={"client": client})
        begun = await browser.admin("POST", f"/connections/{connection.id}/authorize")
    assert (status, "another authorisation server" in detail) == (422, True)
    assert (again.status_code, begun.status_code) == (200, 201)


async def test_a_token_goes_to_no_other_server(browser, protected, upstream):
    """The connection moves: what was given for one server is not shown to another."""
    connection = await connected(browser, protected.url)
    await browser.sign_in(connection)
    given = (await browser.server("mcp").grants())[0]["access_token"]
    async with served(upstream.app()) as other:
        answer = await browser.admin("PATCH", f"/connections/{connection.id}", json={"url": f"{other}/mcp"})
        await names(browser)
    shown = await browser.shown(connection)
    assert (answer.status_code, shown["sign_in"]["state"], shown["has_secret"]) == (200, "needed", False)
    assert given not in json.dumps(upstream.headers)


async def test_an_answer_of_another_authorisation_server_is_not_taken(browser, protected):
    """RFC 9207: a mix-up would hand the code to the wrong server."""
    connection = await connected(browser, protected.url)
    pages = []
    for iss in ("iss=https%3A%2F%2Fevil.example%2F&was=", "was="):
        location = await browser.server("mcp").agree((await browser.begin(connection))["url"])
        assert "iss=" in location
        pages.append(await browser.come_back(location.replace("iss=", iss)))
    assert [page.status_code for page in pages] == [400, 400]
    assert all("another authorisation server" in page.text for page in pages)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"resource": "https://elsewhere.example/mcp"}, "somebody else"),
        ({"authorization_servers": ["http://169.254.169.254/"]}, "private address"),
        ({"authorization_servers": ["http://10.1.2.3/"]}, "private address"),
    ],
)
async def test_a_server_that_names_what_is_not_its_own_is_refused(browser, protected, about, said):
    connection = await connected(browser, protected.url)
    protected.about = about
    status, detail = await refusal(browser, connection)
    assert (status, said in detail) == (422, True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"code_challenge_methods_supported": None}, "PKCE"),
        ({"issuer": "https://evil.example"}, "another one"),
        ({"token_endpoint": "http://192.0.2.1/token"}, "not reached by https"),
        ({"registration_endpoint": None}, "Register one there"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "names no authorisation server"),
    ],
)
async def test_an_authorisation_server_that_cannot_be_used_is_refused(browser, protected, change, said):
    async with served(Describes(change)) as url:
        protected.authority = url
        connection = await connected(browser, protected.url)
        status, detail = await refusal(browser, connection)
    assert (status, said in detail) == (422, True), detail


async def test_a_redirect_to_a_private_address_is_not_followed(browser, protected):
    async def elsewhere(scope, receive, send):
        if scope["type"] == "http":
            await RedirectResponse("http://169.254.169.254/latest/meta-data")(scope, receive, send)

    async with served(lifespan_off(elsewhere)) as url:
        protected.authority = url
        connection = await connected(browser, protected.url)
        status, detail = await refusal(browser, connection)
    assert (status, "names no authorisation server" in detail) == (422, True)


async def test_a_server_that_asks_for_nothing_is_said_so(browser, upstream):
    connection = await connected(browser, upstream.url)
    status, detail = await refusal(browser, connection)
    assert (status, "names no authorisation server" in detail) == (422, True)


async def test_a_server_that_reads_documents_is_given_one_that_is_the_connections_own(new_world, protected):
    """What somebody agreed to for one tenant is agreed to for no other."""
    world = await new_world(public_url="https://oblivion.example.com")
    asked, documents = [], []
    async with served(Describes({"client_id_metadata_document_supported": True})) as url:
        protected.authority = url
        for _ in range(2):
            token = await world.token(await world.new_tenant(), "admin", "oblivion")
            wish = {"name": "wiki", "url": protected.url, "auth": "oauth"}
            made = (await world.request("POST", "/connections", token=token, json=wish)).json()
            begun = await world.request("POST", f"/connections/{made['id']}/authorize", token=token)
            asked.append(parse_qs(urlsplit(begun.json()["url"]).query))
            path = urlsplit(asked[-1]["client_id"][0]).path
            documents.append((await world.request("GET", path)).json())
    assert [[each["client_id"]] for each in documents] == [each["client_id"] for each in asked]
    assert [each["redirect_uris"] for each in documents] == [each["redirect_uri"] for each in asked]
    assert all(each["client_id"].startswith("https://oblivion.example.com/oauth/") for each in documents)
    assert len({each["client_id"] for each in documents}) == 2
    assert len({each["redirect_uris"][0] for each in documents}) == 2


async def test_an_answer_that_comes_to_another_connections_address_is_not_taken(browser, protected):
    """Of a server that does not say who it is, this alone tells its answer from another server's."""
    connection = await connected(browser, protected.url)
    pages = []
    for elsewhere in ("/oauth/callback", f"/oauth/callback/{uuid4()}"):
        location = await browser.server("mcp").agree((await browser.begin(connection))["url"])
        own = f"/oauth/callback/{connection.id}"
        assert own in location
        pages.append(await browser.come_back(location.replace(own, elsewhere)))
    assert [page.status_code for page in pages] == [400, 400]
    assert all("another address" in page.text for page in pages)


async def test_two_admins_who_begin_at_the_same_moment_use_one_app_and_both_finish(browser, protected):
    connection = await connected(browser, protected.url)
    begun = await asyncio.gather(*(browser.begin(connection) for _ in range(2)))
    apps = {parse_qs(urlsplit(each["url"]).query)["client_id"][0] for each in begun}
    pages = [await browser.come_back(await browser.server("mcp").agree(each["url"])) for each in begun]
    assert (len(apps), [page.status_code for page in pages]) == (1, [200, 200])


async def test_a_server_that_refuses_whatever_it_is_shown_does_not_have_tokens_renewed_for_ever(
    browser, protected
):
    connection = await connected(browser, protected.url)
    await browser.sign_in(connection)
    assert not (await called(browser)).is_error
    protected.wants_nobody = True
    refused = [await called(browser) for _ in range(20)]
    assert all("does not accept what its sign-in gives" in each.content[0].text for each in refused)
    assert 2 <= await browser.tokens_asked("mcp") <= 4  # The code, and three renewals at most.


@pytest.mark.parametrize("told", ["https://x.test/\t", "https://ex\u00b2.test/"])
async def test_a_server_that_names_an_address_which_is_none_is_said_so(browser, protected, told):
    connection = await connected(browser, protected.url)
    protected.told = told
    status, detail = await refusal(browser, connection)
    assert (status, "an address that is none" in detail) == (422, True), detail


async def test_a_secret_that_ends_after_the_end_of_all_calendars_never_ends(browser, protected):
    answer = {"client_id": "dyn-1", "client_secret": "s", "client_secret_expires_at": 10**30}
    async with served(Describes({}, registers=answer)) as url:
        protected.authority = url
        connection = await connected(browser, protected.url)
        begun = await browser.begin(connection)
    assert "client_id=dyn-1" in begun["url"]


class Describes:
    """An authorisation server of which only the description is there."""

    def __init__(self, change, registers=None):
        self._change = change
        self._registers = registers

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await lifespan_off(None)(scope, receive, send)
        if scope["method"] == "POST" and self._registers is not None:
            return await JSONResponse(self._registers, 201)(scope, receive, send)
        host = dict(scope["headers"])[b"host"].decode()
        at = f"http://{host}"
        about = {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "registration_endpoint": f"{at}/register",
            "code_challenge_methods_supported": ["S256"],
            **self._change,
        }
        kept = {name: value for name, value in about.items() if value is not None}
        return await JSONResponse(kept)(scope, receive, send)


def lifespan_off(app):
    async def wrapped(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await app(scope, receive, send)

    return wrapped
