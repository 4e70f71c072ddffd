"""What becomes of an event whose handling failed: another try later, or a dead letter with its history."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from oblivion_contracts.jobs import ProcessEvent
from oblivion_platform.errors import OblivionFailure, PermanentFailure, RateLimited, TransientFailure
from oblivion_router_worker.ports.clock import Clock
from oblivion_router_worker.ports.deciding import Failure, Store, Waiting
from oblivion_router_worker.usecases.handle_event import NotOurTurn

STORE_AWAY_S = 2.0
"""Until the next look when Postgres is away: its return is noticed soon, however long it was gone."""
TRIES_BEFORE_GIVING_UP = 10
"""However long it waited: the time may have passed without a try, as when this worker was off."""


class Verdict(Enum):
    """What the queue shall do with the job."""

    PARK = "park"
    """Put it aside; it costs no attempt."""
    RETRY = "retry"
    """Try again after the queue's backoff."""
    GIVE_UP = "give_up"
    """The row is dead; so is the job."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What a failure leads to."""

    verdict: Verdict
    wait_s: float = 0.0
    """For a job that is put aside."""


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """How patient we are."""

    attempts: int
    """Tries for failures that nobody foresaw."""
    park_first_s: float
    park_max_s: float
    """Waiting doubles from the first to this, unless the other side says how long."""
    give_up_after: timedelta
    """Of failures that may pass by themselves, from the first of them; a rate limit never counts."""

    def park_s(self, failure: TransientFailure, times_before: int) -> float:
        """`times_before`: how often the event was put aside for a failure of this kind."""
        if failure.retry_after_s is not None:
            return failure.retry_after_s
        if isinstance(failure, RateLimited):
            return self.park_max_s
        longest_s = STORE_AWAY_S if failure.code == "postgres_unavailable" else self.park_max_s
        return min(self.park_first_s * 2 ** min(times_before, 20), longest_s)


class NoteFailure:
    """Writes a failure into the event's row before the queue hears of it."""

    def __init__(self, store: Store, policy: FailurePolicy, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock

    async def __call__(self, command: ProcessEvent, failure: Exception) -> Noted:
        """Decide what follows, and store it.

        What waits for its turn or for a budget has had no trouble: it counts for nothing.

        Raises:
            DependencyUnavailable: Postgres is away, nothing was stored; the job must be parked.
        """
        if isinstance(failure, NotOurTurn | RateLimited):
            return Noted(Verdict.PARK, self._policy.park_s(failure, 0))
        async with self._store.tenant(command.tenant_id) as decision:
            event = await decision.inbox.waiting(command.event_id)
            if event is None:
                return Noted(Verdict.GIVE_UP)
            if isinstance(failure, TransientFailure):
                waiting = await decision.inbox.wait_longer(event.id, _described(failure, is_last=False))
                if not self._has_waited_enough(waiting):
                    return Noted(Verdict.PARK, self._policy.park_s(failure, waiting.times - 1))
                is_last = True
            else:
                tries = 1 + await decision.inbox.attempts(event.id)
                is_last = isinstance(failure, PermanentFailure) or tries >= self._policy.attempts
            await decision.inbox.record(event.id, _described(failure, is_last=is_last))
        return Noted(Verdict.GIVE_UP if is_last else Verdict.RETRY)

    def _has_waited_enough(self, waiting: Waiting) -> bool:
        waited = self._clock.now() - waiting.since
        return waiting.times >= TRIES_BEFORE_GIVING_UP and waited >= self._policy.give_up_after


def _described(failure: Exception, *, is_last: bool) -> Failure:
    if isinstance(failure, OblivionFailure):
        return Failure(failure.code, failure.message, is_last)
    # Type only: the text of an unforeseen error may hold values of the event.
    return Failure("unexpected_error", type(failure).__name__, is_last)
