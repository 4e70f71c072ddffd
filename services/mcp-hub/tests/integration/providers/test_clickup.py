from typing import Any

import pytest

from oblivion_platform.errors import PermanentFailure

HOSTILE = '<!channel> @everyone **b** [{"type":"tag","user":{"id":1}}]'


@pytest.fixture
async def clickup(opened: Any) -> Any:
    return await opened("clickup", list="Ideas")


async def test_lists_are_told_with_their_place(clickup: Any):
    lists = (await clickup("getLists"))["lists"]
    assert {(each["name"], each["place"]) for each in lists} == {
        ("Launch", "Team Space / Product"),
        ("Ideas", "Team Space / Product"),
        ("Support", "Team Space"),
    }


async def test_a_task_is_created_in_the_connections_own_list_or_the_one_named(opened: Any, clickup: Any):
    lists = await opened.sandbox.control.clickup.lists()
    made = await clickup(
        "createTask", title="buy milk", notes="- oat", priority="high", deadline="2026-12-24"
    )
    there = await clickup("createTask", title="elsewhere", in_list="support")
    (task,) = await opened.sandbox.control.clickup.tasks(lists["Ideas"])
    assert (task["name"], task["markdown_description"], task["via"]) == ("buy milk", "- oat", "api")
    assert (made["priority"], made["deadline"], made["status"]) == ("high", "2026-12-24", "to do")
    assert made["link"].startswith(opened.sandbox.base_url)
    found = await opened.sandbox.control.clickup.tasks(lists["Support"])
    assert there["id"] in [each["id"] for each in found]


async def test_tasks_are_listed_page_by_page_and_by_status(opened: Any, clickup: Any):
    lists = await opened.sandbox.control.clickup.lists()
    for number in range(101):
        await opened.sandbox.control.clickup.create_task(lists["Ideas"], f"idea {number}")
    first = await clickup("getTasks")
    second = await clickup("getTasks", page=first["next_page"])
    open_ones = await clickup("getTasks", in_list="Support")
    closed = await clickup("getTasks", in_list="Support", status="Complete")
    assert (len(first["tasks"]), len(second["tasks"]), "next_page" in second) == (100, 1, False)
    assert [task["title"] for task in open_ones["tasks"]] == ["Customers cannot reset their password"]
    assert [task["title"] for task in closed["tasks"]] == ["Answer the question about invoices"]


async def test_a_task_is_changed_by_its_link(opened: Any, clickup: Any):
    made = await clickup("createTask", title="buy milk")
    changed = await clickup("updateTask", task_id=made["link"], status="review", title="buy oat milk")
    task = next(each for each in await opened.sandbox.control.clickup.tasks() if each["id"] == made["id"])
    assert (changed["title"], changed["status"]) == ("buy oat milk", "review")
    assert task["status"]["status"] == "review"


async def test_comments_are_written_and_read_as_text(opened: Any, clickup: Any):
    made = await clickup("createTask", title=HOSTILE)
    await opened.sandbox.control.clickup.comment(made["id"], "first", user="ana")
    added = await clickup("addComment", task_id=made["id"], text=HOSTILE)
    read = (await clickup("getComments", task_id=made["id"]))["comments"]
    stored = next(
        each for each in await opened.sandbox.control.clickup.comments() if each["id"] == added["id"]
    )
    assert made["title"] == HOSTILE
    assert [(each["author"], each["text"]) for each in read] == [("you", HOSTILE), ("ana", "first")]
    assert [part.get("type") for part in stored["comment"]] == [None]


async def test_more_comments_than_a_page_holds_are_read(opened: Any, clickup: Any):
    made = await clickup("createTask", title="x")
    for number in range(30):
        await opened.sandbox.control.clickup.comment(made["id"], f"comment {number}")
    read = (await clickup("getComments", task_id=made["id"]))["comments"]
    assert [each["text"] for each in read][::29] == ["comment 29", "comment 0"]


async def test_what_is_not_there_is_said_to_need_sharing(clickup: Any):
    for call, arguments in (
        ("updateTask", {"task_id": "nothing1", "title": "x"}),
        ("getComments", {"task_id": "nothing1"}),
        ("getTasks", {"in_list": "999999999999"}),
    ):
        with pytest.raises(PermanentFailure, match="share the space or list") as refused:
            await clickup(call, **arguments)
        assert refused.value.code == "clickup_not_found"


async def test_a_list_that_nobody_knows_is_answered_with_those_that_are(opened: Any, clickup: Any):
    with pytest.raises(
        PermanentFailure, match=r"no list of that name; there are: Launch \(\d+, in Team Space"
    ):
        await clickup("createTask", title="x", in_list="Nowhere")
    nowhere = await opened("clickup")
    with pytest.raises(PermanentFailure, match="Say in which list; there are: Launch"):
        await nowhere("createTask", title="x")


async def test_a_new_list_is_known_at_once(opened: Any, clickup: Any):
    await clickup("getLists")
    await opened.sandbox.control.clickup.add_list("Garden")
    made = await clickup("createTask", title="x", in_list="Garden")
    assert made["title"] == "x"


@pytest.mark.parametrize("task_id", ["../user", "a b", "https://evil.test/?x=1/2"])
async def test_an_id_cannot_change_the_path(clickup: Any, task_id: str):
    with pytest.raises(PermanentFailure, match="is no id or link of a ClickUp task"):
        await clickup("getComments", task_id=task_id)


async def test_what_is_left_of_the_rate_limit_is_told(opened: Any, clickup: Any):
    await opened.sandbox.control.clickup.limit(100)
    checked = await clickup.check()
    assert checked.account == "you in Oblivion Sandbox"
    assert 90 <= checked.rate_limit_left < 100
