"""Two tenants on one cluster: neither sees the other's agents, runs, sessions or mappings."""

import json

import httpx
import pytest

from tests.e2e.cluster import Installed

LISTINGS = ("/api/agents", "/api/runs", "/api/sessions", "/api/events", "/api/mappings", "/api/users")


async def signed_in(system: Installed, base_url: str, tenant: str, name: str) -> dict[str, str]:
    """The header of an agent that was made for this tenant."""
    made = json.loads(await system.oblivion("agents", "create", name, "--tenant", tenant, "--json"))
    async with httpx.AsyncClient(base_url=base_url) as http:
        answer = await http.post(
            "/auth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": made["AGENT_ID"],
                "client_secret": made["AGENT_SECRET"],
            },
        )
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.timeout(300)
async def test_neither_tenant_sees_anything_of_the_other(default_system: Installed) -> None:
    system = default_system
    await system.wait_for_job("connect")
    await system.oblivion("tenants", "create", "other")
    async with system.forward("gateway") as way:
        first = await signed_in(system, way.url, "default", "scout-of-the-first")
        second = await signed_in(system, way.url, "other", "scout-of-the-second")
        async with httpx.AsyncClient(base_url=way.url) as http:
            seen = {
                (tenant, path): (await http.get(path, headers=headers))
                for tenant, headers in (("first", first), ("second", second))
                for path in LISTINGS
            }
    read = {key: answer.text for key, answer in seen.items() if answer.is_success}
    assert ("first", "/api/agents") in read
    assert "scout-of-the-first" in read["first", "/api/agents"]
    assert "scout-of-the-second" in read["second", "/api/agents"]
    for (tenant, path), text in read.items():
        foreign = "scout-of-the-second" if tenant == "first" else "scout-of-the-first"
        assert foreign not in text, path
    assert "general" not in read["second", "/api/agents"]
