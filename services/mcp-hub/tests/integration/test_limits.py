"""How often the hub is asked, by one caller and by a tenant, on all replicas together."""

import asyncio

import pytest

pytestmark = pytest.mark.integration

OF_THEN = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}


async def ask(world, token):
    return await world.request("POST", "/mcp", token=token, headers=OF_THEN, json=LIST)


async def test_whoever_asks_too_often_is_told_when_to_ask_again(new_world):
    world = await new_world(mcp_caller_requests_per_minute=5)
    tenant = await world.new_tenant()
    token = await world.token(tenant, "user")
    answers = [await ask(world, token) for _ in range(6)]
    others = await ask(world, await world.token(tenant, "admin"))
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert answers[-1].json()["code"] == "too_many_requests"
    assert others.status_code == 200


async def test_a_tenant_has_so_many_together_and_its_neighbour_its_own(new_world):
    world = await new_world(mcp_tenant_requests_per_minute=4)
    tenant, neighbour = await world.new_tenant(), await world.new_tenant()
    tokens = [await world.token(tenant, role) for role in ("admin", "user", "guest")]
    statuses = [(await ask(world, token)).status_code for token in [*tokens, *tokens]]
    assert sorted(statuses) == [200] * 4 + [429] * 2
    assert (await ask(world, await world.token(neighbour, "user"))).status_code == 200


async def test_replicas_count_together_but_for_a_share_each(new_world):
    one = await new_world(mcp_caller_requests_per_minute=100)
    two = await new_world(mcp_caller_requests_per_minute=100, master_key=one.hub.settings.master_key)
    token = await one.token(await one.new_tenant(), "user")
    statuses = [
        answer.status_code
        for _ in range(60)
        for answer in await asyncio.gather(*(ask(world, token) for world in (one, two)))
    ]
    assert set(statuses) == {200, 429}
    assert 96 <= statuses.count(200) <= 100


async def test_without_redis_each_replica_counts_for_itself(new_world):
    world = await new_world(mcp_caller_requests_per_minute=3, redis_url="redis://127.0.0.1:9/0")
    token = await world.token(await world.new_tenant(), "user")
    assert [(await ask(world, token)).status_code for _ in range(4)] == [200, 200, 200, 429]
