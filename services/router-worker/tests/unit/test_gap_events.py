"""Events made of messages that were found by asking."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.ports.watching import Watched
from oblivion_router_worker.usecases.gap_events import replies_of

ROOT = "1700000000.500000"
"""What is asked for begins here when a thread has its turn."""


@pytest.fixture
def watched():
    integration = Integration(uuid4(), uuid4(), "slack", "T0TEAM", {})
    return Watched(integration, "A0APP", datetime(2023, 11, 14, tzinfo=UTC), {})


@pytest.mark.parametrize(
    ("edited_ts", "is_found"),
    [("1699999999.000000", False), ("1700000000.000000", True), ("1700000001.000000", True)],
)
def test_an_edit_counts_from_the_second_on_to_which_slack_cuts_its_time(watched, edited_ts, is_found):
    edited = {
        "ts": "1700000000.400000",
        "thread_ts": ROOT,
        "user": "U0ANA",
        "text": "edited",
        "edited": {"user": "U0ANA", "ts": edited_ts},
    }
    found = [json.loads(event.body)["event"] for event in replies_of(watched, "C0LAUNCH", [edited], ROOT)]
    assert [event.get("subtype") for event in found] == (["message_changed"] if is_found else [])
