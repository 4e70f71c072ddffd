"""What holds for every request: repeats, pages, bounds, limits, other sites, event streams."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from oblivion_contracts.runs import RunFailure, RunSource
from oblivion_gateway.adapters.old_rows import OldRows
from oblivion_gateway.testing import PUBLIC_URL, TestTenant, World, running_world
from oblivion_platform import people, runs
from oblivion_platform.database.engine import Database
from oblivion_platform.testing import FreshDatabase, eventually


@dataclass
class Desk:
    """A world, a tenant, and its admin's token."""

    world: World
    tenant: TestTenant
    admin: str

    async def post(self, path: str, body: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        return await self.world.request("POST", path, token=self.admin, json=body or {}, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.world.request("GET", path, token=self.admin, **options)

    async def new_run(self) -> str:
        session = (await self.post("/api/sessions")).json()["id"]
        said = await self.post(f"/api/sessions/{session}/messages", {"text": "hello"})
        assert said.status_code == 202
        return said.json()["run_id"]


@pytest.fixture
async def desk(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Desk]:
    async with running_world(database, redis_url, sse_heartbeat_s=0.2) as world:
        tenant = await world.new_tenant()
        yield Desk(world, tenant, await world.token(tenant, "admin"))


def key(value: str = "k1") -> dict[str, dict[str, str]]:
    return {"headers": {"Idempotency-Key": value}}


async def test_a_repeat_gets_the_first_answer_even_its_secret(desk: Desk) -> None:
    first = await desk.post("/api/agents", {"name": "fixer"}, **key())
    second = await desk.post("/api/agents", {"name": "fixer"}, **key())

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    agents = (await desk.get("/api/agents")).json()["items"]
    assert [agent["name"] for agent in agents] == ["fixer"]


async def test_of_two_at_once_only_one_is_done(desk: Desk) -> None:
    session = (await desk.post("/api/sessions")).json()["id"]
    path = f"/api/sessions/{session}/messages"
    answers = await asyncio.gather(*(desk.post(path, {"text": "hello"}, **key()) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert len((await desk.get("/api/runs")).json()["items"]) == 1


async def test_a_key_belongs_to_one_request(desk: Desk) -> None:
    await desk.post("/api/agents", {"name": "fixer"}, **key())
    other = await desk.post("/api/agents", {"name": "other"}, **key())

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_of_somebody_else_is_another_one(desk: Desk) -> None:
    user = await desk.world.token(desk.tenant, "user")
    mine = await desk.post("/api/sessions", {}, **key())
    theirs = await desk.world.request("POST", "/api/sessions", token=user, json={}, **key())

    assert mine.json()["id"] != theirs.json()["id"]


async def test_a_failed_request_may_be_repeated_under_its_key(desk: Desk) -> None:
    body = {"kind": "wrong_agent", "agent": "fixer"}
    run = await desk.new_run()
    assert (await desk.post(f"/api/runs/{run}/label", body, **key())).status_code == 404
    await desk.post("/api/agents", {"name": "fixer"})

    assert (await desk.post(f"/api/runs/{run}/label", body, **key())).status_code == 201


async def test_kept_answers_are_sealed(desk: Desk, database: FreshDatabase) -> None:
    created = await desk.post("/api/agents", {"name": "fixer"}, **key())
    secret = created.json()["credentials"]["client_secret"]
    gateway = desk.world.gateway.database
    async with gateway.tenant(desk.tenant.id) as tx:
        body = (await tx.execute(text("SELECT body FROM idempotency_keys"))).scalar_one()

    assert secret.encode() not in bytes(body)


async def test_pages_follow_each_other_without_gap_or_repeat(desk: Desk) -> None:
    made = {(await desk.post("/api/sessions", {"title": str(n)})).json()["id"] for n in range(5)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await desk.get("/api/sessions", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJhIl0", "bnVsbA", "A" * 501])
async def test_a_cursor_that_is_none_is_refused(desk: Desk, cursor: str) -> None:
    for path in ("/api/sessions", "/api/runs", "/api/users", "/api/events"):
        answer = await desk.get(path, params={"cursor": cursor})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"title": ' + b"9" * 5_000 + b"}",
        b'{"title": NaN}',
        b'{"title": "a", "title": "b"}',
        b'{"title": "\\u0000"}',
        b'{"title": "\\ud800"}',
        b"\xff\xfe",
        b"[]",
        b"null",
    ],
    ids=lambda body: repr(body[:16]),
)
async def test_hostile_json_is_refused_as_malformed(desk: Desk, body: bytes) -> None:
    answer = await desk.world.request(
        "POST",
        "/api/sessions",
        token=desk.admin,
        content=body,
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_over_the_limit_is_refused_announced_or_not(desk: Desk) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    announced = await desk.post("/api/sessions", {"title": "x" * 1_100_000})
    chunked = await desk.world.request(
        "POST",
        "/api/sessions",
        token=desk.admin,
        content=chunks(),
        headers={"Content-Type": "application/json"},
    )

    assert (announced.status_code, chunked.status_code) == (413, 413)


async def test_a_nul_in_the_address_is_refused(desk: Desk) -> None:
    assert (await desk.get("/api/events?source=%00")).status_code == 400
    assert (await desk.get("/api/agents/%00")).status_code == 400


async def test_problems_name_fields_and_never_values(desk: Desk) -> None:
    answer = await desk.post("/api/agents", {"name": "NOT A NAME", "hunter2": 1})

    assert answer.status_code == 422
    assert "name" in answer.json()["detail"]
    assert "NOT A NAME" not in answer.text


async def test_too_many_requests_are_told_when_to_come_back(database: FreshDatabase, redis_url: str) -> None:
    limits = {"user_requests_per_minute": 3, "tenant_requests_per_minute": 5}
    async with running_world(database, redis_url, **limits) as world:
        tenant = await world.new_tenant()
        user, admin = await world.token(tenant, "user"), await world.token(tenant, "admin")
        answers = [await world.request("GET", "/api/me", token=user) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-limit"] == "3"
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        # Others of the tenant still may, until the tenant's own limit.
        others = [await world.request("GET", "/api/me", token=admin) for _ in range(2)]
        assert [answer.status_code for answer in others] == [200, 429]


async def test_addresses_have_a_limit_before_anybody_is_known(
    database: FreshDatabase, redis_url: str
) -> None:
    async with running_world(database, redis_url, address_requests_per_minute=2, proxies_in_front=1) as world:

        async def ask(address: str) -> int:
            headers = {"X-Forwarded-For": f"6.6.6.6, {address}"}
            return (await world.request("GET", "/api/me", headers=headers)).status_code

        assert [await ask("10.0.0.1") for _ in range(3)] == [401, 401, 429]
        assert await ask("10.0.0.2") == 401


async def test_without_redis_requests_are_answered_and_counted_here(database: FreshDatabase) -> None:
    async with running_world(database, "redis://127.0.0.1:1/0", user_requests_per_minute=2) as world:
        tenant = await world.new_tenant()
        token = await world.token(tenant, "admin")
        session = await world.request("POST", "/api/sessions", token=token, json={})
        said = await world.request(
            "POST", f"/api/sessions/{session.json()['id']}/messages", token=token, json={"text": "hello"}
        )

        assert (session.status_code, said.status_code) == (201, 202)
        assert (await world.request("GET", "/api/me", token=token)).status_code == 429


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": PUBLIC_URL}, 201),
        ({"Origin": PUBLIC_URL.replace("localhost", "127.0.0.1")}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({}, 403),
    ],
    ids=str,
)
async def test_a_cookie_changes_things_from_our_own_pages_only(
    desk: Desk, headers: dict[str, str], status: int
) -> None:
    cookie = await desk.world.cookie(desk.tenant, "user")
    sent = {**headers, "Cookie": f"oblivion_session={cookie}"}
    answer = await desk.world.request("POST", "/api/sessions", json={}, headers=sent)

    assert answer.status_code == status
    assert (await desk.world.request("GET", "/api/me", headers=sent)).status_code == 200


async def events_of(world: World, run: str, token: str, **headers: str) -> list[dict[str, Any]]:
    """Follow a run to its end; each event with its id."""
    found: list[dict[str, Any]] = []
    sent = {"Authorization": f"Bearer {token}", **headers}
    async with (
        httpx.AsyncClient(base_url=world.base_url, timeout=10) as client,
        client.stream("GET", f"/api/jobs/{run}/progress", headers=sent) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        ids: list[str] = []
        async for line in answer.aiter_lines():
            field, _, value = line.partition(":")
            if field == "id":
                ids.append(value.strip())
            if field == "data":
                found.append(json.loads(value))
    assert ids == [str(event["sequence"]) for event in found]
    return found


async def finish(desk: Desk, run: str) -> None:
    async with desk.world.gateway.database.tenant(desk.tenant.id) as tx:
        change = await runs.give_up(tx, UUID(run), RunFailure(code="no_agent", message="Nobody is there."))
    assert change is not None
    signals = runs.RunSignals(desk.world.settings.redis_url.get_secret_value())
    await signals.changed(desk.tenant.id, change)
    await signals.close()


async def test_a_stream_tells_every_step_and_ends_with_the_run(desk: Desk) -> None:
    run = await desk.new_run()
    following = asyncio.create_task(events_of(desk.world, run, desk.admin))
    await finish(desk, run)
    events = await following

    assert [event["sequence"] for event in events] == [1, 2]
    assert events[-1]["data"]["state"] == "failed"


async def test_a_stream_resumes_on_another_replica(desk: Desk, database: FreshDatabase) -> None:
    run = await desk.new_run()
    settings = desk.world.settings
    async with running_world(
        database, settings.redis_url.get_secret_value(), master_key=settings.master_key
    ) as second:
        following = asyncio.create_task(events_of(second, run, desk.admin, **{"Last-Event-ID": "1"}))
        await finish(desk, run)
        events = await following

    assert [event["sequence"] for event in events] == [2]
    assert await events_of(desk.world, run, desk.admin, **{"Last-Event-ID": "2"}) == []


async def test_a_silent_stream_shows_that_it_is_alive(desk: Desk) -> None:
    run = await desk.new_run()
    comments = 0
    async with (
        httpx.AsyncClient(base_url=desk.world.base_url, timeout=10) as client,
        client.stream(
            "GET", f"/api/jobs/{run}/progress", headers={"Authorization": f"Bearer {desk.admin}"}
        ) as answer,
    ):
        async for line in answer.aiter_lines():
            comments += line.startswith(":")
            if comments == 2:
                break

    assert comments == 2


async def test_a_stream_ends_when_its_replica_drains(desk: Desk, database: FreshDatabase) -> None:
    run = await desk.new_run()
    settings = desk.world.settings
    async with running_world(
        database, settings.redis_url.get_secret_value(), master_key=settings.master_key
    ) as second:
        following = asyncio.create_task(events_of(second, run, desk.admin))
        await eventually(lambda: REGISTRY.get_sample_value("oblivion_sse_connections") == 1)

    assert [event["sequence"] for event in await following] == [1]
    assert REGISTRY.get_sample_value("oblivion_sse_connections") == 0


async def test_a_stream_ends_when_who_follows_is_disabled(desk: Desk) -> None:
    run = await desk.new_run()
    following = asyncio.create_task(events_of(desk.world, run, desk.admin))
    await eventually(lambda: REGISTRY.get_sample_value("oblivion_sse_connections") == 1)
    async with desk.world.database.tenant(desk.tenant.id) as tx:
        await people.update_user(tx, desk.tenant.people["admin"], state="disabled")
    async with asyncio.timeout(5):
        assert [event["sequence"] for event in await following] == [1]


async def test_a_stream_ends_with_the_token_that_opened_it(desk: Desk) -> None:
    run, gateway = await desk.new_run(), desk.world.gateway
    subject = f"user:{desk.tenant.people['admin']}"
    short = await gateway.tokens.issue(desk.tenant.id, subject, "admin", ttl_s=2)
    async with asyncio.timeout(8):
        assert [event["sequence"] for event in await events_of(desk.world, run, short.token)] == [1]


async def test_somebody_has_so_many_streams_and_no_more(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url, sse_streams_max=1) as world:
        tenant = await world.new_tenant()
        desk = Desk(world, tenant, await world.token(tenant, "admin"))
        run = await desk.new_run()
        following = asyncio.create_task(events_of(world, run, desk.admin))
        await eventually(lambda: REGISTRY.get_sample_value("oblivion_sse_connections") == 1)
        refused = await desk.get(f"/api/jobs/{run}/progress")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        await finish(desk, run)
        await following
        assert len(await events_of(world, run, desk.admin)) == 2


async def test_cancelling_a_run_stops_what_it_handed_on(desk: Desk) -> None:
    parent, session = await desk.new_run(), (await desk.post("/api/sessions")).json()["id"]
    child, grandchild = uuid4(), uuid4()
    async with desk.world.gateway.database.tenant(desk.tenant.id) as tx:
        for run_id, above in ((child, UUID(parent)), (grandchild, child)):
            new = runs.NewRun(
                UUID(session), RunSource.DELEGATION, f"d:{run_id}", "x", parent_run_id=above, id=run_id
            )
            await runs.create(tx, desk.tenant.id, new)
    assert (await desk.post(f"/api/runs/{parent}/cancel")).status_code == 200
    for run_id in (child, grandchild):
        assert (await desk.get(f"/api/runs/{run_id}")).json()["state"] == "cancelled"


async def test_prompts_skills_and_limits_of_agents_are_for_admins(desk: Desk) -> None:
    new = {
        "name": "fixer",
        "description": "fixes",
        "system_prompt": "the secret plan",
        "skills": [{"name": "plan", "text": "the secret plan"}],
        "limits": {"messages_per_minute": 77},
    }
    agent_id = (await desk.post("/api/agents", new)).json()["agent"]["id"]
    agent = await desk.world.agent_token(await desk.world.new_agent(desk.tenant, "other"))
    for token in (await desk.world.token(desk.tenant, "user"), agent):
        for path in ("/api/agents", f"/api/agents/{agent_id}"):
            seen = await desk.world.request("GET", path, token=token)
            assert "fixes" in seen.text
            assert "secret plan" not in seen.text
            assert "77" not in json.dumps(seen.json().get("limits", {}))
    whole = (await desk.get(f"/api/agents/{agent_id}")).json()
    assert (whole["system_prompt"], whole["limits"]["messages_per_minute"], whole["is_whole"]) == (
        "the secret plan",
        77,
        True,
    )


async def test_what_is_old_is_archived_and_signed_out_browsers_are_forgotten(
    desk: Desk, database: FreshDatabase
) -> None:
    old, fresh = await desk.new_run(), await desk.new_run()
    await finish(desk, old)
    await finish(desk, fresh)
    cookie = await desk.world.cookie(desk.tenant, "user")
    await desk.world.cookie(desk.tenant, "admin")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE runs SET finished_at = now() - interval '91 days' WHERE id = %s", (old,))
        admin.execute(
            "UPDATE sessions SET updated_at = now() - interval '91 days'"
            " WHERE id = (SELECT session_id FROM runs WHERE id = %s)",
            (old,),
        )
        admin.execute(
            "UPDATE web_sessions SET expires_at = now() - interval '2 days' WHERE user_id = %s",
            (desk.tenant.people["user"],),
        )
    await OldRows(desk.world.gateway.database, timedelta(days=90)).put_away()
    async with desk.world.database.tenant(desk.tenant.id) as tx:
        archived = (await tx.execute(text("SELECT id FROM runs WHERE archived_at IS NOT NULL"))).scalars()
        assert [str(each) for each in archived] == [old]
        assert (await tx.execute(text("SELECT count(*) FROM web_sessions"))).scalar_one() == 1
    assert len((await desk.get("/api/sessions")).json()["items"]) == 1
    gone = await desk.world.request("GET", "/api/me", headers={"Cookie": f"oblivion_session={cookie}"})
    assert gone.status_code == 401


async def test_the_page_that_shows_the_api_needs_nothing_from_elsewhere(desk: Desk) -> None:
    page = (await desk.get("/docs")).text
    needed = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert "/docs/assets/swagger-ui-bundle.js" in needed
    assert "/api/openapi.json" in page
    for address in needed:
        assert address.startswith("/docs/assets/")
        assert (await desk.get(address)).status_code == 200


async def test_pages_of_listed_origins_may_call_with_a_token(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url, cors_origins="https://app.example") as world:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        ours, others = [
            await world.request("OPTIONS", "/api/sessions", headers={"Origin": origin, **asked})
            for origin in ("https://app.example", "https://evil.example")
        ]

        assert ours.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in ours.headers
        assert "access-control-allow-origin" not in others.headers


async def test_cancelling_ends_a_run_once(desk: Desk) -> None:
    run = await desk.new_run()
    first = await desk.post(f"/api/runs/{run}/cancel")
    second = await desk.post(f"/api/runs/{run}/cancel")

    assert (first.status_code, first.json()["state"]) == (200, "cancelled")
    assert (second.status_code, second.json()["code"]) == (409, "run_over")
    retried = await desk.post(f"/api/runs/{run}/retry")
    assert (retried.status_code, retried.json()["state"]) == (202, "queued")


async def test_what_is_said_becomes_a_run_whose_job_waits(desk: Desk) -> None:
    run = await desk.new_run()
    queue = runs.run_queue(desk.world.settings.redis_url.get_secret_value())
    try:

        async def is_queued() -> bool:
            return await queue.state(run) in {"waiting", "prioritized"}

        await eventually(is_queued)
    finally:
        await queue.close()
    status = (await desk.get(f"/api/jobs/{run}/status")).json()
    assert (status["state"], status["last_sequence"]) == ("queued", 1)


async def test_every_change_is_in_the_audit_log(desk: Desk) -> None:
    created = (await desk.post("/api/agents", {"name": "fixer"})).json()["agent"]["id"]
    await desk.post(f"/api/agents/{created}/mute", {"minutes": 5})
    await desk.world.request("DELETE", f"/api/agents/{created}", token=desk.admin)
    lines = (await desk.get("/api/audit")).json()["items"]

    assert {line["action"] for line in lines} >= {"agent.created", "agent.muted", "agent.disabled"}
    assert {line["actor"] for line in lines} == {f"user:{desk.tenant.people['admin']}"}


async def test_a_workflow_needs_a_schedule_that_comes(desk: Desk) -> None:
    definition = {"name": "daily", "prompt": "say hi", "schedule": "0 9 * * 1-5", "timezone": "Europe/Rome"}
    made = await desk.post("/api/workflows", definition)

    assert made.status_code == 201
    assert made.json()["next_run_at"] is not None
    for wrong in ({"schedule": "every day"}, {"schedule": "0 0 31 2 *"}, {"timezone": "Mars/Olympus"}):
        answer = await desk.post("/api/workflows", {**definition, "name": "other", **wrong})
        assert answer.status_code == 422
    assert (await desk.post("/api/workflows", definition)).status_code == 409
    run = await desk.post(f"/api/workflows/{made.json()['id']}/run")
    assert run.status_code == 202


async def test_routes_can_be_tried_with_the_tenants_own_agents(desk: Desk) -> None:
    await desk.post("/api/agents", {"name": "fixer", "aliases": ["@bugs"], "keywords": ["bug"]})

    async def named() -> None:
        tried = await desk.post("/api/routes/try", {"text": "@bugs please look"})
        assert tried.json()["agent"] == "fixer"

    await eventually(named)


async def test_dead_letters_are_reported_retried_and_discarded(desk: Desk) -> None:
    event = await dead_event(desk)
    report = (await desk.get("/api/dead-letters/report")).json()["items"]

    assert [(line["cause"], line["count"]) for line in report] == [("task_gone", 1)]
    detail = (await desk.get(f"/api/dead-letters/{event}")).json()
    assert detail["failures"][0]["code"] == "task_gone"
    assert (await desk.post("/api/dead-letters/retry")).status_code == 422
    chosen = await desk.post("/api/dead-letters/retry", {"ids": [event]})
    assert chosen.json() == {"events": [event], "effects": [], "runs": []}
    assert (await desk.get(f"/api/events/{event}")).json()["state"] == "received"
    gone = await desk.post("/api/dead-letters/discard", {"ids": [event], "reason": "old"})
    assert gone.status_code == 404


async def dead_event(desk: Desk) -> str:
    event = uuid4()
    owner = desk.world
    values = {
        "id": event,
        "tenant": desk.tenant.id,
        "failures": json.dumps([{"code": "task_gone", "message": "gone"}]),
    }
    url = owner.settings.database_url.get_secret_value()
    ingestion = Database.connect(url.replace("oblivion_gateway", "oblivion_ingestion"), pool_size=1)
    try:
        async with ingestion.tenant(desk.tenant.id) as tx:
            await tx.execute(
                text("""
                    INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject,
                        dedupe_key, priority, transport, body)
                    VALUES (:id, :tenant, :id, 'clickup', 'taskUpdated', 'task:1', 'k', 1, 'http', '{}')
                """),
                values,
            )
    finally:
        await ingestion.close()
    async with desk.world.database.tenant(desk.tenant.id) as tx:
        await tx.execute(
            text(
                "UPDATE inbound_events SET state = 'dead', failures = CAST(:failures AS jsonb) WHERE id = :id"
            ),
            values,
        )
    return str(event)


async def test_a_question_about_another_s_run_is_neither_listed_nor_answered_but_by_admins(
    desk: Desk, database: FreshDatabase
) -> None:
    run_id, approval_id = UUID(await desk.new_run()), uuid4()
    pool = Database.connect(database.url("oblivion_gateway"))
    async with pool.tenant(desk.tenant.id) as tx:
        await tx.execute(
            text(
                "INSERT INTO approvals (id, tenant_id, run_id, key, question) VALUES (:a, :t, :r, 'k', '?')"
            ),
            {"a": approval_id, "t": desk.tenant.id, "r": run_id},
        )
    await pool.close()
    other = await desk.world.token(desk.tenant, "user")
    listed = await desk.world.request("GET", "/api/approvals", token=other)
    assert listed.json()["items"] == []
    path, yes = f"/api/approvals/{approval_id}", {"approved": True}
    assert (await desk.world.request("POST", path, token=other, json=yes)).status_code == 404
    assert [each["id"] for each in (await desk.get("/api/approvals")).json()["items"]] == [str(approval_id)]
    assert (await desk.post(path, yes)).status_code == 200
