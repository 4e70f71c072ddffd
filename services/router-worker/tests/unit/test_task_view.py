import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from oblivion_router_worker.domain.clickup_objects import Task, parse_comment, parse_task
from oblivion_router_worker.domain.events import ClickUpUser
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.domain.task_view import TaskFate, render_task, render_unknown_task

RAW: dict[str, Any] = {
    "id": "86abc123",
    "custom_id": None,
    "name": "Ship the <beta>",
    "text_content": "Ask @AI_Squad",
    "description": "Ask @AI_Squad",
    "markdown_description": "Ask **@AI_Squad** to look at [the plan](https://a.example/plan)",
    "status": {"status": "in progress", "color": "#5f55ee", "orderindex": 1, "type": "custom"},
    "orderindex": "1.0",
    "date_created": "1718031600000",
    "date_updated": "1718031700000",
    "date_closed": None,
    "archived": False,
    "creator": {"id": 183, "username": "John", "email": "john@company.example"},
    "assignees": [{"id": 1, "username": "Ana"}, {"id": 2, "username": "Ben", "email": "ben@company.example"}],
    "tags": [{"name": "ai", "tag_fg": "#000"}],
    "parent": None,
    "priority": {"id": "2", "priority": "high", "color": "#f8ae00", "orderindex": "2"},
    "due_date": "1718182800000",
    "due_date_time": False,
    "list": {"id": "901", "name": "Launch", "access": True},
    "url": "https://app.clickup.com/t/86abc123",
}


def parsed(**changes: Any) -> Task:
    task = parse_task(RAW | changes)
    assert task is not None
    return task


def shown(message: SlackMessage) -> str:
    return json.dumps([message.text, *message.blocks], ensure_ascii=False)


def test_a_task_is_read_as_the_api_gives_it() -> None:
    task = parsed()
    assert task == Task(
        id="86abc123",
        name="Ship the <beta>",
        url="https://app.clickup.com/t/86abc123",
        status="in progress",
        description_markdown=RAW["markdown_description"],
        assignees=(ClickUpUser("1", "Ana"), ClickUpUser("2", "Ben")),
        due_at_ms=1718182800000,
        priority="high",
        tags=("ai",),
        list_id="901",
        list_name="Launch",
        creator=ClickUpUser("183", "John"),
        updated_at_ms=1718031700000,
    )


def test_a_bare_or_strange_task_is_read_as_far_as_it_goes() -> None:
    assert parse_task({"id": "x1"}) == Task(id="x1", name="Untitled task")
    strange = parse_task({"id": 7, "name": 5, "status": "open", "assignees": [None, {}], "due_date": "soon"})
    assert strange == Task(id="7", name="Untitled task")
    assert parsed(priority="low").priority == "low"
    assert parsed(markdown_description=None).description_markdown == "Ask @AI_Squad"


@pytest.mark.parametrize("task_id", [None, "", "../x", {}, True])
def test_a_task_without_a_usable_id_is_none(task_id: object) -> None:
    assert parse_task(RAW | {"id": task_id}) is None


def test_a_comment_is_read_as_the_api_gives_it() -> None:
    comment = parse_comment(
        {
            "id": "458",
            "comment": [{"text": "a "}, {"text": "b", "attributes": {"bold": True}}],
            "comment_text": "a b",
            "user": {"id": 183, "username": "John"},
            "date": "1568036964079",
        }
    )
    assert comment is not None
    assert (comment.id, comment.text, comment.markdown) == ("458", "a b", "a **b**")
    assert (comment.author, comment.posted_at_ms) == (ClickUpUser("183", "John"), 1568036964079)
    assert parse_comment({"id": "a/b"}) is None


def test_a_task_shows_title_facts_description_and_link() -> None:
    message = render_task(parsed())
    assert message.text == "Ship the &lt;beta&gt; (in progress) <https://app.clickup.com/t/86abc123>"
    header, facts, description, footer = message.blocks
    assert header["text"] == {"type": "plain_text", "text": "Ship the <beta>", "emoji": False}
    assert [field["text"] for field in facts["fields"]] == [
        "*Status*\nin progress",
        "*Assignees*\nAna, Ben",
        "*Due*\n<!date^1718182800^{date_short_pretty}|2024-06-12>",
        "*Priority*\n🟠 high",
    ]
    assert description["text"]["text"] == "Ask *@AI_Squad* to look at <https://a.example/plan|the plan>"
    link = "<https://app.clickup.com/t/86abc123|Open in ClickUp>"
    assert footer["elements"][0]["text"] == f"{link}  ·  Launch  ·  `ai`"


def test_a_due_time_is_shown_with_its_time() -> None:
    facts = render_task(parsed(due_date_time=True)).blocks[1]
    assert facts["fields"][2]["text"] == (
        "*Due*\n<!date^1718182800^{date_short_pretty} at {time}|2024-06-12 09:00 UTC>"
    )


def test_an_empty_task_says_so_in_words() -> None:
    facts = render_task(Task(id="1", name="x")).blocks[1]
    assert [field["text"] for field in facts["fields"]] == [
        "*Status*\nnone",
        "*Assignees*\nnobody",
        "*Due*\nno date",
        "*Priority*\nnone",
    ]


def test_what_became_of_a_task_is_seen_at_a_glance() -> None:
    assert render_task(parsed(status={"status": "complete", "type": "closed"})).text.startswith("✅ ")
    assert "Archived" in shown(render_task(parsed(archived=True)))
    deleted = render_task(parsed(), TaskFate.DELETED)
    assert "Deleted in ClickUp" in deleted.text
    assert "app.clickup.com" not in json.dumps(deleted.blocks)
    assert "Moved away" in render_task(parsed(), TaskFate.MOVED_AWAY).text
    assert "Old name" in render_unknown_task("Old name").text


def test_the_hash_changes_with_what_is_shown_and_with_nothing_else() -> None:
    before = render_task(parsed()).content_hash
    unseen = {"date_updated": "1718039999000", "orderindex": "7", "custom_fields": [1], "color": "red"}
    assert render_task(parsed(**unseen)).content_hash == before
    for change in (
        {"name": "x"},
        {"status": {"status": "review"}},
        {"assignees": []},
        {"due_date": None},
        {"priority": None},
        {"markdown_description": "x"},
        {"tags": []},
        {"list": {"id": "901", "name": "Other"}},
        {"archived": True},
    ):
        assert render_task(parsed(**change)).content_hash != before
    assert render_task(parsed(), TaskFate.DELETED).content_hash != before


def test_a_long_description_is_shortened_and_says_so() -> None:
    text = render_task(parsed(markdown_description="word " * 5_000)).blocks[2]["text"]["text"]
    assert len(text) <= 3_000
    assert text.endswith("… (shortened)")


def test_many_assignees_are_counted() -> None:
    people = [{"id": number, "username": f"p{number}"} for number in range(14)]
    facts = render_task(parsed(assignees=people)).blocks[1]
    assert facts["fields"][1]["text"].endswith("p8, p9 and 4 more")


LONG_TEXT = st.one_of(
    st.text(st.characters(codec=None), max_size=40),
    st.sampled_from(
        ["&", "<", "x ", "😀", "```\n", "**a** ", "\n", " ", "| a | b |\n|---|---|\n", "- a\n"]
    ).flatmap(lambda piece: st.integers(min_value=0, max_value=4_000).map(lambda times: piece * times)),
)
TASKS = st.builds(
    Task,
    id=st.just("1"),
    name=LONG_TEXT,
    url=LONG_TEXT | st.just("https://app.clickup.com/t/1") | st.just("https://a.example/" + "x" * 5_000),
    status=LONG_TEXT | st.none(),
    is_closed=st.booleans(),
    is_archived=st.booleans(),
    description_markdown=LONG_TEXT,
    assignees=st.lists(st.builds(ClickUpUser, st.just("1"), LONG_TEXT), max_size=30).map(tuple),
    due_at_ms=st.none() | st.integers(min_value=-(10**15), max_value=10**15),
    due_has_time=st.booleans(),
    priority=LONG_TEXT | st.none(),
    tags=st.lists(LONG_TEXT, max_size=30).map(tuple),
    list_name=LONG_TEXT | st.none(),
)


@given(TASKS, st.sampled_from(TaskFate))
def test_every_task_is_a_valid_message(task: Task, fate: TaskFate) -> None:
    message = render_task(task, fate)
    assert_valid(message)
    assert message.content_hash == render_task(task, fate).content_hash


def assert_valid(message: SlackMessage) -> None:
    """Judge by the SDK's own models and by the documented limits."""
    assert 0 < utf16_units(message.text) <= 3_000
    assert 0 < len(message.blocks) <= 50
    for block in message.blocks:
        parsed_block = Block.parse(dict(block))
        assert parsed_block is not None
        parsed_block.validate_json()
        for text in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]:
            if text is not None:
                limit_units = {"header": 150}.get(block["type"], 2_000 if "fields" in block else 3_000)
                assert 0 < utf16_units(text["text"]) <= limit_units
                assert text["text"].strip()
    assert sum(utf16_units(json.dumps(block, ensure_ascii=False)) for block in message.blocks) < 13_000


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("R&D: List<int> > 3", "R&D: List<int> > 3"),
        ("<!channel> urgent", "\u2039!channel> urgent"),
        ("ask <@U1>", "ask \u2039@U1>"),
        ("tell @here\nnow", "tell @ here now"),
    ],
)
def test_a_title_reads_as_it_was_written_and_could_not_ping(name: str, title: str) -> None:
    assert render_task(Task(id="1", name=name)).blocks[0]["text"]["text"] == title


def test_what_no_database_can_hold_is_left_out_of_names_and_texts():
    broken = "a\x00b\ud800c"
    user = {"id": 1, "username": broken}
    task = parse_task(
        RAW
        | dict.fromkeys(("name", "description", "markdown_description", "text_content", "priority"), broken)
        | {"list": {"id": "1", "name": broken}, "status": {"status": broken}, "tags": [{"name": broken}]}
        | {"assignees": [user], "creator": user}
    )
    comment = parse_comment({"id": "c", "comment_text": broken, "comment": [{"text": broken}], "user": user})
    for found in (repr(task), repr(comment)):
        assert "abc" in found
        assert "\\x00" not in found
        assert "\\ud800" not in found
