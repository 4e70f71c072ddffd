"""Every operation of the API in every role: who may, who may not, and that nobody reaches another tenant."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from oblivion_gateway.domain.access import ACCESS
from oblivion_gateway.domain.callers import Role
from oblivion_gateway.testing import TestTenant, World, running_world
from oblivion_platform.testing import FreshDatabase

PEOPLE = ("admin", "user", "guest", "operator")
UNLIMITED = {"user_requests_per_minute": 1_000_000, "tenant_requests_per_minute": 1_000_000}


def operations(description: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Method, path and name of each operation below /api."""
    return [
        (method.upper(), path, operation["operationId"])
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/")
    ]


def filled(path: str, ids: UUID) -> str:
    """The path with an id that nobody has."""
    for name in ("agent_id", "run_id", "session_id", "workflow_id", "event_id", "letter_id", "user_id"):
        path = path.replace(f"{{{name}}}", str(ids))
    for name in ("secret_id", "approval_id", "mapping_id", "rule_id"):
        path = path.replace(f"{{{name}}}", str(ids))
    return path


async def call(world: World, method: str, path: str, token: str | None, ids: UUID) -> int:
    """Ask with an id that nobody has and an empty body: who may not is refused before either is looked at."""
    body = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
    return (await world.request(method, filled(path, ids), token=token, **body)).status_code


async def tokens_of(world: World, tenant: TestTenant) -> dict[str, str]:
    tokens = {role: await world.token(tenant, role) for role in PEOPLE}
    return {**tokens, "agent": await world.agent_token(await world.new_agent(tenant))}


@pytest.mark.timeout(600)  # Some hundred requests.
async def test_each_role_may_do_what_the_table_says_and_nothing_else(
    database: FreshDatabase, redis_url: str
) -> None:
    async with running_world(database, redis_url, **UNLIMITED) as world:
        tokens = await tokens_of(world, await world.new_tenant())
        described = operations((await world.request("GET", "/api/openapi.json")).json())
        wrong: list[str] = []
        for method, path, operation in described:
            for name, token in tokens.items():
                roles = {Role.USER, Role.OPERATOR} if name == "operator" else {Role(name)}
                may = not ACCESS[operation].isdisjoint(roles)
                status = await call(world, method, path, token, uuid4())
                if may == (status in {401, 403}) or (status >= 500 and status != 503):
                    wrong.append(f"{name} {operation}: {status}")
            if await call(world, method, path, None, uuid4()) != 401:
                wrong.append(f"nobody {operation}")

        assert {operation for _, _, operation in described} == ACCESS.keys()
        assert wrong == []


async def test_whatever_changes_something_is_refused_to_a_cookie_from_elsewhere(
    database: FreshDatabase, redis_url: str
) -> None:
    async with running_world(database, redis_url, **UNLIMITED) as world:
        tenant = await world.new_tenant()
        sent = {"Cookie": f"oblivion_session={await world.cookie(tenant, 'admin')}"}
        sent["Origin"] = "https://evil.example"
        described = operations((await world.request("GET", "/api/openapi.json")).json())
        changing = [each for each in described if each[0] != "GET"]
        answers = {
            operation: await world.request(method, filled(path, uuid4()), json={}, headers=sent)
            for method, path, operation in changing
        }
    assert {method for method, _, _ in changing} == {"POST", "PUT", "PATCH", "DELETE"}
    otherwise = {
        operation: answer.status_code
        for operation, answer in answers.items()
        if answer.json().get("code") != "cross_site_refused"
    }
    # The operator's doors take no cookie at all.
    assert otherwise == {"register_agent": 401, "retain_agents": 401}


async def test_what_another_tenant_has_is_not_there(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url, **UNLIMITED) as world:
        theirs, ours = await world.new_tenant(), await world.new_tenant()
        their_admin, our_admin = await world.token(theirs, "admin"), await world.token(ours, "admin")
        made = await everything(world, their_admin, theirs)
        reached: list[str] = []
        for method, path, body in made:
            answer = await world.request(method, path, token=our_admin, **body)
            if answer.status_code != 404:
                reached.append(f"{method} {path}: {answer.status_code}")
            if method == "GET":
                assert (await world.request(method, path, token=their_admin)).status_code == 200

        assert len(made) > 20
        assert reached == []
        runs = (await world.request("GET", "/api/runs", token=our_admin)).json()
        assert runs["items"] == []


async def everything(world: World, token: str, tenant: TestTenant) -> list[tuple[str, str, dict[str, Any]]]:
    """Make one of each thing, and name every way to reach it."""

    async def make(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await world.request("POST", path, token=token, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    created = await make("/api/agents", {"name": "theirs"})
    agent, secret = created["agent"]["id"], created["credentials"]["secret_id"]
    session = (await make("/api/sessions", {}))["id"]
    run = (await make(f"/api/sessions/{session}/messages", {"text": "hello"}))["run_id"]
    workflow = (await make("/api/workflows", {"name": "daily", "prompt": "say hi"}))["id"]
    user = str(tenant.people["user"])
    definition = {"name": "other", "prompt": "x"}
    return [
        ("GET", f"/api/agents/{agent}", {}),
        ("PUT", f"/api/agents/{agent}", {"json": {}}),
        ("GET", f"/api/agents/{agent}/secrets", {}),
        ("POST", f"/api/agents/{agent}/secrets", {}),
        ("DELETE", f"/api/agents/{agent}/secrets/{secret}", {}),
        ("POST", f"/api/agents/{agent}/mute", {"json": {}}),
        ("POST", f"/api/agents/{agent}/unmute", {}),
        ("POST", f"/api/agents/{agent}/enable", {}),
        ("DELETE", f"/api/agents/{agent}", {}),
        ("GET", f"/api/sessions/{session}", {}),
        ("PATCH", f"/api/sessions/{session}", {"json": {"title": "mine"}}),
        ("GET", f"/api/sessions/{session}/messages", {}),
        ("POST", f"/api/sessions/{session}/messages", {"json": {"text": "hi"}}),
        ("GET", f"/api/runs/{run}", {}),
        ("GET", f"/api/runs/{run}/events", {}),
        ("POST", f"/api/runs/{run}/label", {"json": {"kind": "good"}}),
        ("POST", f"/api/runs/{run}/cancel", {"json": {}}),
        ("POST", f"/api/runs/{run}/retry", {}),
        ("GET", f"/api/jobs/{run}/status", {}),
        ("GET", f"/api/workflows/{workflow}", {}),
        ("PUT", f"/api/workflows/{workflow}", {"json": definition}),
        ("POST", f"/api/workflows/{workflow}/run", {}),
        ("DELETE", f"/api/workflows/{workflow}", {}),
        ("PATCH", f"/api/users/{user}", {"json": {"name": "me"}}),
    ]


@pytest.mark.parametrize("role", ["user", "guest"])
async def test_others_see_their_own_runs_and_sessions_only(
    database: FreshDatabase, redis_url: str, role: str
) -> None:
    async with running_world(database, redis_url) as world:
        tenant = await world.new_tenant()
        mine, admin = await world.token(tenant, role), await world.token(tenant, "admin")
        session = (await world.request("POST", "/api/sessions", token=admin, json={})).json()["id"]
        said = await world.request(
            "POST", f"/api/sessions/{session}/messages", token=admin, json={"text": "secret"}
        )
        run = said.json()["run_id"]

        for path in (f"/api/sessions/{session}", f"/api/runs/{run}", f"/api/jobs/{run}/progress"):
            assert (await world.request("GET", path, token=mine)).status_code == 404
        assert (await world.request("GET", "/api/runs", token=mine)).json()["items"] == []
        assert (await world.request("GET", "/api/sessions", token=mine)).json()["items"] == []
        own = (await world.request("POST", "/api/sessions", token=mine, json={})).json()["id"]
        assert (await world.request("GET", f"/api/sessions/{own}", token=admin)).status_code == 200


async def test_the_last_admin_stays_one(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url) as world:
        tenant = await world.new_tenant()
        admin = await world.token(tenant, "admin")
        path = f"/api/users/{tenant.people['admin']}"

        for change in ({"role": "user"}, {"state": "disabled"}):
            answer = await world.request("PATCH", path, token=admin, json=change)
            assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")


async def test_who_is_there_is_not_let_in_twice(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url) as world:
        tenant = await world.new_tenant()
        admin = await world.token(tenant, "admin")

        async def let_in(**new: str) -> tuple[int, str]:
            answer = await world.request("POST", "/api/users", token=admin, json=new)
            known = answer.json()
            return answer.status_code, known["id"] if answer.is_success else known["detail"]

        status, gina = await let_in(name="gina", email="gina@example.com")
        assert status == 201
        for again in (
            {"name": "gina"},
            {"name": "gina b", "email": "gina@example.com"},
            {"name": "gina@example.com"},
        ):
            status, words = await let_in(**again)
            assert (status, words.partition(". ")[2]) == (409, "Give another name or address."), words
        await world.request("PATCH", f"/api/users/{gina}", token=admin, json={"state": "disabled"})
        assert await let_in(name="gina") == (
            409,
            "'gina' is there already, and disabled. Let them in again.",
        )
        users = (await world.request("GET", "/api/users", token=admin)).json()["items"]
        assert [user["name"] for user in users if "gina" in user["name"]] == ["gina"]
        assert (await let_in(name="gina c"))[0] == 201


async def test_whoever_is_disabled_is_out_at_once(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url) as world:
        tenant = await world.new_tenant()
        admin, user = await world.token(tenant, "admin"), await world.token(tenant, "user")
        cookie = {"Cookie": f"oblivion_session={await world.cookie(tenant, 'user')}"}
        assert (await world.request("GET", "/api/me", headers=cookie)).json()["role"] == "user"

        await world.request(
            "PATCH", f"/api/users/{tenant.people['user']}", token=admin, json={"state": "disabled"}
        )

        assert (await world.request("GET", "/api/me", token=user)).status_code == 401
        assert (await world.request("GET", "/api/me", headers=cookie)).status_code == 401


async def test_a_role_counts_as_it_is_now_whatever_the_token_says(
    database: FreshDatabase, redis_url: str
) -> None:
    async with running_world(database, redis_url) as world:
        tenant = await world.new_tenant()
        user = await world.token(tenant, "user")
        forged_role = (
            await world.gateway.tokens.issue(tenant.id, f"user:{tenant.people['user']}", "admin")
        ).token

        assert (await world.request("GET", "/api/audit", token=user)).status_code == 403
        assert (await world.request("GET", "/api/audit", token=forged_role)).status_code == 403
