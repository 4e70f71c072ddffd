"""When Slack has to be told again of a run that is silent."""

import pytest

from oblivion_router_worker.domain import upkeep

BEGUN = 1_800_000_000.0


@pytest.mark.parametrize(
    ("place", "after_s", "again_s"),
    [
        ({}, 0, None),
        ({"stream_ts": None, "status_until": None}, 0, None),
        ({"stream_ts": f"{BEGUN:.6f}"}, 40, 200),
        ({"status_until": BEGUN + 90}, 40, 50),
        ({"stream_ts": f"{BEGUN:.6f}", "status_until": BEGUN + 90}, 40, 50),
    ],
)
def test_it_is_looked_after_before_slack_forgets(place, after_s, again_s):
    assert upkeep.come_again_s(place, BEGUN + after_s) == again_s
    assert not upkeep.is_overdue(place, BEGUN + after_s)


def test_what_is_overdue_is_sent_and_looked_after_again():
    place = {"stream_ts": f"{BEGUN:.6f}", "status_until": BEGUN + 90}
    assert upkeep.is_overdue(place, BEGUN + 90)
    assert upkeep.status_is_overdue(place, BEGUN + 90)
    assert not upkeep.stream_is_old(place["stream_ts"], BEGUN + 90)
    assert upkeep.stream_is_old(place["stream_ts"], BEGUN + 240)
    assert upkeep.come_again_s(place, BEGUN + 240) == upkeep.OVERDUE_AGAIN_S


def test_a_stream_ends_a_minute_before_slack_would_end_it():
    assert upkeep.STREAM_LIVES_S <= 300 - 60
    assert upkeep.STATUS_LIVES_S <= 120 - 30
