"""A run that fails on our side for a reason that nobody foresaw ends, is told of, and is a dead letter."""

from oblivion_contracts.runs import RunFailure, RunSource, RunState
from oblivion_platform import runs, sessions
from oblivion_platform.operations.audit import Actor
from oblivion_platform.operations.dead_letters import (
    choose_letters,
    discard_letters,
    list_letters,
    retry_letters,
)
from oblivion_platform.runs import NewRun
from oblivion_platform.sessions import NewSessionRow, Said
from oblivion_router_worker.adapters.postgres_store import PostgresStore
from oblivion_router_worker.ports.running import Aftermath
from oblivion_router_worker.usecases.note_stumble import NoteStumble
from oblivion_router_worker.usecases.run_failures import UNFORESEEN


async def test_a_run_that_stumbles_three_times_is_given_up_and_does_not_hold_up_its_thread(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        await squad.online("general")
        asked = await talk.ask("write a poem")
        first = await squad.assigned()
        await squad.acknowledge(first)
        await talk.ask("@fixer mend the build", thread_ts=asked)
        await talk.said(asked, "waits for the one before it")
        await path.settled()
        broken = (await squad.all_runs())[1]
        # What no version of ours writes there.
        await path.run("UPDATE runs SET wanted = '[]', wake_at = 'epoch' WHERE id = :id", id=broken.id)
        await talk.said(asked, "failed on our side")
        found = await squad.read(broken.id)
        assert found.state is RunState.FAILED
        (row,) = await path.rows("SELECT failures FROM runs WHERE id = :id", id=broken.id)
        assert [failure["message"] for failure in row["failures"]] == ["AttributeError"] * 3
        await squad.online("fixer")
        await talk.ask("@fixer mend it now", thread_ts=asked)
        await path.settled()
        await squad.complete(first, "roses are red")
        assert (await squad.assigned()).agent_id == squad.ids["fixer"]


async def test_what_others_asked_a_run_that_stumbled_is_answered_by_a_run_of_its_own(squad, path):
    noted: list[Aftermath] = []
    store = PostgresStore(squad.database, lambda: 30.0)
    note = NoteStumble(store, lambda _tenant, aftermath: noted.append(aftermath), tries=1)
    async with squad.database.tenant(squad.tenant_id) as tx:
        session = await sessions.create(tx, squad.tenant_id, NewSessionRow(source=RunSource.API))
        new = NewRun(session_id=session.id, source=RunSource.API, thread=session.queue, prompt="first")
        await runs.create(tx, squad.tenant_id, new)
        said = Said(role="user", text="second", source=RunSource.API, asked_run_id=new.id)
        await sessions.append_message(tx, session.id, said)
    assert await note(squad.tenant_id, new.id, KeyError("broken"))
    states = {run.prompt: run.state for run in await squad.all_runs()}
    assert states == {"first": RunState.FAILED, "second": RunState.QUEUED}
    assert len(noted[0].changes) == 2


async def test_such_a_run_is_a_dead_letter_until_somebody_retries_or_discards_it(path, squad):
    actor = Actor("cli:ana")
    async with squad.database.tenant(squad.tenant_id) as tx:
        session = await sessions.create(tx, squad.tenant_id, NewSessionRow(source=RunSource.API))
        for prompt in ("first", "second"):
            new = NewRun(session_id=session.id, source=RunSource.API, thread=session.queue, prompt=prompt)
            await runs.create(tx, squad.tenant_id, new)
            cause = RunFailure(code="unexpected_error", message="KeyError")
            assert await runs.stumble(tx, new.id, cause, again_after_s=30) == 1
            await runs.give_up(tx, new.id, UNFORESEEN)
    async with squad.database.tenant(squad.tenant_id) as tx:
        second, first = await list_letters(tx, None, 10)
        assert (first["kind"], first["cause"], first["message"]) == ("run", "unexpected_error", "KeyError")
        assert first["attempts"] == 1
        chosen = await choose_letters(tx, [first["id"]], None, everything=False)
        await retry_letters(tx, squad.tenant_id, actor, chosen, "first")
        chosen = await choose_letters(tx, [second["id"]], None, everything=False)
        await discard_letters(tx, squad.tenant_id, actor, chosen, "second", "done by hand")
        assert await list_letters(tx, None, 10) == []
    queued = [run.prompt for run in await squad.all_runs() if run.state is RunState.QUEUED]
    assert queued == ["first"]
