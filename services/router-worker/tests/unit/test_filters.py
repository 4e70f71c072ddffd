import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_contracts.mappings import FilterKind, MappingOptions, MessageFilter, TaskSelection
from oblivion_router_worker.domain.clickup_objects import Task
from oblivion_router_worker.domain.events import SlackMetadata
from oblivion_router_worker.domain.filters import is_selected, text_to_copy

KEYWORD = MessageFilter()
ALL = MessageFilter(kind=FilterKind.ALL)


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("#clickup done", "done"),
        ("done #clickup", "done"),
        ("done #ClickUp, thanks", "done, thanks"),
        ("please #clickup this one", "please this one"),
        ("first\n#clickup\nsecond", "first\n\nsecond"),
        ("(#clickup) x", "() x"),
        ("#clickup", ""),
        ("#clickup #clickup a", "a"),
        ("<#C9|clickup> done", "done"),
        ("<#C9> done", "done"),
        ("<@U1> #clickup <https://a.example|b>", "<@U1> <https://a.example|b>"),
    ],
)
def test_a_reply_with_the_keyword_is_copied_without_it(text: str, copied: str) -> None:
    assert text_to_copy(KEYWORD, text, names={"C9": "clickup"}) == copied


@pytest.mark.parametrize(
    "text",
    [
        "",
        "clickup",
        "#clickups",
        "#clickup-bot",
        "x#clickup",
        "##clickup",
        "#click up",
        "<https://a.example/#clickup>",
        "<https://a.example/#clickup|see #clickup>",
        "<#C8|clickups>",
        "<#C7>",
        "https://a.example/#clickup",
    ],
)
def test_a_reply_without_the_keyword_as_a_word_stays_in_slack(text: str) -> None:
    assert text_to_copy(KEYWORD, text, names={"C7": "general"}) is None


def test_a_keyword_that_slack_escapes_is_found() -> None:
    assert text_to_copy(MessageFilter(keyword="R&D"), "r&amp;d now") == "now"
    assert text_to_copy(MessageFilter(keyword="-> task"), "this -&gt; task") == "this"
    assert text_to_copy(MessageFilter(keyword="(c++)"), "x (C++) y") == "x y"


def test_code_and_indentation_stay_as_they_are_around_the_keyword() -> None:
    text = "#clickup see\n```\nif x:\n    y  = 1\n```"
    assert text_to_copy(KEYWORD, text) == "see\n```\nif x:\n    y  = 1\n```"


def test_all_copies_everything() -> None:
    assert text_to_copy(ALL, "any #clickup words ") == "any #clickup words "
    assert text_to_copy(ALL, "") == ""


def test_metadata_decides_by_type_and_payload() -> None:
    by_type = MessageFilter(kind=FilterKind.METADATA, event_type="incident")
    by_value = MessageFilter(
        kind=FilterKind.METADATA, event_type="incident", payload={"level": "1", "open": "true"}
    )
    assert text_to_copy(by_type, "x") is None
    assert text_to_copy(by_type, "x", SlackMetadata("other", {})) is None
    assert text_to_copy(by_type, "x", SlackMetadata("incident", {})) == "x"
    assert (
        text_to_copy(by_value, "x", SlackMetadata("incident", {"level": 1, "open": True, "more": []})) == "x"
    )
    assert text_to_copy(by_value, "x", SlackMetadata("incident", {"level": "2", "open": True})) is None
    assert text_to_copy(by_value, "x", SlackMetadata("incident", {"level": None})) is None


def task(**changes: object) -> Task:
    return Task(**({"id": "1", "name": "x"} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("candidate", "selected"),
    [
        (task(), False),
        (task(description_markdown="please @AI_Squad, help"), True),
        (task(description_markdown="please @ai_squad"), True),
        (task(description_markdown=r"please @AI\_Squad"), True),
        (task(name="@AI_Squad: fix"), True),
        (task(description_markdown="@AI_Squadron"), False),
        (task(description_markdown="me@AI_Squad"), False),
        (task(tags=("ai_squad",)), True),
        (task(tags=("ai",)), False),
    ],
)
def test_tagged_tasks_are_those_that_name_the_tag(candidate: Task, selected: bool) -> None:
    assert is_selected(MappingOptions(tasks=TaskSelection.TAGGED), candidate) is selected
    assert is_selected(MappingOptions(tasks=TaskSelection.ALL), candidate)


@given(st.text(max_size=60), st.text(min_size=1, max_size=8))
def test_any_keyword_and_text_are_judged_without_failing(text: str, keyword: str) -> None:
    copied = text_to_copy(MessageFilter(keyword=keyword), text)
    assert copied is None or isinstance(copied, str)
    options = MappingOptions(tasks=TaskSelection.TAGGED, task_tag=keyword)
    assert is_selected(options, task(name=text)) in (True, False)
