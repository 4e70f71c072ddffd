"""A person's page follows their tenant's live feed: who may, from where on, and for how long.

Nothing is sent before the receiver has taken what was sent last, so a slow one costs no memory; it finds a
gap if it falls too far behind.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from oblivion_contracts.feed import FeedBatch, FeedEnd
from oblivion_gateway.domain.access import FEED_READERS
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.errors import TooManyFeeds
from oblivion_gateway.usecases.limit_requests import LimitRequests
from oblivion_gateway.usecases.stream_runs import Still
from oblivion_platform.door import CrossSiteRefused, NotAllowed, SignInNeeded
from oblivion_platform.errors import DependencyUnavailable, PermanentFailure
from oblivion_platform.tokens import TokenRefused

LOOK_EVERY_S = 0.2
"""What comes together meanwhile is one batch."""

Send = Callable[[FeedBatch], Awaitable[None]]
"""Returns when the receiver has taken it."""


class Lines(Protocol):
    """What a tenant's feed holds. Both raise DependencyUnavailable."""

    async def newest(self, tenant_id: UUID) -> FeedBatch: ...

    async def after(self, tenant_id: UUID, cursor: str) -> FeedBatch: ...


class CookieReader(Protocol):
    """Who has signed in."""

    async def by_cookie(self, cookie: str) -> Caller:
        """Raises: TokenRefused, DependencyUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class FeedTerms:
    """Where pages of this system come from, how often they are checked, and how many there may be."""

    own_origins: frozenset[str]
    recheck_s: float
    of_caller_max: int
    of_tenant_max: int


@dataclass(frozen=True, slots=True)
class Visit:
    """Who knocks, as the handshake says."""

    address: str
    cookie: str | None
    origin: str | None


class FollowFeed:
    """One per process."""

    def __init__(
        self, lines: Lines, people: CookieReader, still: Still, limits: LimitRequests, terms: FeedTerms
    ) -> None:
        self._lines = lines
        self._people = people
        self._still = still
        self._limits = limits
        self._terms = terms
        self._open: Counter[str | UUID] = Counter()
        """By person, and by tenant: one tenant's pages leave room for another's."""

    async def admit(self, visit: Visit) -> Caller:
        """Who follows; to be let go by `leave`.

        Browsers send cookies along with WebSockets that other sites' pages open, so the page's origin counts.

        Raises:
            TooManyRequests: of this address, before anybody looks at a cookie.
            SignInNeeded, TokenRefused, CrossSiteRefused, NotAllowed, TooManyFeeds, DependencyUnavailable
        """
        await self._limits.of_address(visit.address)
        if visit.cookie is None:
            raise SignInNeeded
        if visit.origin not in self._terms.own_origins:
            raise CrossSiteRefused
        caller = await self._people.by_cookie(visit.cookie)
        _refuse_others(caller)
        if self._open[caller.subject] >= self._terms.of_caller_max:
            raise TooManyFeeds("You have", self._terms.of_caller_max)
        if self._open[caller.tenant_id] >= self._terms.of_tenant_max:
            raise TooManyFeeds("Your tenant has", self._terms.of_tenant_max)
        self._open.update((caller.subject, caller.tenant_id))
        return caller

    def leave(self, caller: Caller) -> None:
        for whose in (caller.subject, caller.tenant_id):
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]

    async def follow(self, caller: Caller, after: str | None, send: Send) -> FeedEnd:
        """Send what there is, and what comes, until the caller may not stay; says why it ended."""
        try:
            await self._follow(caller, after, send)
        except DependencyUnavailable as away:
            return FeedEnd(code=away.code, detail=away.message, passes=True)
        except PermanentFailure as refused:
            return FeedEnd(code=refused.code, detail=refused.message)
        raise AssertionError("it only ends by a failure")

    async def _follow(self, caller: Caller, after: str | None, send: Send) -> None:
        # They may have signed out since they were admitted.
        caller = await self._checked(caller)
        checked_at = time.monotonic()
        tenant_id = caller.tenant_id
        batch = await (
            self._lines.newest(tenant_id) if after is None else self._lines.after(tenant_id, after)
        )
        await send(batch)
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if time.monotonic() - checked_at >= self._terms.recheck_s:
                caller = await self._checked(caller)
                checked_at = time.monotonic()
            batch = await self._lines.after(tenant_id, batch.cursor)
            if batch.lines or batch.has_gap:
                await send(batch)

    async def _checked(self, caller: Caller) -> Caller:
        known = await self._still(caller)
        if known is None:
            raise TokenRefused
        _refuse_others(known)
        return known


def _refuse_others(caller: Caller) -> None:
    if caller.roles.isdisjoint(FEED_READERS):
        raise NotAllowed
