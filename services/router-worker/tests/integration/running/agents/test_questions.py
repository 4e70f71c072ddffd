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

    await eventually(is_so, within_s=10)


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

        await eventually(all_shown, within_s=10)
        await path.settled()
        assert sum("asks for approval" in str(m) for m in await path.thread(asked)) == 1
