"""Nobody is likely to be meant: a person is asked, for a day at most; where nobody can be, words say so."""

from oblivion_contracts.administration import NewRouteRule
from oblivion_contracts.agents import AgentDefinition, Capability
from oblivion_contracts.runs import RunSource, RunState
from oblivion_platform import runs, sessions
from oblivion_platform.agents import create_agent
from oblivion_platform.operations.routes import set_rule
from oblivion_platform.runs import NewRun
from oblivion_platform.sessions import NewSessionRow
from oblivion_platform.testing import eventually

REMIND = "remind me tomorrow to call the bank"
"""What the fast path knows to be the calendar's."""


async def only(path, *names):
    """No other agents are there."""
    await path.run("UPDATE agents SET state = 'disabled' WHERE name <> ALL(:names)", names=list(names))


async def start(squad, **changes):
    """A run that begins elsewhere than in Slack."""
    async with squad.database.tenant(squad.tenant_id) as tx:
        session_id = changes.pop("session_id", None)
        if session_id is None:
            session_id = (
                await sessions.create(tx, squad.tenant_id, NewSessionRow(source=RunSource.TERMINAL))
            ).id
        source = changes.pop("source", RunSource.TERMINAL)
        new = NewRun(session_id=session_id, source=source, thread=f"session:{session_id}", **changes)
        await runs.create(tx, squad.tenant_id, new)
    return new.id


async def ended(squad, run_id):
    async def is_over():
        found = await squad.read(run_id)
        assert found.state.is_final
        return found

    return await eventually(is_over)


async def test_who_does_not_choose_an_agent_is_told_that_nobody_waits_any_more(path, squad, talk):
    await only(path, "fixer")
    async with path.worker(give_up_after_h=0.001, run_sweep_every_s=0.1):
        asked = await talk.ask("hm")
        await talk.said(asked, "Who should do this")
        await talk.said(asked, "Nobody said for a day")
        (run,) = await squad.all_runs()
        assert run.failure.code == "nobody_chose"


async def test_where_no_menu_can_be_shown_words_ask_for_an_agent_s_name(path, squad):
    async with squad.database.tenant(squad.tenant_id) as tx:
        await create_agent(tx, squad.tenant_id, "mender", AgentDefinition())
    await only(path, "fixer", "mender")
    async with path.worker(run_sweep_every_s=0.1):
        unsure = await ended(squad, await start(squad, prompt="hm"))
        assert unsure.failure.code == "agent_unsure"
        assert "@fixer, @mender" in unsure.failure.message


async def test_where_no_menu_can_be_shown_an_only_agent_takes_it(path, squad):
    await only(path, "fixer")
    async with path.worker(run_sweep_every_s=0.1):
        await squad.online("fixer")
        run_id = await start(squad, prompt="hm")
        assert (await squad.assigned()).id == run_id


async def test_work_that_is_handed_on_does_not_move_its_thread_to_another_agent(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        await squad.online("general")
        await squad.online("fixer")
        await talk.ask("@general write a poem")
        parent = await squad.assigned()
        await squad.acknowledge(parent)
        child = await start(
            squad,
            prompt="mend the rhymes",
            source=RunSource.DELEGATION,
            session_id=parent.session_id,
            parent_run_id=parent.id,
            hops=1,
            wanted_agent="fixer",
        )
        run = await squad.assigned()
        assert (run.id, run.agent_id) == (child, squad.ids["fixer"])
        assert run.state is RunState.ASSIGNED
        (row,) = await path.rows("SELECT agent_id FROM sessions")
        assert row["agent_id"] == squad.ids["general"]


async def test_an_agent_s_name_in_the_thread_answers_who_should_do_it(path, squad, talk):
    await only(path, "fixer")
    async with path.worker():
        await squad.online("fixer")
        asked = await talk.ask("hm")
        await talk.said(asked, "Who should do this")
        await talk.ask("@fixer", thread_ts=asked)
        run = await squad.assigned()
        assert (run.prompt, run.place["question_ts"]) == ("hm", asked)


async def test_a_later_question_takes_the_place_of_one_that_nobody_chose_an_agent_for(path, squad, talk):
    await only(path, "fixer")
    async with path.worker():
        await squad.online("fixer")
        asked = await talk.ask("hm")
        await talk.said(asked, "Who should do this")
        await talk.ask("@fixer mend the build", thread_ts=asked, user="ben")
        await talk.said(asked, "waits for the one before it")
        await talk.ask("@fixer mend the door", thread_ts=asked)
        await talk.said(asked, "Stopped by what ana asked next")
        assert (await squad.assigned()).prompt == "@fixer mend the build"
        states = {run.prompt: run.state for run in await squad.all_runs()}
        assert states["hm"] is RunState.CANCELLED
        assert states["@fixer mend the door"] is RunState.QUEUED


async def test_a_channel_s_default_agent_begins_its_threads(path, squad, talk):
    (slack,) = await path.rows("SELECT id FROM integrations WHERE source = 'slack'")
    rule = NewRouteRule(kind="default", scope=f"slack:{slack['id']}:{path.channel}", agent="notion")
    async with squad.database.tenant(squad.tenant_id) as tx:
        await set_rule(tx, squad.tenant_id, rule, agent_id=squad.ids["notion"], created_by="Ana")
    async with path.worker():
        await squad.online("notion")
        await talk.ask(REMIND)
        assert (await squad.assigned()).agent_id == squad.ids["notion"]
        assert await path.rows("SELECT stage FROM route_decisions") == [{"stage": "channel"}]


async def test_a_choice_is_a_row_with_its_score_its_reason_and_how_long_it_took(path, squad, talk):
    async with path.worker():
        await squad.online("calendar")
        await talk.ask(REMIND)
        run = await squad.assigned()
        (decision,) = await path.rows("SELECT * FROM route_decisions")
        assert (decision["run_id"], decision["agent_id"]) == (run.id, squad.ids["calendar"])
        assert (decision["stage"], decision["task"]) == ("fast", run.task)
        assert 0.5 < decision["score"] <= 1
        assert decision["reason"]
        assert decision["candidates"][0]["agent"] == "calendar"
        assert decision["elapsed_us"] > 0


async def test_an_admins_override_for_a_channel_takes_what_is_asked_there(path, squad, talk):
    (slack,) = await path.rows("SELECT id FROM integrations WHERE source = 'slack'")
    sewing = AgentDefinition(capabilities=[Capability(name="sew"), Capability(name="mend")])
    elsewhere = (await path.slack.channels())["general"]
    async with squad.database.tenant(squad.tenant_id) as tx:
        mender = await create_agent(tx, squad.tenant_id, "mender", sewing)
        for channel, name, task in ((path.channel, "mender", "mend"), (elsewhere, "notion", None)):
            rule = NewRouteRule(
                kind="override", scope=f"slack:{slack['id']}:{channel}", agent=name, task=task
            )
            agent_id = mender.id if name == "mender" else squad.ids[name]
            await set_rule(tx, squad.tenant_id, rule, agent_id=agent_id, created_by="Ana")
    squad.ids["mender"] = mender.id
    async with path.worker():
        await squad.online("mender")
        await talk.ask("@fixer please sew my trousers")
        run = await squad.assigned()
        assert (run.agent_id, run.task) == (mender.id, "mend")
        (decision,) = await path.rows("SELECT stage, task FROM route_decisions")
        assert (decision["stage"], decision["task"]) == ("override", "mend")
