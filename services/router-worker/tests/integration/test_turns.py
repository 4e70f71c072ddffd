"""Events of one task are decided one at a time, whoever handles them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.testing.polling import eventually
from oblivion_router_worker.usecases.handle_event import NotOurTurn


class SlowClickUp:
    """Holds each fetch of a task until it may go on."""

    def __init__(self, world) -> None:
        self.fetches = 0
        self.arrived, self.go_on = asyncio.Event(), asyncio.Event()
        self.failure: Exception | None = None
        self._fetch = world.clickup.task

    async def __call__(self, *arguments, **more):
        self.fetches += 1
        self.arrived.set()
        await self.go_on.wait()
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        return await self._fetch(*arguments, **more)


@pytest.fixture
def clickup(world):
    world.put_task()
    world.clickup.task = SlowClickUp(world)
    return world.clickup.task


@asynccontextmanager
async def at_work_on(world, clickup, event) -> AsyncGenerator[asyncio.Task]:
    running = asyncio.create_task(world.handled(event))
    await clickup.arrived.wait()
    yield running
    clickup.go_on.set()
    await asyncio.gather(running, return_exceptions=True)


async def begun(world, event) -> asyncio.Task:
    """It waits: Postgres was asked, and said that it is another one's turn."""
    waiting = asyncio.create_task(world.handled(event))
    await eventually(lambda: any(turn.is_awaited for turn in world.handle._turns._going_on.values()))
    return waiting


async def test_two_processes_never_decide_about_one_task_at_once(world, clickup):
    first = await world.tell_clickup("taskCreated")
    async with at_work_on(world, clickup, first):
        second = await world.tell_clickup("taskUpdated")
        elsewhere = world.another_process()
        with pytest.raises(NotOurTurn):
            await world.handled(second, by=elsewhere)
    assert (await world.handled(second, by=elsewhere)).outcome == "unchanged"
    assert await world.effects() == ["slack.post_task"]


async def test_an_event_that_anothers_turn_covers_is_done_when_that_turn_is(world, clickup):
    first, second = await world.tell_clickup("taskCreated"), await world.tell_clickup("taskStatusUpdated")
    async with at_work_on(world, clickup, first):
        waiting = await begun(world, second)
        clickup.go_on.set()
        assert (await waiting).outcome == "handled_before"
    assert (clickup.fetches, await world.state(second)) == (1, "done")
    assert await world.effects() == ["slack.post_task"]


async def test_an_event_that_came_too_late_for_a_turn_has_the_next_one(world, clickup):
    first = await world.tell_clickup("taskCreated")
    async with at_work_on(world, clickup, first):
        waiting = await begun(world, await world.tell_clickup("taskUpdated"))
        clickup.go_on.set()
        assert (await waiting).outcome == "unchanged"
    assert clickup.fetches == 2


async def test_a_turn_that_fails_settles_nothing(world, clickup):
    first, second = await world.tell_clickup("taskCreated"), await world.tell_clickup("taskStatusUpdated")
    clickup.failure = DependencyUnavailable("clickup_unavailable", "away")
    async with at_work_on(world, clickup, first) as running:
        waiting = await begun(world, second)
        clickup.go_on.set()
        assert (await waiting).outcome == "mirrored"
        with pytest.raises(DependencyUnavailable):
            await running
    assert await world.state(first) == "done", "it was covered in its turn"


async def test_one_event_waits_for_a_turn_and_others_are_put_aside(world, clickup):
    first, second, third = [
        await world.tell_clickup(kind) for kind in ("taskCreated", "taskUpdated", "taskStatusUpdated")
    ]
    async with at_work_on(world, clickup, first):
        waiting = await begun(world, second)
        with pytest.raises(NotOurTurn):
            await world.handled(third)
        clickup.go_on.set()
        await waiting
    assert (await world.handled(third)).outcome == "handled_before"
