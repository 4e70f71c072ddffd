"""schemathesis over the whole API in each role: no 5xx, and no answer outside its description."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from oblivion_gateway.testing import World, running_world
from oblivion_platform.testing import FreshDatabase

EXAMPLES = 4
ENDLESS = {"stream_job_progress"}
"""Asked for runs that are not there alone: else it does not end by itself."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
UNLIMITED = {
    "user_requests_per_minute": 1_000_000,
    "tenant_requests_per_minute": 1_000_000,
    "address_requests_per_minute": 1_000_000,
}


@contextmanager
def running_beside(database: FreshDatabase, redis_url: str) -> Generator[tuple[World, dict[str, str | None]]]:
    """A gateway in a thread of its own, since schemathesis asks synchronously; and a token of each role."""
    ready, stop = threading.Event(), threading.Event()
    made: list[tuple[World, dict[str, str | None]]] = []

    async def live() -> None:
        async with running_world(database, redis_url, **UNLIMITED) as world:
            tenant = await world.new_tenant()
            tokens: dict[str, str | None] = {
                role: await world.token(tenant, role) for role in ("admin", "user", "guest", "operator")
            }
            tokens["agent"] = await world.agent_token(await world.new_agent(tenant))
            made.append((world, {**tokens, "nobody": None}))
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert ready.wait(30)
        yield made[0]
    finally:
        stop.set()
        thread.join()


@pytest.mark.timeout(600)  # Some hundred requests.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_answer_is_as_described(module_database: FreshDatabase, redis_url: str) -> None:
    with running_beside(module_database, redis_url) as (world, tokens):
        schema = schemathesis.openapi.from_url(f"{world.base_url}/api/openapi.json")
        asked, wrong, statuses = set[str](), list[str](), set[int]()
        for result in schema.get_all_operations():
            operation = result.ok()
            is_endless = operation.definition.raw.get("operationId") in ENDLESS
            needs_some = "{" in operation.path and not is_endless
            things = one_of_each(world, tokens["admin"] or "") if needs_some else {}
            asked.add(operation.label)
            for role, token in tokens.items():
                asking = Asking(operation, token, things, statuses)
                try:
                    asking.times(EXAMPLES if role == "admin" else 1)
                except FailureGroup as failures:
                    wrong += [f"{role} {operation.label}: {failure}" for failure in failures.exceptions]

        assert wrong == []
        assert len(asked) > 60
        assert 429 not in statuses, "whoever is limited reaches nothing"
        assert {200, 201, 202, 204} <= statuses


def one_of_each(world: World, token: str) -> dict[str, str]:
    """Things that are really there, by the names that paths have for their ids."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=world.base_url, headers=headers, timeout=30) as client:

        def make(path: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
            return client.request(method, path, json=body).raise_for_status().json()

        name = f"thing-{uuid4().hex[:12]}"
        agent = make("/api/agents", {"name": name})
        session = make("/api/sessions", {})["id"]
        return {
            "agent_id": agent["agent"]["id"],
            "secret_id": agent["credentials"]["secret_id"],
            "session_id": session,
            "run_id": make(f"/api/sessions/{session}/messages", {"text": "hello"})["run_id"],
            "workflow_id": make("/api/workflows", {"name": name, "prompt": "say hi"})["id"],
            "user_id": make("/api/users", {"name": name})["id"],
            "rule_id": make("/api/routes/rules", {"kind": "default", "agent": name}, "PUT")["id"],
        }


@dataclass
class Asking:
    """One operation in one role; every other time for things that are there."""

    operation: Any
    token: str | None
    things: dict[str, str]
    statuses: set[int]

    def times(self, examples: int) -> None:
        """Raises: FailureGroup."""
        numbers = count()

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=self.operation.as_strategy())
        def once(case: Any) -> None:
            self._once(case, for_real=next(numbers) % 2 == 0)

        once()

    def _once(self, case: Any, *, for_real: bool) -> None:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if for_real and case.path_parameters:
            known = {name: self.things[name] for name in case.path_parameters if name in self.things}
            case.path_parameters.update(known)
        answer = case.call(headers=headers, allow_redirects=False)
        self.statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS, headers=headers)
