"""Tokens of a sign-in: renewed once by whichever replica, never lost, and gone when nobody renews them."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from oblivion_contracts.tool_use import MISSING_KEY
from oblivion_mcp_hub.domain.oauth import Tokens
from oblivion_mcp_hub.usecases.oauth_tokens import OAuthTokens
from oblivion_platform import connections
from oblivion_platform.connections import Whose
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

EVENTS = ("googlecalendar__listCalendars", {})


async def called(browser, tool=EVENTS, world=None):
    world = world or browser.world
    async with world.client(await world.token(browser.tenant, "user")) as client:
        return await client.call_tool(*tool)


async def missing(browser):
    async with browser.world.client(await browser.world.token(browser.tenant, "user")) as client:
        return ((await client.list_tools()).meta or {}).get(MISSING_KEY, {})


async def as_stored(browser, connection):
    return (await browser.shown(connection))["sign_in"]


@pytest.mark.parametrize(
    ("provider", "tool"),
    [
        ("google_calendar", EVENTS),
        ("slack", ("slack__getChannels", {})),
        ("notion", ("notion__search", {"query": ""})),
    ],
)
async def test_an_access_token_that_ended_is_renewed_and_nobody_notices(browser, provider, tool):
    await browser.signed_in(provider)
    first = await called(browser, tool)
    await browser.server(provider).expire()
    second = await called(browser, tool)
    assert (first.is_error, second.is_error) == (False, False)
    assert await browser.tokens_asked(provider) == 2


async def test_a_token_is_renewed_before_it_ends(browser):
    await browser.signed_in("google_calendar")
    held, connection = await stored_tokens(browser), await the_connection(browser)
    good = sign_ins_of(browser, now=lambda: held.expires_at - timedelta(seconds=61))
    about_to_end = sign_ins_of(browser, now=lambda: held.expires_at - timedelta(seconds=59))
    assert await good.of(connection).value() == held.access_token
    assert await about_to_end.of(connection).value() != held.access_token
    assert await browser.tokens_asked("google_calendar") == 2


async def test_of_two_replicas_one_renews(browser, new_world, sandbox):
    connection = await browser.signed_in("google_calendar")
    settings = browser.world.hub.settings
    names = [
        n for n in type(settings).model_fields if n.endswith(("_api_url", "authorization_url", "token_url"))
    ]
    urls = {name: getattr(settings, name) for name in names}
    other = await new_world(master_key=settings.master_key, **urls)
    worlds = (browser.world, other)
    assert not any([(await called(browser, world=world)).is_error for world in worlds])
    await browser.server("google_calendar").expire()
    results = await asyncio.gather(*(called(browser, world=worlds[n % 2]) for n in range(8)))
    assert [result.is_error for result in results] == [False] * 8
    # The code, and one renewal; a refresh token that was shown twice would have ended it all.
    assert await browser.tokens_asked("google_calendar") == 2
    assert (await as_stored(browser, connection))["state"] == "done"


async def test_a_refused_renewal_is_said_by_test_list_and_the_note_of_missing_tools(browser):
    connection = await browser.signed_in("google_calendar")
    assert not (await called(browser)).is_error
    await browser.server("google_calendar").revoke()
    refused = await called(browser)
    told, shown = await missing(browser), await browser.shown(connection)
    tested = await browser.tested(connection)
    sentence = "oblivion connections connect googlecalendar"
    assert (refused.is_error, sentence in refused.content[0].text) == (True, True)
    assert sentence in told["googlecalendar"]
    assert (shown["sign_in"]["state"], sentence in shown["sign_in"]["detail"]) == ("again", True)
    assert (tested["ok"], sentence in tested["detail"]) == (False, True)


async def test_a_runs_thread_gets_one_line_about_it(browser, database):
    world, tenant = browser.world, browser.tenant
    await browser.signed_in("google_calendar")
    run = await world.new_run(tenant, await world.new_agent(tenant, "googlecalendar__*"))
    await called(browser)
    await browser.server("google_calendar").revoke()
    async with world.client(await world.run_token(tenant, run)) as client:
        for _ in range(2):
            await client.call_tool(*EVENTS)
    with psycopg.connect(database.admin_url) as admin:
        lines = admin.execute(
            "SELECT data ->> 'text' FROM run_events WHERE run_id = %s AND kind = 'notice'", (run.id,)
        ).fetchall()
    assert len(lines) == 1
    assert "oblivion connections connect googlecalendar" in lines[0][0]


async def test_after_signing_in_again_everything_works_again(browser):
    connection = await browser.signed_in("google_calendar")
    await browser.server("google_calendar").revoke()
    assert (await called(browser)).is_error
    page = await browser.sign_in(connection)
    result, told = await called(browser), await missing(browser)
    assert (page.status_code, result.is_error, told) == (200, False, {})


async def test_nobody_signed_in_is_said_the_same_way(browser):
    connection = await browser.with_app("notion")
    told, tested = await missing(browser), await browser.tested(connection)
    assert "is not signed in yet" in told["notion"]
    assert "is not signed in yet" in tested["detail"]


async def test_without_a_refresh_token_the_end_is_announced(browser):
    await browser.server("google_calendar").change(gives_refresh=False)
    connection = await browser.signed_in("google_calendar")
    shown, tested = await as_stored(browser, connection), await browser.tested(connection)
    ends_in = datetime.fromisoformat(shown["ends_at"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < ends_in < timedelta(hours=1)
    assert (tested["ok"], "Its sign-in ends at" in tested["detail"]) == (True, True)


async def test_while_the_authorisation_server_is_away_a_token_that_is_good_is_used(browser):
    await browser.server("google_calendar").change(access_ttl_s=20)
    await browser.signed_in("google_calendar")
    held = await stored_tokens(browser)
    await browser.sandbox.control.calendar.misbehave("oauth", "http_500_before")
    moment = held.expires_at - timedelta(seconds=1)
    tokens = sign_ins_of(browser, now=lambda: moment)
    assert (await tokens.current(await the_connection(browser))).access_token == held.access_token
    later, connection = sign_ins_of(browser, now=lambda: held.expires_at), await the_connection(browser)
    with pytest.raises(DependencyUnavailable):
        await later.current(connection)


async def test_new_tokens_that_could_not_be_stored_are_stored_before_they_are_used(browser, database):
    await browser.signed_in("google_calendar")
    connection, before = await the_connection(browser), await stored_tokens(browser)
    servers = BreaksPostgres(browser.world.hub.authorization_servers, database)
    tokens = sign_ins_of(browser, servers=servers)
    with pytest.raises(DependencyUnavailable):
        await tokens.current(connection, refused=before.access_token)
    assert (await stored_tokens(browser)).access_token == before.access_token
    after = await tokens.current(connection, refused=before.access_token)
    assert after.access_token == (await stored_tokens(browser)).access_token != before.access_token
    assert (servers.renewals, await browser.tokens_asked("google_calendar")) == (1, 2)


async def test_renewals_and_their_end_are_audited(browser, database):
    connection = await browser.signed_in("google_calendar")
    await browser.server("google_calendar").expire()
    await called(browser)
    await browser.server("google_calendar").revoke()
    await called(browser)
    with psycopg.connect(database.admin_url) as admin:
        lines = admin.execute(
            "SELECT action, actor FROM audit_log WHERE subject = %s ORDER BY at", (str(connection.id),)
        ).fetchall()
    admin_, user = (f"user:{browser.tenant.people[role]}" for role in ("admin", "user"))
    assert lines == [
        ("connection.created", admin_),
        ("connection.sign_in_begun", admin_),
        ("connection.signed_in", admin_),
        ("connection.renewed", "mcp-hub"),
        ("connection.sign_in_ended", "mcp-hub"),
    ]

    def is_on_record():
        with psycopg.connect(database.admin_url) as admin:
            uses = admin.execute("SELECT caller, tool, state FROM tool_calls ORDER BY at").fetchall()
        assert uses == [(user, "listCalendars", "succeeded"), (user, "listCalendars", "failed")]

    await eventually(is_on_record)  # Nobody waits for the end of a call to be written.


class BreaksPostgres:
    """Renews at the real server, and cuts the hub off from Postgres before it can store what it was given."""

    def __init__(self, inner, database):
        self._inner = inner
        self._database = database
        self.renewals = 0

    async def renew(self, plan, client, tokens, /):
        renewed = await self._inner.renew(plan, client, tokens)
        self.renewals += 1
        with psycopg.connect(self._database.admin_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'oblivion_mcp_hub'"
            )
        return renewed


def sign_ins_of(browser, *, servers=None, now=None):
    hub = browser.world.hub
    more = {} if now is None else {"now": now}
    return OAuthTokens(
        hub.database, hub.settings.master_key_ring(), servers or hub.authorization_servers, **more
    )


async def the_connection(browser):
    async with browser.world.hub.database.tenant(browser.tenant.id) as tx:
        return (await connections.list_connections(tx))[0]


async def stored_tokens(browser):
    connection = await the_connection(browser)
    whose = Whose(browser.tenant.id, connection.id, browser.world.hub.settings.master_key_ring())
    async with browser.world.hub.database.tenant(browser.tenant.id) as tx:
        opened = await connections.open_secret(tx, whose, "oauth_tokens")
    return Tokens.model_validate_json(opened)
