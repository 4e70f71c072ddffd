"""Sessions on a real Postgres and Redis."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.runs import RunSource
from oblivion_platform import sessions
from oblivion_platform.agents import create_agent
from oblivion_platform.database.engine import Database
from oblivion_platform.sessions import NewSessionRow, Reader, Said, SessionCache, Sessions, SessionUnknown
from oblivion_platform.testing import FreshDatabase, eventually

pytestmark = pytest.mark.integration

TENANT, OTHER_TENANT, ANA, BEN = UUID(int=1), UUID(int=2), UUID(int=11), UUID(int=12)


@pytest.fixture
async def gateway(database: FreshDatabase) -> AsyncGenerator[Database]:
    owner = Database.connect(database.owner_url, pool_size=1)
    for tenant in (TENANT, OTHER_TENANT):
        async with owner.tenant(tenant) as tx:
            await tx.execute(
                text("INSERT INTO tenants (id, slug, name) VALUES (:id, :slug, 'T')"),
                {"id": tenant, "slug": f"t{tenant.int}"},
            )
    async with owner.tenant(TENANT) as tx:
        for user in (ANA, BEN):
            await tx.execute(
                text("INSERT INTO users (id, tenant_id, name) VALUES (:id, :tenant, 'U')"),
                {"id": user, "tenant": TENANT},
            )
    await owner.close()
    pool = Database.connect(database.url("oblivion_gateway"), pool_size=4)
    yield pool
    await pool.close()


@pytest.fixture
async def cache(redis_url: str) -> AsyncGenerator[SessionCache]:
    copies = SessionCache(redis_url)
    yield copies
    await copies.close()


def said(words: str, ref: str | None = None) -> Said:
    return Said(role="user", text=words, source=RunSource.SLACK, author="Ana", source_ref=ref)


async def begin(gateway: Database, user_id: UUID | None = None) -> UUID:
    async with gateway.tenant(TENANT) as tx:
        return (await sessions.create(tx, TENANT, NewSessionRow(RunSource.API, user_id=user_id))).id


async def say(gateway: Database, session_id: UUID, words: str, ref: str | None = None) -> sessions.Appended:
    async with gateway.tenant(TENANT) as tx:
        return await sessions.append_message(tx, session_id, said(words, ref))


async def kept(cache: SessionCache, session_id: UUID, version: int) -> bool:
    copy = await cache.get(TENANT, session_id)
    return copy is not None and copy.version == version


async def test_a_copy_is_kept_for_an_hour(gateway: Database, cache: SessionCache, redis_url: str) -> None:
    session_id = await begin(gateway)
    await Sessions(gateway, cache).snapshot(TENANT, session_id)
    async with Redis.from_url(redis_url) as redis:
        assert 3_590 < await redis.ttl(f"t:{TENANT}:session:{session_id}") <= 3_600


async def test_a_thread_has_one_session_whoever_opens_it(gateway: Database) -> None:
    async def opened() -> UUID:
        async with gateway.tenant(TENANT) as tx:
            new = NewSessionRow(RunSource.SLACK, thread="slack:i:C1:1.0")
            return (await sessions.open_for_thread(tx, TENANT, new)).id

    ids = await asyncio.gather(*(opened() for _ in range(4)))
    assert len(set(ids)) == 1


async def test_a_message_that_is_stored_again_is_stored_once(gateway: Database) -> None:
    session_id = await begin(gateway)
    several = await asyncio.gather(*(say(gateway, session_id, "hello", "1.0") for _ in range(4)))
    assert sorted(one.is_new for one in several) == [False, False, False, True]
    assert len({one.sequence for one in several}) == 1


async def test_a_snapshot_has_the_last_hundred_messages_in_order(
    gateway: Database, cache: SessionCache
) -> None:
    session_id = await begin(gateway)
    for number in range(105):
        await say(gateway, session_id, f"message {number}")
    snapshot = await Sessions(gateway, cache).snapshot(TENANT, session_id)
    assert [message.text for message in snapshot.messages] == [f"message {n}" for n in range(5, 105)]
    assert snapshot.version == 106


async def test_the_copy_is_used_until_a_newer_version_is_known(
    gateway: Database, cache: SessionCache
) -> None:
    session_id, reading = await begin(gateway), Sessions(gateway, cache)
    first = await reading.snapshot(TENANT, session_id)
    await eventually(lambda: kept(cache, session_id, first.version))
    said = await say(gateway, session_id, "hello")
    assert await reading.snapshot(TENANT, session_id) == first
    await cache.outdate(TENANT, session_id, said.version)
    assert [m.text for m in (await reading.snapshot(TENANT, session_id)).messages] == ["hello"]
    await eventually(lambda: kept(cache, session_id, said.version))


async def test_an_older_copy_never_replaces_a_newer_one(gateway: Database, cache: SessionCache) -> None:
    session_id, reading = await begin(gateway), Sessions(gateway, cache)
    old = await reading.snapshot(TENANT, session_id)
    said = await say(gateway, session_id, "hello")
    new = await reading.snapshot(TENANT, session_id, at_least=said.version)
    await eventually(lambda: kept(cache, session_id, new.version))
    await cache.put(TENANT, old)
    assert await cache.get(TENANT, session_id) == new


async def test_a_copy_left_behind_by_a_writer_that_died_before_its_commit_is_not_believed(
    gateway: Database, cache: SessionCache
) -> None:
    session_id, reading = await begin(gateway), Sessions(gateway, cache)
    before = await reading.snapshot(TENANT, session_id)
    await cache.outdate(TENANT, session_id, before.version + 1)
    assert await reading.snapshot(TENANT, session_id) == before
    said = await say(gateway, session_id, "hello")
    assert (await reading.snapshot(TENANT, session_id)).version == said.version


async def test_a_redis_that_is_away_is_a_miss(gateway: Database) -> None:
    session_id = await begin(gateway)
    absent = SessionCache("redis://127.0.0.1:1/0")
    assert (await Sessions(gateway, absent).snapshot(TENANT, session_id)).id == session_id
    await absent.close()


async def test_others_sessions_are_unknown_to_a_user_and_known_to_an_admin(
    gateway: Database, cache: SessionCache
) -> None:
    session_id, reading = await begin(gateway, ANA), Sessions(gateway, cache)
    assert (await reading.read(TENANT, session_id, Reader(ANA, "user"))).user_id == ANA
    assert (await reading.read(TENANT, session_id, Reader(BEN, "admin"))).user_id == ANA
    with pytest.raises(SessionUnknown):
        await reading.read(TENANT, session_id, Reader(BEN, "user"))


async def test_another_tenant_knows_nothing_of_a_session_not_even_from_its_copy(
    gateway: Database, cache: SessionCache
) -> None:
    session_id, reading = await begin(gateway, ANA), Sessions(gateway, cache)
    await reading.snapshot(TENANT, session_id)
    with pytest.raises(SessionUnknown):
        await reading.read(OTHER_TENANT, session_id, Reader(ANA, "admin"))
    with pytest.raises(SessionUnknown):
        async with gateway.tenant(OTHER_TENANT) as tx:
            await sessions.append_message(tx, session_id, said("hello"))


async def test_switches_and_edits_raise_the_version(gateway: Database) -> None:
    session_id = await begin(gateway)
    await say(gateway, session_id, "helo", "1.0")
    async with gateway.tenant(TENANT) as tx:
        edited = await sessions.edit_message(tx, session_id, "1.0", "hello")
        assert edited is not None
        assert await sessions.edit_message(tx, session_id, "1.0", "hello") is None
        version = await sessions.set_switches(tx, session_id, visible_in_slack=True)
        assert version == edited.version + 1
        snapshot = await sessions.snapshot(tx, session_id)
    assert snapshot is not None
    assert (snapshot.messages[0].text, snapshot.visible_in_slack, snapshot.version) == (
        "hello",
        True,
        version,
    )


async def test_a_session_knows_where_it_began_who_answers_in_it_and_what_is_done_there(
    gateway: Database,
) -> None:
    thread = "slack:i:C1:2.0"
    async with gateway.tenant(TENANT) as tx:
        agent = await create_agent(tx, TENANT, "fixer", AgentDefinition())
        session = await sessions.open_for_thread(
            tx, TENANT, NewSessionRow(RunSource.SLACK, user_id=ANA, thread=thread)
        )
        version = await sessions.set_current(tx, session.id, agent.id, "fix_bug")
        assert version is not None
        assert await sessions.set_current(tx, session.id, agent.id, "fix_bug") is None
        await sessions.set_switches(tx, session.id, preferences={"tone": "dry"}, workflow={"name": "morning"})
        known = await sessions.snapshot(tx, session.id)
    assert known is not None
    assert (known.source, known.thread, known.user_id) == (RunSource.SLACK, thread, ANA)
    assert (known.agent, known.task) == ("fixer", "fix_bug")
    assert (known.preferences, known.workflow) == ({"tone": "dry"}, {"name": "morning"})
    assert known.version == version + 1


async def test_listing_shows_a_users_own_newest_first_page_by_page(gateway: Database) -> None:
    ids = [await begin(gateway, ANA) for _ in range(3)]
    await begin(gateway, BEN)
    await say(gateway, ids[0], "hello")
    async with gateway.tenant(TENANT) as tx:
        first = await sessions.listing(tx, user_id=ANA, limit=2)
        rest = await sessions.listing(tx, user_id=ANA, before=(first[-1].updated_at, first[-1].id))
        everyone = await sessions.listing(tx, user_id=None)
    assert [row.id for row in [*first, *rest]] == [ids[0], ids[2], ids[1]]
    assert len(everyone) == 4
    async with gateway.tenant(TENANT) as tx:
        with pytest.raises(SessionUnknown):
            await sessions.set_switches(tx, uuid4(), title="x")
