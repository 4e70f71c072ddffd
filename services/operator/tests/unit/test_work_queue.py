"""Agents that are to be looked after, each at most once at a time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from prometheus_client import REGISTRY

from oblivion_operator.domain.agents import Ref
from oblivion_operator.errors import NotYet
from oblivion_operator.usecases.work_queue import WorkQueue
from oblivion_platform.testing import eventually

ONE, OTHER = Ref("team", "one"), Ref("team", "other")


class Worker:
    """Notes what it is asked; can be held up and can fail."""

    def __init__(self) -> None:
        self.looks: list[tuple[Ref, bool]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.free = asyncio.Event()
        self.free.set()
        self.failures: list[Exception] = []

    async def __call__(self, ref: Ref, is_thorough: bool) -> None:
        self.looks.append((ref, is_thorough))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.free.wait()
        self.at_once -= 1
        if self.failures:
            raise self.failures.pop()


@asynccontextmanager
async def working(worker: Worker) -> AsyncGenerator[WorkQueue]:
    queue = WorkQueue(worker, at_once=4)
    queue.resume()
    task = asyncio.create_task(queue.work())
    try:
        yield queue
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_comes_while_an_agent_is_looked_at_makes_one_more_look() -> None:
    worker = Worker()
    worker.free.clear()
    async with working(worker) as queue:
        queue.add(ONE, thoroughly=False)
        await eventually(lambda: worker.at_once == 1)
        for thoroughly in (False, True, False):
            queue.add(ONE, thoroughly=thoroughly)
        worker.free.set()

        await eventually(lambda: len(worker.looks) == 2)

    assert worker.looks == [(ONE, False), (ONE, True)]
    assert worker.most_at_once == 1


async def test_different_agents_are_looked_at_side_by_side() -> None:
    worker = Worker()
    worker.free.clear()
    async with working(worker) as queue:
        queue.add(ONE, thoroughly=True)
        queue.add(OTHER, thoroughly=True)

        await eventually(lambda: worker.at_once == 2)
        worker.free.set()

    assert worker.most_at_once == 2


async def test_what_failed_passingly_is_looked_at_again_thoroughly() -> None:
    worker = Worker()
    worker.failures = [NotYet("Later", "wait", retry_after_s=0.01), RuntimeError("a bug")]
    async with working(worker) as queue:
        queue.add(ONE, thoroughly=False)
        await eventually(lambda: len(worker.looks) == 1)
        queue.add(ONE, thoroughly=False)  # News try it at once, whatever failed before.

        await eventually(lambda: len(worker.looks) == 3)

    assert worker.looks[-1] == (ONE, True)


async def test_nothing_new_is_begun_while_it_is_paused() -> None:
    worker = Worker()
    async with working(worker) as queue:
        queue.pause()
        queue.add(ONE, thoroughly=True)
        await asyncio.sleep(0)
        assert worker.looks == []

        queue.resume()
        await eventually(lambda: worker.looks == [(ONE, True)])


async def test_the_time_of_each_look_is_told_by_how_it_ended() -> None:
    def looks() -> dict[str, float]:
        name = "oblivion_operator_tend_seconds_count"
        outcomes = ("done", "again_later", "failed")
        return {each: REGISTRY.get_sample_value(name, {"outcome": each}) or 0.0 for each in outcomes}

    before = looks()
    worker = Worker()
    worker.failures = [RuntimeError("a fault"), NotYet("NotYet", "soon", 0.01)]
    async with working(worker) as queue:
        queue.add(ONE, thoroughly=True)
        await eventually(lambda: looks()["failed"] > before["failed"])
        queue.add(ONE, thoroughly=True)
        await eventually(lambda: looks()["done"] > before["done"])
    assert {each: count - before[each] for each, count in looks().items()} == {
        "done": 1,
        "again_later": 1,
        "failed": 1,
    }
