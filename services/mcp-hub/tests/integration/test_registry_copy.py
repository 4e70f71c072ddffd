"""The copy of a tenant's connections spares Postgres, is never older than a change, and holds no secret."""

import asyncio

import pytest
import redis

from oblivion_mcp_hub.adapters.registry import PostgresRegistry
from oblivion_mcp_hub.adapters.registry_copy import CopiedRegistry
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


class Counted:
    """A registry that knows how often it was read."""

    def __init__(self, inner):
        self.inner = inner
        self.reads = 0
        self.is_held = None
        """Until when what was read is not given."""

    async def active(self, tenant_id):
        read = await self.inner.active(tenant_id)
        self.reads += 1
        if self.is_held is not None:
            await self.is_held.wait()
        return read


@pytest.fixture
async def new_copy(world, redis_url):
    made = []

    def make(url=redis_url):
        inner = Counted(PostgresRegistry(world.hub.database, world.hub.settings.master_key_ring()))
        made.append(CopiedRegistry(inner, url))
        return made[-1], inner

    yield make
    for each in made:
        await each.close()


async def names(registry, tenant):
    return [connection.name for connection in await registry.active(tenant.id)]


async def test_a_replica_reads_what_another_one_has_read(world, tenant, upstream, new_copy):
    await world.connect(tenant, name="wiki", url=upstream.url)
    (one, read_by_one), (two, read_by_two) = new_copy(), new_copy()

    async def is_settled():
        before = read_by_one.reads
        await one.active(tenant.id)
        assert read_by_one.reads == before

    await eventually(is_settled)
    assert await names(two, tenant) == ["wiki"]
    assert await one.active(tenant.id) == await two.active(tenant.id)
    assert read_by_two.reads == 0


async def test_what_was_read_before_a_change_is_not_found_after_it(world, tenant, upstream, new_copy):
    (slow, read_slowly), (quick, _) = new_copy(), new_copy()
    read_slowly.is_held = asyncio.Event()
    reading = asyncio.create_task(names(slow, tenant))
    await eventually(lambda: read_slowly.reads)
    await world.connect(tenant, name="wiki", url=upstream.url)

    async def is_told():  # Word of the change has reached Redis, by whichever replica.
        assert await names(quick, tenant) == ["wiki"]

    await eventually(is_told)
    read_slowly.is_held.set()
    assert await reading == []
    assert await names(quick, tenant) == ["wiki"]
    assert await names(new_copy()[0], tenant) == ["wiki"]


async def test_who_heard_nothing_for_a_while_reads_postgres(world, tenant, upstream, new_copy):
    copy, read = new_copy()
    await copy.active(tenant.id)
    reads = read.reads
    copy.drop_all()
    await copy.active(tenant.id)
    assert read.reads == reads + 1


async def test_without_redis_postgres_is_read(world, tenant, upstream, new_copy):
    await world.connect(tenant, name="wiki", url=upstream.url)
    copy, read = new_copy("redis://127.0.0.1:9/0")
    assert await names(copy, tenant) == ["wiki"]
    assert read.reads == 1


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"connections": []}', '{"read_at_unix_s": 1e12, "connections": [1]}']
)
async def test_a_copy_that_is_none_is_read_again(world, tenant, upstream, new_copy, redis_url, content):
    await world.connect(tenant, name="wiki", url=upstream.url)
    copy, read = new_copy()
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        for generation in range(10):
            store.set(f"t:{tenant.id}:mcp:connections:{generation}", content)
        assert await names(copy, tenant) == ["wiki"]
    assert read.reads == 1


async def test_no_secret_is_copied_and_a_copy_ends(world, tenant, upstream, redis_url):
    await world.connect(tenant, name="wiki", url=upstream.url, secret="canary-31415")
    async with world.client(await world.token(tenant, "user")) as client:
        await client.list_tools()
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        keys = [
            key
            for key in store.scan_iter(f"t:{tenant.id}:mcp:connections:*")
            if not key.endswith("generation")
        ]
        copies = [store.get(key) for key in keys]
        ends_in_s = [store.ttl(key) for key in keys]
    assert any("wiki" in copy for copy in copies)
    assert "canary" not in str(copies)
    assert all(0 < each <= 3_600 for each in ends_in_s)
