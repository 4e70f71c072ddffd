"""Earlier results: so many for each tenant, and none of them large."""

import dataclasses
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

from mcp_types import CallToolResult, TextContent

from oblivion_mcp_hub.usecases.earlier_results import KEPT_FOR_S, KEPT_RESULTS, EarlierResults

ENTRY = SimpleNamespace(is_read_only=True, definition_hash="hash")
WRITE = SimpleNamespace(is_read_only=False, definition_hash="other")
RESULT = CallToolResult(content=[TextContent(text="answer")])


@dataclasses.dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self):
        return self.now_s


def connection(**settings):
    return SimpleNamespace(id=uuid4(), tenant_id=uuid4(), updated_at=datetime.now(UTC), settings=settings)


def test_a_tenant_that_asks_much_empties_its_own_place_alone():
    kept = EarlierResults()
    ours, theirs = connection(), connection()
    kept.asked(ours, ENTRY).keep({"page": 1}, RESULT)
    for number in range(2 * KEPT_RESULTS):
        kept.asked(theirs, ENTRY).keep({"page": number}, RESULT)
    assert kept.find(ours, ENTRY, {"page": 1}) is not None
    assert kept.find(theirs, ENTRY, {"page": 0}) is None
    assert kept.find(theirs, ENTRY, {"page": 2 * KEPT_RESULTS - 1}) is not None


def test_long_arguments_are_not_kept_with_their_results():
    kept = EarlierResults()
    theirs = connection()
    for number in range(KEPT_RESULTS):
        kept.asked(theirs, ENTRY).keep({"text": f"{number}" * 100_000}, RESULT)
    keys = [key for of_tenant in kept._kept.values() for key in of_tenant]
    assert (len(keys), sum(map(len, keys)) < 10_000) == (KEPT_RESULTS, True)


def test_a_result_is_forgotten_after_an_hour():
    clock = Clock()
    kept = EarlierResults(clock)
    ours = connection()
    kept.asked(ours, ENTRY).keep({}, RESULT)
    clock.now_s = KEPT_FOR_S - 1
    assert kept.find(ours, ENTRY, {}) == (RESULT, KEPT_FOR_S - 1)
    clock.now_s = KEPT_FOR_S + 1
    assert kept.find(ours, ENTRY, {}) is None


def test_a_cache_answers_for_its_time_and_only_where_there_is_one():
    clock = Clock()
    kept = EarlierResults(clock)
    with_cache, without = connection(cache_s=60), connection()
    for each in (with_cache, without):
        kept.asked(each, ENTRY).keep({}, RESULT)
    clock.now_s = 59
    assert (kept.fresh(with_cache, ENTRY, {}), kept.fresh(without, ENTRY, {})) == (RESULT, None)
    assert kept.fresh(with_cache, ENTRY, {"other": 1}) is None
    clock.now_s = 60
    assert kept.fresh(with_cache, ENTRY, {}) is None


def test_what_was_asked_before_a_change_was_over_is_not_fresh():
    clock = Clock(1.0)
    kept = EarlierResults(clock)
    ours, another = connection(cache_s=60), connection(cache_s=60)
    write = kept.asked(ours, WRITE)
    for each in (ours, another):
        kept.asked(each, ENTRY).keep({}, RESULT)
    clock.now_s = 2.0
    write.over()
    assert (kept.fresh(ours, ENTRY, {}), kept.fresh(another, ENTRY, {})) == (None, RESULT)
    clock.now_s = 3.0
    kept.asked(ours, ENTRY).keep({}, RESULT)
    assert kept.fresh(ours, ENTRY, {}) == RESULT
