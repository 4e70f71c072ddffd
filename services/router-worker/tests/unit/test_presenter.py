"""When a run is shown: at once for what people wait for, and rarely for all else."""

import asyncio
from uuid import UUID, uuid4

import pytest

from oblivion_platform.testing.polling import eventually
from oblivion_router_worker.usecases.present import Presenter

TENANT, RUN = uuid4(), uuid4()


class Shows:
    """Counts, and says when to come again."""

    def __init__(self) -> None:
        self.count = 0
        self.again_s: float | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, tenant_id: UUID, run_id: UUID) -> float | None:
        self.count += 1
        await self.go_on.wait()
        return self.again_s


@pytest.fixture
async def shows():
    return Shows()


@pytest.fixture
async def presenter(shows):
    presenter = Presenter(shows)
    yield presenter
    await presenter.stop(within_s=5)


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_over_in_a_moment_is_shown_once(shows, presenter):
    presenter.hint(TENANT, RUN, is_quiet=True)
    presenter.hint(TENANT, RUN, is_quiet=True)
    await settled()
    assert shows.count == 0
    presenter.hint(TENANT, RUN)
    await settled()
    assert shows.count == 1


async def test_what_goes_on_is_shown_all_the_same(shows, presenter):
    presenter.hint(TENANT, RUN, is_quiet=True)
    await eventually(lambda: shows.count == 1)
    assert shows.count == 1


async def test_progress_does_not_put_off_what_is_to_come_sooner(shows, presenter):
    shows.again_s = 0.02
    presenter.hint(TENANT, RUN)
    await settled()
    shows.again_s = None
    presenter.hint(TENANT, RUN, is_quiet=True)
    await eventually(lambda: shows.count == 2)
    assert shows.count == 2


async def test_progress_does_not_wait_for_what_is_to_come_much_later(shows, presenter):
    shows.again_s = 60
    presenter.hint(TENANT, RUN)
    await settled()
    presenter.hint(TENANT, RUN, is_quiet=True)
    await eventually(lambda: shows.count == 2)
    assert shows.count == 2


async def test_what_comes_while_it_is_being_shown_is_shown_afterwards(shows, presenter):
    shows.go_on.clear()
    presenter.hint(TENANT, RUN)
    await settled()
    presenter.hint(TENANT, RUN, is_quiet=True)
    shows.go_on.set()
    await settled()
    assert shows.count == 2
