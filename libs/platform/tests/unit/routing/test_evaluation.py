"""Labelled messages: read, judged, counted."""

import pytest

from oblivion_platform.routing import Decision
from oblivion_platform.routing.evaluation import LabelledMessage, MessagesUnreadable, evaluate, read_messages

KNOWN = {"a": "x", "b": "y", "c": None, "d": None}


def fast(text: str) -> Decision:
    return Decision(KNOWN[text], "default", 1.0, "")


async def guess(_text: str, _fast: Decision) -> Decision:
    return Decision("x", "default", 0.2, "")


def labelled(text: str, agent: str, kind: str = "plain") -> LabelledMessage:
    return LabelledMessage(text=text, agent=agent, kind=kind)


async def test_shares_are_counted_and_follow_ups_stand_apart():
    messages = [labelled("a", "x"), labelled("b", "x"), labelled("c", "x"), labelled("d", "z", "followup")]
    made = (await evaluate(messages, fast, guess)).document()
    assert made["messages"] == 3
    assert made["fast_path_share"] == pytest.approx(2 / 3, abs=1e-3)
    assert made["fast_path_accuracy"] == 0.5
    assert made["accuracy"] == pytest.approx(2 / 3, abs=1e-3)
    assert set(made["by_kind"]) == {"plain", "followup"}  # pyright: ignore[reportArgumentType]


async def test_the_confusion_says_who_was_taken_for_whom():
    made = await evaluate([labelled("b", "x"), labelled("a", "x")], fast, guess)
    assert made.confusion == {("x", "y"): 1, ("x", "x"): 1}


async def test_no_messages_give_no_shares():
    assert (await evaluate([], fast, guess)).document()["accuracy"] == 0.0


def test_unknown_fields_and_empty_lines_are_passed_over():
    assert read_messages(['{"text": "a", "agent": "x", "also": []}', ""]) == [
        LabelledMessage(text="a", agent="x")
    ]


@pytest.mark.parametrize("line", ["[", "[]", '{"text": "a"}', '{"text": 1, "agent": "x"}', "[" * 100_000])
def test_a_line_that_is_no_message_is_named_by_its_number(line: str):
    with pytest.raises(MessagesUnreadable, match="line 2"):
        read_messages(['{"text": "a", "agent": "x"}', line])
