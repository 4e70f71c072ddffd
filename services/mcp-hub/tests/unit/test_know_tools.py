"""What is known of connections, where they change while their servers are asked."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from mcp_types import Tool

from oblivion_mcp_hub.errors import ServerAway
from oblivion_mcp_hub.usecases.changes import Changes
from oblivion_mcp_hub.usecases.know_tools import KnowTools, ListingTerms
from oblivion_platform.connections import Connection
from oblivion_platform.resilience import Breakers

TENANT = uuid4()
THEN = datetime(2026, 11, 22, tzinfo=UTC)


def connection(name):
    return Connection(
        id=uuid4(),
        tenant_id=TENANT,
        name=name,
        provider="mcp",
        url=f"https://{name}.example/mcp",
        settings={},
        is_trusted=False,
        auth="secret",
        sign_in={},
        state="active",
        health={},
        has_secret=False,
        created_at=THEN,
        updated_at=THEN,
    )


class Outside:
    """Implements `ports.Registry`, `ports.ToolServers`, `ports.ToolServer` and `ports.Uses`."""

    def __init__(self, *connections):
        self.connections = list(connections)
        self.away = set()
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def active(self, _tenant_id):
        return list(self.connections)

    async def pinned(self, _tenant_id, _connection_id, hashes, _tools):
        return hashes

    async def note_health(self, _connection, _health):
        pass

    def note(self, _connection, _use, _by):
        pass

    def drop(self, _tenant_id):
        pass

    def keep_only(self, _tenant_id, _ids):
        pass

    def of(self, connection):
        return _Server(self, connection)


class _Server:
    def __init__(self, outside, connection):
        self._outside = outside
        self._connection = connection

    async def list_tools(self):
        self._outside.asked.set()
        await self._outside.may_answer.wait()
        if self._connection.id in self._outside.away:
            raise ServerAway(self._connection.name, "it broke off")
        return [Tool(name="read", input_schema={"type": "object"})]


@pytest.fixture
def known_of():
    def known(outside):
        terms = ListingTerms(timeout_s=60, keep_s=600, retry_s=600)
        return KnowTools(outside, outside, Breakers(), Changes(), outside, terms)

    return known


async def begin_load(outside, known):
    """Until a server is asked, and does not answer."""
    outside.asked.clear()
    outside.may_answer.clear()
    known.drop(TENANT)
    loading = asyncio.create_task(known.of(TENANT))
    await outside.asked.wait()
    return loading


async def test_a_call_to_the_address_before_withdraws_nothing_of_the_new_one(known_of):
    before = connection("wiki")
    outside = Outside(before)
    known = known_of(outside)
    assert "wiki__read" in (await known.of(TENANT)).catalog.by_name
    now = replace(before, url="https://new.example/mcp", updated_at=THEN + timedelta(minutes=1))
    outside.connections = [now]
    loading = await begin_load(outside, known)
    await known.withdraw(before, ServerAway("wiki", "it broke off"))
    outside.may_answer.set()
    found = await loading
    assert found.connections == {now.id: now}
    assert "wiki__read" in found.catalog.by_name
    await known.withdraw(before, ServerAway("wiki", "it broke off"))
    assert "wiki__read" in (await known.of(TENANT)).catalog.by_name
    await known.close()


async def test_who_is_to_be_asked_again_is_though_others_are_being_asked(known_of):
    wiki, new = connection("wiki"), connection("new")
    outside = Outside(wiki)
    outside.away = {wiki.id}
    known = known_of(outside)
    assert (await known.of(TENANT)).catalog.missing
    outside.connections = [wiki, new]
    loading = await begin_load(outside, known)
    outside.away = set()
    known.forget(TENANT, wiki.id)
    outside.may_answer.set()
    await loading
    assert {"wiki__read", "new__read"} <= (await known.of(TENANT)).catalog.by_name.keys()
    await known.close()
