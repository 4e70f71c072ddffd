"""Every use of a credential is on record, those too that are no call."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from oblivion_mcp_hub.adapters.noted_uses import TRIES_MAX, NotedUses
from oblivion_mcp_hub.adapters.oauth_credentials import Credentials
from oblivion_mcp_hub.adapters.registry import PostgresRegistry
from oblivion_mcp_hub.adapters.used_credentials import NOTED_EVERY_S, UsedCredentials
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.testing import eventually
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

SECRET = "canary-4711"
NOT_NOTED = "use of a credential not noted"


@pytest.fixture
async def wiki(world, tenant, upstream):
    return await world.connect(tenant, name="wiki", url=upstream.url, secret=SECRET)


@pytest.fixture
def lines(database):
    """Of the audit log: by whom, to which connection, what for, in which hour; the oldest first."""

    def read(action="connection.used"):
        with psycopg.connect(database.admin_url) as admin:
            columns = "actor, subject, detail ->> 'use', detail ->> 'hour'"
            query = f"SELECT {columns} FROM audit_log WHERE action = %s ORDER BY at, id"
            return admin.execute(query, (action,)).fetchall()

    return read


async def test_lists_are_a_line_an_hour_for_each_asker_on_all_replicas_together(
    world, new_world, tenant, wiki, lines, database
):
    other = await new_world(master_key=world.hub.settings.master_key)
    user = await world.token(tenant, "user")
    for each in (world, other):
        each.hub.known.forget(tenant.id, wiki.id)
        for _ in range(3):
            async with each.client(user) as client:
                await client.list_tools()
                await client.list_resources()
                each.hub.known.forget(tenant.id, wiki.id)
    asker = f"user:{tenant.people['user']}"

    def noted():
        expected = {("mcp-hub", str(wiki.id), "tools/list"), (asker, str(wiki.id), "resources/list")}
        assert {line[:3] for line in lines()} == expected

    await eventually(noted)
    for each in (world, other):
        await each.hub.uses.close()
    assert len(lines()) == len(set(lines()))
    with psycopg.connect(database.admin_url) as admin:
        assert SECRET not in str(admin.execute("SELECT audit_log::text FROM audit_log").fetchall())


async def test_each_test_of_a_connection_is_a_line(world, tenant, wiki, lines):
    token = await world.token(tenant, "admin", API_AUDIENCE)
    for _ in range(2):
        assert (await world.request("POST", f"/connections/{wiki.id}/test", token=token)).json()["ok"]
    admin = f"user:{tenant.people['admin']}"
    assert [line[:2] for line in lines("connection.tested")] == [(admin, str(wiki.id))] * 2


async def test_what_has_no_credential_or_asks_nobody_is_no_use_of_one(world, tenant, upstream, lines):
    await world.connect(tenant, name="open", url=upstream.url)
    await world.connect(tenant, provider="notion", secret=SECRET)
    marked = await world.connect(tenant, name="marked", url=upstream.url, secret=SECRET)
    async with world.client(await world.token(tenant, "user")) as client:
        assert len((await client.list_tools()).tools) > 6

    def noted():
        assert lines()

    await eventually(noted)
    assert {subject for _, subject, *_ in lines()} == {str(marked.id)}


async def test_when_a_secret_was_used_last_is_true_to_a_minute_long_after_it_was_opened(
    world, tenant, wiki, database
):
    def hours_ago(moved=0):
        with psycopg.connect(database.admin_url) as admin:
            moving = "UPDATE credentials SET last_used_at = last_used_at - make_interval(hours => %s)"
            admin.execute(moving, (moved,))
            asked = "SELECT extract(epoch FROM now() - last_used_at) / 3600 FROM credentials"
            ((found,),) = admin.execute(asked).fetchall()
        return float(found)

    now_s = 0.0
    await world.hub.known.of(tenant.id)
    await world.hub.used_credentials.close()  # The hub's own write does not come between.
    used = UsedCredentials(world.hub.database, clock=lambda: now_s)
    registry = PostgresRegistry(world.hub.database, world.master_keys)
    (known,) = (await world.hub.known.of(tenant.id)).connections.values()
    credential = Credentials(registry, None, None, used).of(known)
    for _ in range(3):
        assert await credential.value() == SECRET
        await used.close()
        assert hours_ago() < 1
        assert hours_ago(moved=5) >= 5
        assert await credential.value() == SECRET
        await used.close()
        assert hours_ago() >= 5, "not each use is written"
        now_s += NOTED_EVERY_S + 1


async def test_a_use_that_cannot_be_noted_is_noted_with_the_next_one(world, tenant, wiki, database):
    away = Away(world.hub.database)
    used = UsedCredentials(away)  # pyright: ignore[reportArgumentType] - of its shape
    registry = PostgresRegistry(world.hub.database, world.master_keys)
    (known,) = (await world.hub.known.of(tenant.id)).connections.values()
    credential = Credentials(registry, None, None, used).of(known)
    for away.is_away in (True, False, False):
        assert await credential.value() == SECRET
        await used.close()
    assert away.asked == 2


async def test_a_secret_that_is_being_rotated_is_not_waited_for(world, tenant, wiki, database):
    (known,) = (await world.hub.known.of(tenant.id)).connections.values()
    await world.hub.used_credentials.close()
    used = UsedCredentials(world.hub.database)
    registry = PostgresRegistry(world.hub.database, world.master_keys)
    credential = Credentials(registry, None, None, used).of(known)
    with psycopg.connect(database.admin_url) as rotating, capture_logs() as logged:
        rotating.execute("UPDATE credentials SET last_used_at = NULL")
        rotating.commit()
        rotating.execute("SELECT id FROM credentials FOR UPDATE")
        assert await credential.value() == SECRET
        async with asyncio.timeout(30):
            await used.close()
        asked = rotating.execute("SELECT last_used_at FROM credentials ORDER BY id").fetchall()
    assert asked == [(None,)]
    assert "use of a credential not noted" not in [line["event"] for line in logged]


async def test_an_error_that_nobody_foresaw_does_not_keep_it_from_ending(world, tenant, wiki):
    used = UsedCredentials(Away(world.hub.database, RuntimeError("broken on purpose")))  # pyright: ignore[reportArgumentType]
    registry = PostgresRegistry(world.hub.database, world.master_keys)
    (known,) = (await world.hub.known.of(tenant.id)).connections.values()
    assert await Credentials(registry, None, None, used).of(known).value() == SECRET
    await used.close()


class Away:
    """A database that is away until it is back."""

    def __init__(self, database, failure=None):
        self._database = database
        self._failure = failure or DependencyUnavailable("postgres_away", "away")
        self.is_away = True
        self.asked = 0

    @asynccontextmanager
    async def tenant(self, tenant_id):
        self.asked += 1
        if self.is_away:
            raise self._failure
        async with self._database.tenant(tenant_id) as tx:
            yield tx


async def test_an_hour_later_is_another_line_and_what_could_not_be_written_is_written_later(
    world, tenant, wiki, lines
):
    now = datetime(2020, 11, 22, 13, 59, tzinfo=UTC)
    database = Away(world.hub.database)
    uses = NotedUses(database, now=lambda: now)  # pyright: ignore[reportArgumentType] - of its shape
    (known,) = (await world.hub.known.of(tenant.id)).connections.values()
    for _ in range(2):
        uses.note(known, "tools/list", "mcp-hub")
    await eventually(lambda: database.asked)
    now += timedelta(minutes=1)
    uses.note(known, "tools/list", "mcp-hub")
    database.is_away = False
    await uses.close()
    hours = [hour for *_, hour in lines() if hour.startswith("2020")]
    assert hours == ["2020-11-22T13:00:00+00:00", "2020-11-22T14:00:00+00:00"]


async def test_an_error_that_nobody_foresaw_ends_nothing(world, tenant, wiki, lines):
    database = Away(world.hub.database, RuntimeError("canary"))
    uses = NotedUses(database)  # pyright: ignore[reportArgumentType] - of its shape
    (known,) = (await world.hub.known.of(tenant.id)).connections.values()
    with capture_logs() as logged:
        uses.note(known, "tools/list", "somebody")
        await eventually(lambda: NOT_NOTED in [line["event"] for line in logged])
    database.is_away = False
    uses.note(known, "prompts/list", "somebody")

    def noted():
        assert {line[2] for line in lines() if line[0] == "somebody"} == {"tools/list", "prompts/list"}

    await eventually(noted, within_s=30)
    await uses.close()


async def test_a_line_that_is_refused_again_and_again_is_given_up_and_holds_up_no_other(
    world, tenant, wiki, lines
):
    uses = NotedUses(world.hub.database)
    (known,) = (await world.hub.known.of(tenant.id)).connections.values()
    gone = replace(known, id=uuid4(), tenant_id=uuid4())  # Nobody's: the row refers to nothing.
    uses.note(gone, "tools/list", "somebody")
    uses.note(known, "tools/list", "somebody")
    with capture_logs() as logged:
        for _ in range(TRIES_MAX + 2):
            await uses.close()
    assert [line[:2] for line in lines() if line[0] == "somebody"] == [("somebody", str(wiki.id))]
    told = [line["given_up"] for line in logged if line["event"] == NOT_NOTED]
    assert told == [False] * (TRIES_MAX - 1) + [True]
