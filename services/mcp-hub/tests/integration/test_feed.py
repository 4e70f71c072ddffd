"""What the live feed says of tools: who called which, how it came out, and nothing of what was said."""

import pytest

from oblivion_platform.feed import FeedReader
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

PRIVATE = {"text": "a private word"}


@pytest.fixture
async def told(redis_url, tenant):
    """Kinds and words of the tenant's lines."""
    reader = FeedReader(redis_url)

    async def lines(count):
        async def enough():
            found = (await reader.newest(tenant.id)).lines
            assert len(found) >= count
            assert PRIVATE["text"] not in str(found)
            return found

        return await eventually(enough)

    yield lines
    await reader.close()


async def test_calls_and_refusals_are_lines_with_their_run_agent_and_connection(
    world, tenant, upstream, told
):
    wiki = await world.connect(
        tenant, name="wiki", url=upstream.url, is_trusted=True, settings={"cache_s": 600}
    )
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    async with world.client(await world.run_token(tenant, run)) as client:
        for _ in range(2):
            assert not (await client.call_tool("wiki__read", PRIVATE)).is_error
    stranger = await world.new_agent(tenant, "other__*")
    other_run = await world.new_run(tenant, stranger)
    async with world.client(await world.run_token(tenant, other_run)) as client:
        assert (await client.call_tool("wiki__read", PRIVATE)).is_error
    lines = await told(3)
    assert [(line.kind, line.agent_id, line.connection_id) for line in lines] == [
        ("tool.called", agent, wiki.id),
        ("tool.called", agent, wiki.id),
        ("tool.refused", stranger, wiki.id),
    ]
    assert lines[0].text.startswith("wiki__read answered in ")
    assert lines[1].text == "wiki__read was answered from before"
    assert lines[0].run_id == run.id


async def test_a_server_that_fails_is_a_line_for_each_call_and_one_for_its_breaker(
    world, tenant, upstream, told
):
    await world.connect(tenant, name="wiki", url=upstream.url, is_trusted=True)

    async def away(scope, receive, send):
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with world.client(await world.token(tenant, "user")) as client:
        assert not (await client.call_tool("wiki__read", PRIVATE)).is_error
        upstream.in_the_way = away
        for _ in range(5):
            await client.call_tool("wiki__read", PRIVATE)
    kinds = [line.kind for line in await told(7)]
    assert kinds[:2] == ["tool.called", "tool.failed"]
    assert "breaker.opened" in kinds
