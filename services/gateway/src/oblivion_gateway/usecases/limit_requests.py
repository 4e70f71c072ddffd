"""Limits on requests: of an address before anybody is known, then of a caller and of their tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from oblivion_gateway.domain.allowances import Allowance, Limit, tightest
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.errors import TooManyRequests

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

    async def _take(self, limits: list[Limit]) -> Allowance:
        allowance = tightest(await self._counters.take(limits))
        if not allowance.granted:
            raise TooManyRequests(allowance)
        return allowance
