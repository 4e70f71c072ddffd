import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_sandbox.pages.markup import editable_text, linked_html, markdown_html, mrkdwn_html, plain_html

NAMES = {"U1": "ana", "C1": "launch"}
WRITTEN_HERE = re.compile(
    r"</?(?:strong|em|s|code|pre|blockquote|br|span|a)(?: class=\"mention(?: loud)?\")?"
    r"(?: href=\"(?:https?://|mailto:|tel:)[^\"<>]*\" rel=\"noreferrer noopener\" target=\"_blank\")?>",
    re.IGNORECASE,
)
HOSTILE = "<>&\"'/=:;!@#*_~`|\\\n\x00 abchtpsjavrionlescrpt()[]{}0123"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("*bold* _it_ ~no~ `x`", "<strong>bold</strong> <em>it</em> <s>no</s> <code>x</code>"),
        ("<@U1> in <#C1|x>", '<span class="mention">@ana</span> in <span class="mention">#launch</span>'),
        ("&lt;b&gt; &amp; c", "&lt;b&gt; &amp; c"),
        ("<javascript:alert(1)|click>", "click"),
        ("<script>alert(1)</script>", "scriptalert(1)/script"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("<!date^0^{date_num}|then>", "1970-01-01"),
        ("&gt; quoted\nnot", "<blockquote>quoted</blockquote>not"),
    ],
)
def test_mrkdwn_is_shown_as_slack_shows_it(stored: str, shown: str):
    assert mrkdwn_html(stored, NAMES) == shown


@given(st.text(alphabet=HOSTILE))
def test_no_text_of_a_message_becomes_a_tag(text: str):
    rest = WRITTEN_HERE.sub("", mrkdwn_html(text, NAMES))
    assert "<" not in rest


@given(st.text(alphabet=HOSTILE))
def test_no_text_of_a_description_becomes_a_script(text: str):
    shown = markdown_html(text).lower()
    tags = re.findall(r"<([a-z0-9]+)", shown)
    assert set(tags) <= {
        "p", "em", "strong", "s", "code", "pre", "a", "img", "h1", "h2", "h3", "h4", "h5", "h6",
        "ul", "ol", "li", "blockquote", "hr", "br", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert not re.search(r"<[^>]*\son\w+=", shown)
    assert not re.search(r"(?:href|src)=\"\s*javascript:", shown)


@pytest.mark.parametrize(
    "hostile",
    [
        "[x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "[x](data:text/html,<script>)",
        "<a href=x>",
    ],
)
def test_markdown_lets_neither_html_nor_script_links_through(hostile: str):
    shown = markdown_html(hostile)
    assert "<img" not in shown
    assert "<a " not in shown


def test_addresses_in_a_comment_become_links_and_nothing_else_does():
    shown = linked_html('see https://a.example/x?y=1&z=2 "<b>"')
    href = "https://a.example/x?y=1&amp;z=2"
    link = f'<a href="{href}" rel="noreferrer noopener" target="_blank">{href}</a>'
    assert shown == f"see {link} &quot;&lt;b&gt;&quot;"


@given(st.text(alphabet=HOSTILE))
def test_no_text_of_a_comment_becomes_a_tag(text: str):
    assert "<" not in WRITTEN_HERE.sub("", linked_html("https://a.example/" + text))


def test_plain_text_is_escaped_and_emoji_names_are_shown():
    assert plain_html("<b> :rocket: :unknown:") == "&lt;b&gt; 🚀 :unknown:"


def test_the_edit_box_holds_what_was_typed():
    assert (
        editable_text("<@U1> a &lt; b <https://a.example> <!here>", NAMES)
        == "@ana a < b https://a.example @here"
    )
