"""When a workflow runs next, and what is said of a schedule that never comes."""

from datetime import UTC, datetime

import pytest

from oblivion_contracts.workflows import WorkflowDefinition
from oblivion_platform.operations.errors import CannotBeDone
from oblivion_platform.operations.workflows import next_run_at

MONDAY = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


def daily(**fields: str) -> WorkflowDefinition:
    return WorkflowDefinition.model_validate(
        {"name": "daily", "prompt": "x", "schedule": "0 9 * * 1-5", **fields}
    )


def test_it_runs_at_the_time_of_its_zone() -> None:
    assert next_run_at(daily(), MONDAY) == MONDAY.replace(hour=9, minute=0)
    assert next_run_at(daily(timezone="Europe/Rome"), MONDAY) == datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize("schedule", ["every day", "0 25 * * *", "0 0 31 2 *", "* * *", "@daily"])
def test_a_schedule_that_is_none_is_named_with_one_that_is(schedule: str) -> None:
    with pytest.raises(CannotBeDone) as refused:
        next_run_at(daily(schedule=schedule), MONDAY)
    said = refused.value.message
    assert said.startswith(
        f"schedule: '{schedule}' is not a cron expression of five fields, such as 0 9 * * 1-5 ("
    )
    assert "`" not in said


def test_a_time_zone_that_is_none_is_named() -> None:
    with pytest.raises(
        CannotBeDone, match="timezone: 'Mars/Olympus' is none that is known, such as Europe/Rome"
    ):
        next_run_at(daily(timezone="Mars/Olympus"), MONDAY)
