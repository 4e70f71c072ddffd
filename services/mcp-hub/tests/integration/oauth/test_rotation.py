"""Master key and data keys are rotated, and meanwhile nobody's call or sign-in fails."""

import asyncio
from contextlib import asynccontextmanager

import psycopg
import pytest
from pydantic import SecretStr

from oblivion_platform import connections
from oblivion_platform.connections import Whose
from oblivion_platform.crypto import DecryptionFailed, MasterKeyRing, generate_key
from oblivion_platform.key_rotation import begin_data_key, seal_some_again, wrap_keys_again
from oblivion_platform.testing import eventually
from oblivion_platform.tokens import TokenKeys

pytestmark = pytest.mark.integration

LIST = ("googlecalendar__listCalendars", {})


class Readers:
    """Those who go on reading: tools called and tested, secrets and signing keys opened, over and over."""

    def __init__(self, browser, world, connections_):
        self._browser = browser
        self._world = world
        self._connections = connections_
        self.rounds = 0
        self.failures = []

    async def read_on(self):
        while True:
            try:
                await self._once()
            except Exception as error:
                self.failures.append(repr(error))
            self.rounds += 1
            await asyncio.sleep(0)

    async def _once(self):
        world, tenant = self._world, self._browser.tenant
        keys = world.hub.settings.master_key_ring()
        async with world.hub.database.tenant(tenant.id) as tx:
            for connection, kind in self._connections:
                opened = await connections.open_secret(tx, Whose(tenant.id, connection.id, keys), kind)
                if opened is None:
                    self.failures.append(f"nothing in {connection.name}")
        await TokenKeys(world.cli, keys).signing(tenant.id)
        async with world.client(await world.token(tenant, "user")) as client:
            result = await client.call_tool(*LIST)
        if result.is_error:
            self.failures.append(result.content[0].text)


@asynccontextmanager
async def reading(browser, *worlds, of):
    """Readers at work, who have been round at least once before and after what happens inside."""
    readers = [Readers(browser, world, of) for world in worlds]
    tasks = [asyncio.create_task(each.read_on()) for each in readers]
    try:
        await rounds(readers, 1)
        yield readers
        await rounds(readers, max(each.rounds for each in readers) + 2)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def rounds(readers, least):
    await eventually(lambda: min(each.rounds for each in readers) >= least, within_s=60)


@pytest.fixture
async def held(browser):
    """A sign-in and a key."""
    calendar = await browser.signed_in("google_calendar")
    account = await browser.sandbox.control.notion.account()
    notion = await browser.world.connect(browser.tenant, provider="notion", secret=account["token"])
    await browser.world.token(browser.tenant, "user")
    return [(calendar, "oauth_tokens"), (calendar, "oauth_client"), (notion, "connection_secret")]


async def sealed_again(world, tenant):
    rows = 0
    while True:
        async with world.cli.tenant(tenant.id) as tx:
            done = await seal_some_again(tx, tenant.id, world.master_keys)
        rows += done
        if done == 0:
            return rows


async def test_data_keys_rotate_while_everybody_reads_and_signs_in(browser, held, database):
    world, tenant = browser.world, browser.tenant
    begun = await browser.begin(held[0][0])
    async with reading(browser, world, of=held) as readers:
        for _ in range(3):
            async with world.cli.tenant(tenant.id) as tx:
                key_id = await begin_data_key(tx, tenant.id, world.master_keys)
            await browser.server("google_calendar").expire()
            await sealed_again(world, tenant)
            await rounds(readers, readers[0].rounds + 2)  # A token made for a call is good for that call.
    page = await browser.come_back(await browser.server("google_calendar").agree(begun["url"]))
    assert readers[0].failures == []
    assert page.status_code == 200, page.text
    assert await sealed_again(world, tenant) == 0
    with psycopg.connect(database.admin_url) as admin:
        named = admin.execute(
            "SELECT DISTINCT substring(ciphertext FROM 2 FOR 16) FROM credentials UNION"
            " SELECT substring(private_ciphertext FROM 2 FOR 16) FROM signing_keys"
        ).fetchall()
        keys = admin.execute("SELECT count(*) FROM tenant_keys WHERE tenant_id = %s", (tenant.id,)).fetchone()
    assert [bytes(each) for (each,) in named] == [key_id.bytes]
    assert keys == (2,), "keys that nothing names any more go"


async def test_the_master_key_rotates_while_everybody_reads(browser, held, new_world):
    old, new = browser.world.hub.settings.master_key, SecretStr(generate_key())
    settings = browser.world.hub.settings
    urls = {
        n: getattr(settings, n) for n in type(settings).model_fields if n.endswith(("_api_url", "token_url"))
    }
    first = await new_world(master_key=old, master_keys_previous=new, **urls)
    second = await new_world(master_key=new, master_keys_previous=old, **urls)
    tenant, ring = browser.tenant, MasterKeyRing.from_text(new.get_secret_value(), [old.get_secret_value()])
    async with reading(browser, first, second, of=held) as readers, first.cli.tenant(tenant.id) as tx:
        wrapped = await wrap_keys_again(tx, tenant.id, ring)
    last = await new_world(master_key=new, **urls)
    async with reading(browser, last, of=held) as after:
        pass
    assert [each.failures for each in (*readers, *after)] == [[], [], []]
    assert wrapped == 1
    async with first.cli.tenant(tenant.id) as tx:
        assert await wrap_keys_again(tx, tenant.id, ring) == 0


async def test_a_master_key_that_is_not_on_the_ring_changes_nothing(browser, held):
    tenant, stranger = browser.tenant, MasterKeyRing.from_text(generate_key())
    with pytest.raises(DecryptionFailed):
        await wrapped_by(browser.world, tenant, stranger)
    assert (await browser.tested(held[0][0]))["ok"] is True


async def wrapped_by(world, tenant, ring):
    async with world.cli.tenant(tenant.id) as tx:
        await wrap_keys_again(tx, tenant.id, ring)
