"""How many pods an Agent shall have now."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from oblivion_contracts.agent_operator import AgentDemand
from oblivion_contracts.agent_resource import AgentSpec
from oblivion_operator.domain.agents import Agent, Ref
from oblivion_operator.domain.scaling import wanted_replicas

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
UID = UUID("0b11d107-0000-4000-8000-000000000001")


def sleeper(*, active_minutes_ago: int | None = None, **spec: Any) -> Agent:
    active_at = None if active_minutes_ago is None else NOW - timedelta(minutes=active_minutes_ago)
    spec = {"replicas": 0, "idleMinutes": 10, **spec}
    return Agent(Ref("team", "fixer"), UID, 1, AgentSpec.model_validate(spec), active_at)


def demand(live_runs: int = 0, *, finished_minutes_ago: int | None = None) -> AgentDemand:
    finished = None if finished_minutes_ago is None else NOW - timedelta(minutes=finished_minutes_ago)
    return AgentDemand(uid=UID, state="active", live_runs=live_runs, online=0, last_finished_at=finished)


def test_a_fixed_number_stays_whatever_the_demand() -> None:
    assert wanted_replicas(sleeper(replicas=3), 1, demand(0), NOW) == 3
    assert wanted_replicas(sleeper(replicas=3), 0, None, NOW) == 3


def test_the_first_run_wakes_it() -> None:
    assert wanted_replicas(sleeper(), 0, demand(1), NOW) == 1
    assert wanted_replicas(sleeper(), 0, demand(50), NOW) == 1


@pytest.mark.parametrize(
    ("woken", "finished", "wanted"), [(9, None, 1), (10, None, 0), (60, 9, 1), (60, 11, 0)]
)
def test_it_sleeps_again_after_its_idle_minutes(woken: int, finished: int | None, wanted: int) -> None:
    agent = sleeper(active_minutes_ago=woken)

    assert wanted_replicas(agent, 1, demand(0, finished_minutes_ago=finished), NOW) == wanted


def test_it_stays_awake_while_it_works() -> None:
    assert wanted_replicas(sleeper(active_minutes_ago=600), 1, demand(1), NOW) == 1


def test_without_word_from_the_gateway_it_stays_as_it_is() -> None:
    assert wanted_replicas(sleeper(active_minutes_ago=600), 1, None, NOW) == 1
    assert wanted_replicas(sleeper(), 0, None, NOW) == 0
