"""What people open in Slack stays within what Slack takes."""

import pytest

from oblivion_router_worker.domain.surface_view import place_of_dialog, task_dialog
from oblivion_router_worker.domain.text import length_units

PLACE = {"channel": "C0LAUNCH", "ts": "1700000000.000100", "thread_ts": "1700000000.000100"}


@pytest.mark.parametrize("words", ["buy paper", "Ü" * 4_000, "\n" * 4_000, '"\\' * 2_000, "😀" * 4_000])
def test_a_dialog_carries_as_much_of_its_message_as_slack_takes(words):
    carried = task_dialog({**PLACE, "text": words}, [("i|1", "Launch")], words)["private_metadata"]
    assert length_units(carried) <= 3_000
    place = place_of_dialog(carried)
    text = place.pop("text")
    assert place == PLACE
    assert words.startswith(text)
    assert text == words or len(text) > 400
