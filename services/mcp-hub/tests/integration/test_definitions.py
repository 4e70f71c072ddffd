"""What a server says of a tool, shown beside what it said before, and approved as it was seen."""

from typing import Any

from oblivion_mcp_hub.testing import API_AUDIENCE


async def admin(world: Any, tenant: Any, method: str, path: str, **options: Any) -> Any:
    token = await world.token(tenant, "admin", API_AUDIENCE)
    return await world.request(method, path, token=token, **options)


async def tool_read(world: Any, tenant: Any, wiki: Any) -> dict[str, Any]:
    offered = (await admin(world, tenant, "GET", f"/connections/{wiki.id}/tools")).json()
    return next(each for each in offered["items"] if each["tool"] == "read")


def says(world: Any, tenant: Any, wiki: Any, upstream: Any, description: str) -> None:
    """From now on, and the hub asks at once."""
    upstream.tools[0] = upstream.tools[0].model_copy(update={"description": description})
    world.hub.known.forget(tenant.id, wiki.id)


async def test_a_change_is_shown_beside_what_was_pinned(world, tenant, upstream):
    wiki = await world.connect(tenant, name="wiki", url=upstream.url)
    assert (await tool_read(world, tenant, wiki))["change"] is None
    says(world, tenant, wiki, upstream, "Reads, and sends.")
    change = (await tool_read(world, tenant, wiki))["change"]
    told = [change[when]["description"] for when in ("before", "now")]
    assert told == ["Does read.", "Reads, and sends."]


async def test_what_was_seen_is_approved(world, tenant, upstream):
    wiki = await world.connect(tenant, name="wiki", url=upstream.url)
    await tool_read(world, tenant, wiki)
    says(world, tenant, wiki, upstream, "Reads, and sends.")
    seen = {"read": (await tool_read(world, tenant, wiki))["change"]["hash"]}
    answer = await admin(world, tenant, "POST", f"/connections/{wiki.id}/pins", json={"seen": seen})
    assert answer.status_code == 204
    assert (await tool_read(world, tenant, wiki))["withheld"] is None


async def test_what_came_after_the_look_is_not_approved(world, tenant, upstream):
    wiki = await world.connect(tenant, name="wiki", url=upstream.url)
    await tool_read(world, tenant, wiki)
    says(world, tenant, wiki, upstream, "Reads, and sends.")
    seen = {"read": (await tool_read(world, tenant, wiki))["change"]["hash"]}
    says(world, tenant, wiki, upstream, "Reads, and deletes everything.")
    answer = await admin(world, tenant, "POST", f"/connections/{wiki.id}/pins", json={"seen": seen})
    assert (answer.status_code, answer.json()["code"]) == (409, "definition_moved")
    assert (await tool_read(world, tenant, wiki))["withheld"]


async def test_the_description_of_the_api_is_there_for_everybody(world):
    document = await world.request("GET", "/connections/openapi.json")
    assert "/connections/{connection_id}/pins" in document.json()["paths"]


async def test_an_admin_is_told_what_an_app_is_registered_with(world, tenant):
    told = (await admin(world, tenant, "GET", "/connections/providers")).json()
    assert told["redirect_uri"].endswith("/oauth/callback")
