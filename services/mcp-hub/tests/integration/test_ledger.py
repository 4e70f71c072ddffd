"""Calls of many runs are written down together, and each is judged as if it were alone."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest

from oblivion_mcp_hub.errors import RunNotHeld, TooManyCalls
from oblivion_mcp_hub.ports import NewCall
from oblivion_platform.database.engine import ValueRefused
from oblivion_platform.door import NotAllowed
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

RUNS = 12


@pytest.fixture
async def connection(world, tenant, upstream):
    return await world.connect(tenant, name="wiki", url=upstream.url, is_trusted=True)


@pytest.fixture
async def agent(world, tenant, connection):
    return await world.new_agent(tenant, "wiki__*", max_tool_calls_per_run=3)


@pytest.fixture
def new_call(world, tenant, connection, agent):
    """A call by a new run of the agent, or by a run that is given."""

    async def new(run=None) -> NewCall:
        token = await world.run_token(tenant, run or await world.new_run(tenant, agent))
        caller = await world.hub.authenticate.for_tools(token)
        return NewCall(caller, connection.id, "wiki__read", "read", is_write=False, arguments={"text": "a"})

    return new


def begin(world, *calls):
    """All at once; what each is answered."""
    ledger = world.hub.ledger
    begun = (asyncio.ensure_future(ledger.begin(call, lambda _standing: False)) for call in calls)
    return asyncio.gather(*begun, return_exceptions=True)


def on_record(database):
    with psycopg.connect(database.admin_url) as admin:
        rows = admin.execute("SELECT id, run_id, trust FROM tool_calls ORDER BY at, id").fetchall()
    return {call_id: (run_id, trust) for call_id, run_id, trust in rows}


async def test_calls_of_many_runs_are_each_on_record_with_their_own_trust(
    world, tenant, agent, new_call, database
):
    runs = [await world.new_run(tenant, agent, "guest" if n % 3 else "user") for n in range(RUNS)]
    begun = await begin(world, *[await new_call(run) for run in runs])
    trusts = ["guest" if n % 3 else "member" for n in range(RUNS)]
    wanted = zip(begun, zip((run.id for run in runs), trusts, strict=True), strict=True)
    assert on_record(database) == dict(wanted)


async def test_what_is_refused_among_many_is_refused_alone(world, new_call, database):
    good = [await new_call() for _ in range(RUNS)]
    unheld, unconnected, old = await new_call(), await new_call(), await new_call()
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE runs SET state = 'succeeded' WHERE id = %s", (unheld.caller.run.run_id,))
    unconnected = replace(unconnected, connection_id=uuid4())
    old = replace(old, caller=replace(old.caller, run=replace(old.caller.run, fence=-1)))
    begun = await begin(world, unheld, *good[:6], unconnected, *good[6:], old)
    refused = [type(each) for each in (begun[0], begun[7], begun[-1])]
    assert refused == [RunNotHeld, NotAllowed, RunNotHeld]
    assert set(on_record(database)) == {*begun[1:7], *begun[8:-1]}


async def test_a_call_whose_arguments_nobody_can_write_down_fails_no_other(world, new_call, database):
    good = [await new_call() for _ in range(RUNS)]
    hostile = [replace(await new_call(), arguments={name: "a"}) for name in ("\ud800", "\x00")]
    begun = await begin(world, good[0], *hostile, *good[1:])
    assert [type(each) for each in begun[1:3]] == 2 * [ValueRefused]
    assert set(on_record(database)) == {begun[0], *begun[3:]}


async def test_of_a_run_that_calls_many_times_at_once_no_more_pass_than_its_limit(
    world, tenant, agent, new_call, database
):
    runs = [await world.new_run(tenant, agent) for _ in range(4)]
    calls = [await new_call(run) for run in runs for _ in range(5)]
    begun = await begin(world, *calls)
    assert [type(each) for each in begun].count(TooManyCalls) == 4 * 2
    noted = [run_id for run_id, _ in on_record(database).values()]
    assert sorted(noted) == sorted(run.id for run in runs for _ in range(3))


async def test_a_run_that_is_judged_elsewhere_holds_up_no_other(world, new_call, database):
    held_up, *others = [await new_call() for _ in range(RUNS)]
    key = f"tool_calls:{held_up.caller.run.run_id}"
    with psycopg.connect(database.admin_url) as elsewhere:
        elsewhere.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
        (waiting, *those) = [begin(world, call) for call in (held_up, *others)]
        begun = [call_id for each in those for call_id in await asyncio.wait_for(each, 30)]
        assert not waiting.done()
        with psycopg.connect(database.admin_url) as admin:
            ((transactions,),) = admin.execute("SELECT count(DISTINCT xmin::text) FROM tool_calls").fetchall()
        assert transactions < RUNS / 3, "they are written together, as if it were not there"
    begun += await asyncio.wait_for(waiting, 30)
    assert set(on_record(database)) == set(begun)


async def test_calls_wait_for_none_of_another_tenant(world, new_call, database, upstream):
    held_up = await new_call()
    neighbour = await world.new_tenant()
    connection = await world.connect(neighbour, name="wiki", url=upstream.url, is_trusted=True)
    agent = await world.new_agent(neighbour, "wiki__*")
    token = await world.run_token(neighbour, await world.new_run(neighbour, agent))
    theirs = replace(
        held_up, caller=await world.hub.authenticate.for_tools(token), connection_id=connection.id
    )
    with psycopg.connect(database.admin_url) as elsewhere:
        key = f"tool_calls:{held_up.caller.run.run_id}"
        elsewhere.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
        waiting = begin(world, held_up)
        begun = await asyncio.wait_for(begin(world, theirs), 30)
        assert not waiting.done()
    begun += await asyncio.wait_for(waiting, 30)
    assert set(on_record(database)) == set(begun)


async def writer() -> asyncio.Task[None]:
    """Once there is something to write."""
    while True:
        for task in asyncio.all_tasks():
            if task.get_name() == "notes of calls":
                return task
        await asyncio.sleep(0)


async def test_of_a_call_whose_caller_hung_up_while_it_was_written_the_end_is_on_record(
    world, new_call, database
):
    begun = asyncio.ensure_future(world.hub.ledger.begin(await new_call(), lambda _standing: False))
    await writer()
    await asyncio.sleep(0)  # It has taken the call, and Postgres cannot have answered.
    begun.cancel()

    async def is_ended() -> None:
        with psycopg.connect(database.admin_url) as admin:
            assert admin.execute("SELECT state, code FROM tool_calls").fetchall() == [("failed", "cancelled")]

    await eventually(is_ended)
    assert begun.cancelled()


async def test_a_writer_that_was_ended_leaves_nobody_waiting(world, new_call):
    left, then = await new_call(), await new_call()
    waiting = begin(world, left)
    (await writer()).cancel()
    (left_by,) = await asyncio.wait_for(waiting, 30)
    assert isinstance(left_by, asyncio.CancelledError)
    (noted,) = await asyncio.wait_for(begin(world, then), 30)
    assert isinstance(noted, UUID)
