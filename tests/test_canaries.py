"""A secret of each kind, put into the whole system, is in nothing that it tells or keeps in the open.

Logs at their most talkative, exported spans, jobs and whatever else Redis holds, rows of Postgres, pages and
answers of REST. The system runs as `oblivion up` runs it; the tool server that is shown the secrets is ours.
"""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import httpx2
import psycopg
import pytest
import redis
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from psycopg import sql
from sqlalchemy import text

from oblivion_mcp_hub.testing_upstream import Upstream, running_upstream
from oblivion_platform.ciphers import tenant_cipher
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database
from oblivion_platform.testing import eventually
from oblivion_sandbox.control import SandboxControl
from tests.collector import Receiver, running_receiver
from tests.system import System

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PATIENCE_S = 90.0
QUESTION = "keep the marmalade in mind, please"


@dataclass
class Place:
    """The system, an admin's browser, and the secrets that were put in: what each is → its words."""

    system: System
    receiver: Receiver
    control: SandboxControl
    wiki: Upstream
    browser: httpx.AsyncClient
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    told: list[str] = field(default_factory=list[str])
    """What was answered on the way."""

    async def rest(self, method: str, path: str, **options: Any) -> Any:
        answer = await self.browser.request(method, path, **options)
        self.told.append(answer.text)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    async def connect(self, **fields: Any) -> str:
        return str((await self.rest("POST", "/connections", json=fields))["id"])

    async def used(self, connection_id: str) -> None:
        """Tested, listed, shown."""
        for method, path in (("POST", "/test"), ("GET", ""), ("GET", "/tools")):
            await self.rest(method, f"/connections/{connection_id}{path}")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncGenerator[Place]:
    async with running_receiver() as receiver, running_upstream() as wiki:
        settings = {
            **receiver.settings,
            "OBLIVION_LOG_LEVEL": "debug",
            "OBLIVION_MCP_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        system = System(tmp_path / "home", settings)
        try:
            await system.start()
            origin = {"Origin": system.base_url}
            async with (
                SandboxControl(system.sandbox_url) as control,
                httpx.AsyncClient(base_url=system.base_url, headers=origin, timeout=60) as browser,
            ):
                await signed_in(system, browser)
                yield Place(system, receiver, control, wiki, browser)
        finally:
            await system.stop()


async def signed_in(system: System, browser: httpx.AsyncClient) -> None:
    link = (await system.command("login")).strip()
    address, _, code = link.partition("?code=")
    assert (await browser.post(address, data={"code": code})).status_code == 303


async def test_no_secret_of_any_kind_is_told_or_kept_in_the_open(place: Place, tmp_path: Path) -> None:
    await by_key(place)
    await by_identity(place)
    await by_sign_in(place)
    await as_an_agent(place)
    await call_tools(place)
    await ask_an_agent(place)
    answers = await everything_over_rest(place)
    await eventually(lambda: any(told.service == "oblivion-mcp-hub" for told in place.receiver.spans))
    kept = {"redis": in_redis(place), "postgres": in_postgres(place)}
    await place.system.stop()  # Each process sends the last of its spans.
    logs = [path.read_text(errors="replace") for path in sorted((tmp_path / "home" / "logs").rglob("*.*"))]
    told = {
        "answers": "\n".join([*place.told, *answers]),
        "logs": "\n".join([*logs, (tmp_path / "up.log").read_text()]),
        "spans": "\n".join(str(each.span) for each in place.receiver.spans + place.receiver.generations),
        **kept,
    }
    # What belongs there is there, so what does not would be found.
    there = {
        "answers": "diary",
        "logs": "tool failed",
        "spans": "/mcp",
        "redis": "bull:",
        "postgres": "diary",
    }
    assert {name for name, words in there.items() if words in told[name]} == told.keys()
    assert len(set(place.secrets.values())) == len(place.secrets) >= 16
    shown = [
        (what, where) for what, secret in place.secrets.items() for where in told if secret in told[where]
    ]
    assert shown == []


async def by_key(place: Place) -> None:
    """Two of our tool server's, and one that a vendor refuses."""
    for name, more in (("wiki", {}), ("shelf", {"settings": {"header": "X-Key"}})):
        key = place.secrets[f"key of {name}"] = f"canary-{uuid4().hex}"
        await place.used(
            await place.connect(name=name, provider="mcp", url=place.wiki.url, secret=key, **more)
        )
        assert any(key in value for headers in place.wiki.headers for value in headers.values())
    refused = place.secrets["key that is refused"] = f"canary-{uuid4().hex}"
    await place.used(await place.connect(name="refused", provider="notion", secret=refused))


async def by_identity(place: Place) -> None:
    """The token that we sign, and the key that signs it."""
    await place.used(
        await place.connect(name="ours", provider="mcp", url=place.wiki.url, auth="signed_identity")
    )
    tokens = [headers.get("authorization", "") for headers in place.wiki.headers]
    place.secrets["signed identity"] = next(token for token in tokens if token.count(".") == 2).split()[1]
    home = json.loads((place.system.home / "secrets.json").read_text())
    place.secrets["master key"] = home["master_key"]
    database = Database.connect(place.system.database_url())
    tenant_id = UUID((await place.rest("GET", "/api/me"))["tenant_id"])
    try:
        async with database.tenant(tenant_id) as tx:
            cipher = await tenant_cipher(tx, tenant_id, MasterKeyRing.from_text(home["master_key"]))
            rows = await tx.execute(
                text("SELECT id, purpose, private_ciphertext AS sealed FROM signing_keys")
            )
            for row in rows:
                column = {"table": "signing_keys", "row_id": row.id, "column": "private_ciphertext"}
                private = json.loads(cipher.open(row.sealed, **column))
                place.secrets[f"key that signs, {row.purpose} {row.id}"] = private["d"]
    finally:
        await database.close()


async def by_sign_in(place: Place) -> None:
    """At the calendar's stand-in: the app's secret, both tokens, and those that renewed ones replaced."""
    server = place.control.oauth["calendar"]
    about = await server.change(redirect_uris=[f"{place.system.base_url}/oauth/callback"])
    app = {name: about[name] for name in ("client_id", "client_secret")}
    connection = await place.connect(
        name="diary", provider="google_calendar", auth="oauth", settings={}, client=app
    )
    begun = await place.rest("POST", f"/connections/{connection}/authorize")
    location = await server.agree(begun["url"])
    parts = urlsplit(location)
    page = await place.browser.get(f"{parts.path}?{parts.query}")
    assert page.status_code == 200, page.text
    place.told.append(page.text)
    await place.used(connection)
    first = (await server.grants())[0]
    await server.expire()
    await place.used(connection)
    now = (await server.grants())[0]
    place.secrets |= {
        "client secret": about["client_secret"],
        "code": parse_qs(parts.query)["code"][0],
        "access token": first["access_token"],
        "access token, renewed": now["access_token"],
        "refresh token": now["refresh_token"],
    }


async def as_an_agent(place: Place) -> None:
    """An agent's own secret, and the token that it is given for it."""
    env = place.system.home.parent / "canary.env"
    await place.system.command("agents", "create", "canary", "--env", str(env))
    values = dict(line.split("=", 1) for line in env.read_text().splitlines() if "=" in line)
    secret = place.secrets["an agent's secret"] = values["AGENT_SECRET"].strip("'\"")
    client = {"client_id": values["AGENT_ID"].strip("'\""), "client_secret": secret}
    async with httpx.AsyncClient(base_url=place.system.base_url) as http:
        token = (await http.post("/auth/token", data=client)).json()["access_token"]
        place.secrets["an agent's token"] = token
        headers = {"Authorization": f"Bearer {token}"}
        place.told.append((await http.get("/api/agents", headers=headers)).text)
        wrong = {**client, "client_secret": f"{secret}-wrong"}
        place.told.append((await http.post("/auth/token", data=wrong)).text)


async def call_tools(place: Place) -> None:
    """With a person's token; a tool that fails in its own words, one that breaks off, and a vendor's."""
    token = place.secrets["a person's token"] = (await place.system.command("connections", "token")).strip()

    async def fail(_arguments: dict[str, Any]) -> Any:
        raise RuntimeError(next(iter(place.secrets.values())))

    place.wiki.behaviours["destroy"] = fail
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        transport = streamable_http_client(f"{place.system.base_url}/mcp", http_client=http)
        async with Client(transport, cache=None) as client:
            place.told.append((await client.list_tools()).model_dump_json())
            for name in ("wiki__read", "wiki__destroy", "shelf__write", "ours__read"):
                place.told.append((await client.call_tool(name, {"text": "hello"})).model_dump_json())
            for name, arguments in (("diary__listCalendars", {}), ("refused__search", {"query": "hello"})):
                place.told.append((await client.call_tool(name, arguments)).model_dump_json())


async def ask_an_agent(place: Place) -> None:
    """A run with everything that belongs to it: queue, sockets, the hub's tools."""
    channel = await place.control.slack.add_channel("canaries")
    app = await place.control.slack.app()
    place.secrets["Slack's token"] = app["bot_token"]
    asked = await place.control.slack.post(channel, f"<@{app['bot_user_id']}> {QUESTION}")

    async def settled() -> None:
        said = [each for each in await place.control.slack.thread(channel, asked["ts"]) if each.get("bot_id")]
        assert said
        assert await place.system.unsettled() == {}

    await eventually(settled, within_s=PATIENCE_S)


async def everything_over_rest(place: Place) -> list[str]:
    """Each list and page that needs no id, of both services, with metrics, and the page itself."""
    answers: list[str] = []
    for document in ("/api/openapi.json", "/connections/openapi.json"):
        found = await place.browser.get(document)
        assert found.status_code == 200, document
        paths = found.json()["paths"]
        answers += [
            (await place.browser.get(path)).text for path in paths if "get" in paths[path] and "{" not in path
        ]
    ports = json.loads((place.system.home / "running.json").read_text())["ports"]
    async with httpx.AsyncClient() as http:
        for service in ("gateway", "mcp_hub", "router_worker", "ingestion"):
            if service in ports:
                answers.append((await http.get(f"http://127.0.0.1:{ports[service]}/metrics")).text)
    answers.append((await place.browser.get("/")).text)
    return answers


def in_redis(place: Place) -> str:
    """Every value as it is, not as a dump: that would be packed."""
    found: list[object] = []
    with redis.Redis.from_url(place.system.redis_url) as store:
        for key in sorted(store.scan_iter("*")):
            found.append(key)
            match store.type(key):
                case b"string":
                    found.append(store.get(key))
                case b"hash":
                    found.append(store.hgetall(key))
                case b"list":
                    found.append(store.lrange(key, 0, -1))
                case b"set":
                    found.append(store.smembers(key))
                case b"zset":
                    found.append(store.zrange(key, 0, -1))
                case b"stream":
                    found.append(store.xrange(key))
                case b"none":  # It has ended meanwhile.
                    continue
                case other:
                    raise AssertionError(f"{key!r} is a {other!r}")
    assert any(b"bull:" in key for key in found if isinstance(key, bytes))
    return "\n".join(map(repr, found))


def in_postgres(place: Place) -> str:
    """Every row that the command line's role may see; ciphertexts as they are."""
    with psycopg.connect(place.system.database_url()) as connection:
        (tenant,) = connection.execute("SELECT id FROM tenants ORDER BY id LIMIT 1").fetchone() or ("",)
        connection.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(tenant),))
        columns = connection.execute("""
            SELECT table_name, array_agg(column_name::text) FROM information_schema.column_privileges
            WHERE table_schema = 'public' AND privilege_type = 'SELECT' AND grantee = current_user
            GROUP BY 1 ORDER BY 1
        """).fetchall()
        assert len(columns) > 20
        found: list[Any] = []
        for table, names in columns:
            wanted = sql.SQL(", ").join(map(sql.Identifier, names))
            found += connection.execute(
                sql.SQL("SELECT ROW({})::text FROM {}").format(wanted, sql.Identifier(table))
            ).fetchall()
    return "\n".join(str(row) for (row,) in found)
