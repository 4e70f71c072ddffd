"""Runs whose agent is not there: nobody has to wait long for one that came while we looked."""

from oblivion_platform.testing import eventually
from oblivion_router_worker.usecases import bring_forward


async def test_who_came_unseen_by_the_first_look_is_found_by_the_second(path, squad, talk, monkeypatch):
    monkeypatch.setattr(bring_forward, "MISSED_S", 10.0)
    async with path.worker(agent_wait_s=600):
        await talk.ask("@general write a poem")

        async def parked():
            assert [run.waiting_for for run in await squad.all_runs()] == ["agent"]

        await eventually(parked)
        await squad.online("general")  # And nobody says so.
        assert (await squad.assigned(within_s=30)).fence == 1
