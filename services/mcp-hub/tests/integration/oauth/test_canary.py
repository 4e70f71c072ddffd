"""What a sign-in is made of is in no log, page, error, answer, cache or row that can be read."""

import io
import logging
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import redis
import structlog

from oblivion_platform.logging import configure_logging
from oblivion_platform.settings import LogSettings

pytestmark = pytest.mark.integration


@pytest.fixture
def log():
    """Everything that a service writes at its most talkative."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level, raising, stream = root.level, logging.raiseExceptions, io.StringIO()
    configure_logging(LogSettings(log_level="debug", log_format="json"), service="mcp-hub", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(capture=False)


async def test_no_token_code_verifier_or_client_secret_is_anywhere(browser, database, redis_url, log, capsys):
    connection = await browser.with_app("google_calendar")
    server, told = browser.server("google_calendar"), []
    begun = await browser.begin(connection)
    verifiers = await stored_verifiers(browser)
    location = await server.agree(begun["url"])
    code = parse_qs(urlsplit(location).query)["code"][0]
    told += [(await browser.come_back(location)).text, (await browser.come_back(location)).text]
    told += await used(browser, connection)
    await server.expire()
    told += await used(browser, connection)
    held = (await server.grants())[0]
    await server.revoke()
    told += await used(browser, connection)
    told.append((await failed_sign_in(browser, connection)).text)
    secrets = [
        code,
        (await server.about())["client_secret"],
        held["access_token"],
        held["refresh_token"],
        *held["spent"],
        *verifiers,
    ]
    told += [(await browser.world.request("GET", "/metrics")).text, cached(redis_url), rows(database)]
    printed = capsys.readouterr()
    everything = "\n".join([*told, log.getvalue(), printed.out, printed.err])
    assert "sign-in ended" in log.getvalue()
    assert len(set(secrets)) == 6
    assert [secret for secret in secrets if secret in everything] == []


async def used(browser, connection):
    """By a test, a listing and a call; what everybody was told."""
    told = [str(await browser.tested(connection)), str(await browser.shown(connection))]
    told.append((await browser.admin("GET", "/connections")).text)
    async with browser.world.client(await browser.world.token(browser.tenant, "user")) as client:
        told.append((await client.list_tools()).model_dump_json())
        told.append((await client.call_tool("googlecalendar__listCalendars", {})).model_dump_json())
    return told


async def failed_sign_in(browser, connection):
    await browser.sandbox.control.calendar.misbehave("oauth", "error", times=1, code="invalid_grant")
    return await browser.sign_in(connection)


async def stored_verifiers(browser):
    """Opened with the keys, as nobody else could."""
    from sqlalchemy import text

    from oblivion_platform.ciphers import tenant_cipher

    hub, tenant = browser.world.hub, browser.tenant
    async with hub.database.tenant(tenant.id) as tx:
        cipher = await tenant_cipher(tx, tenant.id, hub.settings.master_key_ring())
        found = await tx.execute(text("SELECT id, verifier_ciphertext AS sealed FROM oauth_flows"))
        return [
            cipher.open(row.sealed, table="oauth_flows", row_id=row.id, column="verifier_ciphertext").decode()
            for row in found
        ]


def cached(redis_url):
    with redis.Redis.from_url(redis_url) as cache:
        return "\n".join(f"{key!r} {cache.dump(key)!r}" for key in cache.scan_iter("*"))


def rows(database):
    tables = ("mcp_connections", "credentials", "oauth_flows", "audit_log", "tool_calls")
    with psycopg.connect(database.admin_url) as admin:
        found = [admin.execute(f"SELECT {table}::text FROM {table}").fetchall() for table in tables]
    return str(found)
