"""What holds for every request: repeats, pages, bounds, limits, other sites."""

import asyncio
import re
from collections.abc import AsyncGenerator

import httpx
import pytest
from sqlalchemy import text

from oblivion_gateway.testing import PUBLIC_URL, Desk, running_world
from oblivion_platform.testing import FreshDatabase


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


async def test_replicas_count_the_requests_of_one_person_together(
    database: FreshDatabase, redis_url: str
) -> None:
    async with running_world(database, redis_url, user_requests_per_minute=5) as first:
        tenant = await first.new_tenant()
        token = await first.token(tenant, "user")
        key = first.settings.master_key
        async with running_world(database, redis_url, user_requests_per_minute=5, master_key=key) as second:
            asked = [await world.request("GET", "/api/me", token=token) for world in 3 * (first, second)]
    assert [answer.status_code for answer in asked] == [200, 200, 200, 200, 200, 429]


async def test_addresses_have_a_limit_before_anybody_is_known(
    database: FreshDatabase, redis_url: str
) -> None:
    async with running_world(database, redis_url, address_requests_per_minute=2, proxies_in_front=1) as world:

        async def ask(address: str) -> int:
            headers = {"X-Forwarded-For": f"6.6.6.6, {address}"}
            return (await world.request("GET", "/api/me", headers=headers)).status_code

        assert [await ask("10.0.0.1") for _ in range(3)] == [401, 401, 429]
        assert await ask("10.0.0.2") == 401
        # Some proxies add a header of their own below the one that the caller made up.
        apart = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "10.0.0.1")]
        async with httpx.AsyncClient(base_url=world.base_url, timeout=30) as proxy:
            assert (await proxy.get("/api/me", headers=apart)).status_code == 429
        guess = {"client_id": "oba_x", "client_secret": "guess"}
        guessed = [
            await world.request("POST", "/auth/token", data=guess, headers={"X-Forwarded-For": "10.0.0.3"})
            for _ in range(3)
        ]
        assert [answer.status_code for answer in guessed] == [401, 401, 429]


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
