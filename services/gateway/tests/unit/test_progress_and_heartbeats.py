"""What a gateway keeps of runs between two rows: nothing for longer than it needs to."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from oblivion_contracts.agent_socket import TaskProgress
from oblivion_gateway.socket_ports import Report
from oblivion_gateway.usecases.heartbeats import Heartbeats
from oblivion_gateway.usecases.progress import Progress
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.runs import FencedOff
from oblivion_platform.testing import eventually

TENANT = uuid4()


class Rows:
    """Takes reports and renewals as Postgres would."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.is_away = False
        self.fences: dict[UUID, int] = {}

    async def report(self, tenant_id: UUID, run_id: UUID, fence: int, report: Report) -> None:
        del tenant_id, run_id, fence
        if self.is_away:
            raise DependencyUnavailable("postgres_unavailable", "away")
        self.reports.append(report)

    async def renew(self, tenant_id: UUID, fences: Mapping[UUID, int]) -> set[UUID]:
        del tenant_id
        return {run_id for run_id, fence in fences.items() if self.fences.get(run_id) == fence}


async def test_progress_leaves_nothing_behind_once_nothing_comes_any_more() -> None:
    rows: Any = Rows()
    progress = Progress(rows)
    run_id = uuid4()
    for percent in (1, 2, 3):
        progress.offer(TENANT, TaskProgress(run_id=run_id, fence=1, percent=percent))
    assert len(progress) == 1
    await eventually(lambda: len(progress) == 0)
    assert rows.reports[-1].percent == 3


async def test_what_could_not_be_stored_with_an_end_is_stored_once_postgres_is_back() -> None:
    rows: Any = Rows()
    rows.is_away = True
    progress = Progress(rows)
    progress.put_back(TENANT, uuid4(), 1, Report(percent=50))
    await asyncio.sleep(0)
    assert (rows.reports, len(progress)) == ([], 1)
    rows.is_away = False
    await eventually(lambda: len(progress) == 0)
    assert [each.percent for each in rows.reports] == [50]


async def test_an_old_and_a_new_holder_that_beat_at_once_each_hear_their_own_answer() -> None:
    rows: Any = Rows()
    run_id = uuid4()
    rows.fences[run_id] = 2
    heartbeats = Heartbeats(rows)
    new, old = await asyncio.gather(
        heartbeats.beat(TENANT, run_id, 2), heartbeats.beat(TENANT, run_id, 1), return_exceptions=True
    )
    assert new is None
    assert isinstance(old, FencedOff)
    with pytest.raises(FencedOff):
        await heartbeats.beat(TENANT, run_id, 3)
