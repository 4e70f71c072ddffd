"""The deliverer's loops, on an outbox and a provider in memory."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from oblivion_platform.errors import AnswerLost, DependencyUnavailable, RateLimited
from oblivion_platform.testing import eventually
from oblivion_router_worker.domain.effects import Effect, PostTask, UpdateTask
from oblivion_router_worker.domain.retry import Failed, Postponed, RetryPolicy, Sent, Settlement
from oblivion_router_worker.ports.delivery import DueDestination, Receipt, Sending
from oblivion_router_worker.usecases.deliver import Deliverer, SendEffect

TENANT = uuid4()


class FakeQueue:
    """An outbox in memory: what waits by destination, and how everything was settled."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Sending]] = defaultdict(list)
        self.settled: list[tuple[str, Settlement]] = []
        self.claims = 0
        self.away = False
        self.lease_ends_at = float("inf")

    def add(self, destination: str, words: str, *, unanswered: bool = False) -> Sending:
        body = PostTask("C1", words, [])
        effect = Effect(TENANT, uuid4(), destination, body, uuid4(), 1)
        sending = Sending(
            effect, 1, unanswered, created_at=0.0, age_s=0.0, lease_ends_at=self.lease_ends_at, channel="C1"
        )
        self.waiting[destination].append(sending)
        return sending

    async def claim(self, tenant_id: UUID, destination: str) -> Sending | None:
        self.claims += 1
        if self.away:
            raise DependencyUnavailable("postgres_unavailable", "away")
        return self.waiting[destination].pop(0) if self.waiting[destination] else None

    async def settle(self, sending: Sending, settlement: Settlement, *, claim_next: bool) -> Sending | None:
        if self.away:
            raise DependencyUnavailable("postgres_unavailable", "away")
        self.settled.append((words_of(sending), settlement))
        if isinstance(settlement, Failed | Postponed):
            self.waiting[sending.effect.destination].insert(0, sending)
            return None
        return await self.claim(TENANT, sending.effect.destination) if claim_next else None

    async def due(self) -> list[DueDestination]:
        if self.away:
            raise DependencyUnavailable("postgres_unavailable", "away")
        return [DueDestination(TENANT, name, 0.0) for name, waiting in self.waiting.items() if waiting]


class FakeSlack:
    """A carrier whose next answers can be set."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.failures: list[Exception] = []
        self.open = asyncio.Event()
        self.open.set()
        self.lookup_s = 0.0
        self.at_once = self.most_at_once = 0
        self.found: Receipt | None = None

    async def send(self, sending: Sending) -> Receipt:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            if self.failures:
                raise self.failures.pop(0)
        finally:
            self.at_once -= 1
        self.sent.append(words_of(sending))
        return Receipt(made_id="1.000001")

    async def find(self, sending: Sending) -> Receipt | None:
        await asyncio.sleep(self.lookup_s)
        return self.found


class NoBreakers:
    @asynccontextmanager
    async def guard(self, tenant_id: UUID, provider: str) -> AsyncGenerator[None]:
        yield


class NoWatch:
    def tried(self, *_: object) -> None: ...

    def swept(self, *_: object) -> None: ...


def words_of(sending: Sending) -> str:
    assert isinstance(sending.effect.body, PostTask | UpdateTask)
    return sending.effect.body.text


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
async def slack() -> FakeSlack:
    return FakeSlack()


@pytest.fixture
async def make(queue: FakeQueue, slack: FakeSlack) -> AsyncGenerator[Callable[..., Deliverer]]:
    made: list[Deliverer] = []

    def build(*, in_flight: int = 4, timeout_s: float = 5.0) -> Deliverer:
        policy = RetryPolicy(timeout_s, 86_400, first_backoff_s=0.01, carried_out_late_s=0.0)
        send = SendEffect({"slack": slack}, NoBreakers(), policy, NoWatch())
        made.append(Deliverer(queue, send, NoWatch(), most_in_flight=in_flight, sweep_every_s=0.01))
        return made[-1]

    yield build
    for deliverer in made:
        await deliverer.stop(within_s=1)


async def test_a_kick_during_a_drain_is_not_lost(make, queue, slack):
    deliverer = make()
    slack.open.clear()
    queue.add("d", "first")
    deliverer.kick(TENANT, "d")
    await eventually(lambda: slack.at_once == 1)
    queue.add("d", "second")
    deliverer.kick(TENANT, "d")
    slack.open.set()
    await eventually(lambda: "second" in slack.sent)
    assert slack.sent == ["first", "second"]


async def test_one_destination_is_never_sent_to_twice_at_once(make, queue, slack):
    deliverer = make()
    for number in range(10):
        queue.add("d", str(number))
        deliverer.kick(TENANT, "d")
    await eventually(lambda: len(slack.sent) == 10)
    assert slack.most_at_once == 1
    assert slack.sent == [str(number) for number in range(10)]


async def test_many_destinations_share_a_bounded_number_of_places(make, queue, slack):
    deliverer = make(in_flight=3)
    slack.open.clear()
    for number in range(10):
        queue.add(f"d{number}", str(number))
        deliverer.kick(TENANT, f"d{number}")
    await eventually(lambda: slack.at_once == 3)
    slack.open.set()
    await eventually(lambda: len(slack.sent) == 10)
    assert slack.most_at_once == 3


async def test_a_postponed_effect_comes_back_when_it_should_without_the_sweep(make, queue, slack):
    deliverer = make()
    slack.failures = [RateLimited("slack_rate_limited", "", retry_after_s=0.05)]
    queue.add("d", "first")
    deliverer.kick(TENANT, "d")
    await eventually(lambda: slack.sent == ["first"])
    assert [settlement for _, settlement in queue.settled] == [
        Postponed(0.05, "slack_rate_limited"),
        Sent(made_id="1.000001"),
    ]


async def test_what_was_found_is_not_sent_again(make, queue, slack):
    deliverer = make()
    slack.found = Receipt(made_id="1.000042")
    queue.add("d", "lost", unanswered=True)
    deliverer.kick(TENANT, "d")
    await eventually(lambda: queue.settled == [("lost", Sent("1.000042", was_found=True))])
    assert slack.sent == []


async def test_what_was_not_found_is_sent(make, queue, slack):
    deliverer = make()
    queue.add("d", "lost", unanswered=True)
    deliverer.kick(TENANT, "d")
    await eventually(lambda: bool(queue.settled))
    assert slack.sent == ["lost"]


async def test_a_request_that_hangs_is_given_up_as_unanswered(make, queue, slack):
    deliverer = make(timeout_s=0.05)
    slack.open.clear()
    queue.add("d", "hangs")
    deliverer.kick(TENANT, "d")
    await eventually(lambda: bool(queue.settled))
    (_, settlement) = queue.settled[0]
    assert isinstance(settlement, Failed)
    assert (settlement.code, settlement.unanswered) == ("slack_timeout", True)


async def test_a_slow_look_up_takes_nothing_from_the_time_of_the_request_behind_it(make, queue, slack):
    """Else the next look-up would come while the request may still be carried out."""
    deliverer = make(timeout_s=1.0)
    slack.lookup_s = 0.3
    slack.failures = [AnswerLost("slack_answer_lost", "")]
    queue.add("d", "lost", unanswered=True)
    deliverer.kick(TENANT, "d")
    await eventually(lambda: bool(queue.settled))
    (_, settlement) = queue.settled[0]
    assert isinstance(settlement, Failed)
    assert settlement.delay_s > 0.9


async def test_a_look_up_that_hangs_sends_nothing(make, queue, slack):
    deliverer = make(timeout_s=0.05)
    slack.lookup_s = 60.0
    queue.add("d", "lost", unanswered=True)
    deliverer.kick(TENANT, "d")
    await eventually(lambda: bool(queue.settled))
    (_, settlement) = queue.settled[0]
    assert isinstance(settlement, Failed)
    assert settlement.code == "slack_timeout"
    assert slack.sent == []


async def test_a_lease_that_a_look_up_used_up_is_given_back(make, queue, slack):
    deliverer = make(timeout_s=1.0)
    slack.lookup_s = 0.3
    queue.lease_ends_at = time.monotonic() + 1.2
    queue.add("d", "lost", unanswered=True)
    deliverer.kick(TENANT, "d")
    await eventually(lambda: queue.settled[:1] == [("lost", Postponed(0.1, "lease_over"))])
    assert slack.sent == []


async def test_a_lease_too_old_to_send_under_is_given_back(make, queue, slack):
    """A worker or store that stood still must not send what another one may have taken over."""
    deliverer = make(timeout_s=5.0)
    queue.lease_ends_at = time.monotonic() + 4.0
    queue.add("d", "old")
    deliverer.kick(TENANT, "d")
    await eventually(lambda: queue.settled[:1] == [("old", Postponed(0.1, "lease_over"))])
    assert slack.sent == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(AnswerLost("slack_answer_lost", ""), "slack_answer_lost"), (KeyError("ts"), "unexpected")],
)
async def test_no_error_stops_the_destination(make, queue, slack, error, code):
    deliverer = make(timeout_s=0.05)
    slack.failures = [error]
    queue.add("d", "first")
    queue.add("d", "second")
    deliverer.kick(TENANT, "d")
    await eventually(lambda: slack.sent == ["first", "second"])
    assert queue.settled[0][1].code == code


async def test_a_store_that_is_away_leaves_the_effect_to_its_lease(make, queue, slack):
    deliverer = make()
    slack.open.clear()
    queue.add("d", "first")
    deliverer.kick(TENANT, "d")
    await eventually(lambda: slack.at_once == 1)
    queue.away = True
    slack.open.set()
    await eventually(lambda: slack.sent == ["first"])
    assert queue.settled == []
    queue.away = False
    queue.add("d", "second")
    deliverer.kick(TENANT, "d")
    await eventually(lambda: slack.sent == ["first", "second"])


async def test_the_sweep_outlives_a_store_that_is_away(make, queue, slack):
    deliverer = make()
    queue.away = True
    sweeping = asyncio.create_task(deliverer.run())
    await eventually(lambda: deliverer.turned_s_ago < 1)
    queue.add("d", "first")
    queue.away = False
    await eventually(lambda: bool(slack.sent))
    assert slack.sent == ["first"]
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_after_stop_nothing_more_is_begun(make, queue, slack):
    deliverer = make(in_flight=1)
    slack.open.clear()
    for number in range(3):
        queue.add(f"d{number}", str(number))
        deliverer.kick(TENANT, f"d{number}")
    await eventually(lambda: slack.at_once == 1)
    stopping = asyncio.create_task(deliverer.stop(within_s=1))
    await asyncio.sleep(0)
    slack.open.set()
    await stopping
    deliverer.kick(TENANT, "d1")
    assert slack.sent == ["0"]


async def test_what_does_not_end_in_time_is_cut_off_and_left_to_its_lease(make, queue, slack):
    deliverer = make()
    slack.open.clear()
    queue.add("d", "hangs")
    deliverer.kick(TENANT, "d")
    await eventually(lambda: slack.at_once == 1)
    await deliverer.stop(within_s=0.01)
    assert slack.at_once == 0
    assert queue.settled == []


async def test_what_was_leased_as_it_was_decided_is_sent_without_a_claim(make, queue, slack):
    deliverer = make()
    leased = queue.add("d", "first")
    queue.waiting["d"].clear()
    deliverer.kick(TENANT, "d", leased)
    await eventually(lambda: bool(queue.settled))
    assert slack.sent == ["first"]
    assert queue.claims == 1, "the next one's, as the first was settled"


async def test_leased_effects_of_a_destination_are_sent_one_at_a_time(make, queue, slack):
    deliverer = make()
    slack.open.clear()
    for number in range(3):
        leased = queue.add("d", str(number))
        queue.waiting["d"].clear()
        deliverer.kick(TENANT, "d", leased)
    await eventually(lambda: slack.at_once == 1)
    slack.open.set()
    await eventually(lambda: len(queue.settled) == 3)
    assert (slack.sent, slack.most_at_once) == (["0", "1", "2"], 1)


async def test_what_is_still_leased_when_it_stops_is_given_back_at_once(make, queue, slack):
    deliverer = make()
    slack.open.clear()
    for words in ("on its way", "leased"):
        leased = queue.add("d", words)
        queue.waiting["d"].clear()
        deliverer.kick(TENANT, "d", leased)
    await eventually(lambda: slack.at_once == 1)
    stopping = asyncio.create_task(deliverer.stop(within_s=1))
    await eventually(lambda: not deliverer.has_room)
    slack.open.set()
    await stopping
    assert slack.sent == ["on its way"]
    assert queue.settled[1] == ("leased", Postponed(0.0, "stopping"))


async def test_there_is_room_for_as_many_destinations_as_are_sent_to_at_once(make, queue, slack):
    deliverer = make(in_flight=1)
    assert deliverer.has_room
    slack.open.clear()
    queue.add("d", "first")
    deliverer.kick(TENANT, "d")
    assert not deliverer.has_room
    slack.open.set()
    await eventually(lambda: deliverer.has_room)
