"""What becomes of an event whose handling fails, as its row tells."""

from datetime import UTC, datetime, timedelta

import pytest

from oblivion_contracts.jobs import ProcessEvent
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import DependencyUnavailable, PermanentFailure, RateLimited
from oblivion_router_worker.usecases.handle_event import NotOurTurn, TenantSuspended
from oblivion_router_worker.usecases.note_failure import (
    TRIES_BEFORE_GIVING_UP,
    FailurePolicy,
    NoteFailure,
    Verdict,
)

POLICY = FailurePolicy(attempts=3, park_first_s=0.5, park_max_s=60, give_up_after=timedelta(hours=24))
AWAY = DependencyUnavailable("clickup_unavailable", "ClickUp does not answer")


class FixedClock:
    def __init__(self, later: timedelta = timedelta()) -> None:
        self._now = datetime.now(UTC) + later

    def now(self):
        return self._now


@pytest.fixture
def note(noted):
    async def note(event_id, failure, *, later=timedelta()):
        return (await noted(event_id, failure, later)).verdict

    return note


@pytest.fixture
def noted(world):
    async def noted(event_id, failure, later=timedelta()):
        command = ProcessEvent(event_id=event_id, tenant_id=world.tenant_id)
        return await NoteFailure(world.store, POLICY, FixedClock(later))(command, failure)

    return noted


async def row(world, event_id):
    (found,) = await world.rows("SELECT * FROM inbound_events WHERE id = :id", id=event_id)
    return found


@pytest.mark.parametrize(
    "failure",
    [
        RateLimited("clickup_rate_limited", "wait", 60),
        DependencyUnavailable("clickup_unavailable", "away"),
        NotOurTurn(),
        TenantSuspended(),
    ],
)
async def test_what_may_pass_by_itself_is_no_attempt(world, note, failure):
    event = await world.tell_clickup("taskCreated")
    assert await note(event, failure) is Verdict.PARK
    assert ((await row(world, event))["attempts"], await world.state(event)) == (0, "received")


async def test_waiting_grows_with_each_time_and_has_an_end(world, noted):
    event = await world.tell_clickup("taskCreated")
    waits = [(await noted(event, AWAY)).wait_s for _ in range(9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


async def test_waiting_for_its_turn_or_a_budget_makes_no_later_trouble_longer(world, noted):
    event = await world.tell_clickup("taskCreated")
    turns = [(await noted(event, NotOurTurn())).wait_s for _ in range(20)]
    assert set(turns) == {0.075}
    assert (await noted(event, RateLimited("clickup_rate_limited", "wait", 7))).wait_s == 7
    assert (await noted(event, AWAY)).wait_s == 0.5


async def test_a_database_that_comes_and_goes_is_looked_for_every_two_seconds(world, noted):
    event = await world.tell_clickup("taskCreated")
    gone = DependencyUnavailable("postgres_unavailable", "Postgres does not answer")
    waits = [(await noted(event, gone)).wait_s for _ in range(12)]
    assert max(waits) == 2


async def test_what_has_not_passed_in_a_day_is_dead(world, note):
    event = await world.tell_clickup("taskCreated")
    for _ in range(TRIES_BEFORE_GIVING_UP):
        assert await note(event, AWAY) is Verdict.PARK
    assert await note(event, AWAY, later=timedelta(hours=25)) is Verdict.GIVE_UP
    dead = await row(world, event)
    assert dead["state"] == "dead"
    assert [failure["code"] for failure in dead["failures"]] == ["clickup_unavailable"] * 2


async def test_an_event_that_waited_long_for_its_first_try_gets_its_tries(world, note):
    event = await world.tell_clickup("taskCreated")
    await world.run("UPDATE inbound_events SET received_at = received_at - interval '3 days'")
    assert await note(event, AWAY) is Verdict.PARK
    assert await note(event, AWAY, later=timedelta(hours=25)) is Verdict.PARK


async def test_a_rate_limit_is_waited_for_however_old_the_event_is(world, note):
    event = await world.tell_clickup("taskCreated")
    limited = RateLimited("clickup_rate_limited", "wait", 60)
    for _ in range(TRIES_BEFORE_GIVING_UP + 1):
        assert await note(event, limited, later=timedelta(days=3)) is Verdict.PARK


async def test_a_replayed_event_does_not_answer_for_the_waiting_before(world, note):
    event = await world.tell_clickup("goalCreated")
    for _ in range(TRIES_BEFORE_GIVING_UP):
        await note(event, AWAY)
    await world.handled(event)
    await world.run("UPDATE inbound_events SET state = 'received'")
    assert await note(event, AWAY, later=timedelta(hours=25)) is Verdict.PARK


async def test_a_permanent_failure_is_dead_at_once_with_its_sentence(world, note):
    event = await world.tell_clickup("taskCreated")
    assert await note(event, PermanentFailure("malformed_body", "it cannot be read")) is Verdict.GIVE_UP
    (failure,) = (await row(world, event))["failures"]
    assert (failure["code"], failure["message"], failure["attempt"]) == (
        "malformed_body",
        "it cannot be read",
        1,
    )
    assert failure["at"]


async def test_a_failure_that_nobody_foresaw_is_tried_three_times_and_keeps_no_value(world, note):
    event = await world.tell_clickup("taskCreated")
    verdicts = [await note(event, KeyError("xoxb-secret")) for _ in range(3)]
    assert verdicts == [Verdict.RETRY, Verdict.RETRY, Verdict.GIVE_UP]
    dead = await row(world, event)
    assert (dead["state"], dead["attempts"], len(dead["failures"])) == ("dead", 3, 3)
    assert "xoxb-secret" not in str(dead["failures"])


async def test_a_failure_of_an_event_that_is_done_changes_nothing(world, note):
    event = await world.tell_clickup("goalCreated")
    await world.handled(event)
    assert await note(event, KeyError()) is Verdict.GIVE_UP
    assert await world.state(event) == "ignored"


async def test_a_pool_without_a_free_connection_is_a_database_that_is_away(world, database):
    small = Database.connect(database.url("oblivion_router_worker"), pool_size=1)
    small.engine.sync_engine.pool._timeout = 0.05
    try:
        async with small.tenant(world.tenant_id):
            with pytest.raises(DependencyUnavailable):
                async with small.tenant(world.tenant_id):
                    pass
    finally:
        await small.close()
