"""A token's requests of one minute, shared out by urgency."""

import pytest

from oblivion_platform.clickup import TokenBudget, Use
from oblivion_platform.errors import RateLimited


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def told(limit: int, remaining: int, reset_s: int) -> dict[str, str]:
    values = {"Limit": limit, "Remaining": remaining, "Reset": reset_s}
    return {f"X-RateLimit-{name}": str(value) for name, value in values.items()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> TokenBudget:
    return TokenBudget(clock)


def spend_all(budget: TokenBudget, use: Use) -> int:
    spent = 0
    while True:
        try:
            budget.spend(use)
        except RateLimited:
            return spent
        budget.learn({})
        spent += 1


@pytest.mark.parametrize(("use", "share"), [(Use.CREATION, 100), (Use.CHANGE, 90), (Use.GAP_FILLING, 50)])
def test_before_the_first_answer_a_hundred_a_minute_less_what_is_left_to_others(budget, use, share):
    assert spend_all(budget, use) == share


def test_creations_may_use_what_changes_must_leave(budget):
    assert spend_all(budget, Use.CHANGE) == 90
    assert spend_all(budget, Use.CREATION) == 10


def test_a_spent_budget_says_when_the_window_ends(budget, clock):
    budget.spend(Use.CREATION)
    budget.learn(told(100, 0, int(clock.now) + 20))
    with pytest.raises(RateLimited) as limited:
        budget.spend(Use.CREATION)
    assert limited.value.retry_after_s == pytest.approx(20)


def test_a_new_window_begins_full(budget, clock):
    spend_all(budget, Use.CREATION)
    clock.now += 61
    assert spend_all(budget, Use.CREATION) == 100


def test_the_limit_of_a_bigger_plan_is_learned(budget, clock):
    budget.spend(Use.CHANGE)
    budget.learn(told(1000, 999, int(clock.now) + 60))
    assert spend_all(budget, Use.CHANGE) == 899


def test_requests_on_their_way_are_counted(budget, clock):
    for _ in range(3):
        budget.spend(Use.CREATION)
    budget.learn(told(100, 5, int(clock.now) + 60))
    assert budget.remaining == 3


def test_other_users_of_the_same_token_are_seen(budget, clock):
    budget.spend(Use.CREATION)
    budget.learn(told(100, 40, int(clock.now) + 60))
    assert spend_all(budget, Use.GAP_FILLING) == 0
    assert spend_all(budget, Use.CHANGE) == 30


def test_a_clock_that_runs_ahead_of_ours_stops_us_for_a_minute_at_most(budget, clock):
    budget.spend(Use.CREATION)
    budget.learn(told(100, 0, int(clock.now) + 86_400))
    with pytest.raises(RateLimited) as limited:
        budget.spend(Use.CREATION)
    assert limited.value.retry_after_s <= 60


@pytest.mark.parametrize("junk", ["", "nan", "-5", "1e3", "٣", "9" * 40])
def test_headers_that_are_no_numbers_are_ignored(budget, junk):
    budget.spend(Use.CREATION)
    budget.learn({"X-RateLimit-Limit": junk, "X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "5"})
    assert budget.remaining == 99
