"""Limits on requests: of an address before anybody is known, then of a caller and of their tenant.

Agents come back in thousands from one address when a gateway begins again. So what is limited of their
connects are those that show no good token: beyond the limit none of their address is looked at for a while.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from oblivion_gateway.domain.allowances import Allowance, Limit, tightest
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.errors import TooManyRequests
from oblivion_gateway.socket_errors import TooManyBadTokens

NO_TENANT = "-"


class Counters(Protocol):
    """Counts over a moving minute, for all replicas."""

    async def take(self, limits: Sequence[Limit]) -> list[Allowance]: ...


@dataclass(frozen=True, slots=True)
class PerMinute:
    """How many requests there may be of each."""

    user: int = 100
    tenant: int = 1_000
    address: int = 10_000


class LimitRequests:
    """Takes one of each limit that a request counts against."""

    def __init__(self, counters: Counters, per_minute: PerMinute) -> None:
        self._counters = counters
        self._per_minute = per_minute

    async def of_address(self, address: str) -> Allowance:
        """Raises: TooManyRequests."""
        return await self._take([Limit("address", NO_TENANT, address, self._per_minute.address)])

    async def of_caller(self, caller: Caller) -> Allowance:
        """Raises: TooManyRequests."""
        space = str(caller.tenant_id)
        return await self._take(
            [
                Limit(caller.kind, space, caller.subject, self._per_minute.user),
                Limit("tenant", space, "all", self._per_minute.tenant),
            ]
        )

    async def of_bad_token(self, address: str) -> Allowance:
        """One more that showed no good token, counted apart from requests. Raises: TooManyRequests."""
        return await self._take(
            [Limit("address", NO_TENANT, f"bad-token:{address}", self._per_minute.address)]
        )

    async def _take(self, limits: list[Limit]) -> Allowance:
        allowance = tightest(await self._counters.take(limits))
        if not allowance.granted:
            raise TooManyRequests(allowance)
        return allowance


BLIND_S = 5.0
"""At most so long is nothing of an address looked at: good tokens may come from there too."""


class LimitBadTokens:
    """Knows the addresses that showed too many bad tokens; good ones cost nothing, and count for nothing."""

    def __init__(self, limits: LimitRequests) -> None:
        self._limits = limits
        self._blind_until: dict[str, float] = {}
        """By address."""

    def check(self, address: str) -> None:
        """Raises: TooManyBadTokens."""
        wait_s = self._blind_until.get(address, 0.0) - time.monotonic()
        if wait_s > 0:
            raise TooManyBadTokens(wait_s)

    async def count(self, address: str) -> None:
        """Raises: TooManyBadTokens."""
        try:
            await self._limits.of_bad_token(address)
        except TooManyRequests as refused:
            now, wait_s = time.monotonic(), min(refused.allowance.reset_s, BLIND_S)
            self._blind_until = {each: until for each, until in self._blind_until.items() if until > now}
            self._blind_until[address] = now + wait_s
            raise TooManyBadTokens(wait_s) from None
