"""Runs: each step against a real Postgres, as the roles that take it."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from oblivion_contracts.runs import TOKENS_MAX, USD_MAX, RunEventKind, RunFailure, RunSource, RunState, Usage
from oblivion_platform import runs, sessions
from oblivion_platform.database.engine import Database, ValueRefused
from oblivion_platform.history.documents import read_documents
from oblivion_platform.runs import FencedOff, Holder, NewRun, Run, RunOver, RunUnknown
from oblivion_platform.sessions import NewSessionRow, Said
from oblivion_platform.testing.databases import FreshDatabase

TENANT, OTHER = uuid4(), uuid4()
AGENT, SESSION = uuid4(), uuid4()
HERE = Holder("socket-1", "gateway-1")
LEASE_S = 30.0


@pytest.fixture(scope="module")
def prepared(module_database: FreshDatabase) -> FreshDatabase:
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        for tenant, slug in ((TENANT, "one"), (OTHER, "two")):
            admin.execute("INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T')", (tenant, slug))
        admin.execute(
            "INSERT INTO agents (id, tenant_id, name, origin, definition)"
            " VALUES (%s, %s, 'fixer', 'api', '{}')",
            (AGENT, TENANT),
        )
        admin.execute(
            "INSERT INTO sessions (id, tenant_id, source) VALUES (%s, %s, 'api')", (SESSION, TENANT)
        )
    return module_database


@pytest.fixture
async def worker(prepared: FreshDatabase) -> AsyncGenerator[Database]:
    database = Database.connect(prepared.url("oblivion_router_worker"))
    yield database
    await database.close()


@pytest.fixture
async def gateway(prepared: FreshDatabase) -> AsyncGenerator[Database]:
    database = Database.connect(prepared.url("oblivion_gateway"))
    yield database
    await database.close()


def new_run(thread: str | None = None, **changes: object) -> NewRun:
    values = {
        "session_id": SESSION,
        "source": RunSource.API,
        "thread": thread or f"t:{uuid4()}",
        "prompt": "fix it",
    }
    return NewRun(**(values | changes))  # type: ignore[arg-type]


async def row(database: Database, run_id: UUID) -> Run:
    async with database.tenant(TENANT) as tx:
        found = await runs.read(tx, run_id)
    assert found is not None
    return found


async def created(worker: Database, new: NewRun) -> Run:
    async with worker.tenant(TENANT) as tx:
        await runs.create(tx, TENANT, new)
    return await row(worker, new.id)


async def routed(worker: Database, thread: str | None = None, **changes: object) -> Run:
    run = await created(worker, new_run(thread, **changes))
    async with worker.tenant(TENANT) as tx:
        assert await runs.route(tx, run, AGENT, "fixer", "default") is not None
    return await row(worker, run.id)


async def assigned(worker: Database, lease_s: float = LEASE_S, **changes: object) -> Run:
    run = await routed(worker, **changes)
    async with worker.tenant(TENANT) as tx:
        assert await runs.assign(tx, run.id, HERE, lease_s=lease_s, deadline_s=900) is not None
    return await row(worker, run.id)


async def running(worker: Database, gateway: Database, **changes: object) -> Run:
    run = await assigned(worker, **changes)
    async with gateway.tenant(TENANT) as tx:
        assert await runs.acknowledge(tx, run.id, run.fence, lease_s=LEASE_S) is not None
    return await row(worker, run.id)


async def test_a_run_goes_from_question_to_answer_and_writes_each_step_down(
    worker: Database, gateway: Database
) -> None:
    run = await running(worker, gateway)
    async with gateway.tenant(TENANT) as tx:
        await runs.progress(tx, run.id, run.fence, percent=40, words="reading", usage=None)
        await runs.progress(tx, run.id, run.fence, percent=10, words="thinking", usage=Usage(input_tokens=7))
        await runs.say(tx, run.id, run.fence, "half way")
        done = await runs.complete(
            tx, run.id, run.fence, "done", Usage(model="m", input_tokens=3, output_tokens=2, cost_usd=0.5)
        )
        steps = await runs.events_since(tx, run.id, 0)

    after = await row(worker, run.id)
    assert done is not None
    assert done.is_final
    assert (after.state, after.result, after.percent) == (RunState.SUCCEEDED, "done", 100)
    assert after.usage == {"model": "m", "input_tokens": 10, "output_tokens": 2}
    assert after.cost_usd == 0.5
    assert [step.sequence for step in steps] == list(range(1, len(steps) + 1))
    assert [step.data.get("state") for step in steps if step.kind is RunEventKind.STATE] == [
        "queued",
        "routed",
        "assigned",
        "running",
        "succeeded",
    ]


async def test_progress_never_goes_back(worker: Database, gateway: Database) -> None:
    run = await running(worker, gateway)
    async with gateway.tenant(TENANT) as tx:
        await runs.progress(tx, run.id, run.fence, percent=40, words="reading", usage=None)
        await runs.progress(tx, run.id, run.fence, percent=10, words="", usage=None)
    after = await row(worker, run.id)
    assert (after.percent, after.progress) == (40, "reading")


async def test_the_same_event_makes_one_run(worker: Database) -> None:
    event = uuid4()
    async with worker.tenant(TENANT) as tx:
        first = await runs.create(tx, TENANT, new_run(event_id=event))
        second = await runs.create(tx, TENANT, new_run(event_id=event))
    assert first is not None
    assert second is None


async def test_one_run_of_a_thread_is_live_and_the_oldest_goes_first(worker: Database) -> None:
    thread = f"t:{uuid4()}"
    first, second, third = [await created(worker, new_run(thread)) for _ in range(3)]

    async def take_up(run: Run) -> bool:
        async with worker.tenant(TENANT) as tx:
            return await runs.route(tx, run, AGENT, "fixer", "default") is not None

    assert await take_up(second) is False
    assert await asyncio.gather(*(take_up(run) for run in (third, second, first))) == [False, False, True]
    async with worker.tenant(TENANT) as tx:
        await runs.cancel(tx, first.id, "you")
        assert await runs.next_in_thread(tx, thread) == second.id
    assert await take_up(second) is True


async def test_two_workers_assign_a_run_once(worker: Database) -> None:
    run = await routed(worker)

    async def give(socket: str) -> int | None:
        async with worker.tenant(TENANT) as tx:
            change = await runs.assign(tx, run.id, Holder(socket, "g"), lease_s=30, deadline_s=60)
        return change and change.fence

    fences = await asyncio.gather(*(give(f"s{n}") for n in range(5)))
    assert sorted(fences, key=str) == [1, None, None, None, None]


async def test_what_an_old_holder_sends_is_refused(worker: Database, gateway: Database) -> None:
    run = await assigned(worker, lease_s=0)
    async with worker.tenant(TENANT) as tx:
        assert await runs.lose_lease(tx, run) is not None
        await runs.assign(tx, run.id, Holder("socket-2", "gateway-2"), lease_s=30, deadline_s=900)
    for late in (
        lambda tx: runs.complete(tx, run.id, run.fence, "late", None),
        lambda tx: runs.fail(tx, run.id, run.fence, RunFailure(code="x", message="late"), None),
        lambda tx: runs.progress(tx, run.id, run.fence, percent=1, words="late", usage=None),
        lambda tx: runs.checkpoint(tx, run.id, run.fence, b"late"),
        lambda tx: runs.acknowledge(tx, run.id, run.fence, lease_s=30),
    ):
        async with gateway.tenant(TENANT) as tx:
            with pytest.raises(FencedOff):
                await late(tx)
            assert await runs.renew(tx, {run.id: run.fence}, lease_s=30) == set()
    assert (await row(worker, run.id)).state is RunState.ASSIGNED


async def test_a_holder_takes_its_run_up_again_unless_somebody_else_has_it(
    worker: Database, gateway: Database
) -> None:
    kept, lost = await assigned(worker, lease_s=0), await assigned(worker, lease_s=0)
    for run in (kept, lost):
        async with worker.tenant(TENANT) as tx:
            await runs.lose_lease(tx, run)
    async with worker.tenant(TENANT) as tx:
        await runs.assign(tx, lost.id, Holder("socket-2", "gateway-2"), lease_s=30, deadline_s=900)
    back = Holder("socket-3", "gateway-3")
    async with gateway.tenant(TENANT) as tx:
        assert await runs.resume(tx, kept.id, kept.fence, back, lease_s=30) is not None
        assert await runs.resume(tx, lost.id, lost.fence, back, lease_s=30) is None
        assert await runs.resume(tx, kept.id, kept.fence, back, lease_s=30) is not None
        assert await runs.complete(tx, kept.id, kept.fence, "done", None) is not None


async def test_an_answer_sent_twice_counts_once_and_after_cancellation_not_at_all(
    worker: Database, gateway: Database
) -> None:
    run, cancelled = await running(worker, gateway), await running(worker, gateway)
    async with gateway.tenant(TENANT) as tx:
        assert await runs.complete(tx, run.id, run.fence, "done", None) is not None
        assert await runs.complete(tx, run.id, run.fence, "done", None) is None
        assert await runs.cancel(tx, run.id, "you") is None
        assert await runs.cancel(tx, cancelled.id, "you") is not None
        with pytest.raises(RunOver):
            await runs.complete(tx, cancelled.id, cancelled.fence, "late", None)
    assert (await row(worker, cancelled.id)).result is None


async def test_a_run_that_is_given_up_takes_no_late_answer(worker: Database, gateway: Database) -> None:
    run = await running(worker, gateway)
    async with worker.tenant(TENANT) as tx:
        assert (
            await runs.give_up(tx, run.id, RunFailure(code="too_late", message="It took too long."))
            is not None
        )
    async with gateway.tenant(TENANT) as tx:
        with pytest.raises(FencedOff):
            await runs.complete(tx, run.id, run.fence, "late", None)
    assert (await row(worker, run.id)).failure == RunFailure(code="too_late", message="It took too long.")


async def test_a_question_is_asked_once_and_its_first_answer_counts(
    worker: Database, gateway: Database
) -> None:
    run = await running(worker, gateway)
    async with gateway.tenant(TENANT) as tx:
        asked, change = await runs.ask(tx, run.id, run.fence, "merge", "May I merge?", "")
        again, repeated = await runs.ask(tx, run.id, run.fence, "merge", "May I merge?", "")
    assert change is not None
    assert repeated is None, "a question that is open is no step again"
    assert again.id == asked.id
    assert (await row(worker, run.id)).state is RunState.WAITING
    async with worker.tenant(TENANT) as tx:
        _, first = await runs.answer(tx, asked.id, approved=True, user_id=None, name="Ana", comment="")
        answer, second = await runs.answer(tx, asked.id, approved=False, user_id=None, name="Bo", comment="")
    assert first is not None
    assert second is None
    assert (answer.state, answer.answered_by_name) == ("approved", "Ana")
    assert (await row(worker, run.id)).state is RunState.RUNNING


@pytest.mark.parametrize(
    ("owner", "place", "visible"),
    [
        ("self", {}, True),
        ("another", {}, False),
        (None, {}, False),
        ("another", {"channel": "C1"}, False),
        ("another", {"channel": "C1", "is_public": True}, True),
    ],
)
async def test_a_question_is_seen_by_whom_the_run_is_for_and_in_public_by_all(
    worker: Database,
    gateway: Database,
    prepared: FreshDatabase,
    owner: str,
    place: dict[str, object],
    visible: bool,
) -> None:
    ana, ben = uuid4(), uuid4()
    with psycopg.connect(prepared.admin_url, autocommit=True) as admin:
        for user in (ana, ben):
            admin.execute(
                "INSERT INTO users (id, tenant_id, name, role) VALUES (%s, %s, 'U', 'user')", (user, TENANT)
            )
    asked_for = {"self": ana, "another": ben, None: None}[owner]
    parent = await created(worker, new_run(user_id=asked_for, place=place))
    child = await running(worker, gateway, user_id=asked_for, parent_run_id=parent.id)
    async with gateway.tenant(TENANT) as tx:
        asked, _ = await runs.ask(tx, child.id, child.fence, "merge", "May I merge?", "")
        found = {each.id for each in await runs.pending_approvals(tx, seen_by=ana, limit=1_000)}
        assert (asked.id in found) is visible
        assert await runs.may_see_approval(tx, asked.id, seen_by=ana) is visible
        assert await runs.may_see_approval(tx, asked.id, seen_by=None) is True
        everything = await runs.pending_approvals(tx, seen_by=None, limit=1_000)
        assert asked.id in {each.id for each in everything}


async def test_what_is_indexed_of_a_run_is_its_question_its_answer_and_the_thread_before_it(
    worker: Database, gateway: Database
) -> None:
    async with worker.tenant(TENANT) as tx:
        session = await sessions.create(tx, TENANT, NewSessionRow(RunSource.API))
        for number in range(8):
            words = Said("user", f"said {number}", RunSource.API)
            await sessions.append_message(tx, session.id, words)
    run = await running(worker, gateway, session_id=session.id)
    failed = await running(worker, gateway)
    async with gateway.tenant(TENANT) as tx:
        await sessions.append_message(tx, session.id, Said("user", "said later", RunSource.API))
        await runs.complete(tx, run.id, run.fence, "done", None)
        await runs.fail(tx, failed.id, failed.fence, RunFailure(code="x", message="x"), None)
        (found,) = await read_documents(tx, [run.id, failed.id])
    assert (found.run_id, found.agent, found.prompt, found.answer) == (run.id, "fixer", "fix it", "done")
    assert found.before.split("\n") == [f"said {number}" for number in (7, 6, 5, 4, 3, 2)]


@pytest.mark.parametrize("ending", ["complete", "fail", "cancel", "give_up"])
async def test_no_checkpoint_stays_after_the_end(worker: Database, gateway: Database, ending: str) -> None:
    run = await running(worker, gateway)
    failure = RunFailure(code="x", message="x")
    async with gateway.tenant(TENANT) as tx:
        await runs.checkpoint(tx, run.id, run.fence, b"half way")
        match ending:
            case "complete":
                await runs.complete(tx, run.id, run.fence, "done", None)
            case "fail":
                await runs.fail(tx, run.id, run.fence, failure, None)
            case "cancel":
                await runs.cancel(tx, run.id, "Ana")
            case _:
                await runs.give_up(tx, run.id, failure)
        assert await runs.read_checkpoint(tx, run.id) is None
        assert list(await runs.read_many(tx, [run.id, uuid4()])) == [run.id]


@pytest.mark.parametrize(
    ("column", "order", "index"),
    [
        ("user_id", "created_at DESC, id DESC", "runs_of_user"),
        ("agent_id", "created_at", "runs_given"),
    ],
)
def test_the_runs_of_a_person_and_of_an_agent_are_found_by_an_index(
    prepared: FreshDatabase, column: str, order: str, index: str
) -> None:
    with psycopg.connect(prepared.admin_url, autocommit=True) as admin:
        admin.execute("SET enable_seqscan = off")
        admin.execute("SET enable_sort = off")
        plan = admin.execute(
            f"EXPLAIN SELECT * FROM runs WHERE tenant_id = '{TENANT}' AND {column} = '{AGENT}'"  # type: ignore[arg-type]
            f" ORDER BY {order} LIMIT 50"
        ).fetchall()
    assert index in str(plan)


async def test_usage_adds_up_to_no_more_than_can_be_stored(worker: Database, gateway: Database) -> None:
    run = await running(worker, gateway)
    most = Usage(input_tokens=TOKENS_MAX, cost_usd=USD_MAX)
    async with gateway.tenant(TENANT) as tx:
        for _ in range(3):
            await runs.progress(tx, run.id, run.fence, percent=None, words="", usage=most)
    assert runs.view(await row(worker, run.id), None).usage == most
    assert most.plus(most) == most


async def test_a_value_that_postgres_cannot_hold_is_refused_for_good_without_being_shown(
    gateway: Database,
) -> None:
    with pytest.raises(ValueRefused) as refused:
        async with gateway.tenant(TENANT) as tx:
            await tx.execute(text("SELECT CAST(:x AS uuid)"), {"x": "secret words"})
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_a_checkpoint_goes_to_the_next_holder(worker: Database, gateway: Database) -> None:
    run = await running(worker, gateway)
    async with gateway.tenant(TENANT) as tx:
        await runs.checkpoint(tx, run.id, run.fence, b"half way")
        assert await runs.hand_back(tx, run.id, run.fence) is not None
    async with worker.tenant(TENANT) as tx:
        change = await runs.assign(tx, run.id, Holder("s2", "g2"), lease_s=30, deadline_s=900)
        assert change is not None
        assert change.fence == run.fence + 1
        assert await runs.read_checkpoint(tx, run.id) == b"half way"
    assert (await row(worker, run.id)).lost_leases == 0


async def test_another_tenant_finds_no_run(worker: Database, gateway: Database) -> None:
    run = await running(worker, gateway)
    async with gateway.tenant(OTHER) as tx:
        assert await runs.read(tx, run.id) is None
        assert await runs.renew(tx, {run.id: run.fence}, lease_s=30) == set()
        assert await runs.cancel(tx, run.id, "they") is None
        with pytest.raises(RunUnknown):
            await runs.complete(tx, run.id, run.fence, "theirs", None)


async def test_what_waits_is_seen_through_the_relays_door(worker: Database, gateway: Database) -> None:
    waiting, held = await created(worker, new_run()), await running(worker, gateway)
    async with worker.relay() as relay:
        due = {each.run_id for each in await runs.due(relay, overdue_s=0, limit=1000)}
        unshown = {each.run_id for each in await runs.unshown(relay, limit=1000)}
    assert waiting.id in due
    assert held.id not in due
    assert {waiting.id, held.id} <= unshown
    async with worker.tenant(TENANT) as tx:
        await runs.shown(tx, waiting.id, 1, {"progress_ts": "1.2"})
        retried = await runs.retry(tx, held, "you")
    assert retried is None
    async with worker.relay() as relay:
        assert waiting.id not in {each.run_id for each in await runs.unshown(relay, limit=1000)}
    assert (await row(worker, waiting.id)).place == {"progress_ts": "1.2"}


async def test_a_run_that_is_over_can_be_done_again(worker: Database, gateway: Database) -> None:
    run = await running(worker, gateway)
    async with gateway.tenant(TENANT) as tx:
        await runs.complete(tx, run.id, run.fence, "done", None)
        again = await runs.retry(tx, await _read(tx, run.id), "Ana")
    assert again is not None
    fresh = await row(worker, again.run_id)
    assert (fresh.state, fresh.prompt, fresh.requested_by, fresh.result) == (
        RunState.QUEUED,
        run.prompt,
        "Ana",
        None,
    )
    async with worker.tenant(TENANT) as tx:
        assert (await runs.expected_s(tx, AGENT) or -1) >= 0


async def test_the_expected_time_is_the_median_of_an_agents_last_twenty_successes(
    worker: Database, prepared: FreshDatabase
) -> None:
    agent = uuid4()
    # The oldest success is the twenty-first, and counts no more; failures never do.
    ended = [("succeeded", 1_000), *(("succeeded", seconds) for seconds in range(1, 21)), ("failed", 5_000)]
    async with worker.tenant(TENANT) as tx:
        assert await runs.expected_s(tx, agent) is None
    with psycopg.connect(prepared.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO agents (id, tenant_id, name, origin, definition)"
            " VALUES (%s, %s, 'timed', 'api', '{}')",
            (agent, TENANT),
        )
        for minute, (state, seconds) in enumerate(ended):
            admin.execute(
                "INSERT INTO runs (id, tenant_id, session_id, source, thread, prompt, agent_id, state,"
                " finished_at, created_at) SELECT gen_random_uuid(), %s, %s, 'api', %s, '', %s, %s,"
                " at, at - make_interval(secs => %s) FROM (SELECT now() + make_interval(mins => %s) AS at) t",
                (TENANT, SESSION, f"t:{uuid4()}", agent, state, seconds, minute),
            )
    async with worker.tenant(TENANT) as tx:
        assert await runs.expected_s(tx, agent) == pytest.approx(10.5)


async def _read(tx: object, run_id: UUID) -> Run:
    run = await runs.read(tx, run_id)  # type: ignore[arg-type]
    assert run is not None
    return run
