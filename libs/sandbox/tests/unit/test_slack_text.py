import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_sandbox.slack.rich_text import rich_text_block
from oblivion_sandbox.slack.text import as_stored, as_typed, mentioned_users

USERS = {"ana": "U0000000001"}
CHANNELS = {"launch": "C0000000001"}


@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("already &lt;escaped&gt; &amp; fine", "already &lt;escaped&gt; &amp; fine"),
        ("<@U0000000001> and <#C0000000001|x>", "<@U0000000001> and <#C0000000001|x>"),
        ("<!channel> <!here>", "<!channel> <!here>"),
        ("<https://a.example/x?y=1|label>", "<https://a.example/x?y=1|label>"),
        ("see https://a.example/x.", "see <https://a.example/x>."),
        ("<script>", "&lt;script&gt;"),
        ("<!date^1^{date}|then>", "<!date^1^{date}|then>"),
    ],
)
def test_api_text_is_escaped_around_slacks_own_sequences(given_text: str, stored: str):
    assert as_stored(given_text) == stored


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("hi @ana, look", "hi <@U0000000001>, look"),
        ("@ANA.", "<@U0000000001>."),
        ("@nobody", "@nobody"),
        ("mail ana@ana", "mail ana@ana"),
        ("in #launch", "in <#C0000000001|launch>"),
        ("#clickup note", "#clickup note"),
        ("@channel @here", "<!channel> <!here>"),
        ("<@U0000000001>", "&lt;@U0000000001&gt;"),
    ],
)
def test_typed_text_links_known_names_and_escapes_the_rest(typed: str, stored: str):
    assert as_typed(typed, USERS, CHANNELS) == stored


def test_a_persons_text_is_sent_as_rich_text_too():
    section = rich_text_block("hi <@U1> &amp; <https://a.example|x> <!here>")["elements"][0]
    assert section["elements"] == [
        {"type": "text", "text": "hi "},
        {"type": "user", "user_id": "U1"},
        {"type": "text", "text": " & "},
        {"type": "link", "url": "https://a.example", "text": "x"},
        {"type": "text", "text": " "},
        {"type": "broadcast", "range": "here"},
    ]


@given(st.text())
def test_storing_stored_text_changes_nothing(text: str):
    once = as_stored(text)
    assert as_stored(once) == once


@given(st.text(alphabet="<>&@U0123456789|ab "))
def test_typed_text_mentions_nobody_by_hand_written_sequences(text: str):
    assert mentioned_users(as_typed(text, {}, {})) == set()
