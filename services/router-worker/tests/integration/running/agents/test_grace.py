"""Runs whose gateway, or Redis, has just been restarted: the holder has longer to come back."""

from datetime import timedelta

from oblivion_contracts.runs import RunState
from oblivion_platform.testing import eventually


async def held_by_a_gateway_that_died(squad, talk):
    """A run at work whose lease is over, at a gateway of which nothing is known any more."""
    await squad.online("general")
    await talk.ask("@general write a poem")
    run = await squad.assigned()
    await squad.acknowledge(run, lease_s=1.0)
    await squad.presence.unmark(squad.gateway)
    return run


async def test_sockets_of_a_gateway_that_is_gone_cost_a_run_no_leases(path, squad, talk):
    async with path.worker(run_lease_s=1.0, run_sweep_every_s=0.1, run_grace_s=0.1, agent_wait_s=0.2):
        run = await held_by_a_gateway_that_died(squad, talk)

        async def waits():
            now = await squad.read(run.id)
            assert now.waiting_for is not None
            return now

        assert (await eventually(waits)).lost_leases == 1
        squad.gateway = "its successor"
        await squad.online("general")
        second = await squad.assigned(fence=run.fence + 1)
        assert (second.id, second.lost_leases) == (run.id, 1)


async def test_a_run_of_a_gateway_that_is_gone_stays_its_holders_for_the_grace(path, squad, talk):
    async with path.worker(run_lease_s=1.0, run_sweep_every_s=0.1, run_grace_s=60):
        run = await held_by_a_gateway_that_died(squad, talk)

        async def looked_after_in_grace():
            now = await squad.read(run.id)
            # Several sweeps after the lease's end: somebody has looked, and left it alone.
            assert now.now - now.lease_until > timedelta(seconds=3)
            return now

        now = await eventually(looked_after_in_grace)
        assert (now.state, now.fence, now.lost_leases) == (RunState.RUNNING, run.fence, 0)
        assert now.holder == run.holder


async def test_a_run_that_nobody_acknowledged_has_no_grace(path, squad, talk):
    async with path.worker(run_lease_s=1.0, run_sweep_every_s=0.1, run_grace_s=60):
        await squad.online("general")
        await talk.ask("@general write a poem")
        run = await squad.assigned()
        await squad.presence.unmark(squad.gateway)
        squad.gateway = "its successor"
        await squad.online("general")
        second = await squad.assigned(fence=run.fence + 1)
        assert (second.id, second.lost_leases) == (run.id, run.lost_leases + 1)


async def test_after_the_grace_the_run_goes_to_another_replica(path, squad, talk):
    async with path.worker(run_lease_s=1.0, run_sweep_every_s=0.1, run_grace_s=1):
        run = await held_by_a_gateway_that_died(squad, talk)
        squad.gateway = "its successor"
        await squad.online("general")
        second = await squad.assigned(fence=run.fence + 1)
        assert (second.id, second.lost_leases) == (run.id, 1)
        assert second.assigned_at - run.assigned_at > timedelta(seconds=1)
