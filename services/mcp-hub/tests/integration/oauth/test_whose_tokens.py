"""What was given for one server is shown to no other, whatever happens to the connection meanwhile."""

import asyncio
from dataclasses import replace

import psycopg
import pytest

from oblivion_contracts.connections import ConnectionView
from oblivion_mcp_hub.adapters.registry import PostgresRegistry
from oblivion_mcp_hub.domain.oauth import Tokens
from oblivion_mcp_hub.oauth_errors import ConnectionChanged
from oblivion_mcp_hub.usecases.oauth_tokens import OAuthTokens
from oblivion_platform import connections
from oblivion_platform.connections import Whose
from oblivion_platform.operations.errors import NothingFound

pytestmark = pytest.mark.integration


class Renews:
    """Renews at the real server, and does something before it tells what it was given."""

    def __init__(self, inner, meanwhile):
        self._inner = inner
        self._meanwhile = meanwhile

    async def renew(self, plan, client, tokens, /):
        renewed = await self._inner.renew(plan, client, tokens)
        await self._meanwhile()
        return renewed


def tokens_of(browser, meanwhile=None):
    hub = browser.world.hub
    servers = hub.authorization_servers if meanwhile is None else Renews(hub.authorization_servers, meanwhile)
    return OAuthTokens(hub.database, hub.settings.master_key_ring(), servers)


async def as_known(browser, connection):
    async with browser.world.hub.database.tenant(browser.tenant.id) as tx:
        return await connections.read(tx, connection.id)


async def stored(browser, connection):
    whose = Whose(browser.tenant.id, connection.id, browser.world.hub.settings.master_key_ring())
    async with browser.world.hub.database.tenant(browser.tenant.id) as tx:
        opened = await connections.open_secret(tx, whose, "oauth_tokens")
    return None if opened is None else Tokens.model_validate_json(opened).access_token


def kept(database, kind):
    """State, and how much is left of what was sealed, of each."""
    with psycopg.connect(database.admin_url) as admin:
        return admin.execute(
            "SELECT state, length(ciphertext) > 0 FROM credentials WHERE kind = %s", (kind,)
        ).fetchall()


@pytest.mark.parametrize(
    ("method", "wish", "raised"),
    [
        ("PATCH", {"client": {"client_id": "another"}}, ConnectionChanged),
        ("DELETE", None, NothingFound),
    ],
)
async def test_tokens_that_come_after_the_connection_was_changed_are_not_kept(
    browser, database, method, wish, raised
):
    connection = await browser.signed_in("google_calendar")
    known, before = await as_known(browser, connection), await stored(browser, connection)

    async def changed():
        answer = await browser.admin(method, f"/connections/{connection.id}", json=wish)
        assert answer.is_success, answer.text

    tokens = tokens_of(browser, changed)
    with pytest.raises(raised):
        await tokens.current(known, refused=before)
    with pytest.raises(raised):
        await tokens.current(known)
    assert kept(database, "oauth_tokens") == [("retired", False)]


async def test_a_replica_that_has_not_heard_yet_is_not_given_the_tokens_of_the_next_sign_in(browser):
    connection = await browser.signed_in("google_calendar")
    before = await as_known(browser, connection)
    assert (await browser.sign_in(connection)).status_code == 200
    tokens = tokens_of(browser)
    with pytest.raises(ConnectionChanged):
        await tokens.current(before)
    now = await tokens.current(await as_known(browser, connection))
    assert now.access_token == await stored(browser, connection)


async def test_a_replica_that_has_not_heard_yet_is_not_given_the_key_of_another_server(browser, upstream):
    world, tenant = browser.world, browser.tenant
    made = await world.connect(tenant, name="wiki", url=upstream.url, secret="first")
    before = await as_known(browser, made)
    wish = {"url": upstream.url.replace("127.0.0.1", "localhost"), "secret": "second"}
    answer = await browser.admin("PATCH", f"/connections/{made.id}", json=wish)
    registry = PostgresRegistry(world.hub.database, world.hub.settings.master_key_ring())
    with pytest.raises(ConnectionChanged):
        await registry.secret(before)
    assert answer.status_code == 200
    assert await registry.secret(replace(before, url=wish["url"])) == "second"


async def test_of_a_key_that_was_replaced_or_ended_nothing_is_left(browser, database, upstream):
    made = await browser.world.connect(browser.tenant, name="wiki", url=upstream.url, secret="first")
    await browser.admin("PATCH", f"/connections/{made.id}", json={"secret": "second"})
    replaced = kept(database, "connection_secret")
    await browser.admin("DELETE", f"/connections/{made.id}")
    assert replaced == [("live", True)]
    assert kept(database, "connection_secret") == [("retired", False)]


async def test_a_hub_that_ends_keeps_what_is_being_given_to_it(browser):
    connection = await browser.signed_in("google_calendar")
    known, before = await as_known(browser, connection), await stored(browser, connection)
    is_given, may_tell = asyncio.Event(), asyncio.Event()

    async def meanwhile():
        is_given.set()
        await may_tell.wait()

    tokens = tokens_of(browser, meanwhile)
    caller = asyncio.create_task(tokens.current(known, refused=before))
    await is_given.wait()
    caller.cancel()
    closing = asyncio.create_task(tokens.close())
    may_tell.set()
    await closing
    assert caller.cancelled() or caller.cancelling()
    assert await stored(browser, connection) != before


async def test_a_connection_whose_app_is_changed_while_somebody_agrees_is_not_signed_in(browser):
    connection = await browser.with_app("notion")
    location = await browser.server("notion").agree((await browser.begin(connection))["url"])
    wish = {"client": {"client_id": "another"}}
    answer = await browser.admin("PATCH", f"/connections/{connection.id}", json=wish)
    page = await browser.come_back(location)
    shown = ConnectionView.model_validate(await browser.shown(connection))
    assert (answer.status_code, page.status_code, shown.has_secret) == (200, 400, False)
