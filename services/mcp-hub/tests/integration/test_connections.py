"""Connections over REST: roles, secrets, tests that say what is wrong, and what is audited."""

import psycopg
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from starlette.responses import Response

from oblivion_mcp_hub.testing import TestTenant, World
from oblivion_platform import people
from oblivion_platform.door import SESSION_COOKIE
from oblivion_platform.testing import eventually
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

NEW = {"name": "wiki", "provider": "mcp", "url": "http://127.0.0.1:9/mcp"}


async def as_role(world: World, tenant: TestTenant, role: str, method: str, path: str, **options):
    token = await world.token(tenant, role, API_AUDIENCE)
    return await world.request(method, path, token=token, **options)


async def test_a_connection_is_made_shown_changed_and_ended(world, tenant, upstream):
    made = await world.connect(tenant, name="wiki", url=upstream.url, secret="s3cr3t-canary")
    path = f"/connections/{made.id}"
    shown = await as_role(world, tenant, "admin", "GET", path)
    changed = await as_role(world, tenant, "admin", "PATCH", path, json={"is_trusted": True})
    ended = await as_role(world, tenant, "admin", "DELETE", path)
    gone = await as_role(world, tenant, "admin", "GET", path)
    assert (shown.json()["has_secret"], "s3cr3t" in shown.text) == (True, False)
    assert changed.json()["is_trusted"] is True
    assert (ended.status_code, gone.status_code) == (204, 404)


async def test_its_tools_are_there_at_once_and_gone_at_once(world, tenant, upstream):
    token = await world.token(tenant, "user")

    async def names():
        async with world.client(token) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert await names() == []
    made = await world.connect(tenant, name="wiki", url=upstream.url)
    assert len(await names()) == 3
    await as_role(world, tenant, "admin", "DELETE", f"/connections/{made.id}")
    assert await names() == []


async def test_another_replica_hears_of_it(world, tenant, upstream, new_world):
    other = await new_world(master_key=world.hub.settings.master_key)
    token = await world.token(tenant, "user")

    async def listed():
        async with other.client(token) as client:
            return len((await client.list_tools()).tools)

    assert await listed() == 0
    await world.connect(tenant, name="wiki", url=upstream.url)

    async def heard():
        assert await listed() == 3

    await eventually(heard)
    assert await listed() == 3


@pytest.mark.parametrize("role", ["user", "guest"])
async def test_everybody_looks_and_only_admins_change(world, tenant, role):
    looked = await as_role(world, tenant, role, "GET", "/connections")
    changed = await as_role(world, tenant, role, "POST", "/connections", json=NEW)
    assert (looked.status_code, changed.status_code) == (200, 403)


async def test_an_agents_token_opens_no_connections(world, tenant):
    agent = await world.new_agent(tenant)
    token = await world.agent_token(tenant, agent, API_AUDIENCE)
    answer = await world.request("GET", "/connections", token=token)
    assert answer.status_code == 403


async def test_a_neighbours_connection_is_not_there(world, tenant, upstream):
    made = await world.connect(tenant, name="wiki", url=upstream.url)
    neighbour = await world.new_tenant()
    path = f"/connections/{made.id}"
    answers = [
        await as_role(world, neighbour, "admin", method, path + more, json={})
        for method, more in [("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/pins")]
    ]
    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"provider": "nobody"}, "There is no provider nobody"),
        ({"name": None}, "needs a name"),
        ({"name": "notion"}, "built-in provider"),
        ({"url": None}, "needs its URL"),
        ({"url": "http://10.1.2.3/mcp"}, "private address"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "private address"),
        ({"url": "http://[::ffff:10.0.0.1]/mcp"}, "private address"),
        ({"url": "http://user:password@example.com/"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"name": "Not A Name"}, "name"),
        ({"settings": {"header": "Host"}}, "no header"),
        ({"settings": {"other": 1}}, "settings"),
        ({"settings": {"cache_s": 3601}}, "cache_s"),
        ({"settings": {"cache_s": True}}, "cache_s"),
        ({"settings": {"cache_s": "60"}}, "cache_s"),
        ({"more": 1}, "more"),
        ({"command": "sh"}, "command"),
    ],
)
async def test_a_connection_that_cannot_work_is_refused_with_a_reason(world, tenant, change, said):
    body = {name: value for name, value in {**NEW, **change}.items() if value is not None}
    answer = await as_role(world, tenant, "admin", "POST", "/connections", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


async def test_a_name_is_taken_once(world, tenant):
    answers = [await as_role(world, tenant, "admin", "POST", "/connections", json=NEW) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 409]


async def test_a_test_says_what_answers(world, tenant, upstream):
    made = await world.connect(tenant, name="wiki", url=upstream.url)
    tested = (await as_role(world, tenant, "admin", "POST", f"/connections/{made.id}/test")).json()
    assert tested["ok"] is True
    assert "upstream 1" in tested["detail"]


async def test_what_a_test_found_is_kept_and_shown_to_everybody(world, tenant, upstream, new_world):
    other = await new_world(master_key=world.hub.settings.master_key)
    made = await world.connect(tenant, name="wiki", url=upstream.url)
    path = f"/connections/{made.id}"

    async def shown():
        one = (await as_role(other, tenant, "guest", "GET", path)).json()["health"]
        listed = (await as_role(other, tenant, "user", "GET", "/connections")).json()["items"]
        assert [each["health"] for each in listed] == [one]
        return one

    assert await shown() is None
    found = (await as_role(world, tenant, "admin", "POST", f"{path}/test")).json()
    assert await shown() == found
    upstream.in_the_way = refuse
    refused = (await as_role(world, tenant, "admin", "POST", f"{path}/test")).json()
    assert (found["ok"], refused["ok"]) == (True, False)
    assert await shown() == refused


async def test_who_says_that_it_only_reads_and_is_not_believed_is_shown_with_the_reason(
    world, tenant, upstream
):
    made = await world.connect(tenant, name="wiki", url=upstream.url)
    path = f"/connections/{made.id}"

    async def shown():
        tools = (await as_role(world, tenant, "guest", "GET", f"{path}/tools")).json()["items"]
        return {each["tool"]: (each["is_read_only"], each["disbelieved"]) for each in tools}

    (read, why), *others = (await shown()).values()
    assert (read, others) == (False, [(False, None), (False, None)])
    assert why.startswith("Its server says that it only reads, and the connection is not trusted.")
    assert why.endswith("oblivion connections set wiki --trusted")
    await as_role(world, tenant, "admin", "PATCH", path, json={"is_trusted": True})
    assert (await shown())["read"] == (True, None)


async def test_a_test_says_that_nobody_answers(world, tenant):
    made = await world.connect(tenant, name="wiki", url="http://127.0.0.1:9/mcp")
    tested = (await as_role(world, tenant, "admin", "POST", f"/connections/{made.id}/test")).json()
    assert (tested["ok"], "does not answer" in tested["detail"]) == (False, True)


async def test_where_nobody_answers_is_said_without_what_may_be_a_key(world, tenant):
    url = "http://127.0.0.1:9/canary-path/mcp?key=canary-query"
    made = await world.connect(tenant, name="wiki", url=url)
    tested = (await as_role(world, tenant, "admin", "POST", f"/connections/{made.id}/test")).json()
    assert "at http://127.0.0.1:9 (" in tested["detail"]
    assert tested["detail"].endswith("Is that address right?")
    assert "canary" not in tested["detail"]


async def test_a_test_says_that_the_path_may_be_wrong(world, tenant, upstream):
    async def missing(scope, receive, send):
        await Response("Not Found", status_code=404)(scope, receive, send)

    upstream.in_the_way = missing
    made = await world.connect(tenant, name="wiki", url=upstream.url)
    tested = (await as_role(world, tenant, "admin", "POST", f"/connections/{made.id}/test")).json()
    said = "wiki answered 404; is the path right? MCP servers are often at /mcp."
    assert (tested["ok"], tested["detail"]) == (False, said)


async def test_a_test_says_that_a_secret_is_asked_for_and_how_it_is_given(world, tenant, upstream):
    upstream.in_the_way = refuse
    made = await world.connect(tenant, name="wiki", url=upstream.url)
    path = f"/connections/{made.id}"
    tested = (await as_role(world, tenant, "admin", "POST", f"{path}/test")).json()
    assert "none is stored" in tested["detail"]
    assert "oblivion connections set wiki --secret" in tested["detail"]
    await as_role(world, tenant, "admin", "PATCH", path, json={"secret": "wrong"})
    tested = (await as_role(world, tenant, "admin", "POST", f"{path}/test")).json()
    assert "does not accept the stored secret" in tested["detail"]


async def test_a_test_says_that_the_secret_is_wrong(world, tenant, upstream):
    upstream.in_the_way = refuse
    made = await world.connect(tenant, name="wiki", url=upstream.url, secret="wrong")
    tested = (await as_role(world, tenant, "admin", "POST", f"/connections/{made.id}/test")).json()
    assert (tested["ok"], "does not accept the stored secret" in tested["detail"]) == (False, True)


async def test_a_secret_goes_where_its_header_says(world, tenant, upstream):
    await world.connect(
        tenant, name="wiki", url=upstream.url, secret="key-1", settings={"header": "X-Api-Key"}
    )
    async with world.client(await world.token(tenant, "user")) as client:
        await client.list_tools()
    assert {each.get("x-api-key") for each in upstream.headers} == {"key-1"}


async def test_changes_are_audited_and_no_secret_is_anywhere(world, tenant, upstream, database):
    made = await world.connect(tenant, name="wiki", url=upstream.url, secret="canary-0815")
    path = f"/connections/{made.id}"
    await as_role(world, tenant, "admin", "PATCH", path, json={"secret": "canary-0816"})
    await as_role(world, tenant, "admin", "DELETE", path)
    with psycopg.connect(database.admin_url) as admin:
        lines = admin.execute(
            "SELECT action, actor, detail FROM audit_log WHERE subject = %s ORDER BY at, id", (str(made.id),)
        ).fetchall()
        stored = admin.execute(
            "SELECT credentials::text FROM credentials UNION ALL SELECT audit_log::text FROM audit_log"
        ).fetchall()
    actor = f"user:{tenant.people['admin']}"
    actions = ["connection.created", "connection.changed", "connection.deleted"]
    assert [line[:2] for line in lines] == [(action, actor) for action in actions]
    assert lines[-1][2] == {"name": "wiki", "provider": made.provider}
    assert "canary" not in str(stored)


async def test_a_page_of_another_site_changes_nothing(world, tenant):
    async with world.cli.tenant(tenant.id) as tx:
        cookie = await people.open_session(tx, tenant.id, tenant.people["admin"])
    jar = {"Cookie": f"oblivion_session={cookie}"}
    theirs = await world.request(
        "POST", "/connections", headers={**jar, "Origin": "https://evil.example"}, json=NEW
    )
    ours = await world.request(
        "POST", "/connections", headers={**jar, "Origin": "http://localhost:8300"}, json=NEW
    )
    assert (theirs.status_code, ours.status_code) == (403, 201)


async def test_an_offered_cookie_lets_in_and_is_left_to_the_gateway_to_take(world, tenant):
    async with world.cli.tenant(tenant.id) as tx:
        cookie = await people.open_session(tx, tenant.id, tenant.people["admin"])
        await tx.execute(text("UPDATE web_sessions SET renewed_at = now() - interval '61 minutes'"))
        offered = (await people.renew_cookie(tx, tenant.id, cookie)).cookie
    for each in (offered, cookie):
        answer = await world.request("GET", "/connections", headers={"Cookie": f"{SESSION_COOKIE}={each}"})
        assert answer.status_code == 200
    async with world.cli.tenant(tenant.id) as tx:
        assert (await people.session_user(tx, offered)).is_offered
    with pytest.raises(ProgrammingError, match="permission denied for table web_sessions"):
        async with world.hub.database.tenant(tenant.id) as tx:
            await people.take_cookie(tx, offered)


async def test_a_stored_secret_does_not_move_to_another_server(world, tenant, upstream):
    made = await world.connect(tenant, name="wiki", url=upstream.url, secret="canary")
    path = f"/connections/{made.id}"
    moved = {"url": "http://127.0.0.1:9/mcp"}
    alone = await as_role(world, tenant, "admin", "PATCH", path, json=moved)
    anew = await as_role(world, tenant, "admin", "PATCH", path, json={**moved, "secret": "another"})
    assert (alone.status_code, anew.status_code) == (422, 200)
    assert "oblivion connections set wiki --url URL --secret" in alone.json()["detail"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"name": "\\u0000"}', b"[" * 5000, b'{"a": NaN}'])
async def test_hostile_bodies_are_refused(world, tenant, body):
    answer = await as_role(world, tenant, "admin", "POST", "/connections", content=body)
    assert answer.status_code == 400


async def test_a_canary_in_a_credential_is_in_no_log_answer_error_or_cache(
    world, tenant, upstream, redis_url, caplog, capsys
):
    canary = "canary-2718281828"
    made = await world.connect(tenant, name="wiki", url=upstream.url, secret=canary)
    told = []
    for way in (None, refuse, break_off):
        upstream.in_the_way = way
        told.append((await as_role(world, tenant, "admin", "POST", f"/connections/{made.id}/test")).text)
        told.append((await as_role(world, tenant, "admin", "GET", f"/connections/{made.id}/tools")).text)
        async with world.client(await world.token(tenant, "user")) as client:
            told.append((await client.call_tool("wiki__read", {"text": "hello"})).model_dump_json())
    told.append((await world.request("GET", "/metrics")).text)
    with redis.Redis.from_url(redis_url) as cache:
        told += [f"{key!r} {cache.dump(key)!r}" for key in cache.scan_iter("*")]
    told += [record.getMessage() + str(record.exc_info) for record in caplog.records]
    printed = capsys.readouterr()
    assert any(canary in str(headers) for headers in upstream.headers)
    assert canary not in "\n".join([*told, printed.out, printed.err])


async def refuse(scope, receive, send):
    await Response(status_code=401)(scope, receive, send)


async def break_off(scope, receive, send):
    raise RuntimeError("broken on purpose")
