from typing import Any

import httpx
import pytest

from oblivion_platform.errors import PermanentFailure

HOSTILE = '<!channel> @here **b** [x](https://evil.test) {"type":"section"} <mention-user url="user://1"/>'


@pytest.fixture
async def notion(opened: Any) -> Any:
    return await opened("notion")


async def test_a_task_is_created_with_its_status_deadline_and_notes(opened: Any, notion: Any):
    made = await notion(
        "createTask",
        title="buy milk",
        status="in progress",
        deadline="2026-12-24",
        notes="# Which\n- oat\n- [x] soy\ntwo litres",
    )
    pages = await opened.sandbox.control.notion.documents("page")
    blocks = await opened.sandbox.control.notion.documents("block")
    page = next(each for each in pages if each["id"] == made["id"])
    assert (made["title"], made["status"], made["deadline"]) == ("buy milk", "In progress", "2026-12-24")
    assert made["link"].startswith(f"{opened.sandbox.base_url}/notion/buy-milk-")
    assert page["via"] == "api"
    assert page["properties"]["Due"]["start"] == "2026-12-24"
    kinds = [each["type"] for each in blocks if each["parent"] == made["id"]]
    assert kinds == ["heading_1", "bulleted_list_item", "to_do", "paragraph"]


async def test_the_link_of_a_task_shows_it(opened: Any, notion: Any):
    made = await notion("createTask", title="buy milk")
    async with httpx.AsyncClient(trust_env=False) as browser:
        shown = await browser.get(made["link"])
    assert shown.status_code == 200
    assert "buy milk" in shown.text


async def test_tasks_are_listed_newest_first_by_status_and_words(notion: Any):
    await notion("createTask", title="Water the plants", status="Done")
    listed = (await notion("getTasks"))["tasks"]
    done = (await notion("getTasks", status="done"))["tasks"]
    found = (await notion("getTasks", words="PLANTS"))["tasks"]
    assert [task["title"] for task in listed] == [
        "Water the plants",
        "Book the demo room",
        "Collect quotes from beta users",
        "Draft the launch checklist",
    ]
    assert [task["title"] for task in done] == ["Water the plants", "Book the demo room"]
    assert [task["title"] for task in found] == ["Water the plants"]
    assert listed[3]["deadline"] == "2026-12-01"


async def test_tasks_come_page_by_page(notion: Any):
    first = await notion("getTasks", limit=2)
    second = await notion("getTasks", limit=2, cursor=first["next_cursor"])
    assert len(first["tasks"]) == 2
    assert [task["title"] for task in second["tasks"]] == ["Draft the launch checklist"]
    assert "next_cursor" not in second


async def test_a_task_is_changed_and_what_is_left_out_stays(opened: Any, notion: Any):
    made = await notion("createTask", title="buy milk", deadline="2026-12-24")
    changed = await notion("updateTask", task_id=made["link"], status="Done", title="buy oat milk")
    page = (await opened.sandbox.control.notion.documents("page"))[-1]
    assert (changed["title"], changed["status"], changed["deadline"]) == (
        "buy oat milk",
        "Done",
        "2026-12-24",
    )
    assert page["properties"]["Status"]["name"] == "Done"


async def test_a_deleted_task_is_in_the_trash(opened: Any, notion: Any):
    made = await notion("createTask", title="buy milk")
    deleted = await notion("deleteTask", task_id=made["id"])
    page = (await opened.sandbox.control.notion.documents("page"))[-1]
    assert deleted["deleted"] is True
    assert page["in_trash"] is True
    assert "buy milk" not in [task["title"] for task in (await notion("getTasks"))["tasks"]]


async def test_pages_and_data_sources_are_found_by_title(notion: Any):
    everything = (await notion("search", query=""))["results"]
    pages = (await notion("search", query="handbook", kind="page"))["results"]
    sources = (await notion("search", query="task", kind="data_source"))["results"]
    assert "Board minutes" not in [each["title"] for each in everything]
    assert [(each["title"], each["kind"]) for each in pages] == [("Handbook", "page")]
    assert [(each["title"], each["kind"]) for each in sources] == [("Tasks", "data_source")]


async def test_a_page_is_read_as_text(notion: Any):
    found = (await notion("search", query="handbook"))["results"][0]
    page = await notion("getPage", page_id=found["link"])
    assert page["title"] == "Handbook"
    assert page["text"].startswith("# How we work\nDecisions are written down")
    assert "- Releases go out on Tuesdays" in page["text"]


async def test_a_page_is_created_under_another_however_long_it_is(opened: Any, notion: Any):
    home = (await notion("search", query="team home"))["results"][0]
    text = "\n".join(f"line {number}" for number in range(250))
    made = await notion("createPage", title="Notes", content=text, parent=home["id"])
    read = await notion("getPage", page_id=made["id"])
    page = (await opened.sandbox.control.notion.documents("page"))[-1]
    assert page["parent"] == {"type": "page_id", "page_id": home["id"]}
    assert read["text"] == text


async def test_new_pages_go_where_the_connection_says(opened: Any, notion: Any):
    home = (await notion("search", query="team home"))["results"][0]
    placed = await opened("notion", parent_page=home["link"])
    made = await placed("createPage", title="Notes")
    with pytest.raises(PermanentFailure, match="Say under which page"):
        await notion("createPage", title="Notes")
    assert made["title"] == "Notes"


async def test_what_is_written_stays_text(opened: Any, notion: Any):
    made = await notion("createTask", title=HOSTILE, notes=HOSTILE)
    page = (await opened.sandbox.control.notion.documents("page"))[-1]
    block = (await opened.sandbox.control.notion.documents("block"))[-1]
    for parts in (page["properties"]["Name"], block["paragraph"]["rich_text"]):
        assert [(part["type"], part["text"]["content"], part["href"]) for part in parts] == [
            ("text", HOSTILE, None)
        ]
    assert made["title"] == HOSTILE


async def test_what_is_not_shared_is_not_there(opened: Any, notion: Any):
    minutes = next(
        each for each in await opened.sandbox.control.notion.documents("page") if not each["shared"]
    )
    for call, arguments in (
        ("getPage", {"page_id": minutes["id"]}),
        ("deleteTask", {"task_id": minutes["id"]}),
        ("createPage", {"title": "x", "parent": minutes["id"]}),
        ("getTasks", {"data_source": minutes["id"]}),
    ):
        with pytest.raises(PermanentFailure, match="add the integration under Connections") as refused:
            await notion(call, **arguments)
        assert refused.value.code == "notion_not_found"


async def test_a_status_that_is_not_there_is_answered_with_those_that_are(notion: Any):
    with pytest.raises(PermanentFailure, match="there are: Not started, In progress, Done"):
        await notion("createTask", title="x", status="Blocked")


async def test_a_new_status_is_known_at_once(opened: Any, notion: Any):
    await notion("createTask", title="x")
    source = (await opened.sandbox.control.notion.documents("data_source"))[0]
    source["properties"]["Status"]["status"]["options"].append({"id": "b", "name": "Blocked", "color": "red"})
    await opened.sandbox.control.notion.change_document(
        "data_source", source["id"], properties=source["properties"]
    )
    made = await notion("createTask", title="x", status="blocked")
    assert made["status"] == "Blocked"


async def test_a_database_stands_for_its_only_data_source(opened: Any):
    database = (await opened.sandbox.control.notion.documents("database"))[0]
    notion = await opened("notion", tasks=database["id"].replace("-", ""))
    assert len((await notion("getTasks"))["tasks"]) == 3


async def test_what_is_no_id_is_refused_before_anything_is_asked(opened: Any, notion: Any):
    await opened.sandbox.control.notion.forget_calls()
    for given in ("../users", "buy milk", "https://evil.test/x"):
        with pytest.raises(PermanentFailure, match="is no id or link of Notion's"):
            await notion("getPage", page_id=given)
    assert await opened.sandbox.control.notion.calls() == {}


async def test_an_update_of_nothing_is_refused(notion: Any):
    made = await notion("createTask", title="buy milk")
    with pytest.raises(PermanentFailure, match="Nothing to change was given"):
        await notion("updateTask", task_id=made["id"])
    assert (await notion("getTasks"))["tasks"][0]["title"] == "buy milk"
