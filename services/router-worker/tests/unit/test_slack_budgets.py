"""Our own share of Slack's limits."""

import pytest

from oblivion_platform.errors import RateLimited
from oblivion_router_worker.adapters.slack_budgets import MOST_BUCKETS, Allowance, SlackBudgets


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_one_a_second():
    clock = Clock()
    budgets, a_second = SlackBudgets(clock), Allowance(per_s=1.0, burst=3)
    for _ in range(3):
        budgets.spend("C1", a_second)
    with pytest.raises(RateLimited) as limited:
        budgets.spend("C1", a_second)
    assert limited.value.retry_after_s == pytest.approx(1.0)
    clock.now += 1.0
    budgets.spend("C1", a_second)
    with pytest.raises(RateLimited):
        budgets.spend("C1", a_second)


def test_channels_have_budgets_of_their_own():
    budgets, one = SlackBudgets(Clock()), Allowance(1.0, 1)
    budgets.spend("C1", one)
    budgets.spend("C2", one)


def test_a_quiet_channel_saves_no_more_than_a_burst():
    clock = Clock()
    budgets, allowance = SlackBudgets(clock), Allowance(1.0, 2)
    budgets.spend("C1", allowance)
    clock.now += 3600
    budgets.spend("C1", allowance)
    budgets.spend("C1", allowance)
    with pytest.raises(RateLimited):
        budgets.spend("C1", allowance)


def test_memory_is_bounded():
    budgets = SlackBudgets(Clock())
    for number in range(MOST_BUCKETS + 10):
        budgets.spend(f"C{number}", Allowance(1.0, 1))
    assert len(budgets._buckets) <= MOST_BUCKETS
