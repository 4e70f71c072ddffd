"""The slow path against the sandbox's model: its answer, its silence, its nonsense."""

from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from oblivion_platform.resilience.breaker import Breakers
from oblivion_platform.routing import ModelChoice, ModelSlowPath, Stage, compile_router, default_squad, route
from oblivion_platform.routing.slow_path import PROVIDER
from oblivion_sandbox.testing import RunningSandbox, running_sandbox

# Sure of nothing, so that everything is left to the slow path.
ROUTER = compile_router(default_squad(), answers_from=1.1)
TEXT = "hmpf, the usual thing with the thing"
TENANT = uuid4()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncGenerator[RunningSandbox]:
    async with running_sandbox(tmp_path) as running:
        yield running


def slow_path(
    sandbox: RunningSandbox, breakers: Breakers | None = None, deadline_s: float = 30.0
) -> ModelSlowPath:
    choice = ModelChoice("openai:sandbox", sandbox.llm_base_url, SecretStr("any"))
    return ModelSlowPath(choice, breakers or Breakers(), deadline_s=deadline_s)


async def decided(path: ModelSlowPath, tenant: UUID = TENANT):
    return await path.choose(tenant, ROUTER, TEXT, route(ROUTER, TEXT))


async def test_a_models_choice_is_taken(sandbox: RunningSandbox):
    text = "please review the pull request"
    decision = await slow_path(sandbox).choose(TENANT, ROUTER, text, route(ROUTER, text))
    assert (decision.agent, decision.stage) == ("github", Stage.SLOW)


@pytest.mark.parametrize("how", ["arguments", "values", "unknown_tool", "blank", "empty", "invalid_json"])
async def test_nonsense_falls_to_the_guess_or_the_generalist(sandbox: RunningSandbox, how: str):
    await sandbox.control.llm.misbehave("*", "nonsense", how=how)
    decision = await decided(slow_path(sandbox))
    assert decision.stage in (Stage.GUESS, Stage.GENERAL)
    assert "model" in decision.reason


async def test_once_it_is_warm_a_first_question_is_answered_within_a_short_deadline(sandbox: RunningSandbox):
    choice = ModelChoice("openai:sandbox", sandbox.llm_base_url, SecretStr("any"))
    path = ModelSlowPath(choice, Breakers(), deadline_s=5.0, warm_up_after_s=0)
    await path.warm_up()
    text = "please review the pull request"
    decision = await path.choose(TENANT, ROUTER, text, route(ROUTER, text))
    assert (decision.agent, decision.stage) == ("github", Stage.SLOW)


async def test_a_model_that_is_late_is_not_waited_for(sandbox: RunningSandbox):
    path = slow_path(sandbox)
    await decided(path)
    await sandbox.control.llm.misbehave("*", "slow", seconds=20)
    hasty = slow_path(sandbox, deadline_s=0.2)
    decision = await decided(hasty)
    assert decision.stage in (Stage.GUESS, Stage.GENERAL)
    assert "in time" in decision.reason


async def test_a_model_that_fails_again_and_again_is_left_alone(sandbox: RunningSandbox):
    await sandbox.control.llm.misbehave("*", "error", status=503)
    breakers = Breakers(failures_to_open=2)
    path = slow_path(sandbox, breakers)
    reasons = [(await decided(path)).reason for _ in range(3)]
    assert breakers.state(TENANT, PROVIDER) == "opened"
    assert "left alone" in reasons[-1]


async def test_one_tenants_breaker_is_not_anothers(sandbox: RunningSandbox):
    breakers = Breakers(failures_to_open=1)
    path = slow_path(sandbox, breakers)
    await sandbox.control.llm.misbehave("*", "error", status=503, times=1)
    await decided(path)
    assert breakers.state(TENANT, PROVIDER) == "opened"
    assert "left alone" not in (await decided(path, uuid4())).reason
