"""How often the hub may be asked: by a caller, and by all of a tenant together.

Counted for all replicas together, a share at a time: a replica takes so many at once and gives them out by
itself, so that most requests cost no round trip. What a replica has taken and not given out is lost to the
others for that minute, which is at most one share each.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cachetools import TTLCache

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.errors import TooManyRequests
from oblivion_platform.resilience import Rate

MINUTE_S = 60
SHARES = 50
"""A limit is taken in so many parts, at least."""
SHARE_MAX = 200
"""Each one that is taken is an entry of its own where they are counted."""
KEPT = 10_000


class Counter(Protocol):
    """Counts for all replicas: `oblivion_platform.resilience.Budget`."""

    async def acquire(self, tenant_id: UUID, key: str, rate: Rate, *, cost: int = 1) -> float:
        """Take so many and return 0; or take nothing and return the seconds after which to ask again."""
        ...


@dataclass(frozen=True, slots=True)
class PerMinute:
    """How many requests there may be."""

    caller: int
    tenant: int


@dataclass(slots=True)
class _Share:
    """What this replica has taken of a limit, and not given out."""

    left: int


_NONE = _Share(0)


class LimitRequests:
    """Takes one of each limit that a request counts against."""

    def __init__(
        self, counter: Counter, per_minute: PerMinute, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._counter = counter
        self._caller = Rate(per_minute.caller, per_s=MINUTE_S)
        self._tenant = Rate(per_minute.tenant, per_s=MINUTE_S)
        self._shares: TTLCache[tuple[UUID, str], _Share] = TTLCache(KEPT, MINUTE_S, timer=clock)

    async def take(self, caller: Caller) -> None:
        """Raises: TooManyRequests."""
        await self._take(caller.tenant_id, f"mcp:{caller.subject}", self._caller, "you")
        await self._take(caller.tenant_id, "mcp:all", self._tenant, "your team")

    async def _take(self, tenant_id: UUID, key: str, rate: Rate, whose: str) -> None:
        share = self._shares.get((tenant_id, key), _NONE)
        if share.left == 0:
            amount = min(max(1, rate.amount // SHARES), SHARE_MAX)
            wait_s = await self._counter.acquire(tenant_id, key, rate, cost=amount)
            if wait_s > 0:
                raise TooManyRequests(rate.amount, whose, wait_s)
            # Others may have taken one meanwhile.
            amount += self._shares.get((tenant_id, key), _NONE).left
            share = self._shares[tenant_id, key] = _Share(amount)
        share.left -= 1
