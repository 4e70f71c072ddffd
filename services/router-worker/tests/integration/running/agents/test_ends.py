"""The end of a run is shown once, however much happened before it."""

from oblivion_contracts.runs import RunState
from oblivion_platform import runs, sessions
from oblivion_platform.sessions import Said
from oblivion_platform.testing import eventually

STEPS = 520
"""More than are read at once."""


async def test_the_end_of_a_run_of_many_steps_is_shown_once(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("everything about it")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await talk.said(asked, "Processing")
        await path.settled()

    async def many(tx):
        for number in range(STEPS):
            await runs.progress(tx, run.id, run.fence, percent=None, words=f"step {number}", usage=None)

    await squad.step(many)
    await squad.complete(run, "that is everything")
    async with path.worker(run_sweep_every_s=0.1):

        async def shown():
            found = await squad.read(run.id)
            assert found.state is RunState.SUCCEEDED
            assert found.presented_seq == found.last_seq

        await eventually(shown)
        await path.settled()
        (message,) = await talk.said(asked, "that is everything")
        assert "Processing" not in str(message)
        ends = await path.rows(
            "SELECT kind FROM outbox"
            " WHERE kind = 'slack.run_answer' OR payload ->> 'add' = 'white_check_mark'"
        )
        assert sorted(row["kind"] for row in ends) == ["slack.run_answer", "slack.set_reaction"]


async def test_an_edit_of_the_question_and_the_run_s_end_do_not_lock_each_other_out(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await talk.said(asked, "Processing")
        await path.settled()
        bot = (await path.slack.app())["bot_user_id"]
        async with squad.database.tenant(squad.tenant_id) as tx:
            # As where runs end: first the run, then its session.
            await runs.read(tx, run.id, lock=True)
            await path.slack.edit(path.channel, asked, f"<@{bot}> write two poems")

            async def edit_waits():
                assert await path.rows(
                    "SELECT 1 FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )

            await eventually(edit_waits)
            # Whoever waits for the run keeps nobody from its session.
            assert len(await path.rows("SELECT id FROM sessions FOR UPDATE SKIP LOCKED")) == 1
            said = Said(role="agent", text="roses are red", source=run.source)
            await sessions.append_message(tx, run.session_id, said)

        async def told():
            assert (await squad.read(run.id)).prompt == "write two poems"

        await eventually(told)
