import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_router_worker.domain.text import (
    comment_to_markdown,
    comment_to_text,
    escape,
    markdown_to_mrkdwn,
    markdown_to_runs,
    mrkdwn_to_markdown,
    mrkdwn_to_text,
    runs_to_json,
    runs_to_text,
    unescape,
)
from oblivion_router_worker.domain.text.markdown import SOURCE_MAX_CHARS, parse_markdown, plain_content
from oblivion_router_worker.domain.text.markdown_writing import escape_line_start, escape_markup

NAMES = {"U1": "Ana", "C1": "launch", "S1": "design-team"}


@pytest.mark.parametrize(
    ("mrkdwn", "markdown"),
    [
        ("plain words", "plain words"),
        ("*bold* _italic_ ~gone~ `code`", "**bold** _italic_ ~~gone~~ `code`"),
        ("*_both_*, (*bold*)", "**_both_**, (**bold**)"),
        ("2*3*4 and snake_case_name", r"2\*3\*4 and snake_case_name"),
        ("@AI_Squad, ask @data_fixer", "@AI_Squad, ask @data_fixer"),
        ("_so_ __init__ end_", r"_so_ _\_init\__ end\_"),
        ("* not bold*, *nor this", r"- not bold\*, \*nor this"),
        ("<@U1> and <@U2|ben> and <@U3>", "@Ana and @ben and @U3"),
        ("<#C1|old-name> <#C2|other> <#C3>", "#launch #other #C3"),
        ("<!subteam^S1> <!subteam^S2|@ops>", "@design-team @ops"),
        ("<!here> <!channel|channel>", "@ here @ channel"),
        ("<!date^1718031600^{date}|10 June>", "10 June"),
        ("<!date^1718031600^{date}^https://a.example|10 June>", "[10 June](https://a.example)"),
        ("<https://a.example/x?a=1&amp;b=2>", "<https://a.example/x?a=1&b=2>"),
        ("<https://a.example|a *label*>", r"[a \*label\*](https://a.example)"),
        ("<https://a.example/(x)|l>", "[l](https://a.example/%28x%29)"),
        ("<mailto:a@b.example|a@b.example>", "[a@b.example](mailto:a@b.example)"),
        ("<foo:bar|x>", r"\<foo:bar\|x>"),
        ("&lt;@U1&gt; &amp;lt; AT&amp;T", r"\<@U1> \&lt; AT&T"),
        ("`<@U1> &lt;b&gt;`", "`@Ana <b>`"),
        ("a\nb\n\n\nc", "a\nb\n\nc"),
        ("• one\n    ◦ two\n        ▪ three\n• four", "- one\n    - two\n        - three\n- four"),
        ("intro\n1. one\n2. two\nend", "intro\n\n1. one\n2. two\n\nend"),
        ("&gt; said\n&gt; more\nanswer", "> said\n> more\n\nanswer"),
        ("&gt;&gt;&gt; all\nof it", "> all\n> of it"),
        ("see ```x = 1 &lt; 2``` there", "see\n\n```\nx = 1 < 2\n```\n\nthere"),
        ("```\na\n\n  b\n```", "```\na\n\n  b\n```"),
        ("# no heading", r"\# no heading"),
        ("---", r"\---"),
        ("    four blanks", "four blanks"),
        ("![x](y)", r"\!\[x\](y)"),
        ("wow!<https://a.example|x>", r"wow\![x](https://a.example)"),
        ("", ""),
    ],
)
def test_slack_text_becomes_markdown(mrkdwn: str, markdown: str) -> None:
    assert mrkdwn_to_markdown(mrkdwn, NAMES) == markdown


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("plain words", "plain words"),
        ("**bold** *italic* _italic_ ~~gone~~ `code`", "*bold* _italic_ _italic_ ~gone~ `code`"),
        ("**a *b* c**", "*a _b_ c*"),
        ("# Title **x**", "*Title x*"),
        ("in**side**word", "in\u200b*side*\u200bword"),
        ("**two\nlines**", "*two*\n*lines*"),
        ("[label](https://a.example/?a=1&b=2)", "<https://a.example/?a=1&amp;b=2|label>"),
        ("[**bold** label](https://a.example)", "<https://a.example|bold label>"),
        ("<https://a.example>", "<https://a.example>"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](/relative)", "x"),
        ("[a|b](https://a.example/a|b)", "<https://a.example/a%7Cb|a|b>"),
        ("![alt](https://a.example/i.png)", "<https://a.example/i.png|alt>"),
        ("![](https://a.example/i.png)", "<https://a.example/i.png|image>"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<b>html</b> &lt;i&gt; &copy;", "&lt;b&gt;html&lt;/b&gt; &lt;i&gt; ©"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("- a\n- b\n  - c\n    - d", "• a\n• b\n    ◦ c\n        ▪ d"),
        ("3. c\n4. d", "3. c\n4. d"),
        ("- a\n\n  more\n- b", "• a\n    more\n• b"),
        ("- [ ] open\n- [x] done", "• ☐ open\n• ☑ done"),
        ("> q\n> r\n\nafter", "&gt; q\n&gt; r\n\nafter"),
        ("```py\nx = '<!here>'\n```", "```\nx = '&lt;!here&gt;'\n```"),
        ("    indented", "```\nindented\n```"),
        ("````\n```\n````", "```\n`\u200b``\n```"),
        ("`` a`b ``", "`a\u02cbb`"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("| a | bb |\n|---|---|\n| ccc | d |", "```\na    bb\n---  --\nccc  d\n```"),
        ("one\ntwo  \nthree", "one\ntwo\nthree"),
        (r"\*kept\*", "*kept*"),
        ("see https://a.example/x?a=1&b=2.", "see <https://a.example/x?a=1&amp;b=2>."),
        ("(https://a.example/@here) https://", "(<https://a.example/%40here>) https://"),
        ("", ""),
    ],
)
def test_markdown_becomes_slack_text(markdown: str, mrkdwn: str) -> None:
    assert markdown_to_mrkdwn(markdown) == mrkdwn


WORDS = st.text("abcdefg xyzÄé.,;()", min_size=1, max_size=12).map(str.strip).filter(bool)
SPANS = st.one_of(
    WORDS,
    WORDS.filter(lambda word: word.isalnum()).map(lambda word: f" *{word}* "),
    WORDS.filter(lambda word: word.isalnum()).map(lambda word: f" _{word}_ "),
    WORDS.filter(lambda word: word.isalnum()).map(lambda word: f" `{word}` "),
    WORDS.map(lambda word: f" <https://a.example/x|{word}> "),
)
LINES = st.lists(SPANS, min_size=1, max_size=4).map("".join).map(lambda line: re.sub(" +", " ", line).strip())
MESSAGES = st.lists(
    st.one_of(
        LINES,
        st.lists(LINES.map("• {}".format), min_size=1, max_size=3).map("\n".join),
        st.lists(LINES.map("&gt; {}".format), min_size=1, max_size=3).map("\n".join),
        WORDS.map("```\n{}\n```".format),
    ),
    min_size=1,
    max_size=4,
).map("\n\n".join)


@given(MESSAGES)
def test_what_people_write_comes_back_the_same(message: str) -> None:
    once = markdown_to_mrkdwn(mrkdwn_to_markdown(message))
    assert once.replace("\n\n", "\n").split() == message.replace("\n\n", "\n").split()
    assert markdown_to_mrkdwn(mrkdwn_to_markdown(once)) == once


@given(st.text(max_size=80))
def test_conversions_never_fail_and_give_text_that_can_be_sent(text: str) -> None:
    for converted in (
        mrkdwn_to_markdown(text, NAMES),
        mrkdwn_to_text(text, NAMES),
        markdown_to_mrkdwn(text),
        runs_to_text(markdown_to_runs(text)),
        comment_to_markdown([{"text": text}]),
    ):
        converted.encode("utf-8")
        assert "\x00" not in converted


@given(st.text(max_size=60))
def test_escaping_is_undone_by_unescaping(text: str) -> None:
    assert unescape(escape(text)) == text


PRINTABLE = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], codec="utf-8"), max_size=40)


@given(PRINTABLE)
def test_escaped_words_are_read_by_markdown_as_they_were(text: str) -> None:
    line = text.strip()
    root = parse_markdown(escape_line_start(escape_markup(line)))
    assert plain_content(root) == line
    assert all(block.type == "paragraph" for block in root.children)


@given(PRINTABLE)
def test_typed_words_survive_the_way_to_clickup(text: str) -> None:
    line = " ".join(text.split())
    if re.match(r"(?:[-*•◦▪▫‣]|[0-9]+[.)]|>|$)", line) or re.search(r"[*_~`@\uff20\ufe6b]", line):
        return
    assert runs_to_text(markdown_to_runs(mrkdwn_to_markdown(escape(line)))) == line


@pytest.mark.parametrize(
    "hostile",
    [
        "*a " * 20_000,
        "_*~" * 20_000,
        "[" * 60_000,
        "![](" * 15_000,
        "`" * 60_000,
        "` " * 30_000,
        "`a" * 30_000,
        "<" * 60_000,
        "<a" * 30_000,
        "> " * 30_000,
        "- " * 30_000,
        "**a" * 20_000,
        "a**b" * 15_000,
        "&" * 60_000,
        "@" * 60_000,
        "[a](" * 15_000,
        "<https://a|" * 6_000,
        "|a" * 30_000 + "\n" + "|-" * 30_000,
        "~~" * 30_000,
        "```" * 20_000,
        "\n" * 60_000,
        "- a\n" * 15_000,
        "    " * 15_000,
        "[a]: b\n" * 8_000,
        "*" * 60_000,
        "[a][" * 15_000,
        "&gt; " * 12_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_no_text_holds_up_a_worker(hostile: str) -> None:
    started_s = time.process_time()
    mrkdwn_to_markdown(hostile)
    markdown_to_mrkdwn(hostile)
    markdown_to_runs(hostile)
    assert time.process_time() - started_s < 5


def test_only_the_beginning_of_an_endless_text_is_read() -> None:
    endless = "a" * 2 * SOURCE_MAX_CHARS
    assert markdown_to_mrkdwn(endless) == "a" * SOURCE_MAX_CHARS + "\n\n… (shortened)"
    assert markdown_to_mrkdwn(endless, source_max_chars=3) == "aaa\n\n… (shortened)"


def test_deep_nesting_is_cut_not_followed() -> None:
    assert markdown_to_mrkdwn("> " * 500 + "x").count("&gt;") < 50
    lists = markdown_to_mrkdwn("\n".join(" " * 2 * level + "- x" for level in range(500)))
    assert 0 < lists.count("x") < 50
    assert markdown_to_runs("[" * 500 + "x" + "](https://a.example)" * 500)


def runs(markdown: str) -> list[tuple[str, dict[str, object]]]:
    return [(run.text, dict(run.attributes)) for run in markdown_to_runs(markdown)]


BULLET, ORDERED = {"list": {"list": "bullet"}}, {"list": {"list": "ordered"}}
CODE = {"code-block": {"code-block": "plain"}}


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("words", [("words", {})]),
        ("a **b** _c_", [("a ", {}), ("b", {"bold": True}), (" ", {}), ("c", {"italic": True})]),
        ("**_x_** ~~y~~", [("x", {"bold": True, "italic": True}), (" ", {}), ("y", {"strike": True})]),
        ("`code`", [("code", {"code": True})]),
        ("[l](https://a.example)", [("l", {"link": "https://a.example"})]),
        ("[l](javascript:x)", [("[l](javascript:x)", {})]),
        ("# T", [("T", {"bold": True})]),
        ("- a\n- b", [("a", {}), ("\n", BULLET), ("b", {}), ("\n", BULLET)]),
        ("1. a", [("a", {}), ("\n", ORDERED)]),
        ("- a\n  - b", [("a", {}), ("\n", BULLET), ("    b", {}), ("\n", BULLET)]),
        ("- [x] a", [("a", {}), ("\n", {"list": {"list": "checked"}})]),
        ("```\nx\ny\n```", [("x", {}), ("\n", CODE), ("y", {}), ("\n", CODE)]),
        ("> q", [("> q", {})]),
        ("a\n\nb", [("a", {}), ("\n", {}), ("\n", {}), ("b", {})]),
        ("", []),
    ],
)
def test_markdown_becomes_clickup_runs(markdown: str, expected: list[tuple[str, dict[str, object]]]) -> None:
    assert runs(markdown) == expected


@pytest.mark.parametrize(
    ("parts", "markdown"),
    [
        ([{"text": "a "}, {"text": "b", "attributes": {"bold": True}}], "a **b**"),
        ([{"text": "b ", "attributes": {"bold": True, "italic": True}}, {"text": "c"}], "**_b_** c"),
        ([{"text": "x", "attributes": {"link": "https://a.example"}}], "[x](https://a.example)"),
        ([{"text": "x", "attributes": {"link": {"url": "https://a.example"}}}], "[x](https://a.example)"),
        (
            [
                {"text": "a"},
                {"text": "\n", "attributes": BULLET},
                {"text": "b"},
                {"text": "\n", "attributes": BULLET},
            ],
            "- a\n- b",
        ),
        ([{"text": "a"}, {"text": "\n", "attributes": {"list": {"list": "checked"}}}], "- [x] a"),
        (
            [
                {"text": "x = 1"},
                {"text": "\n", "attributes": CODE},
                {"text": "y"},
                {"text": "\n", "attributes": CODE},
            ],
            "```\nx = 1\ny\n```",
        ),
        (
            [{"text": "q"}, {"text": "\n", "attributes": {"blockquote": {}}}, {"text": "after\n"}],
            "> q\n\nafter",
        ),
        (
            [{"text": "@Ana", "type": "tag", "user": {"id": 9, "username": "Ana"}}, {"text": " look"}],
            "@Ana look",
        ),
        ([{"type": "emoticon", "emoticon": {"code": "1f44d"}, "text": ""}], "👍"),
        (
            [{"type": "attachment", "text": "a.png", "attachment": {"url": "https://a.example/a.png"}}],
            "[a.png](https://a.example/a.png)",
        ),
        ([{"text": "*stars* <here>\n"}], r"\*stars\* \<here>"),
        ([], ""),
        ([None, 3, {"text": 7}], ""),
    ],
)
def test_a_clickup_comment_becomes_markdown(parts: list[object], markdown: str) -> None:
    assert comment_to_markdown(parts) == markdown


def test_the_words_of_a_comment_are_read_alone() -> None:
    assert (
        comment_to_text([{"text": "a "}, {"text": "b", "attributes": {"bold": True}}, {"text": "\n"}])
        == "a b\n"
    )


@given(MESSAGES)
def test_a_reply_survives_the_way_to_clickup_and_back(message: str) -> None:
    markdown = mrkdwn_to_markdown(message)
    back = comment_to_markdown(runs_to_json(markdown_to_runs(markdown)))
    assert re.findall(r"\w+", back) == re.findall(r"\w+", markdown)
