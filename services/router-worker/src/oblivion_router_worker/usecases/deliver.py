"""Sends what was decided: per destination in order, each effect so that it shows once.

`kick` after a commit starts a drain of its destination; a sweep finds what crashes, waits and other replicas
left behind. An effect is leased before it is sent and settled afterwards. Whoever dies in between leaves a
lease that ends, and an effect that is looked up before it is repeated.
"""

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from oblivion_platform.errors import (
    AnswerLost,
    DependencyUnavailable,
    OblivionFailure,
    RateLimited,
)
from oblivion_platform.tasks import end
from oblivion_platform.telemetry import tracing
from oblivion_router_worker.domain.effects import (
    CreateComment,
    DeleteComment,
    DeleteReply,
    PostReply,
    PostTask,
    UpdateComment,
    UpdateReply,
    UpdateTask,
)
from oblivion_router_worker.domain.retry import (
    PARENT_MISSING,
    Failed,
    Postponed,
    RetryPolicy,
    Sent,
    Settlement,
    Try,
)
from oblivion_router_worker.domain.run_effects import (
    ANSWER_TS,
    PROGRESS_TS,
    CloseQuestion,
    RunAnswer,
    RunCreation,
    RunEdit,
    RunFile,
    RunPost,
)
from oblivion_router_worker.ports.delivery import Breakers, Carrier, DeliveryQueue, Sending
from oblivion_router_worker.ports.delivery_watch import DeliveryWatch

_log = structlog.get_logger(__name__)

LEASE_OVER_DELAY_S = 0.1
GIVEN_BACK = Postponed(0.0, "stopping")
SWEEP_TIMEOUT_S = 5.0
"""A Postgres that is stopped, not dead, must not hold up the loop on which liveness rests."""

_TIMED_OUT = "{} did not answer in time"


class SendEffect:
    """One try of one effect; never raises but when it is cancelled."""

    def __init__(
        self, carriers: Mapping[str, Carrier], breakers: Breakers, policy: RetryPolicy, watch: DeliveryWatch
    ) -> None:
        self._carriers = carriers
        self._breakers = breakers
        self._policy = policy
        self._watch = watch

    async def __call__(self, sending: Sending) -> Settlement:
        begun = time.monotonic()
        with tracing(sending.traceparent, f"send {sending.effect.kind}"):
            settlement = without_target(sending) or await self._try(sending, _Request())
        self._watch.tried(sending, settlement, time.monotonic() - begun)
        return settlement

    async def _try(self, sending: Sending, request: "_Request") -> Settlement:
        provider = provider_of(sending)
        try:
            # One guard for both, so that look-ups that pass do not excuse requests that do not.
            async with self._breakers.guard(sending.effect.tenant_id, provider):
                return await self._found(provider, sending) or await self._sent(provider, sending, request)
        except OblivionFailure as failure:
            return self._policy.after_failure(failure, _last(sending, request))
        except Exception as error:
            # Whatever it was, the effect is settled, and the destination goes on.
            _log.exception(
                "effect_send_unexpected", effect_id=str(sending.effect.id), kind=sending.effect.kind
            )
            return self._policy.after_surprise(error, _last(sending, request))

    async def _found(self, provider: str, sending: Sending) -> Sent | None:
        """Look for what an earlier try may have made."""
        if not (sending.unanswered and _makes_something(sending)):
            return None
        try:
            async with asyncio.timeout(self._policy.request_timeout_s):
                found = await self._carriers[provider].find(sending)
        except TimeoutError:
            raise DependencyUnavailable(f"{provider}_timeout", _TIMED_OUT.format(provider)) from None
        return None if found is None else Sent(made_id=found.made_id, was_found=True, keep=found.keep)

    async def _sent(self, provider: str, sending: Sending, request: "_Request") -> Sent:
        begun = time.monotonic()
        if begun + self._policy.certain_after_s > sending.lease_ends_at:
            # Postgres or this process stood still meanwhile: another worker may be about to send it.
            raise RateLimited("lease_over", "the effect is no longer ours to send", LEASE_OVER_DELAY_S)
        request.begun = begun
        try:
            async with asyncio.timeout(self._policy.request_timeout_s):
                receipt = await self._carriers[provider].send(sending)
        except TimeoutError:
            raise AnswerLost(f"{provider}_timeout", _TIMED_OUT.format(provider)) from None
        return Sent(made_id=receipt.made_id, skipped=receipt.skipped, keep=receipt.keep)


@dataclass(slots=True)
class _Request:
    """What one try sends, if it comes to that; looking something up first is not part of it."""

    begun: float | None = None
    """By this process's monotonic clock."""


def provider_of(sending: Sending) -> str:
    return sending.effect.kind.partition(".")[0]


def without_target(sending: Sending) -> Settlement | None:
    """How an effect ends whose target does not exist: the one that should have made it came to nothing."""
    match sending.effect.body:
        case UpdateTask() | PostReply():
            target = sending.thread_ts
        case UpdateReply() | DeleteReply():
            target = sending.thread_ts and sending.copy_id
        case UpdateComment() | DeleteComment():
            target = sending.copy_id
        case RunPost(keep_as=name) | RunEdit(target=name) if name == PROGRESS_TS and sending.place.get(
            ANSWER_TS
        ):
            return Sent(skipped="answered")
        case RunPost(thread_ts=None) | RunAnswer(thread_ts=None) | RunFile(thread_ts=None) if (
            sending.effect.task_mapping_id
        ):
            target = sending.thread_ts
        case RunEdit(target=name) | CloseQuestion(target=name):
            target = sending.place.get(name)
        case _:
            return None
    if target:
        return None
    return PARENT_MISSING if sending.is_creation_dead else Sent(skipped="never_posted")


def _makes_something(sending: Sending) -> bool:
    return isinstance(sending.effect.body, PostTask | PostReply | CreateComment | RunCreation)


def _last(sending: Sending, request: _Request) -> Try:
    return Try(
        attempt=sending.attempt,
        age_s=sending.age_s,
        since_send_s=None if request.begun is None else time.monotonic() - request.begun,
        jitter=random.random(),  # noqa: S311 - spreads load, hides nothing
    )


class Deliverer:
    """Drains destinations, each by one task at a time, some of them at once.

    `most_in_flight` bounds the destinations that are drained at once in this process.
    """

    def __init__(
        self,
        queue: DeliveryQueue,
        send: SendEffect,
        watch: DeliveryWatch,
        *,
        most_in_flight: int,
        sweep_every_s: float,
    ) -> None:
        self._queue = queue
        self._send = send
        self._watch = watch
        self._places = asyncio.Semaphore(most_in_flight)
        self._most_in_flight = most_in_flight
        self._sweep_every_s = sweep_every_s
        self._drains: dict[tuple[UUID, str], asyncio.Task[None]] = {}
        self._kicked_again: set[tuple[UUID, str]] = set()
        self._leased: defaultdict[tuple[UUID, str], deque[Sending]] = defaultdict(deque)
        self._timers: dict[tuple[UUID, str], asyncio.TimerHandle] = {}
        self._stopping = False
        self._turned_at = time.monotonic()

    @property
    def turned_s_ago(self) -> float:
        """Since the sweep's loop last turned, with or without Postgres; liveness rests on it."""
        return time.monotonic() - self._turned_at

    @property
    def has_room(self) -> bool:
        """Whether what is leased now would be sent now."""
        return not self._stopping and len(self._drains) < self._most_in_flight

    def kick(self, tenant_id: UUID, destination: str, first: Sending | None = None, /) -> None:
        """Start sending, after the commit; returns at once. What it loses, the sweep finds."""
        key = (tenant_id, destination)
        if self._stopping:
            return
        if first is not None:
            self._leased[key].append(first)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if key in self._drains:
            if first is None:
                self._kicked_again.add(key)
            return
        drain = asyncio.create_task(self._drain(key))
        self._drains[key] = drain
        drain.add_done_callback(lambda _: self._ended(key))

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            self._turned_at = time.monotonic()
            try:
                async with asyncio.timeout(SWEEP_TIMEOUT_S):
                    await self._sweep()
            except (DependencyUnavailable, TimeoutError) as failure:
                _log.warning("outbox_sweep_waits", cause=type(failure).__name__)
            except Exception:
                # The top of a loop that must not end.
                _log.exception("outbox_sweep_failed")
            await asyncio.sleep(self._sweep_every_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load

    async def stop(self, within_s: float) -> None:
        """Let what is being sent end, start nothing more; what does not end in time is left to its lease."""
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        drains = list(self._drains.values())
        if drains:
            _, late = await asyncio.wait(drains, timeout=within_s)
            await end(*late)

    async def _sweep(self) -> None:
        due = await self._queue.due()
        self._watch.swept(due)
        for found in due:
            self.kick(found.tenant_id, found.destination)

    def _ended(self, key: tuple[UUID, str]) -> None:
        del self._drains[key]
        if key in self._kicked_again or key in self._leased:
            self._kicked_again.discard(key)
            self.kick(*key)

    async def _drain(self, key: tuple[UUID, str]) -> None:
        async with self._places:
            # What was kicked while this waited for its place is seen by the claim below.
            self._kicked_again.discard(key)
            try:
                await self._send_in_order(key)
            except DependencyUnavailable as failure:
                _log.warning("outbox_drain_waits", destination=key[1], code=failure.code)
            except Exception:
                # A drain is the top of its own loop; the sweep comes back to its destination.
                _log.exception("outbox_drain_failed", destination=key[1])

    async def _send_in_order(self, key: tuple[UUID, str]) -> None:
        sending = self._next_leased(key)
        if sending is None and not self._stopping:
            sending = await self._queue.claim(*key)
        while sending is not None:
            settlement = GIVEN_BACK if self._stopping else await self._send(sending)
            claim_next = not self._stopping and key not in self._leased
            claimed = await self._queue.settle(sending, settlement, claim_next=claim_next)
            if isinstance(settlement, Postponed | Failed):
                self._come_back(key, settlement.delay_s)
            sending = claimed or self._next_leased(key)

    def _next_leased(self, key: tuple[UUID, str]) -> Sending | None:
        """What was leased as it was decided; it need not be claimed."""
        leased = self._leased.get(key)
        if leased is None:
            return None
        sending = leased.popleft()
        if not leased:
            del self._leased[key]
        return sending

    def _come_back(self, key: tuple[UUID, str], delay_s: float) -> None:
        """A timer beside the sweep, so that waits end when they should; it need not outlive the process."""
        if not self._stopping and key not in self._timers:
            self._timers[key] = asyncio.get_running_loop().call_later(delay_s, self.kick, *key)
