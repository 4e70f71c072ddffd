"""Our own share of Slack's limits, as a rate that replicas can share."""

import pytest

from oblivion_platform.resilience import Rate
from oblivion_router_worker.adapters.slack_budgets import Allowance


@pytest.mark.parametrize(
    ("allowance", "rate"),
    [
        (Allowance(per_s=1.0, burst=5), Rate(5, per_s=5)),
        (Allowance(per_s=50 / 60, burst=20), Rate(20, per_s=24)),
        (Allowance(per_s=1000, burst=1000), Rate(1000, per_s=1)),
    ],
)
def test_a_burst_is_what_may_go_in_the_time_that_it_takes_in_the_long_run(allowance: Allowance, rate: Rate):
    assert allowance.as_rate() == rate


def test_a_burst_is_a_second_s_worth_at_least():
    assert Allowance(per_s=10, burst=2).as_rate() == Rate(10, per_s=1)


def test_the_slowest_allowance_lets_something_through():
    assert Allowance(per_s=0.01, burst=1).as_rate() == Rate(1, per_s=100)
