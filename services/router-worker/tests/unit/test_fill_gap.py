"""What a filling reads although something refuses or says to wait, with everything outside as fakes."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from oblivion_platform.errors import AuthenticationFailed, PermanentFailure, RateLimited
from oblivion_router_worker.domain.clickup_objects import Task
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.ports.watching import FoundThread, OverdueEvent, Watched
from oblivion_router_worker.usecases.fill_gap import GapFiller

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp()) * 1000
FIRST, SECOND = "1700000000.000100", "1700000000.000200"


class World:
    """Store, ClickUp, Slack and queue in one; `refusals` are what a list, channel or thread answers with."""

    def __init__(self, source):
        self.integration = Integration(uuid4(), uuid4(), source, "T0TEAM", {})
        self.places = ["1", "2", "3"]
        self.threads = []
        self.recent = []
        self.shown, self.health = [], {}
        self.roots, self.oldest, self.back_to = [], None, {}
        self.changed_ms, self.pages_max = NOON_MS + 5, 1
        self.refusals = {}
        self.budget = None
        self.asked, self.found, self.problems, self.waits = [], [], [], []
        self.jobs = 0
        self._fill = GapFiller(self, self, self, self, self._wait)

    async def fill(self, *, is_blind=False):
        return await self._fill(
            Watched(self.integration, "A0APP", NOON, self.health), NOON, is_blind=is_blind
        )

    def subjects(self):
        return [event.subject for event in self.found]

    async def _wait(self, seconds):
        self.waits.append(seconds)
        if self.budget is not None:
            self.budget = 2

    def _ask(self, place):
        if self.budget == 0:
            raise RateLimited("budget_spent", "wait", 40)
        if self.budget:
            self.budget -= 1
        self.asked.append(place)
        if place in self.refusals:
            raise self.refusals[place]

    # ClickUp and Slack

    async def tasks_updated_since(self, integration, list_id, since_ms, page):
        self._ask(list_id)
        name = f"t{list_id}" if page == 0 else f"t{list_id}-{page}"
        task = Task(id=name, name="Ship it", status="to do", list_id=list_id, updated_at_ms=self.changed_ms)
        return [task] if since_ms < self.changed_ms else [], page + 1 >= self.pages_max

    async def history(self, integration, channel, oldest_ts, cursor=None):
        self._ask(channel)
        self.back_to[channel] = oldest_ts
        return [root for root in self.roots if root["ts"] > oldest_ts], None

    async def replies(self, integration, channel, thread_ts, oldest_ts, cursor=None):
        self._ask(thread_ts)
        ts = f"{int(NOON.timestamp()) + 60}.000100"
        return [{"ts": thread_ts}, {"ts": ts, "thread_ts": thread_ts, "user": "U0ANA", "text": "hi"}], None

    # Store and queue

    async def linked_lists(self, integration):
        return self.places

    linked_channels = linked_lists

    async def recent_tasks(self, integration, since, most):
        return self.recent

    async def recent_threads(self, integration, since, most):
        return self.threads

    async def shown_tasks(self, integration, list_id):
        return self.shown

    async def tasks_after(self, integration, task_id, most):
        return sorted(task for task in self.shown if task > task_id)[:most]

    async def threads_after(self, integration, key, most):
        return sorted((t for t in self.threads if t.key > key), key=lambda t: t.key)[:most]

    async def threads_at(self, integration, channel, ts):
        return [FoundThread(channel, each, []) for each in ts]

    async def oldest_thread(self, integration, channel, earliest_ts):
        return self.oldest if earliest_ts is None or (self.oldest or "") > earliest_ts else None

    async def note(self, integration, health, seen_until):
        self.health |= health

    async def note_problem(self, integration, place, code, message):
        self.problems.append((place, code))

    async def add(self, events):
        self.found += events
        return [OverdueEvent(uuid4(), event.tenant_id, 3, NOON) for event in events]

    async def ensure(self, events):
        self.jobs += len(events)
        return len(events)


async def test_a_list_that_cannot_be_read_is_noted_and_the_others_are_filled():
    world = World("clickup")
    world.refusals["2"] = PermanentFailure("clickup_access_054", "not allowed")
    assert await world.fill() == 2
    assert world.subjects() == ["task:t1", "task:t3"]
    assert world.problems == [("2", "clickup_access_054")]


async def test_a_channel_that_cannot_be_read_is_noted_and_the_others_are_filled():
    world = World("slack")
    world.threads = [FoundThread("2", FIRST, []), FoundThread("3", SECOND, [])]
    world.refusals["2"] = PermanentFailure("slack_not_in_channel", "invite the app")
    await world.fill()
    assert world.subjects() == [f"thread:3:{SECOND}"]
    assert world.problems == [("2", "slack_not_in_channel")]
    assert FIRST not in world.asked


async def test_a_thread_that_is_gone_keeps_no_other_from_being_filled():
    world = World("slack")
    world.threads = [FoundThread("1", ts, []) for ts in (FIRST, SECOND)]
    world.refusals[FIRST] = PermanentFailure("slack_thread_not_found", "no such thread")
    assert await world.fill() == 1
    assert world.subjects() == [f"thread:1:{SECOND}"]


@pytest.mark.parametrize("source", ["clickup", "slack"])
async def test_a_refused_token_ends_the_filling(source):
    world = World(source)
    world.refusals["1"] = AuthenticationFailed("token_revoked", "connect again")
    with pytest.raises(AuthenticationFailed):
        await world.fill()
    assert (world.asked, world.problems) == (["1"], [])


@pytest.mark.parametrize("source", ["clickup", "slack"])
async def test_a_spent_budget_is_waited_for_and_the_filling_goes_on_where_it_was(source):
    world = World(source)
    world.places = [str(n) for n in range(7)]
    world.budget = 2
    await world.fill()
    assert world.asked == world.places
    assert world.waits == [40, 40, 40]


async def test_what_was_found_before_a_budget_stays_spent_is_stored_and_has_jobs():
    world = World("clickup")
    world.refusals["3"] = RateLimited("clickup_budget_spent", "wait", 600)
    with pytest.raises(RateLimited):
        await world.fill()
    assert world.subjects() == ["task:t1", "task:t2"]
    assert world.jobs == 2
    assert len(world.waits) == 10
    assert max(world.waits) <= timedelta(minutes=2).total_seconds()


async def test_a_task_that_changed_and_is_worked_on_is_looked_at_once():
    world = World("clickup")
    world.recent = ["t2", "t9"]
    await world.fill()
    assert world.subjects() == ["task:t1", "task:t3", "task:t2", "task:t9"]
    assert {json.loads(event.body)["task_id"] for event in world.found} == {"t1", "t2", "t3", "t9"}


async def test_after_a_blind_time_a_task_that_its_list_has_no_more_is_looked_at():
    world = World("clickup")
    world.places, world.shown = ["1"], ["t1", "t2"]
    world.health = {"turn": "t9"}
    world.changed_ms = NOON_MS - 5
    await world.fill(is_blind=True)
    assert world.subjects() == ["task:t2"]


async def test_a_list_that_is_cut_off_tells_nothing_of_what_left_it(caplog):
    world = World("clickup")
    world.places, world.shown, world.pages_max = ["1"], ["t1", "t2"], 1000
    world.health = {"turn": "t9"}
    await world.fill(is_blind=True)
    assert len(world.asked) == 100
    assert "task:t2" not in world.subjects()


async def test_tasks_and_threads_that_nobody_works_on_have_their_turn():
    for source, found in (("clickup", "shown"), ("slack", "threads")):
        world = World(source)
        world.places = []
        names = [f"{n:03}" for n in range(60)]
        threads = [FoundThread("1", f"1700000000.000{name}", []) for name in names]
        setattr(world, found, names if source == "clickup" else threads)
        world.recent_threads = no_threads
        turns = []
        for _ in range(4):
            world.found = []
            await world.fill()
            turns.append(len(world.found))
        assert turns == [25, 25, 10, 25]


async def no_threads(*_):
    return []


async def test_after_a_blind_time_a_thread_however_quiet_is_read_when_it_has_grown():
    world = World("slack")
    world.places, world.oldest = ["1"], FIRST
    grown_ts = f"{int(NOON.timestamp()) + 60}.000100"
    world.roots = [{"ts": FIRST, "latest_reply": grown_ts}, {"ts": SECOND, "latest_reply": SECOND}]
    await world.fill()
    assert world.subjects() == []
    await world.fill(is_blind=True)
    assert world.subjects() == [f"thread:1:{FIRST}"]
    assert world.back_to["1"] < FIRST
