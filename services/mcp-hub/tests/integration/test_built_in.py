"""Built-in providers through the hub, each against the sandbox's stand-in where the settings say it is."""

import httpx
import pytest

from oblivion_mcp_hub.testing import running_world
from oblivion_platform.tokens import API_AUDIENCE
from oblivion_sandbox.testing import running_sandbox

pytestmark = pytest.mark.integration

PLACES = {
    "notion": ("/notion", "/notion/control/account", "token"),
    "linear": ("/linear", "/linear/control/account", "token"),
    "jira": ("/jira", "/jira/control/account", "token"),
    "google_calendar": ("/calendar/v3", "/calendar/control/account", "token"),
    "slack": ("/slack/api/", "/slack/control/app", "bot_token"),
    "clickup": ("/clickup/api/v2", "/clickup/control/owner", "token"),
}
"""Provider → its API in the sandbox, and where the sandbox tells its token."""


@pytest.fixture
async def sandbox_url(tmp_path):
    async with running_sandbox(tmp_path / "sandbox") as sandbox:
        yield sandbox.base_url


@pytest.fixture
async def world(database, redis_url, sandbox_url):
    urls = {f"{provider}_api_url": sandbox_url + path for provider, (path, _, _) in PLACES.items()}
    async with running_world(database, redis_url, **urls) as made:
        yield made


async def test_each_provider_is_connected_tested_and_listed_under_its_name(world, sandbox_url):
    tenant = await world.new_tenant()
    admin = await world.token(tenant, "admin", API_AUDIENCE)
    tested = {}
    async with httpx.AsyncClient(base_url=sandbox_url) as sandbox:
        for provider, (_, told_at, name) in PLACES.items():
            told = (await sandbox.get(told_at)).json()
            settings = {"site": "sandbox", "email": told["email"]} if provider == "jira" else {}
            made = await world.connect(tenant, provider=provider, secret=told[name], settings=settings)
            answer = await world.request("POST", f"/connections/{made.id}/test", token=admin)
            tested[provider] = answer.json()
    async with world.client(await world.token(tenant, "user")) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert {provider: each["detail"] for provider, each in tested.items() if not each["ok"]} == {}
    assert {name.partition("__")[0] for name in names} == {each.replace("_", "") for each in PLACES}
    assert {"notion__createTask", "googlecalendar__freeBusy", "jira__search"} <= names


async def test_a_task_is_made_found_and_a_bad_argument_said(world, sandbox_url):
    tenant = await world.new_tenant()
    async with httpx.AsyncClient(base_url=sandbox_url) as sandbox:
        secret = (await sandbox.get("/notion/control/account")).json()["token"]
    await world.connect(tenant, provider="notion", secret=secret)
    async with world.client(await world.token(tenant, "user")) as client:
        made = await client.call_tool("notion__createTask", {"title": "buy milk"})
        found = await client.call_tool("notion__search", {"query": "buy milk"})
        wrong = await client.call_tool("notion__createTask", {"titel": "buy milk"})
    assert (made.is_error, "http" in made.content[0].text) == (False, True)
    assert "buy milk" in found.content[0].text
    assert (wrong.is_error, "do not fit" in wrong.content[0].text) == (True, True)


async def test_a_wrong_token_is_said_by_the_test_and_by_the_tool(world):
    tenant = await world.new_tenant()
    made = await world.connect(tenant, provider="notion", secret="wrong-canary")
    admin = await world.token(tenant, "admin", API_AUDIENCE)
    tested = await world.request("POST", f"/connections/{made.id}/test", token=admin)
    async with world.client(await world.token(tenant, "user")) as client:
        called = await client.call_tool("notion__search", {"query": "x"})
    assert "does not accept this connection's token" in tested.json()["detail"]
    assert "does not accept this connection's token" in called.content[0].text
    assert "canary" not in tested.text + called.model_dump_json()


async def test_a_token_that_only_calls_find_refused_is_shown_as_failing_until_a_call_works(
    world, sandbox_url
):
    tenant = await world.new_tenant()
    made = await world.connect(tenant, provider="notion", secret="wrong-canary")
    admin, path = await world.token(tenant, "admin", API_AUDIENCE), f"/connections/{made.id}"
    async with httpx.AsyncClient(base_url=sandbox_url) as sandbox:
        secret = (await sandbox.get("/notion/control/account")).json()["token"]

    async def health():
        return (await world.request("GET", path, token=admin)).json()["health"]

    async def is_error():
        async with world.client(await world.token(tenant, "user")) as client:
            return (await client.call_tool("notion__search", {"query": "x"})).is_error

    assert await health() is None
    assert await is_error()
    refused = await health()
    assert (refused["ok"], "does not accept this connection's token" in refused["detail"]) == (False, True)
    await world.request("PATCH", path, token=admin, json={"secret": secret})
    assert not await is_error()
    works = await health()
    assert (works["ok"], works["detail"].endswith(" tools.")) == (True, True)
    assert not await is_error()
    assert await health() == works, "it is written when it turns"
