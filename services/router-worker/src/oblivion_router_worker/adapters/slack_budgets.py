"""How often we may call Slack: a message a second per channel with short bursts, and a tier per method.

Counted in Redis, so that all replicas share what Slack allows; each for itself while Redis is away, and what
they then overdraw together, Slack's 429 tells: all replicas wait for as long as it says. Source: https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
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
    """Budgets by key, shared by all replicas; so are the pauses that Slack asks for."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    async def spend(self, tenant_id: UUID, key: str, allowance: Allowance, *, keep: int = 0) -> None:
        """Use one call, but for the last `keep`, which are for what is more urgent.

        Raises:
            RateLimited: none is left now.
        """
        wait_s = await self._budget.acquire(tenant_id, _named(key), allowance.as_rate(), headroom=keep)
        _go_on_after(wait_s)

    async def respect(self, tenant_id: UUID, key: str) -> None:
        """For calls that we do not count ourselves.

        Raises:
            RateLimited: Slack has asked one of us to wait.
        """
        _go_on_after(await self._budget.paused_for_s(tenant_id, _named(key)))

    async def pause(self, tenant_id: UUID, key: str, for_s: float) -> None:
        """Slack asks us to wait, and so everybody waits."""
        await self._budget.pause(tenant_id, _named(key), for_s)


def key_of(integration_id: UUID, method: str, arguments: Mapping[str, Any]) -> str:
    """What Slack counts a call by: messages by channel, all else by method and workspace."""
    if method == "chat.postMessage":
        return f"post:{integration_id}:{arguments.get('channel')}"
    return f"{method}:{integration_id}"


def _named(key: str) -> str:
    return f"slack:{key}"


def _go_on_after(wait_s: float) -> None:
    if wait_s > 0:
        message = "our own budget for this Slack channel or method is used up; it goes on by itself"
        raise RateLimited("slack_budget_spent", message, retry_after_s=wait_s)
