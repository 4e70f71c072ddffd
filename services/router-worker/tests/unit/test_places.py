"""What ClickUp and Slack tell of lists and channels, and how much of it is kept."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from oblivion_contracts.jobs import ReadPlaces as Command
from oblivion_platform.errors import RateLimited
from oblivion_router_worker.domain.places import Place, channels, lists_of_folders, lists_of_space
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.usecases.read_places import MOST_PLACES, ReadPlaces

SPACE = {"id": "1", "name": "Apps"}


def test_a_lists_path_is_its_space_and_folder():
    in_folder = lists_of_folders(SPACE, [{"name": "Web", "lists": [{"id": 901, "name": "Bugs"}]}])
    alone = lists_of_space(SPACE, [{"id": "902", "name": " Ideas\n2027 "}])
    assert [(each.external_id, each.name, each.path) for each in in_folder + alone] == [
        ("901", "Bugs", "Apps / Web"),
        ("902", "Ideas 2027", "Apps"),
    ]


def test_what_cannot_be_linked_or_stored_is_left_out():
    hostile = [
        {"id": "../team", "name": "x"},
        {"name": "no id"},
        {"id": "903", "name": "archived", "archived": True},
        {"id": "904", "name": "a\x00b\ud800" + "c" * 400},
    ]
    (kept,) = lists_of_space(SPACE, hostile)
    assert kept.name == ("ab" + "c" * 400)[:200]


def test_direct_conversations_and_archived_channels_are_no_places():
    page = {
        "channels": [
            {"id": "C01", "name": "launch", "is_member": True},
            {"id": "G01", "name": "quiet", "is_private": True, "is_member": True},
            {"id": "D01", "is_im": True},
            {"id": "G02", "name": "mpdm", "is_mpim": True},
            {"id": "C02", "name": "old", "is_archived": True},
            "nonsense",
        ]
    }
    assert [(each.name, each.is_private, each.is_member) for each in channels(page)] == [
        ("launch", False, True),
        ("quiet", True, True),
    ]


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.finished = False
        self.problem = ""

    async def begin(self, tenant_id, integration_id):
        return Integration(integration_id, tenant_id, "slack", "T1"), datetime.now(UTC)

    async def keep(self, integration, places):
        self.places += places

    async def finish(self, integration, begun_at):
        self.finished = True

    async def note_problem(self, tenant_id, integration_id, problem):
        self.problem = problem


class Source:
    """Hands over `count` places by the thousand, then fails if it is to."""

    what = "Slack channels"

    def __init__(self, count: int, failure: Exception | None = None) -> None:
        self._count = count
        self._failure = failure

    async def read(self, integration, keep):
        for first in range(0, self._count, 1000):
            size = min(1000, self._count - first)
            await keep([Place("channel", f"C{first + number}", "x") for number in range(size)])
        if self._failure is not None:
            raise self._failure


@pytest.mark.parametrize("count", [0, 1500, MOST_PLACES])
async def test_a_whole_reading_is_finished(count):
    store = Kept()
    outcome = await ReadPlaces(store, {"slack": Source(count)})(
        Command(integration_id=uuid4(), tenant_id=uuid4())
    )
    assert (outcome.found, len(store.places), store.finished) == (count, count, True)


async def test_too_many_places_are_cut_and_that_is_said():
    store = Kept()
    outcome = await ReadPlaces(store, {"slack": Source(MOST_PLACES + 1)})(
        Command(integration_id=uuid4(), tenant_id=uuid4())
    )
    assert (len(store.places), store.finished, outcome.problem_code) == (
        MOST_PLACES,
        False,
        "too_many_places",
    )
    assert "more than 10,000" in store.problem


async def test_a_reading_that_is_cut_short_keeps_what_it_found_and_removes_nothing():
    store = Kept()
    failure = RateLimited("slack_rate_limited", "Slack's rate limit is reached", 3.0)
    outcome = await ReadPlaces(store, {"slack": Source(10, failure)})(
        Command(integration_id=uuid4(), tenant_id=uuid4())
    )
    assert (outcome.found, len(store.places), store.finished) == (10, 10, False)
    assert store.problem == "Not all Slack channels could be read: Slack's rate limit is reached."
