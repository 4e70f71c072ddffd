"""Earlier runs, searched over REST: what is found, and by whom."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from oblivion_contracts.runs import RunSource
from oblivion_gateway.testing import TestTenant
from oblivion_gateway.testing_agents import about, work
from oblivion_platform.testing import eventually
from oblivion_sandbox.testing import running_sandbox

LOGIN = "the login page works again"


@dataclass
class Past:
    """An office in which some runs were finished, and are in the index; their ids by what they were."""

    office: Any
    runs: dict[str, str] = field(default_factory=dict[str, str])

    async def search(self, role: str, *, tenant: TestTenant | None = None, **search: Any) -> httpx.Response:
        world = self.office.world
        token = await world.token(tenant or self.office.tenant, role)
        body = {"query": "users cannot log in", "limit": 50, **search}
        return await world.request("POST", "/api/history/search", token=token, json=body)

    async def found(self, role: str, *, tenant: TestTenant | None = None, **search: Any) -> set[str]:
        answer = (await self.search(role, tenant=tenant, **search)).raise_for_status()
        names = {run_id: name for name, run_id in self.runs.items()}
        return {names[hit["run_id"]] for hit in answer.json()["hits"]}


@pytest.fixture
async def past(new_office: Callable[..., Awaitable[Any]], tmp_path: Path) -> AsyncGenerator[Past]:
    async with running_sandbox(tmp_path) as sandbox:
        office = await new_office(qdrant_url=sandbox.qdrant_url)
        past, agent, people = Past(office), await office.agent(), office.tenant.people
        kinds: dict[str, dict[str, Any]] = {
            "user's own": {"user_id": people["user"]},
            "admin's own": {"user_id": people["admin"]},
            "public": {"source": RunSource.SLACK, "place": {"is_public": True}, "user_id": people["admin"]},
            "private channel": {
                "source": RunSource.SLACK, "place": {"is_public": False}, "user_id": people["admin"],
            },
        }  # fmt: skip
        for name, more in kinds.items():
            assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id, **more)
            assert (await agent.call("task.completed", {**about(assigned), "answer": LOGIN})).ok
            past.runs[name] = str(assigned.run_id)

        async def indexed() -> None:
            async with office.dispatcher.database.tenant(office.tenant.id) as tx:
                left = await tx.execute(text("SELECT count(*) FROM runs WHERE indexed_at IS NULL"))
            assert left.scalar_one() == 0

        await eventually(indexed, within_s=30)
        yield past


async def test_users_find_what_was_shared_and_their_own_and_admins_find_all(past: Past) -> None:
    assert await past.found("user") == {"user's own", "public"}
    assert (await past.search("guest")).status_code == 403
    assert await past.found("admin") == set(past.runs)
    hits = (await past.search("user")).json()["hits"]
    assert {(hit["answer"], hit["agent"]) for hit in hits} == {(LOGIN, "fixer")}


async def test_nothing_is_found_from_another_tenant(past: Past) -> None:
    other = await past.office.world.new_tenant()
    assert await past.found("admin", tenant=other) == set()


async def test_a_search_is_narrowed_by_source_agent_time_and_number(past: Past) -> None:
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    assert await past.found("admin", source="slack") == {"public", "private channel"}
    assert await past.found("admin", agent="fixer") == set(past.runs)
    assert await past.found("admin", agent="notion") == set()
    assert await past.found("admin", since=(now + minute).isoformat()) == set()
    assert await past.found("admin", until=(now - 60 * minute).isoformat()) == set()
    between = {"since": (now - 60 * minute).isoformat(), "until": (now + minute).isoformat()}
    assert await past.found("admin", **between) == set(past.runs)
    assert len(await past.found("admin", limit=1)) == 1
    assert (await past.search("admin", limit=51)).status_code == 422


async def test_without_an_index_the_answer_says_what_to_set(office: Any) -> None:
    token = await office.world.token(office.tenant, "user")
    answer = await office.world.request("POST", "/api/history/search", token=token, json={"query": "x"})
    assert answer.status_code == 404
    assert "OBLIVION_QDRANT_URL" in answer.json()["detail"]
