"""A connection with `cache_s`: the same question is not asked twice within that time, and all else stays."""

import psycopg
import pytest

from oblivion_platform.testing import eventually
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

HELLO = {"text": "hello"}


async def ask(world, tenant, tool="wiki__read", role="user", **arguments):
    async with world.client(await world.token(tenant, role)) as client:
        return await client.call_tool(tool, {**HELLO, **arguments})


async def test_the_same_question_reaches_the_server_once_and_each_is_on_record(
    world, tenant, upstream, database
):
    wiki = await world.connect(
        tenant, name="wiki", url=upstream.url, is_trusted=True, settings={"cache_s": 600}
    )
    assert wiki.settings == {"cache_s": 600}
    for _ in range(3):
        assert (await ask(world, tenant)).content[0].text == "read: hello"
    assert (await ask(world, tenant, text="other")).content[0].text == "read: other"
    assert [name for name, _ in upstream.calls] == ["read", "read"]

    async def on_record():
        with psycopg.connect(database.admin_url) as admin:
            rows = admin.execute("SELECT state, code FROM tool_calls ORDER BY at").fetchall()
        succeeded, cached = ("succeeded", None), ("succeeded", "cached")
        assert rows == [succeeded, cached, cached, succeeded]

    await eventually(on_record)


async def test_without_it_every_question_reaches_the_server(world, tenant, upstream):
    await world.connect(tenant, name="wiki", url=upstream.url, is_trusted=True)
    for _ in range(2):
        assert not (await ask(world, tenant)).is_error
    assert [name for name, _ in upstream.calls] == ["read", "read"]


async def test_after_a_change_through_the_connection_it_is_asked_again(world, tenant, upstream):
    await world.connect(tenant, name="wiki", url=upstream.url, is_trusted=True, settings={"cache_s": 600})
    for tool in ("wiki__read", "wiki__write", "wiki__read", "wiki__read"):
        assert not (await ask(world, tenant, tool)).is_error
    assert [name for name, _ in upstream.calls] == ["read", "write", "read"]


async def test_another_credential_asks_for_itself(world, tenant, upstream):
    wiki = await world.connect(
        tenant,
        name="wiki",
        url=upstream.url,
        is_trusted=True,
        secret="key-1",
        settings={"cache_s": 600},
    )
    assert not (await ask(world, tenant)).is_error
    token = await world.token(tenant, "admin", API_AUDIENCE)
    changed = await world.request("PATCH", f"/connections/{wiki.id}", token=token, json={"secret": "key-2"})
    assert changed.status_code == 200, changed.text
    assert not (await ask(world, tenant)).is_error
    assert [name for name, _ in upstream.calls] == ["read", "read"]


async def test_who_may_not_call_the_tool_gets_nothing_of_the_cache(world, tenant, upstream):
    await world.connect(tenant, name="wiki", url=upstream.url, is_trusted=True, settings={"cache_s": 600})
    assert not (await ask(world, tenant)).is_error
    agent = await world.new_agent(tenant, "other__*")
    run = await world.new_run(tenant, agent)
    async with world.client(await world.run_token(tenant, run)) as client:
        refused = await client.call_tool("wiki__read", HELLO)
    assert refused.is_error
    assert "read: hello" not in str(refused)
