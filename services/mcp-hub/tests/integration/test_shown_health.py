"""What people read of a connection's health, and what is logged of it, true of calls and on every replica."""

import asyncio

import pytest
from starlette.responses import Response
from structlog.testing import capture_logs

from oblivion_mcp_hub.testing import listed
from oblivion_platform.testing import eventually
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

HELLO = {"text": "hello"}


async def test_the_health_that_is_shown_says_that_calls_fail_and_that_they_do_so_no_more(
    world, tenant, wiki, client, upstream
):
    token = await world.token(tenant, "admin", API_AUDIENCE)
    path = f"/connections/{wiki.id}"

    async def health():
        return (await world.request("GET", path, token=token)).json()["health"]

    assert (await world.request("POST", f"{path}/test", token=token)).json()["ok"]
    await listed(client)

    async def broken(scope, receive, send):
        await Response(status_code=500)(scope, receive, send)

    upstream.in_the_way = broken

    async def is_shown_as_failing():
        assert (await client.call_tool("wiki__write", HELLO)).is_error
        shown = await health()
        assert (shown["ok"], "does not answer" in shown["detail"]) == (False, True)

    await eventually(is_shown_as_failing, within_s=30)
    upstream.in_the_way = None

    async def is_shown_as_working():
        assert "wiki__write" in await listed(client)
        assert (await health())["ok"]

    await eventually(is_shown_as_working, within_s=30)


async def test_what_another_replica_noted_is_over_once_calls_work_here(
    world, tenant, wiki, new_world, upstream
):
    other = await new_world(master_key=world.hub.settings.master_key, tool_server_retry_s=0.1)
    admin, user = await world.token(tenant, "admin", API_AUDIENCE), await world.token(tenant, "user")
    path = f"/connections/{wiki.id}"

    async def is_ok():
        return (await world.request("GET", path, token=admin)).json()["health"]["ok"]

    assert (await world.request("POST", f"{path}/test", token=admin)).json()["ok"]
    async with world.client(user) as failing, other.client(user) as working:
        for each in (failing, working):
            assert not (await each.call_tool("wiki__write", HELLO)).is_error

        async def broken(scope, receive, send):
            await Response(status_code=500)(scope, receive, send)

        upstream.in_the_way = broken

        async def is_shown_as_failing():
            assert (await failing.call_tool("wiki__write", HELLO)).is_error
            assert not await is_ok()

        await eventually(is_shown_as_failing, within_s=30)
        upstream.in_the_way = None

        async def is_shown_as_working():
            assert not (await working.call_tool("wiki__write", HELLO)).is_error
            assert await is_ok()

        await eventually(is_shown_as_working, within_s=30)


async def test_a_call_that_is_refused_late_says_nothing_of_another_secret(world, tenant, client, upstream):
    wiki = await world.connect(tenant, name="wiki", url=upstream.url, secret="old")
    admin, path = await world.token(tenant, "admin", API_AUDIENCE), f"/connections/{wiki.id}"
    assert "wiki__write" in await listed(client)
    begun, may_answer = asyncio.Event(), asyncio.Event()

    async def refuse(scope, receive, send):
        begun.set()
        await may_answer.wait()
        await Response(status_code=401)(scope, receive, send)

    upstream.in_the_way = refuse
    calling = asyncio.create_task(client.call_tool("wiki__write", HELLO))
    await begun.wait()
    upstream.in_the_way = None
    await world.request("PATCH", path, token=admin, json={"secret": "new"})
    tested = (await world.request("POST", f"{path}/test", token=admin)).json()
    may_answer.set()
    assert (await calling).is_error
    assert tested["ok"]
    assert (await world.request("GET", path, token=admin)).json()["health"] == tested


@pytest.mark.parametrize(("status", "is_of_all"), [(401, True), (403, False)])
async def test_only_a_refused_credential_is_said_of_the_whole_connection(
    world, tenant, client, upstream, status, is_of_all
):
    wiki = await world.connect(tenant, name="wiki", url=upstream.url, secret="s")
    admin, path = await world.token(tenant, "admin", API_AUDIENCE), f"/connections/{wiki.id}"
    assert (await world.request("POST", f"{path}/test", token=admin)).json()["ok"]
    assert "wiki__write" in await listed(client)
    upstream.in_the_way = Response(status_code=status)
    assert (await client.call_tool("wiki__write", HELLO)).is_error
    assert (await world.request("GET", path, token=admin)).json()["health"]["ok"] is not is_of_all


async def test_what_is_withdrawn_is_logged_once_with_its_name_and_the_reason(world, tenant, client):
    with capture_logs() as logged:
        await world.connect(tenant, name="wiki", url="http://127.0.0.1:9/mcp")
        for _ in range(3):
            await listed(client)
            world.hub.known.drop(tenant.id)
            await asyncio.sleep(0.2)  # Longer than it is left alone.
    (line,) = [each for each in logged if each["event"] == "tools withdrawn"]
    assert (line["log_level"], line["connection"]) == ("warning", "wiki")
    assert line["reason"].startswith("wiki does not answer at http://127.0.0.1:9 (")


async def test_a_test_that_succeeds_brings_the_tools_back_at_once_and_its_words_stay(new_world, upstream):
    world = await new_world(tool_server_retry_s=600, tool_list_timeout_s=60)
    tenant = await world.new_tenant()
    wiki = await world.connect(tenant, name="wiki", url=upstream.url, is_trusted=True)
    token = await world.token(tenant, "admin", API_AUDIENCE)
    path = f"/connections/{wiki.id}"

    async def broken(scope, receive, send):
        await Response(status_code=500)(scope, receive, send)

    async with world.client(await world.token(tenant, "user")) as client:
        assert "wiki__write" in await listed(client)
        upstream.in_the_way = broken

        async def is_withdrawn():
            assert (await client.call_tool("wiki__write", HELLO)).is_error
            assert await listed(client) == set()

        await eventually(is_withdrawn, within_s=30)
        upstream.in_the_way = None
        assert await listed(client) == set()
        tested = (await world.request("POST", f"{path}/test", token=token)).json()
        assert (tested["ok"], "upstream 1" in tested["detail"]) == (True, True)
        assert "wiki__write" in await listed(client)
        assert not (await client.call_tool("wiki__write", HELLO)).is_error
    assert (await world.request("GET", path, token=token)).json()["health"] == tested
