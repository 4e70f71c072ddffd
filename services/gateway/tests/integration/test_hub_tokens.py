"""Tokens for the MCP hub: asked for by its address, and of no use at the API."""

import base64
import json

import pytest

from oblivion_gateway.testing import PUBLIC_URL, running_world

pytestmark = pytest.mark.integration


@pytest.fixture
async def world(database, redis_url):
    async with running_world(database, redis_url) as made:
        yield made


async def asked_for(world, issued, resource):
    fields = {
        "client_id": issued.client_id,
        "client_secret": issued.client_secret,
        "resource": resource,
    }
    return await world.request("POST", "/auth/token", data=fields)


@pytest.mark.parametrize("resource", [f"{PUBLIC_URL}/mcp", f"{PUBLIC_URL}/mcp/"])
async def test_a_token_for_the_tools_is_none_for_the_api(world, resource):
    issued = await world.new_agent(await world.new_tenant())
    token = (await asked_for(world, issued, resource)).json()["access_token"]
    claims = token.split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert said["aud"] == "mcp-hub"
    assert (await world.request("GET", "/api/me", token=token)).status_code == 401


async def test_another_resource_is_refused(world):
    issued = await world.new_agent(await world.new_tenant())
    answer = await asked_for(world, issued, "https://elsewhere.example/mcp")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
