"""How a limit is taken from where all replicas count."""

from uuid import UUID, uuid4

import pytest

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.errors import TooManyRequests
from oblivion_mcp_hub.usecases.limit_requests import SHARE_MAX, LimitRequests, PerMinute
from oblivion_platform.resilience import Rate


class Counter:
    """Counts for itself, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.costs: dict[str, list[int]] = {}

    async def acquire(self, tenant_id: UUID, key: str, rate: Rate, *, cost: int = 1) -> float:
        if sum(self.costs.get(key, [])) + cost > rate.amount:
            return 1.0
        self.costs.setdefault(key, []).append(cost)
        return 0.0


@pytest.fixture
def caller() -> Caller:
    return Caller(uuid4(), "user", uuid4(), "user")


async def test_a_limit_is_given_out_to_its_last_one(caller):
    limits = LimitRequests(Counter(), PerMinute(caller=100, tenant=1_000))
    for _ in range(100):
        await limits.take(caller)
    with pytest.raises(TooManyRequests):
        await limits.take(caller)


async def test_of_a_limit_without_end_no_more_is_taken_at_once_than_costs_little(caller):
    counter = Counter()
    limits = LimitRequests(counter, PerMinute(caller=100_000_000, tenant=100_000_000))
    for _ in range(2 * SHARE_MAX + 1):
        await limits.take(caller)
    assert counter.costs == {f"mcp:{caller.subject}": [SHARE_MAX] * 3, "mcp:all": [SHARE_MAX] * 3}


async def test_a_share_is_over_a_minute_after_it_was_taken_however_often_it_is_used(caller):
    now_s = [0.0]
    counter = Counter()
    limits = LimitRequests(counter, PerMinute(caller=500, tenant=500), clock=lambda: now_s[0])
    for now_s[0] in (0.0, 30.0, 59.0, 61.0):
        await limits.take(caller)
    assert counter.costs == {f"mcp:{caller.subject}": [10, 10], "mcp:all": [10, 10]}
