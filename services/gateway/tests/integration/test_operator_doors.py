"""What the cluster's operator asks of the gateway: who may, what is registered, and who is shut out."""

import base64
import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from oblivion_contracts.agents import AgentDefinition
from oblivion_gateway.testing import TestTenant, World, running_world
from oblivion_gateway.usecases.prove_operator import ProveOperator, Reviewed
from oblivion_platform.agents import ClientId, create_agent
from oblivion_platform.agents.credentials import new_secret
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.testing import FreshDatabase

ACCOUNT = "oblivion:oblivion-operator"
AUDIENCE = "oblivion-gateway"


def service_account_token(audience: str = AUDIENCE) -> str:
    """Looks like one; whether it is valid is for the cluster to say."""
    payload = base64.urlsafe_b64encode(json.dumps({"aud": [audience], "jti": uuid4().hex}).encode())
    return f"e30.{payload.decode().rstrip('=')}.c2ln"


class FakeCluster:
    """Implements `TokenReviews`."""

    def __init__(self) -> None:
        self.user = f"system:serviceaccount:{ACCOUNT}"
        self.reviewed: list[str] = []
        self.is_away = False

    async def review(self, token: str, audience: str) -> Reviewed:
        if self.is_away:
            raise DependencyUnavailable("cluster_unavailable", "away")
        self.reviewed.append(token)
        return Reviewed(self.user, (audience,))


class Operator:
    """Asks as the operator does."""

    def __init__(self, world: World, tenant: TestTenant, cluster: FakeCluster) -> None:
        self.world, self.tenant, self.cluster = world, tenant, cluster
        self.token = service_account_token()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.world.request(method, f"/api/operator{path}", token=self.token, **options)

    async def register(
        self,
        uid: UUID,
        secret: str,
        name: str = "fixer",
        *,
        namesakes: tuple[UUID, ...] = (),
        **definition: Any,
    ) -> httpx.Response:
        body = {
            "tenant_id": str(self.tenant.id),
            "name": name,
            "definition": definition,
            "secret_sha256": hashlib.sha256(secret.encode()).hexdigest(),
            "namesakes": [str(one) for one in namesakes],
        }
        return await self.ask("PUT", f"/agents/{uid}", json=body)

    async def retain(self, *uids: UUID) -> list[str]:
        answer = await self.ask(
            "POST", "/agents/retain", json={"uids": [str(uid) for uid in uids], "listed_s_ago": 0}
        )
        return answer.json()["uids"]

    async def demand(self) -> list[dict[str, Any]]:
        return (await self.ask("GET", f"/demand?tenant={self.tenant.id}")).json()["items"]

    async def signs_in(self, uid: UUID, secret: str) -> bool:
        client = str(ClientId(self.tenant.id, uid))
        answer = await self.world.request(
            "POST", "/auth/token", data={"client_id": client, "client_secret": secret}
        )
        return answer.status_code == 200


@asynccontextmanager
async def operating(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Operator]:
    cluster = FakeCluster()
    async with running_world(database, redis_url, operator_account=ACCOUNT) as world:
        state: Any = vars(world.gateway.app)["state"]
        state.services = replace(state.services, prove_operator=ProveOperator(cluster, ACCOUNT))
        yield Operator(world, await world.new_tenant(), cluster)


@pytest.fixture
async def operator(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Operator]:
    async with operating(database, redis_url) as found:
        yield found


async def test_the_agent_of_a_resource_signs_in_with_the_secret_that_only_its_cluster_knows(
    operator: Operator,
) -> None:
    uid, secret = uuid4(), new_secret()

    registered = await operator.register(uid, secret, description="mends")
    again = await operator.register(uid, secret, description="mends")

    assert registered.status_code == again.status_code == 200
    assert registered.json() == {"client_id": str(ClientId(operator.tenant.id, uid)), "state": "active"}
    assert await operator.signs_in(uid, secret)
    async with operator.world.database.tenant(operator.tenant.id) as tx:
        assert (await tx.execute(text("SELECT count(*) FROM client_secrets"))).scalar() == 1


async def test_another_secret_takes_the_place_of_the_first(operator: Operator) -> None:
    uid, first, second = uuid4(), new_secret(), new_secret()
    await operator.register(uid, first)
    assert await operator.signs_in(uid, first)

    await operator.register(uid, second)

    assert await operator.signs_in(uid, second)
    assert not await operator.signs_in(uid, first)


async def test_agents_whose_resources_are_gone_are_shut_out_and_their_names_are_free(
    operator: Operator,
) -> None:
    gone, there, secret = uuid4(), uuid4(), new_secret()
    await operator.register(gone, secret, aliases=["mender"])
    await operator.register(there, new_secret(), "reader")

    assert await operator.retain(there) == [str(gone)]
    assert await operator.retain(there) == []

    assert not await operator.signs_in(gone, secret)
    assert [item["uid"] for item in await operator.demand()] == [str(there)]
    assert (await operator.register(uuid4(), new_secret(), aliases=["mender"])).status_code == 200


async def test_agents_registered_after_the_listing_are_left_alone(operator: Operator) -> None:
    uid = uuid4()
    await operator.register(uid, new_secret())

    answer = await operator.ask("POST", "/agents/retain", json={"uids": [], "listed_s_ago": 30})

    assert answer.json()["uids"] == []


async def test_a_resource_applied_again_takes_over_what_was_its_predecessors(operator: Operator) -> None:
    old, new, old_secret, new_secret_ = uuid4(), uuid4(), new_secret(), new_secret()
    await operator.register(old, old_secret)
    async with operator.world.database.tenant(operator.tenant.id) as tx:
        rule = {"id": uuid4(), "tenant": operator.tenant.id, "agent": old}
        await tx.execute(
            text(
                "INSERT INTO route_rules (id, tenant_id, kind, agent_id) "
                "VALUES (:id, :tenant, 'default', :agent)"
            ),
            rule,
        )

    answer = await operator.register(new, new_secret_)

    assert answer.status_code == 200
    assert await operator.signs_in(new, new_secret_)
    assert not await operator.signs_in(old, old_secret)
    async with operator.world.database.tenant(operator.tenant.id) as tx:
        assert (await tx.execute(text("SELECT agent_id FROM route_rules"))).scalar() == new


async def test_a_namesake_that_exists_keeps_its_name(operator: Operator) -> None:
    first, secret = uuid4(), new_secret()
    await operator.register(first, secret)

    answer = await operator.register(uuid4(), new_secret(), namesakes=(first,))

    assert (answer.status_code, answer.json()["code"]) == (409, "agent_name_taken")
    assert await operator.signs_in(first, secret)


async def test_an_agent_that_people_registered_keeps_its_name_and_one_of_the_squad_makes_room(
    operator: Operator,
) -> None:
    async with operator.world.database.tenant(operator.tenant.id) as tx:
        await create_agent(tx, operator.tenant.id, "general", AgentDefinition(), origin="squad")
        await create_agent(tx, operator.tenant.id, "own", AgentDefinition())

    assert (await operator.register(uuid4(), new_secret(), "general")).status_code == 200
    assert (await operator.register(uuid4(), new_secret(), "own")).status_code == 409


async def test_a_resource_does_not_move_to_another_tenant(operator: Operator) -> None:
    uid = uuid4()
    await operator.register(uid, new_secret())
    operator.tenant = await operator.world.new_tenant()

    answer = await operator.register(uid, new_secret())

    assert (answer.status_code, answer.json()["code"]) == (409, "agent_of_another_tenant")


async def test_an_agent_that_an_admin_disabled_stays_so(operator: Operator) -> None:
    uid, secret = uuid4(), new_secret()
    await operator.register(uid, secret)
    admin = await operator.world.token(operator.tenant, "admin")
    await operator.world.request("DELETE", f"/api/agents/{uid}", token=admin)

    assert (await operator.register(uid, secret)).json()["state"] == "disabled"
    assert [item["state"] for item in await operator.demand()] == ["disabled"]
    assert not await operator.signs_in(uid, secret)


async def test_demand_counts_live_runs_and_what_today_cost(operator: Operator) -> None:
    uid, session = uuid4(), uuid4()
    await operator.register(uid, new_secret(), limits={"usd_per_day": 2})
    async with operator.world.database.tenant(operator.tenant.id) as tx:
        names = {"tenant": operator.tenant.id, "session": session, "agent": uid}
        await tx.execute(
            text("INSERT INTO sessions (id, tenant_id, source) VALUES (:session, :tenant, 'api')"), names
        )
        # An hour ahead, and of today although midnight should come before it is asked.
        ahead = "now() + interval '1 hour'"
        for state, cost, finished in (("waiting", 0, "NULL"), ("succeeded", 2.5, ahead)):
            await tx.execute(
                text(
                    "INSERT INTO runs (id, tenant_id, session_id, source, state, thread, prompt, agent_id, "
                    f"cost_usd, created_at, finished_at) VALUES (:id, :tenant, :session, 'api', '{state}', "
                    f"'{state}', 'x', :agent, {cost}, {ahead}, {finished})"
                ),
                {**names, "id": uuid4()},
            )

    (found,) = await operator.demand()

    assert (found["live_runs"], found["online"], found["over_budget"]) == (1, 0, True)
    assert found["last_finished_at"] is not None


async def test_a_tenant_is_found_by_slug_and_by_id_and_no_other_is(operator: Operator) -> None:
    tenant = operator.tenant
    for name in (tenant.slug, str(tenant.id)):
        answer = await operator.ask("GET", f"/tenants/{name}")
        assert answer.json() == {"id": str(tenant.id), "slug": tenant.slug}

    assert (await operator.ask("GET", "/tenants/nobody")).status_code == 404


async def test_only_the_operators_account_may_and_the_cluster_is_asked_once_a_minute(
    operator: Operator,
) -> None:
    assert (await operator.ask("GET", f"/tenants/{operator.tenant.slug}")).status_code == 200
    assert (await operator.ask("GET", f"/tenants/{operator.tenant.slug}")).status_code == 200
    assert len(operator.cluster.reviewed) == 1

    operator.token = service_account_token()
    operator.cluster.user = "system:serviceaccount:elsewhere:other"
    assert (await operator.ask("GET", "/tenants/x")).status_code == 403
    operator.cluster.user = ""
    assert (await operator.ask("GET", "/tenants/x")).status_code == 401
    operator.cluster.is_away = True
    assert (await operator.ask("GET", "/tenants/x")).status_code == 503


async def test_a_token_that_is_not_meant_for_the_gateway_is_not_shown_to_the_cluster(
    operator: Operator,
) -> None:
    operator.token = await operator.world.token(operator.tenant, "admin")
    assert (await operator.ask("GET", "/tenants/x")).status_code == 401
    operator.token = service_account_token("https://kubernetes.default.svc")
    assert (await operator.ask("GET", "/tenants/x")).status_code == 401
    operator.token = "no-token"
    assert (await operator.ask("GET", "/tenants/x")).status_code == 401

    assert operator.cluster.reviewed == []


async def test_without_a_cluster_the_doors_say_so(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url) as world:
        answer = await world.request("GET", "/api/operator/tenants/x", token=service_account_token())

        assert (answer.status_code, answer.json()["code"]) == (404, "no_cluster")
