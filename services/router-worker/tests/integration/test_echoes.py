"""What our own bot did comes back as events: all of them end together, and nothing else does."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text

from oblivion_contracts.jobs import EventPriority
from oblivion_router_worker.adapters.postgres_sweeps import PostgresEchoes
from oblivion_router_worker.ports.watching import OverdueEvent
from oblivion_router_worker.usecases.finish_echoes import FinishEchoes

ROOT, LATER = "1700000000.000100", "1700000001.000100"


class Jobs:
    """What got a job after all."""

    def __init__(self) -> None:
        self.made: list[UUID] = []

    async def ensure(self, events: Sequence[OverdueEvent]) -> int:
        self.made += [event.id for event in events]
        return len(events)


class Outcomes(list[str]):
    """An EchoWatch."""

    def finished(self, outcome: str) -> None:
        self.append(outcome)


@pytest.fixture
def jobs():
    return Jobs()


@pytest.fixture
def outcomes():
    return Outcomes()


@pytest.fixture
def finish(world, jobs, outcomes):
    return FinishEchoes(PostgresEchoes(world.database), world.store, world.decide.at_once, jobs, outcomes)


async def taken_for_echoes(world, *event_ids):
    sql = "UPDATE inbound_events SET priority = :echo WHERE id = ANY(:ids)"
    await world.run(sql, echo=int(EventPriority.ECHO), ids=list(event_ids))


async def reacted(world, user):
    event = {"type": "reaction_added", "user": user, "reaction": "eyes"}
    return await world.tell_slack({**event, "item": {"channel": "C0LAUNCH", "ts": ROOT}}, ROOT)


async def test_our_posts_edits_and_marks_end_as_ignored_with_their_outcome(world, finish, jobs, outcomes):
    post = await world.reply("Processing…", LATER, ROOT, user="U0BOT", bot_id="B0BOT")
    mark = await reacted(world, "U0BOT")
    await taken_for_echoes(world, post, mark)
    await finish()
    rows = await world.rows("SELECT state, outcome, processed_at FROM inbound_events")
    assert {(row["state"], row["outcome"]) for row in rows} == {("ignored", "ignored:echo")}
    assert all(row["processed_at"] for row in rows)
    assert (jobs.made, outcomes) == ([], ["ignored:echo"] * 2)


async def test_what_is_none_after_all_gets_its_job_and_waits(world, finish, jobs):
    said = await world.reply("hello", LATER, ROOT)
    broken = await world.store_event("slack", "message", "thread:C:1", b"{")
    await taken_for_echoes(world, said, broken)
    await finish()
    assert sorted(jobs.made) == sorted([said, broken])
    assert [await world.state(each) for each in (said, broken)] == ["received"] * 2


async def test_events_of_any_other_priority_are_left_alone(world, finish, jobs):
    post = await world.reply("Processing…", LATER, ROOT, user="U0BOT")
    await finish()
    assert await world.state(post) == "received"
    assert jobs.made == []


async def test_what_somebody_else_is_finishing_is_left_to_them(world, finish, jobs):
    post = await world.reply("Processing…", LATER, ROOT, user="U0BOT")
    await taken_for_echoes(world, post)
    async with world.database.tenant(world.tenant_id) as tx:
        await tx.execute(text("SELECT FROM inbound_events WHERE id = :id FOR UPDATE"), {"id": post})
        await finish()
        assert await world.state(post) == "received"
    await finish()
    assert (await world.state(post), jobs.made) == ("ignored", [])


async def test_a_suspended_tenant_s_wait(world, finish, jobs):
    post = await world.reply("Processing…", LATER, ROOT, user="U0BOT")
    await taken_for_echoes(world, post)
    await world.run("UPDATE tenants SET state = 'suspended'")
    await finish()
    assert (await world.state(post), jobs.made) == ("received", [])
