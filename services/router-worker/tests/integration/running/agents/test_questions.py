"""Questions of agents that a person answers: shown once, where the work was asked for, and waited for."""

from oblivion_contracts.runs import RunSource, RunState
from oblivion_platform import runs
from oblivion_platform.runs import NewRun
from oblivion_platform.testing import eventually


async def make_operator(path, user="you"):
    """@you may approve."""
    app, people = await path.slack.app(), await path.slack.users()
    tenant = (await path.rows("SELECT id FROM tenants"))[0]["id"]
    await path.run(
        "WITH u AS (INSERT INTO users (id, tenant_id, name, role)"
        " VALUES (gen_random_uuid(), :t, 'you', 'user') RETURNING id)"
        " INSERT INTO user_identities (id, tenant_id, user_id, provider, subject)"
        " SELECT gen_random_uuid(), :t, id, 'slack', :s FROM u",
        t=tenant,
        s=f"{app['team_id']}:{people[user]}",
    )


async def at_work(squad, talk):
    await squad.online("general")
    asked = await talk.ask("@general write a poem")
    run = await squad.assigned()
    await squad.acknowledge(run)
    await talk.said(asked, "Processing")
    return asked, run


async def hand_on(squad, parent, agent):
    """What the gateway does when an agent delegates."""
    new = NewRun(
        session_id=parent.session_id,
        source=RunSource.DELEGATION,
        thread=f"delegation:{parent.id}:{agent}",
        prompt="mend the rhymes",
        parent_run_id=parent.id,
        hops=parent.hops + 1,
        wanted_agent=agent,
    )
    await squad.online(agent)
    await squad.step(lambda tx: runs.create(tx, squad.tenant_id, new))
    child = await squad.assigned()
    assert child.id == new.id
    await squad.acknowledge(child)
    return child


async def becomes(squad, run, state):
    async def is_so():
        assert (await squad.read(run.id)).state is state

    await eventually(is_so)


async def test_a_question_of_work_that_was_handed_on_is_asked_where_it_began(path, squad, talk):
    await make_operator(path)
    async with path.worker(run_sweep_every_s=0.1):
        asked, parent = await at_work(squad, talk)
        child = await hand_on(squad, parent, "fixer")
        grandchild = await hand_on(squad, child, "notion")
        await squad.step(lambda tx: runs.ask(tx, grandchild.id, grandchild.fence, "k", "Delete all?", "yes"))
        question = next(
            m for m in await talk.said(asked, "notion asks for approval") if "Delete all" in str(m)
        )
        await path.settled()
        await path.slack.press(path.channel, question["ts"], "oblivion:approve", user="you")
        await becomes(squad, grandchild, RunState.RUNNING)
        await talk.said(asked, "Approved")
        await squad.complete(grandchild, "swept away")
        await path.settled()
        # What one agent tells another is said to nobody.
        assert not any("swept away" in str(message) for message in await path.thread(asked))


async def test_a_question_that_is_asked_again_by_another_replica_is_shown_once(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        asked, run = await at_work(squad, talk)
        await squad.step(lambda tx: runs.ask(tx, run.id, run.fence, "k", "Delete all?", "yes"))
        await talk.said(asked, "asks for approval")
        await squad.step(lambda tx: runs.hand_back(tx, run.id, run.fence))
        again = await squad.assigned(fence=run.fence + 1)
        await squad.acknowledge(again)
        await squad.step(lambda tx: runs.ask(tx, again.id, again.fence, "k", "Delete all?", "yes"))
        await becomes(squad, run, RunState.WAITING)

        async def all_shown():
            found = await squad.read(run.id)
            assert found.presented_seq == found.last_seq

        await eventually(all_shown)
        await path.settled()
        assert sum("asks for approval" in str(m) for m in await path.thread(asked)) == 1


async def late(path, run, minutes):
    """Its time ran out a second ago; it was asked `minutes` ago."""
    await path.run("UPDATE approvals SET asked_at = clock_timestamp() - make_interval(mins => :m)", m=minutes)
    await path.run(
        "UPDATE runs SET deadline_at = clock_timestamp() - interval '1 second', wake_at = 'epoch',"
        " lease_until = clock_timestamp() - interval '1 second' WHERE id = :id",
        id=run.id,
    )


async def test_the_time_that_a_person_takes_is_not_the_agent_s(path, squad, talk):
    await make_operator(path)
    async with path.worker(run_sweep_every_s=0.1, run_grace_s=0):
        asked, run = await at_work(squad, talk)
        await squad.step(lambda tx: runs.ask(tx, run.id, run.fence, "k", "Delete all?", "yes"))
        question = (await talk.said(asked, "asks for approval"))[-1]
        await late(path, run, 20)
        # Its holder went away meanwhile: another replica has it, and asks again.
        again = await squad.assigned(fence=run.fence + 1)
        await squad.acknowledge(again)
        await squad.step(lambda tx: runs.ask(tx, again.id, again.fence, "k", "Delete all?", "yes"))
        await path.slack.press(path.channel, question["ts"], "oblivion:approve", user="you")
        await becomes(squad, run, RunState.RUNNING)
        found = await squad.read(run.id)
        assert 1_100 < (found.deadline_at - found.now).total_seconds() < 1_200


async def test_a_question_that_nobody_answers_ends_its_run_at_last(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1, give_up_after_h=0.001):
        asked, run = await at_work(squad, talk)
        await squad.step(lambda tx: runs.ask(tx, run.id, run.fence, "k", "Delete all?", "yes"))
        await talk.said(asked, "asks for approval")
        await path.run(
            "UPDATE runs SET deadline_at = clock_timestamp() - interval '1 minute', wake_at = 'epoch'"
        )
        await becomes(squad, run, RunState.FAILED)
        assert (await squad.read(run.id)).failure.code == "too_late"


async def test_stopping_a_run_stops_what_it_handed_on(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        asked, parent = await at_work(squad, talk)
        child = await hand_on(squad, parent, "fixer")
        grandchild = await hand_on(squad, child, "notion")
        await path.slack.react(path.channel, asked, "x", user="ana")
        for run in (parent, child, grandchild):
            await becomes(squad, run, RunState.CANCELLED)
        assert await path.rows("SELECT 1 FROM runs WHERE state = 'running'") == []


async def test_giving_up_a_run_stops_what_it_handed_on(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        _, parent = await at_work(squad, talk)
        child = await hand_on(squad, parent, "fixer")
        await late(path, parent, 0)
        await becomes(squad, parent, RunState.FAILED)
        await becomes(squad, child, RunState.CANCELLED)
        assert (await squad.read(child.id)).cancel_requested_by == "the end of the run that asked for it"
