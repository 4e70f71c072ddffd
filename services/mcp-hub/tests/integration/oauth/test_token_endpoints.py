"""Token endpoints that answer late, oddly or byte by byte: no sign-in is lost by it, nobody else waits."""

import asyncio

import httpx
import psycopg
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from oblivion_contracts.connections import ConnectionView
from oblivion_mcp_hub.testing import served
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

EVENTS = ("googlecalendar__listCalendars", {})


class Front:
    """In front of Google's token endpoint: hands on, unless it has an answer of its own."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self.answer = None
        self.held = None
        """What has been granted is told once this is set."""
        self.asked = self.granted = 0

    async def token(self, request):
        self.asked += 1
        if self.answer is not None:
            return self.answer()
        headers = {"content-type": request.headers["content-type"]}
        async with httpx.AsyncClient() as http:
            answer = await http.post(self._endpoint, content=await request.body(), headers=headers)
        self.granted += 1
        if self.held is not None:
            await self.held.wait()
        return Response(answer.content, answer.status_code, media_type="application/json")


@pytest.fixture
async def front(vendors):
    made = Front(vendors["google_calendar_token_url"])
    routes = [Route("/token", made.token, methods=["POST"]), Route("/mcp", dripping, methods=["POST"])]
    async with served(Starlette(routes=routes)) as url:
        made.url = url
        yield made


@pytest.fixture
async def world(new_world, vendors, front):
    settings = {**vendors, "google_calendar_token_url": f"{front.url}/token"}
    return await new_world(**settings, tool_server_retry_s=0.1)


async def called(browser, tool=EVENTS):
    async with browser.world.client(await browser.world.token(browser.tenant, "user")) as client:
        return await client.call_tool(*tool)


async def state_of(browser, connection):
    return (await browser.shown(connection))["sign_in"]["state"]


async def test_who_hangs_up_during_a_renewal_has_not_lost_the_sign_in(browser, front, database):
    connection = await browser.signed_in("google_calendar")
    await browser.server("google_calendar").expire()
    front.held = asyncio.Event()
    caller = asyncio.create_task(called(browser))
    await eventually(lambda: front.granted == 2)  # The code, and the renewal that is under way.
    caller.cancel()
    await asyncio.wait([caller])

    def has_hung_up():
        with psycopg.connect(database.admin_url) as admin:
            codes = admin.execute("SELECT code FROM tool_calls").fetchall()
        assert codes == [("cancelled",)]

    await eventually(has_hung_up)
    front.held.set()
    result = await called(browser)
    assert not result.is_error, result.content
    assert (await browser.tokens_asked("google_calendar"), await state_of(browser, connection)) == (2, "done")


ODD = {
    "a wall": lambda: Response("Forbidden", 403),
    "no page": lambda: Response("nothing here", 404),
    "elsewhere": lambda: RedirectResponse("https://status.example/", 302),
    "maintenance": lambda: Response("<html>Back soon</html>", 200, media_type="text/html"),
    "nothing": lambda: JSONResponse({}),
    "a gateway": lambda: JSONResponse({"message": "no healthy upstream"}, 403),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
async def test_an_odd_answer_of_a_token_endpoint_ends_no_sign_in(browser, front, answer):
    connection = await browser.signed_in("google_calendar")
    await browser.server("google_calendar").expire()
    front.answer = answer
    refused = await called(browser)
    kept = await state_of(browser, connection)
    front.answer = None
    assert (refused.is_error, "does not answer" in refused.content[0].text) == (True, True)
    assert kept == "done"
    assert not (await called(browser)).is_error


async def test_an_app_that_is_not_taken_meanwhile_is_said_and_ends_no_sign_in(browser, front):
    connection = await browser.signed_in("google_calendar")
    await browser.server("google_calendar").expire()
    front.answer = lambda: JSONResponse({"error": "invalid_client"}, 401)
    refused = await called(browser)
    kept = await state_of(browser, connection)
    front.answer = None
    assert (refused.is_error, "client id and secret" in refused.content[0].text) == (True, True)
    assert kept == "done"
    assert not (await called(browser)).is_error


@pytest.mark.parametrize("code", ["invalid_grant", "token_revoked", "invalid_refresh_token"])
async def test_a_refusal_of_the_tokens_themselves_ends_the_sign_in(browser, front, code):
    connection = await browser.signed_in("google_calendar")
    await browser.server("google_calendar").expire()
    front.answer = lambda: JSONResponse({"error": code}, 400)
    refused = await called(browser)
    assert "oblivion connections connect googlecalendar" in refused.content[0].text
    assert await state_of(browser, connection) == "again"


async def test_endpoints_that_answer_byte_by_byte_keep_no_other_tenant_waiting(browser, front):
    neighbour = await browser.neighbour()
    await neighbour.signed_in("linear")
    names = [f"cal{number}" for number in range(5)]
    for name in names:
        await browser.sign_in(await with_app_as(browser, name))
    await browser.server("google_calendar").expire()
    await neighbour.server("linear").expire()
    front.answer = dripping
    before = front.asked
    waiting = [asyncio.create_task(called(browser, (f"{name}__listCalendars", {}))) for name in names]
    await eventually(lambda: front.asked > before)
    result = await called(neighbour, ("linear__getIssues", {}))
    still_waiting = [task for task in waiting if not task.done()]
    answers = await asyncio.gather(*waiting)
    assert not result.is_error, result.content
    assert len(still_waiting) == 5
    assert all("does not answer" in each.content[0].text for each in answers)


async def test_beginning_a_sign_in_at_a_server_that_answers_byte_by_byte_is_given_up(browser, front):
    wish = {"name": "slow", "url": f"{front.url}/mcp", "auth": "oauth"}
    made = await browser.admin("POST", "/connections", json=wish)
    answer = await browser.admin("POST", f"/connections/{made.json()['id']}/authorize", timeout=60)
    assert (answer.status_code, "does not answer" in answer.json()["detail"]) == (503, True)


async def test_tokens_that_postgres_cannot_take_at_once_are_kept_until_it_can(browser, front, database):
    connection = await browser.with_app("google_calendar")
    begun = await browser.begin(connection)
    location = await browser.server("google_calendar").agree(begun["url"])
    front.held = asyncio.Event()
    coming_back = asyncio.create_task(browser.come_back(location, timeout=60))
    await eventually(lambda: front.granted == 1)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(f'REVOKE CONNECT ON DATABASE "{database.name}" FROM PUBLIC, oblivion_mcp_hub')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'oblivion_mcp_hub' AND "
            "datname = current_database()"
        )
        front.held.set()
        done, _ = await asyncio.wait([coming_back], timeout=1.5)  # For so long it is away.
        admin.execute(f'GRANT CONNECT ON DATABASE "{database.name}" TO oblivion_mcp_hub')
    page = await coming_back
    assert not done
    assert (page.status_code, await state_of(browser, connection)) == (200, "done")


async def with_app_as(browser, name):
    about = await browser.server("google_calendar").change(
        redirect_uris=["http://localhost:8300/oauth/callback"]
    )
    client = {key: about[key] for key in ("client_id", "client_secret")}
    wish = {"provider": "google_calendar", "name": name, "client": client}
    answer = await browser.admin("POST", "/connections", json=wish)
    return ConnectionView.model_validate_json(answer.content)


def dripping(_request=None):
    async def drops():
        while True:
            yield b" "
            await asyncio.sleep(0.2)

    return StreamingResponse(drops(), media_type="application/json")
