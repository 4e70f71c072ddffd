import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from oblivion_router_worker.domain.clickup_objects import Task
from oblivion_router_worker.domain.comment_view import (
    comment_from_slack,
    comment_url,
    ends_in_marker,
    is_copy_of,
    marked_message,
    marker_of,
    render_comment,
)
from oblivion_router_worker.domain.slack_ts import MessageRef

LINK = "https://acme.slack.com/archives/C1/p1718031600000100?thread_ts=1718031500.000100&cid=C1"
TASK_URL = "https://app.clickup.com/t/86abc"


def test_a_comment_is_shown_with_author_words_and_link() -> None:
    message = render_comment("Ana", "look at **this**", f"{TASK_URL}?comment=5")
    assert message.text == "Ana: look at *this*"
    footer, body = message.blocks
    assert footer["elements"][0]["text"] == f"*Ana* commented in <{TASK_URL}?comment=5|ClickUp>"
    assert body["text"]["text"] == "look at *this*"


def test_a_comment_without_words_or_link_still_shows() -> None:
    message = render_comment("", "", None)
    assert message.text == "Someone: (no text)"
    assert [block["type"] for block in message.blocks] == ["context", "section"]


def test_a_long_comment_goes_on_in_more_sections_and_is_shortened_in_the_end() -> None:
    message = render_comment("Ana", "\n".join(f"line {number}" for number in range(5_000)), None)
    sections = [block["text"]["text"] for block in message.blocks if block["type"] == "section"]
    assert len(sections) > 1
    assert sections[0].startswith("line 0\n")
    assert sections[-1].endswith("… (shortened)")
    assert sum(len(section) for section in sections) <= 12_000


def test_the_address_of_a_comment_opens_its_task_at_it() -> None:
    assert comment_url(Task(id="86abc", name="x", url=TASK_URL), "5") == f"{TASK_URL}?comment=5"
    assert comment_url(Task(id="86abc", name="x"), "5") is None


def test_a_reply_is_signed_and_ends_in_its_permalink() -> None:
    comment = comment_from_slack("*done* with <@U1>", "Ben", LINK, {"U1": "Ana"})
    assert comment.text == f"Ben in Slack:\ndone with @Ana\nSlack: {LINK}"
    assert comment.marker == LINK
    assert comment.blocks[0] == {"text": "Ben", "attributes": {"bold": True}}
    assert {"text": "done", "attributes": {"bold": True}} in comment.blocks
    assert comment.blocks[-1] == {"text": LINK, "attributes": {"link": LINK}}


def test_files_of_a_reply_are_told() -> None:
    comment = comment_from_slack("", "Ben", LINK, {}, file_count=2)
    assert comment.text == f"Ben in Slack:\n(2 files in Slack)\nSlack: {LINK}"


def test_a_list_at_the_end_of_a_reply_keeps_its_line() -> None:
    comment = comment_from_slack("• one\n• two", "Ben", LINK, {})
    assert comment.text == f"Ben in Slack:\none\ntwo\nSlack: {LINK}"
    assert comment.blocks[-3] == {"text": "\n", "attributes": {"list": {"list": "bullet"}}}


def test_a_copy_is_known_by_what_was_sent() -> None:
    sent = comment_from_slack("*done* with <@U1>", "Ben", LINK, {"U1": "Ana"})
    assert is_copy_of(sent.text, sent)
    assert is_copy_of(f"{sent.text}\n", sent)
    assert is_copy_of(sent.text.replace("\n", " \r\n\n"), sent.text)
    assert not is_copy_of(sent.text.replace("done", "gone"), sent)
    assert not is_copy_of(f"> {sent.text}", sent)


def test_a_lost_copy_is_found_by_its_marker() -> None:
    sent = comment_from_slack("done", "Ben", LINK, {})
    assert ends_in_marker(sent.text + "\n", LINK)
    assert not ends_in_marker(sent.text + " and more", LINK)
    assert not ends_in_marker(sent.text, LINK.replace("000100?", "000101?"))
    assert not ends_in_marker("x", "")


def test_the_marker_names_the_message() -> None:
    assert marker_of(f"x\nSlack: {LINK}\n") == LINK
    assert marked_message(f"x {LINK}") == MessageRef("C1", "1718031600.000100", "1718031500.000100")
    for text in ("", "no link", "https://a.example", f"{LINK} was here"):
        assert marker_of(text) is None
        assert marked_message(text) is None


LONG_TEXT = st.text(max_size=40) | st.sampled_from(
    ["&", "x ", "😀", "```\n", "**a** ", "\n", "- a\n"]
).flatmap(lambda piece: st.integers(min_value=0, max_value=8_000).map(lambda times: piece * times))


@given(LONG_TEXT, LONG_TEXT)
def test_every_comment_is_a_valid_message(author: str, markdown: str) -> None:
    message = render_comment(author, markdown, TASK_URL)
    assert 0 < len(message.text.encode("utf-16-le")) // 2 <= 3_000
    for block in message.blocks:
        parsed = Block.parse(dict(block))
        assert parsed is not None
        parsed.validate_json()
    assert len(json.dumps(list(message.blocks), ensure_ascii=False)) < 13_200


@given(LONG_TEXT, LONG_TEXT)
def test_every_reply_is_a_comment_known_again(text: str, author: str) -> None:
    comment = comment_from_slack(text, author, LINK, {})
    assert "".join(str(block["text"]) for block in comment.blocks) == comment.text
    assert is_copy_of(comment.text, comment)
    assert ends_in_marker(comment.text, LINK)
    assert marked_message(comment.text) is not None
    assert len(comment.text) < 30_000


@pytest.mark.parametrize("name", ["@here", "<!channel>", "A\nB", "x" * 500, "\u202e\x00"])
def test_a_hostile_name_stays_a_name(name: str) -> None:
    comment = comment_from_slack("x", name, LINK, {})
    first_line = comment.text.split("\n")[0]
    assert first_line.endswith(" in Slack:")
    assert "@here" not in comment.text
    assert len(first_line) < 100
