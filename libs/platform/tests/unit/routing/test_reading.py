"""What is read of a message: markup, words, the first wish, negation, bounds."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oblivion_platform.routing.features import spoken
from oblivion_platform.routing.lexicon import lexicon
from oblivion_platform.routing.text import AS_IT_IS, HEAD_WORDS, TAIL_WORDS, folded, read
from oblivion_platform.routing.wish import first_wish

MARKUP = st.sampled_from(
    ["<@U1>", "<#C1|x>", "<https://a.b/c|d>", "`", "```", '"', "&gt;", "\n> ", "- ", ":smile:"]
)
HOSTILE = st.lists(
    st.one_of(MARKUP, st.text(max_size=40), st.sampled_from(["then ", "but first ", "a" * 90]))
)


def tokens(text: str) -> list[str]:
    return [token for clause in read(text).clauses for token in clause.tokens]


def wish(text: str) -> str:
    return " ".join(first_wish(read(text), lexicon()).tokens)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<@U0LENA> see <#C1|general>", ["xuser", "see", "xchannel"]),
        (
            "look at <https://github.com/a/b/pull/3|PR 3>",
            ["look", "at", "xlink", "hgithub", "ppull", "pr", "xnumber"],
        ),
        ("&lt;b&gt; fix LUM-12 in cart.ts", ["b", "fix", "xkey", "in", "xfile"]),
        ("at 3pm or 14:30, v2.1 of #418", ["at", "xtime", "or", "xtime", "xversion", "of", "xnum"]),
        ("don't B00K it, what's parse_config()?", ["do", "not", "book", "it", "what", "is", "xident"]),
        ('add "review the PR" :smile:', ["add", "xquote"]),
        ("ＮＯＴＩＯＮ page", ["notion", "page"]),  # noqa: RUF001 - full width on purpose
        (
            "utf-8 and covid-19 are no keys",
            ["utf", "xnumber", "and", "covid", "xnumber", "are", "no", "keys"],
        ),
    ],
)
def test_markup_names_and_numbers_become_marks(text: str, expected: list[str]):
    assert tokens(text) == expected


def test_quoted_words_are_kept_apart_from_what_is_asked():
    assert read('rename "Fix the build" please').quoted == ["fix", "the", "build"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("merge 12 and then book a room", "merge xnumber"),
        ("book a room, but first merge 12", "first merge xnumber"),
        ("book a room, but before that merge 12", "merge xnumber"),
        ("before you book a room, merge 12", "merge xnumber"),
        ("book a room after you've merged it", "merged it"),
        ("cancel the sync first. Then fix the build", "cancel the sync first"),
        ("1. merge 12\n2. book a room", "merge xnumber"),
        ("1) new row for Contoso 2) book a room", "new row for contoso"),
        ("hey, how are you? please merge 12", "please merge xnumber"),
        ("it crashes since Monday. please log it", "please log it"),
        ("I'm stuck in traffic, can you move my next call?", "can you move my next call"),
        ("don't open a ticket, just merge 12", "just merge xnumber"),
        ("> please book a room\nmerge 12", "merge xnumber"),
        ("read the page and tell me what to do", "tell me what to do read the page"),
    ],
)
def test_the_first_wish_in_time_is_found(text: str, expected: str):
    assert wish(text) == expected


def test_where_nothing_asks_everything_is_the_wish():
    assert wish("out of office until Monday") == "out of office until monday"


@pytest.mark.parametrize("text", ["no ticket needed, merge 12", "merge 12 instead of the ticket"])
def test_what_is_negated_does_not_count(text: str):
    assert "W:TICKET" not in spoken(text).features
    assert "t:ticket" not in spoken(text).features


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("schedlue", "schedule"),
        ("tikcet", "ticket"),
        ("metting", "meeting"),
        ("calender", "calendar"),
        ("xyzzy", "xyzzy"),
    ],
)
def test_one_typing_error_is_forgiven(typed: str, meant: str):
    assert lexicon().corrected(typed) == meant


def test_words_that_are_right_are_not_corrected():
    assert "t:pace" in spoken("pace", frozenset({"pace"})).features


@given(HOSTILE)
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_reading_and_what_is_read_is_bounded(parts: list[str]):
    heard = spoken("".join(parts) * 20)
    assert len(heard.features) < 1_500
    assert len(folded("".join(parts) * 200)) < 3_000


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x10FFFF), max_size=3_000))
@settings(max_examples=100, deadline=None)
def test_any_unicode_can_be_read(text: str):
    assert sum(len(clause.tokens) for clause in read(text).clauses) < 10 * (HEAD_WORDS + TAIL_WORDS) + 1_500


def test_the_end_of_a_long_message_is_read_too():
    pasted = "lorem ipsum dolor sit amet " * 500
    assert "remind" in tokens(f"{pasted}\nplease remind me tomorrow")


@given(st.from_regex(AS_IT_IS, fullmatch=True))
def test_only_what_is_its_own_normal_form_is_read_without_normalising(text):
    assert unicodedata.normalize("NFKC", text) == text


@pytest.mark.parametrize(
    ("text", "plain"), [("予約してください", "予約してください"), ("Ｐｒüｆｅ", "prüfe"), ("ｶﾞ", "ガ")]
)
def test_other_scripts_are_folded(text, plain):
    assert folded(text) == plain
