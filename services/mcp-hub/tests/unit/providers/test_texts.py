from hypothesis import given
from hypothesis import strategies as st

from oblivion_mcp_hub.providers.jira.jql import joined, quoted, words_of
from oblivion_mcp_hub.providers.notion.rich_text import PART_LENGTH_MAX, blocks_of, rich_text
from oblivion_mcp_hub.providers.texts import body, one_line
from oblivion_mcp_hub.providers.voice import Voice, seconds_of

VOICE = Voice("acme", "Acme", renew="acme.test", share="share it")


@given(st.text())
def test_a_line_is_one_line_without_unseen_characters(text: str):
    line = one_line(text, 50)
    assert len(line) <= 50
    assert line.isprintable() or not line.isascii()
    assert "\n" not in line
    assert "\u202e" not in line


def test_half_a_character_is_none():
    assert one_line("no\x00 way\ud83d\x1b[2J") == "no way [2J"


def test_a_long_text_says_what_was_cut():
    assert body("x" * 30, 10) == "xxxxxxxxxx\n… (cut: 20 more characters)"
    assert body("one\n\ttwo\u200b\x07") == "one\n\ttwo"


@given(st.text())
def test_a_quoted_value_ends_at_its_own_end(value: str):
    inner = quoted(value)[1:-1]
    unescaped = inner.replace("\\\\", "").replace('\\"', "")
    assert '"' not in unescaped
    assert "\\" not in unescaped


@given(st.text(max_size=5_000))
def test_rich_text_is_the_text_in_parts_that_notion_takes(text: str):
    parts = rich_text(text)
    assert "".join(part["text"]["content"] for part in parts) == text
    assert all(len(part["text"]["content"]) <= PART_LENGTH_MAX for part in parts)


def test_lines_become_blocks_and_code_stays_together():
    kinds = [block["type"] for block in blocks_of("# a\n\n1. b\n- [ ] c\n> d\n```py\ne\nf\n```\n```\ng")]
    assert kinds == ["heading_1", "numbered_list_item", "to_do", "quote", "code", "code"]
    assert blocks_of("```\na\nb\n```")[0]["code"]["rich_text"][0]["text"]["content"] == "a\nb"


def test_a_query_is_never_without_a_restriction():
    assert joined([]) == "project is not EMPTY ORDER BY updated DESC"
    assert joined(["a = 1", "b = 2"]) == "a = 1 AND b = 2 ORDER BY updated DESC"
    assert words_of('a* OR "b" ~c') == "a OR b c"


def test_waits_are_bounded_and_dates_are_not_seconds():
    assert seconds_of("12") == 12
    assert seconds_of("Wed, 21 Oct 2026 07:28:00 GMT") is None
    assert seconds_of("٣") is None
    assert VOICE.rate_limited(-5).retry_after_s == 1
    assert VOICE.rate_limited(10**9).retry_after_s == 3_600


def test_what_a_vendor_says_is_quoted_on_one_line_and_in_part():
    message = VOICE.quoted("bad\n\u202e" + "x" * 1_000, 400).message
    assert message.startswith("Acme does not take these arguments: bad xxx")
    assert len(message) < 400
    assert "\u202e" not in message


def test_only_what_looks_like_a_right_is_named():
    assert "right chat:write." in VOICE.right_missing("Fix it.", "chat:write").message
    assert "right." in VOICE.right_missing("Fix it.", "<b>everything</b>").message
