"""How often we may call Slack: a message a second per channel with short bursts, and a tier per method.

Counted in Redis, so that all replicas share what Slack allows; each for itself while Redis is away, and what
they then overdraw together, Slack's 429 tells. Source: https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from dataclasses import dataclass
from uuid import UUID

from oblivion_platform.errors import RateLimited
from oblivion_platform.resilience import Budget, Rate


@dataclass(frozen=True, slots=True)
class Allowance:
    """`per_s` in the long run, `burst` at once; of one second's worth at least."""

    per_s: float
    burst: float

    def as_rate(self) -> Rate:
        """As many as keep the long run, in whole seconds that a burst lasts."""
        window_s = max(1, math.ceil(self.burst / self.per_s))
        return Rate(max(1, round(self.per_s * window_s)), window_s)


class SlackBudgets:
    """Budgets by key, shared by all replicas."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    async def spend(self, tenant_id: UUID, key: str, allowance: Allowance, *, keep: int = 0) -> None:
        """Use one call, but for the last `keep`, which are for what is more urgent.

        Raises:
            RateLimited: none is left now.
        """
        wait_s = await self._budget.acquire(tenant_id, f"slack:{key}", allowance.as_rate(), headroom=keep)
        if wait_s > 0:
            message = "our own budget for this Slack channel or method is used up; it goes on by itself"
            raise RateLimited("slack_budget_spent", message, retry_after_s=wait_s)
