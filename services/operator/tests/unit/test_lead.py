"""At most one operator acts."""

import asyncio
from contextlib import suppress

from prometheus_client import REGISTRY

from oblivion_operator.testing import ManualClock, MemoryLease
from oblivion_operator.usecases.lead import Lead
from oblivion_platform.testing import eventually


class Contender:
    """One operator's part in it, moved by hand: the loop's pauses are no part of what is tested."""

    def __init__(self, name: str, lease: MemoryLease, clock: ManualClock) -> None:
        self.turns: list[str] = []
        self.lead = Lead(
            lease,
            name,
            0.04,
            clock,
            gained=lambda: self.turns.append("gained"),
            lost=lambda: self.turns.append("lost"),
        )
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.lead.run())

    async def die(self) -> None:
        assert self.task is not None
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


def told_to_prometheus() -> float | None:
    return REGISTRY.get_sample_value("oblivion_operator_leading")


async def test_the_first_leads_and_the_second_says_for_whom_it_waits() -> None:
    lease, clock = MemoryLease(), ManualClock()
    first, second = Contender("first", lease, clock), Contender("second", lease, clock)
    first.start()
    await eventually(lambda: first.lead.is_leading)
    second.start()
    await eventually(lambda: second.lead.waits_for == "first")

    assert second.turns == []
    await first.die()
    await second.die()


async def test_the_second_takes_over_once_the_first_has_been_silent_for_long_enough() -> None:
    lease, clock = MemoryLease(), ManualClock()
    first, second = Contender("first", lease, clock), Contender("second", lease, clock)
    first.start()
    await eventually(lambda: first.lead.is_leading)
    await first.die()
    second.start()
    await eventually(lambda: second.lead.waits_for == "first")

    clock.pass_s(1)

    await eventually(lambda: second.lead.is_leading)
    assert second.turns == ["gained"]
    await second.die()


async def test_one_that_gives_back_is_followed_at_once() -> None:
    lease, clock = MemoryLease(), ManualClock()
    first, second = Contender("first", lease, clock), Contender("second", lease, clock)
    first.start()
    await eventually(lambda: first.lead.is_leading)
    await first.die()
    await first.lead.give_back()
    second.start()

    await eventually(lambda: second.lead.is_leading)
    assert first.turns == ["gained", "lost"]
    await second.die()


async def test_one_that_cannot_renew_stops_before_another_may_begin() -> None:
    lease, clock = MemoryLease(), ManualClock()
    only = Contender("only", lease, clock)
    only.start()
    await eventually(lambda: only.lead.is_leading)
    assert told_to_prometheus() == 1

    lease.is_away = True
    clock.pass_s(0.03)  # Two thirds of what the Lease lasts.

    await eventually(lambda: not only.lead.is_leading)
    assert only.turns == ["gained", "lost"]
    assert told_to_prometheus() == 0
    await only.die()


async def test_of_two_that_write_at_once_one_wins() -> None:
    lease, clock = MemoryLease(), ManualClock()
    contenders = [Contender(name, lease, clock) for name in ("first", "second")]
    for contender in contenders:
        contender.start()
    await eventually(lambda: any(one.lead.is_leading for one in contenders))

    assert [one.lead.is_leading for one in contenders].count(True) == 1
    for contender in contenders:
        await contender.die()
