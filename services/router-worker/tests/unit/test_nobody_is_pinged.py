"""Whatever goes in, nothing comes out that pings.

What pings is judged more broadly than Slack and ClickUp do, and by code of its own.
"""

import json
import re
import unicodedata
from collections.abc import Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_router_worker.domain.clickup_objects import Task, parse_comment
from oblivion_router_worker.domain.comment_view import comment_from_slack, render_comment
from oblivion_router_worker.domain.events import ClickUpUser
from oblivion_router_worker.domain.run_view import render_stream_end
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.domain.task_view import TaskFate, render_task
from oblivion_router_worker.domain.text import (
    comment_to_markdown,
    markdown_to_mrkdwn,
    markdown_to_runs,
    mrkdwn_to_markdown,
    mrkdwn_to_text,
    runs_to_json,
    runs_to_text,
    sanitise_mrkdwn,
    sanitise_plain,
    text_to_mrkdwn,
    truncate,
)

_TAG = re.compile(r"<([^>]*)>")
_PLAIN_CALL = re.compile(r"@(here|channel|everyone)")
_INVISIBLE_MARKS = "\u034f\ufe0e\ufe0f\u3164\uffa0\u115f\u1160\U000e0100"
_SAFE_COMMAND = re.compile(r"!date\^\d+\^[^<>|]+\|[^<>]+\Z")


def live_pings(text: str, allowed_user_ids: Set[str] = frozenset()) -> list[str]:
    """Every tag that mentions somebody, and every plainly typed call to all."""
    return [*_tag_pings(text, allowed_user_ids), *plain_calls(text)]


def visible_characters(text: str) -> str:
    return "".join(
        c
        for c in text
        if c in "\n\t" or not (unicodedata.category(c) in ("Cf", "Cc") or c in _INVISIBLE_MARKS)
    )


def plain_calls(text: str) -> list[str]:
    """Calls to all as a reader sees them: without invisible characters, in any width and case."""
    visible = visible_characters(text)
    return _PLAIN_CALL.findall(unicodedata.normalize("NFKC", visible).casefold())


def _tag_pings(text: str, allowed_user_ids: Set[str]) -> list[str]:
    visible = visible_characters(text)
    found = []
    for match in _TAG.finditer(visible):
        content = match[1].strip()
        if content.startswith("!") and not _SAFE_COMMAND.match(content):
            found.append(content)
        if content.startswith("@") and content[1:] not in allowed_user_ids:
            found.append(content)
    return found


def is_validly_escaped(text: str) -> bool:
    """Tell whether every < and > belongs to a tag and every & to an entity."""
    outside = re.sub(r"<[@#!A-Za-z][^<>\n]*>", "", text)
    return not re.search(r"[<>]|&(?!(?:amp|lt|gt);)", outside) and not re.search(r"&(?!(?:amp|lt|gt);)", text)


_FRAGMENTS = [
    *("<!channel>", "<!here>", "<!everyone>", "<!here|here>", "<!channel|@channel>", "<!group>"),
    *("<!subteam^S123>", "<!subteam^S123|@team>", "<@U123>", "<@U123|ana>", "<@W9>", "<@UKNOWN>"),
    *(
        "@here",
        "@channel",
        "@everyone",
        "@HERE",
        "\uff20here",
        "@\uff48\uff45\uff52\uff45",
        "@\u200bhere",
        "@he\u00adre",
        "@\ufe0fhere",
    ),
    *("<", ">", "&", "!", "@", "|", "<!", "<@", "!channel>", "channel", "here", "U123", "everyone"),
    *(
        "&lt;",
        "&gt;",
        "&amp;",
        "&amp;lt;",
        "&#60;",
        "&lt;!channel&gt;",
        "\\",
        "\u200b",
        "\u200d",
        "\ufeff",
        "\x00",
    ),
    *("<https://a.example/b|<!here>>", "<https://a.example|@here>", "<https://a.example/@channel>"),
    *("[<!here>](https://a.example)", "[@here](https://a.example/@here)", "[a](<!channel>)", "![@here](x)"),
    *(
        "`<!here>`",
        "```\n<!channel>\n```",
        "`",
        "```",
        "*",
        "_",
        "~",
        "**",
        "~~",
        "* ",
        "# ",
        "> ",
        "- ",
        "1. ",
    ),
    *(
        "@<b>here</b>",
        "@*here*",
        "@**here**",
        "<!ch\nannel>",
        "<!ch\u200bannel>",
        "<! channel>",
        "<\u200b!here>",
    ),
    *(
        "<!date^1392734382^{date} @here|<!channel>>",
        "<!date^1^{date}^https://a.example|@here>",
        "<!--here-->",
    ),
    *("<#C123>", "<#C123|general>", "<mailto:joe@here.example|joe@here.example>", "<javascript:alert(1)|x>"),
    *("| a | b |\n|---|---|\n| <!here> | @channel |", "<!here", "here>", "\n", "\n\n", "    ", "\t", "\r\n"),
    *("&", "amp;", "lt;", "#64;", "\ud83d", "😀", "👩‍👩‍👧", "é", "[x]: <!here>", "<script>", "</b>", "<br>"),
]

nasty_text = st.one_of(
    st.text(st.characters(codec=None), max_size=60),
    st.lists(st.sampled_from(_FRAGMENTS), max_size=12).map("".join),
    st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=4), max_size=12).map("".join),
)


@given(nasty_text)
def test_sanitised_slack_text_pings_nobody_and_is_escaped(text: str) -> None:
    safe = sanitise_mrkdwn(text)
    assert live_pings(safe) == []
    assert is_validly_escaped(safe)


@given(nasty_text)
def test_only_allowed_users_stay_mentioned(text: str) -> None:
    allowed = frozenset({"U123"})
    safe = sanitise_mrkdwn(text, allowed_user_ids=allowed, names={"W9": "<!here>", "S123": "@channel"})
    assert live_pings(safe, allowed) == []


@given(nasty_text)
def test_sanitising_twice_changes_nothing_more(text: str) -> None:
    once = sanitise_mrkdwn(text)
    assert sanitise_mrkdwn(once) == once
    plain = sanitise_plain(text)
    assert sanitise_plain(plain) == plain


@given(nasty_text, st.integers(min_value=1, max_value=80))
def test_shortening_brings_no_ping_back(text: str, limit_units: int) -> None:
    short = truncate(sanitise_mrkdwn(text), limit_units)
    assert live_pings(short) == []


@given(nasty_text)
def test_plain_text_calls_nobody(text: str) -> None:
    assert plain_calls(sanitise_plain(text)) == []


@given(nasty_text)
def test_markdown_becomes_slack_text_that_pings_nobody(markdown: str) -> None:
    converted = markdown_to_mrkdwn(markdown)
    assert live_pings(converted) == []
    assert is_validly_escaped(converted)
    assert sanitise_mrkdwn(converted) == converted
    converted.encode("utf-8")


@given(nasty_text)
def test_plain_text_becomes_slack_text_that_pings_nobody(text: str) -> None:
    converted = text_to_mrkdwn(text)
    assert live_pings(converted) == []
    assert is_validly_escaped(converted)


@given(nasty_text)
def test_slack_text_becomes_markdown_that_calls_nobody(text: str) -> None:
    names = {"U123": "everyone", "C123": "here", "S123": "channel", "W9": "<!here>"}
    assert plain_calls(mrkdwn_to_markdown(text, names)) == []
    assert plain_calls(mrkdwn_to_text(text, names)) == []


@given(nasty_text)
def test_there_and_back_pings_nobody(text: str) -> None:
    assert live_pings(markdown_to_mrkdwn(mrkdwn_to_markdown(text))) == []
    assert plain_calls(mrkdwn_to_markdown(markdown_to_mrkdwn(text))) == []


@given(nasty_text)
def test_clickup_runs_hold_plain_text_only_and_call_nobody(markdown: str) -> None:
    runs = runs_to_json(markdown_to_runs(markdown))
    assert plain_calls(runs_to_text(markdown_to_runs(markdown))) == []
    assert all(set(run) == {"text", "attributes"} for run in runs)
    json.dumps(runs, ensure_ascii=False).encode("utf-8")


CLICKUP_ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "text": nasty_text | st.none() | st.integers(),
        "type": st.sampled_from(["tag", "emoticon", "image", "attachment", "bookmark", "task_mention", 7]),
        "user": st.fixed_dictionaries({"id": st.integers(), "username": nasty_text}),
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                "bold": st.booleans(),
                "italic": st.booleans(),
                "strike": st.booleans(),
                "code": st.booleans(),
                "link": nasty_text | st.fixed_dictionaries({"url": nasty_text}),
                "list": st.fixed_dictionaries({"list": st.sampled_from(["bullet", "ordered", "checked", 3])}),
                "code-block": st.just({"code-block": "plain"}),
                "blockquote": st.just({}),
            },
        ),
        "emoticon": st.fixed_dictionaries({"code": st.sampled_from(["1f600", "", "zz", "110000", "d83d"])}),
        "image": st.fixed_dictionaries({"url": nasty_text, "name": nasty_text}),
        "bookmark": st.fixed_dictionaries({"url": nasty_text}),
    },
)
CLICKUP_ARRAYS = st.lists(CLICKUP_ENTRIES | nasty_text | st.none(), max_size=6)


@given(CLICKUP_ARRAYS, nasty_text)
def test_any_clickup_comment_becomes_a_reply_that_pings_nobody(parts: list[object], author: str) -> None:
    markdown = comment_to_markdown(parts)
    assert plain_calls(markdown) == []
    assert is_harmless(render_comment(author, markdown, "https://app.example/t/1?comment=2"))
    comment = parse_comment({"id": "1", "comment": parts})
    assert comment is not None


@given(nasty_text, nasty_text)
def test_any_reply_becomes_a_clickup_comment_that_calls_nobody(text: str, author: str) -> None:
    link = "https://acme.example/archives/C1/p1718031600000100"
    comment = comment_from_slack(text, author, link, {"U123": "everyone"})
    assert plain_calls(comment.text) == []
    assert comment.text.endswith(link)
    assert all(set(block) == {"text", "attributes"} for block in comment.blocks)


TASKS = st.builds(
    Task,
    id=st.just("86abc"),
    name=nasty_text,
    url=st.just("https://app.example/t/86abc") | nasty_text,
    status=nasty_text | st.none(),
    is_closed=st.booleans(),
    is_archived=st.booleans(),
    description_markdown=nasty_text,
    assignees=st.lists(st.builds(ClickUpUser, id=st.just("1"), name=nasty_text), max_size=3).map(tuple),
    due_at_ms=st.none() | st.integers(min_value=-(10**15), max_value=10**15),
    due_has_time=st.booleans(),
    priority=st.sampled_from(["urgent", "high", "normal", "low", None]) | nasty_text,
    tags=st.lists(nasty_text, max_size=3).map(tuple),
    list_name=nasty_text | st.none(),
)


@given(nasty_text)
def test_any_answer_ends_a_stream_in_words_that_ping_nobody(words: str) -> None:
    said = [str(chunk["text"]) for chunk in render_stream_end(words)]
    assert not any(live_pings(text) or plain_calls(text) for text in said)


@given(TASKS, st.sampled_from(TaskFate))
def test_any_task_becomes_a_message_that_pings_nobody(task: Task, fate: TaskFate) -> None:
    assert is_harmless(render_task(task, fate))


def is_harmless(message: SlackMessage) -> bool:
    texts = [("mrkdwn", message.text), *texts_of(message.blocks)]
    return all(
        not live_pings(text) and (kind == "plain_text" or is_validly_escaped(text)) for kind, text in texts
    )


def texts_of(value: object) -> list[tuple[str, str]]:
    """Type and text of all text objects, wherever they are nested."""
    if isinstance(value, dict):
        own = [(value["type"], value["text"])] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() for text in texts_of(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts_of(item)]
    return []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!channel> lunch", "@ channel lunch"),
        ("<!here|@here>", "@ here"),
        ("<!everyone>", "@ everyone"),
        ("<!subteam^S1|@design>", "@design"),
        ("<@U1>", "@U1"),
        ("<@U1|ana>", "@ana"),
        ("<#C1|general>", "<#C1>"),
        ("mail @here now", "mail @ here now"),
        ("@\u200bhere", "@ \u200bhere"),
        ("<<!here>>", "&lt;@ here&gt;"),
        ("<https://a.example|<!here>>", "&lt;https://a.example|@ here&gt;"),
        ("<https://a.example/?a=1&amp;b=2|x>", "<https://a.example/?a=1&amp;b=2|x>"),
        ("<https://a.example/@everyone>", "<https://a.example/%40everyone>"),
        ("<javascript:alert(1)|click>", "&lt;javascript:alert(1)|click&gt;"),
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("&lt;!channel&gt; &amp;lt;", "&lt;!channel&gt; &amp;lt;"),
        ("<!date^1718031600^{date}|June>", "<!date^1718031600^{date}|June>"),
        ("<!date^1718031600^{date} @here|<x>", "&lt;!date^1718031600^{date} @ here|&lt;x&gt;"),
        ("ana@example.com, @hermes, ask @ana", "ana@example.com, @hermes, ask @ana"),
    ],
)
def test_a_ping_becomes_words(text: str, expected: str) -> None:
    assert sanitise_mrkdwn(text) == expected


def test_an_allowed_user_stays_a_mention_and_a_name_replaces_another() -> None:
    text = "<@U1|ana> and <@U2|ben>"
    assert sanitise_mrkdwn(text, allowed_user_ids={"U1"}, names={"U2": "Ben"}) == "<@U1> and @Ben"
