"""What is kept of streams, and waited for on them: bounded, whoever asks for how much."""

import asyncio
import json
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest
import redis
from mcp_types import CallToolResult, JSONRPCNotification, JSONRPCResponse, TextContent

from oblivion_mcp_hub.adapters.kept_bytes import A_MINUTE_MAX
from oblivion_mcp_hub.adapters.protocol_sessions import SESSIONS_MAX, RedisProtocolSessions
from oblivion_mcp_hub.adapters.stream_events import (
    DELIVERED_TTL_S,
    TTL_S,
    WAITING_MAX,
    RedisStreamEvents,
)
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.usecases.limit_streams import OF_A_CALLER_MAX
from oblivion_platform.tasks import end
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

HELLO = {"text": "hello"}
OF_THEN = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
BEYOND_ALL = "9999999999999-0"


def call(name="wiki__write"):
    params = {"name": name, "arguments": HELLO}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


@pytest.fixture
def store(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as made:
        yield made


@pytest.fixture
async def session(world, tenant):
    token = await world.token(tenant, "user")
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    begun = await world.request("POST", "/mcp", token=token, headers=OF_THEN, json=body)
    return {**OF_THEN, "Authorization": f"Bearer {token}", "mcp-session-id": begun.headers["mcp-session-id"]}


@pytest.fixture
async def http(world, session):
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(
        base_url=world.base_url, headers=session, timeout=30, limits=limits
    ) as client:
        yield client


@pytest.fixture
async def events(redis_url):
    made = RedisStreamEvents(redis_url)
    yield made
    await made.close()


@pytest.fixture
def caller():
    return Caller(uuid4(), "agent", uuid4(), "agent")


async def first_id(response):
    async for line in response.aiter_lines():
        if line.startswith("id:"):
            return line[3:].strip()
    return None


async def test_an_agent_waits_for_so_many_rests_of_answers_at_once_and_no_more(wiki, upstream, http):
    async def hang(arguments):
        await asyncio.Event().wait()

    upstream.behaviours["write"] = hang
    async with AsyncExitStack() as stack:
        calling = await stack.enter_async_context(http.stream("POST", "/mcp", json=call()))
        stream = (await first_id(calling)).partition("-")[0]
        last = {"Last-Event-ID": f"{stream}-{BEYOND_ALL}"}
        statuses = [
            (await stack.enter_async_context(http.stream("GET", "/mcp", headers=last))).status_code
            for _ in range(OF_A_CALLER_MAX + 5)
        ]
    assert statuses == [200] * OF_A_CALLER_MAX + [429] * 5

    async def is_free():
        async with http.stream("GET", "/mcp", headers=last) as again:
            assert again.status_code == 200

    await eventually(is_free)


async def test_who_asks_for_what_comes_after_the_answer_is_told_at_once_that_there_is_nothing(wiki, http):
    answer = await http.post("/mcp", json=call())
    stream = answer.text.partition("id: ")[2].partition("-")[0]
    async with asyncio.timeout(20):  # A call may take longer.
        rest = await http.get("/mcp", headers={"Last-Event-ID": f"{stream}-{BEYOND_ALL}"})
    assert (rest.status_code, "data:" in rest.text) == (200, False)


async def test_however_many_wait_redis_sees_few_connections(events, caller, store):
    session_id = "mcp-session-1"
    opened = await events.open(caller, session_id)
    stream = (await opened.store_event("", None)).partition("-")[0]

    async def wait():
        async for _ in events.after(caller, session_id, f"{stream}-{BEYOND_ALL}", 60.0):
            pass

    before = len(store.client_list())
    waiting = [asyncio.create_task(wait()) for _ in range(3 * WAITING_MAX)]

    async def are_many():
        assert len(store.client_list()) >= before + WAITING_MAX

    await eventually(are_many)
    most = len(store.client_list())
    await end(*waiting)
    assert most <= before + WAITING_MAX + 5


def keys_of(store, tenant_id):
    return list(store.scan_iter(f"t:{tenant_id}:mcp:events:mcp-session*"))


async def test_an_answer_that_was_delivered_is_kept_for_a_minute_and_another_for_an_hour(
    wiki, tenant, upstream, http, store
):
    free = asyncio.Event()

    async def hold(arguments):
        await free.wait()
        return CallToolResult(content=[TextContent(text="done at last")])

    assert (await http.post("/mcp", json=call("wiki__read"))).status_code == 200

    async def ends_soon():
        assert [0 < store.ttl(key) <= DELIVERED_TTL_S for key in keys_of(store, tenant.id)] == [True]

    await eventually(ends_soon)
    upstream.behaviours["write"] = hold
    async with http.stream("POST", "/mcp", json=call()) as answer:
        await first_id(answer)
    free.set()

    async def is_answered():
        found = {key: json.dumps(store.xrange(key)) for key in keys_of(store, tenant.id)}
        assert [store.ttl(key) > TTL_S / 2 for key, said in found.items() if "done at last" in said] == [True]

    await eventually(is_answered)


def answer_of(size):
    return JSONRPCResponse(jsonrpc="2.0", id=1, result={"text": "x" * size})


async def test_no_tenant_fills_redis_with_answers_however_they_are_taken(events, caller, store):
    kept = 0
    for number in range(150):
        opened = await events.open(caller, f"mcp-session-{number}")
        if opened is None:
            continue
        await opened.store_event("", answer_of(1_000_000))
        kept += 1
        if number % 2:
            await opened.delivered()
    used = sum(store.memory_usage(key, samples=0) for key in keys_of(store, caller.tenant_id))
    assert used < 1.5 * A_MINUTE_MAX
    assert 0 < kept < 150
    neighbour = Caller(uuid4(), "agent", uuid4(), "agent")
    assert await events.open(neighbour, "mcp-session-other") is not None


async def test_of_what_is_told_meanwhile_little_is_kept_and_the_answer_in_any_case(events, caller, store):
    opened = await events.open(caller, "mcp-session-1")
    told = JSONRPCNotification(jsonrpc="2.0", method="notifications/progress", params={"m": "x" * 100_000})
    ids = [await opened.store_event("", told) for _ in range(10)]
    answered = await opened.store_event("", answer_of(500_000))
    (key,) = keys_of(store, caller.tenant_id)
    assert len(set(ids)) == 2  # What is not kept has the id of the last that is.
    assert answered not in ids
    assert store.memory_usage(key, samples=0) < 1_000_000


async def test_of_the_sessions_of_one_caller_the_oldest_end(redis_url, caller):
    one, other = RedisProtocolSessions(redis_url), RedisProtocolSessions(redis_url)
    opened = [await one.open(caller) for _ in range(SESSIONS_MAX + 1)]
    are_theirs = [await other.belongs_to(each, caller) for each in (opened[0], opened[1], opened[-1])]
    await one.aclose()
    await other.aclose()
    assert are_theirs == [False, True, True]
