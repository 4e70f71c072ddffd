"""Stdio servers: only those of the operator's list, behind a bridge, which starts them and nothing else."""

import asyncio
import sys

import httpx
import psutil
import psycopg
import pytest

from oblivion_mcp_hub.stdio.__main__ import bridging
from oblivion_mcp_hub.stdio.settings import BridgeSettings
from oblivion_platform.testing import eventually
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

SERVER = """
import asyncio, os, time
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool

async def list_tools(context, params):
    return ListToolsResult(tools=[Tool(name=name, description="", input_schema={"type": "object"})
                                  for name in ("environment", "die", "hang")])

async def call_tool(context, params):
    if params.name == "die":
        os._exit(3)
    if params.name == "hang":
        time.sleep(3600)
    return CallToolResult(content=[TextContent(text=" ".join(sorted(os.environ)))])

async def main():
    server = Server("files", version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())

asyncio.run(main())
"""


@pytest.fixture
async def bridge(tmp_path, monkeypatch):
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    monkeypatch.setenv("OBLIVION_MASTER_KEY", "canary")
    monkeypatch.setenv("FILES_ROOT", "/data")
    settings = BridgeSettings(host="127.0.0.1", port=0, stdio_environment="FILES_ROOT", drain_timeout_s=1)
    async with bridging(settings, sys.executable, str(script)) as port:
        yield f"http://127.0.0.1:{port}/mcp"
    left = [
        each.pid for each in psutil.process_iter(["cmdline"]) if str(script) in (each.info["cmdline"] or [])
    ]
    assert left == [], "children end with the bridge, those that hang too"


@pytest.fixture
async def world(new_world, bridge):
    # No private network is allowed to tenants: the operator's own list needs none.
    return await new_world(mcp_stdio_servers=f"files={bridge}", mcp_allowed_networks="")


async def connect(world, tenant, **wish):
    token = await world.token(tenant, "admin", API_AUDIENCE)
    return await world.request("POST", "/connections", token=token, json=wish)


async def call(world, tenant, tool):
    async with world.client(await world.token(tenant, "user")) as client:
        return await client.call_tool(tool, {})


async def test_a_server_of_the_list_is_connected_by_its_name_and_its_tools_work(world, tenant):
    made = await world.connect(tenant, provider="stdio", settings={"server": "files"})
    token = await world.token(tenant, "admin", API_AUDIENCE)
    tested = (await world.request("POST", f"/connections/{made.id}/test", token=token)).json()
    kinds = (await world.request("GET", "/connections/providers", token=token)).json()
    result = await call(world, tenant, "files__environment")
    assert (made.name, made.url, kinds["stdio_servers"]) == ("files", None, ["files"])
    assert tested["ok"], tested
    assert not result.is_error


async def test_it_is_given_what_the_operator_named_and_none_of_our_secrets(world, tenant):
    await world.connect(tenant, provider="stdio", settings={"server": "files"})
    names = (await call(world, tenant, "files__environment")).content[0].text.split()
    assert "FILES_ROOT" in names
    assert [name for name in names if name.startswith("OBLIVION_")] == []


async def test_one_that_dies_is_started_anew(world, tenant):
    await world.connect(tenant, provider="stdio", settings={"server": "files"})
    assert (await call(world, tenant, "files__die")).is_error
    assert not (await call(world, tenant, "files__environment")).is_error


@pytest.mark.parametrize(
    "wish",
    [
        {"provider": "stdio", "settings": {"server": "git"}},
        {"provider": "stdio", "settings": {"server": "files", "command": "sh"}},
        {"provider": "stdio", "settings": {"command": "sh"}, "name": "sh"},
        {"provider": "stdio", "settings": {"server": "files"}, "url": "http://127.0.0.1:9/mcp"},
        {"provider": "stdio", "settings": {"server": "files"}, "secret": "s"},
        {"provider": "stdio", "settings": {"server": "files"}, "auth": "oauth"},
        {"provider": "stdio", "settings": {"server": ["files"]}, "name": "files"},
    ],
)
async def test_over_rest_nothing_else_is_started_or_reached(world, tenant, wish):
    answer = await connect(world, tenant, **wish)
    assert answer.status_code == 422, answer.text


async def test_the_bridges_own_address_is_no_tenants_to_name(world, tenant, bridge):
    answer = await connect(world, tenant, name="files", url=bridge)
    assert (answer.status_code, "private address" in answer.json()["detail"]) == (422, True)


async def test_one_that_left_the_list_is_withdrawn_with_a_sentence(world, tenant, new_world, database):
    made = await world.connect(tenant, provider="stdio", settings={"server": "files"})
    later = await new_world(master_key=world.hub.settings.master_key)
    token = await later.token(tenant, "admin", API_AUDIENCE)
    tools = (await later.request("GET", f"/connections/{made.id}/tools", token=token)).json()
    with psycopg.connect(database.admin_url) as admin:
        (row,) = admin.execute("SELECT url, state FROM mcp_connections").fetchall()
    assert "no stdio server files any more" in tools["problem"]
    assert row == (None, "active")


async def test_a_page_of_a_browser_has_no_business_at_the_bridge(bridge):
    async with httpx.AsyncClient() as http:
        answer = await http.post(bridge, json={}, headers={"Origin": "http://localhost:1"})
    assert answer.status_code == 403


async def test_a_child_that_hangs_gets_a_sibling_that_answers(new_world, bridge):
    world = await new_world(
        mcp_stdio_servers=f"files={bridge}", mcp_allowed_networks="", tool_server_retry_s=0.1
    )
    tenant = await world.new_tenant()
    await world.connect(tenant, provider="stdio", settings={"server": "files"})
    hanging = asyncio.create_task(call(world, tenant, "files__hang"))

    async def is_answered():
        async with asyncio.timeout(15):
            assert not (await call(world, tenant, "files__environment")).is_error

    await eventually(is_answered, within_s=60)
    assert not hanging.done()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
