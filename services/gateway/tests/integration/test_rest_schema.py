"""schemathesis over the whole API in each role: no 5xx, and no answer outside its description."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

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
LEFT_OUT = {"stream_job_progress"}
"""Does not end by itself."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
UNLIMITED = {"requests_per_minute_user": 1_000_000, "requests_per_minute_tenant": 1_000_000}


@contextmanager
def running_beside(database: FreshDatabase, redis_url: str) -> Generator[tuple[World, dict[str, str | None]]]:
    """A gateway in a thread of its own, since schemathesis asks synchronously; and a token of each role."""
    ready, stop = threading.Event(), threading.Event()
    made: list[tuple[World, dict[str, str | None]]] = []

    async def live() -> None:
        async with running_world(
            database, redis_url, requests_per_minute_address=1_000_000, **UNLIMITED
        ) as world:
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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_answer_is_as_described(module_database: FreshDatabase, redis_url: str) -> None:
    with running_beside(module_database, redis_url) as (world, tokens):
        schema = schemathesis.openapi.from_url(f"{world.base_url}/api/openapi.json")
        asked: set[str] = set()
        wrong: list[str] = []
        for result in schema.get_all_operations():
            operation = result.ok()
            if operation.definition.raw.get("operationId") in LEFT_OUT:
                continue
            asked.add(operation.label)
            for role, token in tokens.items():
                try:
                    ask(operation, token, examples=EXAMPLES if role == "admin" else 1)
                except FailureGroup as failures:
                    wrong += [f"{role} {operation.label}: {failure}" for failure in failures.exceptions]

        assert wrong == []
        assert len(asked) > 60


def ask(operation: Any, token: str | None, *, examples: int) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def once(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS, allow_redirects=False)

    once()
