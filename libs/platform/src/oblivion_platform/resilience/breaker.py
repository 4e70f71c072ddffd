"""A circuit breaker per tenant and provider: who fails again and again is left in peace for a while.

The state lives in this process: each replica finds out for itself, and none depends on Redis to know. Only
failures that say something about the provider count; a refusal, a rate limit or a fault of ours does not.
This is the one module that knows purgatory.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from prometheus_client import Gauge
from purgatory import AsyncCircuitBreakerFactory, Event
from purgatory.domain.model import CLOSED, HALF_OPENED, OPENED, HalfOpenedState, OpenedState

from oblivion_platform.errors import DependencyUnavailable, RateLimited, TransientFailure

FAILURES_TO_OPEN = 5
OPEN_S = 30.0

Changed = Callable[[UUID, str, str], None]
"""Told of a tenant, a provider and the state that its breaker has from now on."""

_STATE_VALUES = {CLOSED: 0, HALF_OPENED: 1, OPENED: 2}
_STATE = Gauge(
    "oblivion_breaker_state", "0 closed, 1 half open, 2 open: calls are refused.", ["tenant", "provider"]
)


def _innocent(error: BaseException) -> bool:
    blames = isinstance(error, TransientFailure | OSError | TimeoutError) and not isinstance(
        error, RateLimited
    )
    return not blames


class Breakers:
    """All breakers of one process."""

    def __init__(
        self,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        open_s: float = OPEN_S,
        changed: Changed | None = None,
    ) -> None:
        self._open_s = open_s
        self._changed = changed
        self._factory = AsyncCircuitBreakerFactory(
            default_threshold=failures_to_open,
            default_ttl=open_s,
            exclude=[(BaseException, _innocent)],
        )
        self._factory.add_listener(self._export)
        self._states: dict[tuple[str, str], str] = {}

    @asynccontextmanager
    async def guard(self, tenant_id: UUID, provider: str) -> AsyncGenerator[None]:
        """Make a call inside; its outcome is noted.

        Raises:
            DependencyUnavailable: the breaker is it is open, nothing was called; says when a call may pass.
        """
        breaker = await self._factory.get_breaker(f"{tenant_id}/{provider}")
        try:
            async with breaker:
                yield
        except OpenedState as opened:
            wait_s = max(0.0, opened.opened_at + self._open_s - time.time())
            raise DependencyUnavailable(
                "circuit_open", f"{provider} failed repeatedly and is left alone for {wait_s:.0f} s", wait_s
            ) from None

    async def close(self, tenant_id: UUID, provider: str) -> None:
        """Let calls pass at once: by another way it is known that it answers."""
        if self.state(tenant_id, provider) == CLOSED:
            return
        breaker = await self._factory.get_breaker(f"{tenant_id}/{provider}")
        breaker.context.set_state(HalfOpenedState())
        async with breaker:  # A success in the half open state closes it.
            pass

    def state(self, tenant_id: UUID, provider: str) -> str:
        """`closed`, `half-opened` or `opened`."""
        return self._states.get((str(tenant_id), provider), CLOSED)

    def _export(self, name: str, kind: str, event: Event) -> None:
        if kind != "state_changed":
            return
        tenant, provider = name.split("/", 1)
        state = str(getattr(event, "state", CLOSED))
        self._states[tenant, provider] = state
        _STATE.labels(tenant, provider).set(_STATE_VALUES[state])
        if self._changed is not None:
            self._changed(UUID(tenant), provider, state)
