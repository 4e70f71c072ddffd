"""Who lets go of what is kept open cuts nobody off, and takes away nothing newer."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from oblivion_mcp_hub.adapters.kept_open import KeptOpen
from oblivion_platform.testing import eventually


class Door:
    """Counts how often it was opened, and is open as long as it says."""

    def __init__(self):
        self.opened, self.open = 0, set()

    @asynccontextmanager
    async def enter(self):
        self.opened += 1
        number = self.opened
        self.open.add(number)
        try:
            yield number
        finally:
            self.open.discard(number)


@pytest.fixture
async def door():
    return Door()


@pytest.fixture
async def kept(door):
    made = KeptOpen(door.enter, drain_s=60.0)
    yield made
    await made.close()


async def test_it_is_opened_once_for_all(kept, door):
    async with kept.use() as one, kept.use() as other:
        assert (one.thing, other.thing, door.opened) == (1, 1, 1)


async def test_who_uses_it_ends_in_peace_after_it_was_let_go(kept, door):
    async with kept.use() as one:
        one.let_go()
        async with kept.use() as other:
            assert (one.thing, other.thing, door.open) == (1, 2, {1, 2})

    async def is_closed():
        assert door.open == {2}

    await eventually(is_closed)


async def test_who_finds_an_old_one_broken_takes_nobody_the_new_one(kept, door):
    async with kept.use() as one, kept.use() as late:
        one.let_go()
        async with kept.use() as new:
            late.let_go()
            async with kept.use() as newer:
                assert (new.thing, newer.thing) == (2, 2)


async def test_what_nobody_ends_is_closed_after_a_while(door):
    kept = KeptOpen(door.enter, drain_s=0.01)
    async with kept.use() as opening:
        opening.let_go()

        async def is_closed():
            assert door.open == set()

        await eventually(is_closed)


async def test_drained_it_is_closed_when_the_last_one_leaves_and_opened_no_more(kept, door):
    async with kept.use():
        draining = asyncio.create_task(kept.drain())
        await asyncio.sleep(0)
        assert door.open == {1}
        with pytest.raises(ConnectionAbortedError):
            async with kept.use():
                pass
    await draining
    assert door.open == set()


async def test_what_fails_to_open_is_said_to_all_who_wait_and_tried_again_by_the_next(door):
    @asynccontextmanager
    async def fail_once():
        door.opened += 1
        if door.opened == 1:
            raise OSError("not now")
        yield door.opened

    async def use(kept):
        async with kept.use() as opening:
            return opening.thing

    kept = KeptOpen(fail_once, drain_s=60.0)
    both = await asyncio.gather(use(kept), use(kept), return_exceptions=True)
    assert [type(each) for each in both] == [OSError, OSError]
    assert await use(kept) == 2
    await kept.close()
