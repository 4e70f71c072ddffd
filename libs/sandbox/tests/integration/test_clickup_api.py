from typing import Any

import httpx
import pytest

from oblivion_sandbox.testing import RunningSandbox


async def make_task(clickup: httpx.AsyncClient, sandbox: RunningSandbox, **fields: Any) -> dict[str, Any]:
    lists = await sandbox.control.clickup.lists()
    response = await clickup.post(f"/list/{lists['Ideas']}/task", json={"name": "A task", **fields})
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_token_opens_user_workspace_and_places(sandbox: RunningSandbox, clickup: httpx.AsyncClient):
    owner = await sandbox.control.clickup.owner()
    assert (await clickup.get("/user")).json()["user"]["username"] == "you"
    team = (await clickup.get("/team")).json()["teams"][0]
    assert team["id"] == owner["team_id"]
    assert [member["user"]["username"] for member in team["members"]] == [
        "you",
        "ana",
        "ben",
        "oblivion",
    ]
    space = (await clickup.get(f"/team/{team['id']}/space")).json()["spaces"][0]
    folder = (await clickup.get(f"/space/{space['id']}/folder")).json()["folders"][0]
    in_folder = (await clickup.get(f"/folder/{folder['id']}/list")).json()["lists"]
    in_space = (await clickup.get(f"/space/{space['id']}/list")).json()["lists"]
    assert [found["name"] for found in in_folder + in_space] == ["Launch", "Ideas", "Support"]
    one = (await clickup.get(f"/list/{in_folder[0]['id']}")).json()
    assert [status["status"] for status in one["statuses"]] == ["to do", "in progress", "review", "complete"]
    assert one["folder"]["id"] == folder["id"]


async def test_a_task_has_the_shape_of_the_real_one(sandbox: RunningSandbox, clickup: httpx.AsyncClient):
    ana = (await sandbox.control.clickup.users())["ana"]["user"]
    task = await make_task(
        clickup,
        sandbox,
        markdown_content="Some **bold** [link](https://a.example)",
        assignees=[ana["id"]],
        priority=2,
        due_date=1_800_000_000_000,
        status="in progress",
    )
    read = (await clickup.get(f"/task/{task['id']}", params={"include_markdown_description": "true"})).json()
    assert read["status"]["status"] == "in progress"
    assert read["status"]["type"] == "custom"
    assert read["priority"] == {"id": "2", "priority": "high", "color": "#ffcc00", "orderindex": "2"}
    assert read["due_date"] == "1800000000000"
    assert read["assignees"][0]["username"] == "ana"
    assert read["creator"]["username"] == "you"
    assert read["text_content"] == read["description"] == "Some bold link"
    assert read["markdown_description"] == "Some **bold** [link](https://a.example)"
    assert read["url"] == f"{sandbox.base_url}/clickup/t/{task['id']}"
    assert isinstance(read["date_created"], str)
    assert "markdown_description" not in (await clickup.get(f"/task/{task['id']}")).json()


async def test_an_update_changes_what_it_names_and_nothing_else(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient
):
    users = await sandbox.control.clickup.users()
    ana, ben = (users[name]["user"]["id"] for name in ("ana", "ben"))
    task = await make_task(clickup, sandbox, assignees=[ana], priority=1, description="keep")
    await clickup.put(
        f"/task/{task['id']}", json={"assignees": {"add": [ben], "rem": [ana]}, "priority": None}
    )
    changed = (await clickup.put(f"/task/{task['id']}", json={"name": "New", "status": "complete"})).json()
    assert [person["id"] for person in changed["assignees"]] == [ben]
    assert changed["priority"] is None
    assert changed["description"] == "keep"
    assert changed["date_closed"] is not None
    assert int(changed["date_updated"]) > int(task["date_updated"])
    emptied = (await clickup.put(f"/task/{task['id']}", json={"description": " "})).json()
    assert emptied["description"] == ""


async def test_lists_are_read_by_pages_of_a_hundred(sandbox: RunningSandbox, clickup: httpx.AsyncClient):
    await sandbox.control.clickup.limit(0)
    list_id = await sandbox.control.clickup.add_list("Many")
    for number in range(101):
        await sandbox.control.clickup.create_task(list_id, str(number))
    first = (await clickup.get(f"/list/{list_id}/task")).json()
    second = (await clickup.get(f"/list/{list_id}/task", params={"page": 1})).json()
    assert (len(first["tasks"]), first["last_page"]) == (100, False)
    assert [task["name"] for task in second["tasks"]] == ["0"]
    assert second["last_page"] is True


async def test_lists_are_filtered_by_change_and_by_closed(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient
):
    lists = await sandbox.control.clickup.lists()
    path = f"/list/{lists['Ideas']}/task"
    old = await make_task(clickup, sandbox, name="old")
    closed = await make_task(clickup, sandbox, name="closed", status="complete")
    await clickup.put(f"/task/{old['id']}", json={"name": "older"})
    since = int((await clickup.get(f"/task/{closed['id']}")).json()["date_updated"])

    async def names(**params: Any) -> list[str]:
        return [task["name"] for task in (await clickup.get(path, params=params)).json()["tasks"]]

    assert await names() == ["older"]
    assert set(await names(include_closed="true")) == {"older", "closed"}
    assert await names(include_closed="true", order_by="updated") == ["older", "closed"]
    assert await names(
        date_updated_gt=str(since - 1), include_closed="true", order_by="updated", reverse="true"
    ) == [
        "closed",
        "older",
    ]
    assert await names(date_updated_gt=str(since + 10_000_000)) == []


async def test_comments_are_paged_newest_first_by_twenty_five(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient
):
    await sandbox.control.clickup.limit(0)
    task = await make_task(clickup, sandbox)
    for number in range(30):
        await clickup.post(f"/task/{task['id']}/comment", json={"comment_text": str(number)})
    first = (await clickup.get(f"/task/{task['id']}/comment")).json()["comments"]
    last = first[-1]
    older = (
        await clickup.get(
            f"/task/{task['id']}/comment", params={"start": last["date"], "start_id": last["id"]}
        )
    ).json()["comments"]
    assert [comment["comment_text"] for comment in first + older] == [
        str(number) for number in range(29, -1, -1)
    ]
    assert len(first) == 25


async def test_a_comment_is_made_of_blocks_and_can_be_changed(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient
):
    task = await make_task(clickup, sandbox)
    blocks = [{"text": "bold", "attributes": {"bold": True}}, {"text": " and plain"}]
    made = (await clickup.post(f"/task/{task['id']}/comment", json={"comment": blocks})).json()
    assert isinstance(made["id"], int)
    assert made["hist_id"].isdigit()
    comment = (await clickup.get(f"/task/{task['id']}/comment")).json()["comments"][0]
    assert comment["id"] == str(made["id"])
    assert comment["comment_text"] == "bold and plain"
    assert comment["comment"][0] == {"attributes": {"bold": True}, "text": "bold"}
    assert comment["user"]["username"] == "you"
    assert (await clickup.put(f"/comment/{made['id']}", json={"comment_text": "new"})).json() == {}
    assert (await clickup.get(f"/task/{task['id']}/comment")).json()["comments"][0]["comment_text"] == "new"
    assert (await clickup.delete(f"/comment/{made['id']}")).json() == {}
    assert (await clickup.get(f"/task/{task['id']}/comment")).json()["comments"] == []
    ever = await sandbox.control.clickup.comments(task["id"])
    assert [(entry["comment_text"], entry["deleted"], entry["via"]) for entry in ever] == [
        ("new", True, "api")
    ]


async def test_a_deleted_task_is_gone_but_counted(sandbox: RunningSandbox, clickup: httpx.AsyncClient):
    task = await make_task(clickup, sandbox)
    await clickup.delete(f"/task/{task['id']}")
    gone = await clickup.get(f"/task/{task['id']}")
    assert (gone.status_code, gone.json()["ECODE"]) == (404, "ITEM_013")
    assert any(
        entry["id"] == task["id"] and entry["deleted"] for entry in await sandbox.control.clickup.tasks()
    )


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "code"),
    [
        ("POST", "/list/{list}/task", {}, 400, "INPUT_005"),
        ("POST", "/list/{list}/task", {"name": "x", "status": "unknown"}, 400, "CRTSK_001"),
        ("POST", "/list/{list}/task", {"name": "x", "priority": 9}, 400, "INPUT_004"),
        ("POST", "/list/{list}/task", {"name": "x", "assignees": [1]}, 400, "USER_001"),
        ("POST", "/list/1/task", {"name": "x"}, 404, "SUBCAT_029"),
        ("GET", "/task/nothing", None, 404, "ITEM_013"),
        ("GET", "/list/{list}/task?page=x", None, 400, "INPUT_002"),
        ("PUT", "/comment/999", {"comment_text": "x"}, 404, "COMM_002"),
        ("PUT", "/comment/x", {"comment_text": "x"}, 404, "COMM_002"),
        ("GET", "/team/1/space", None, 401, "OAUTH_023"),
        ("POST", "/team/{team}/webhook", {"events": "*"}, 400, "OAUTH_170"),
        ("POST", "/team/{team}/webhook", {"endpoint": "http://a", "events": ["nope"]}, 400, "OAUTH_174"),
        ("PUT", "/webhook/none", {"status": "active"}, 404, "ITEM_015"),
        ("GET", "/nowhere", None, 404, "APP_001"),
    ],
)
async def test_a_refusal_has_err_and_ecode(
    sandbox: RunningSandbox,
    clickup: httpx.AsyncClient,
    verb: str,
    path: str,
    body: Any,
    status: int,
    code: str,
):
    lists = await sandbox.control.clickup.lists()
    owner = await sandbox.control.clickup.owner()
    path = path.replace("{list}", lists["Ideas"]).replace("{team}", owner["team_id"])
    answer = await clickup.request(verb, path, json=body)
    assert (answer.status_code, answer.json()["ECODE"]) == (status, code)
    assert answer.json()["err"]


async def test_tokens_are_taken_bare_or_as_bearer_and_refused_by_kind(sandbox: RunningSandbox):
    owner = await sandbox.control.clickup.owner()
    async with httpx.AsyncClient(base_url=sandbox.clickup_api_url, trust_env=False) as http:

        async def status(header: str | None) -> tuple[int, str]:
            headers = {} if header is None else {"Authorization": header}
            answer = await http.get("/user", headers=headers)
            return answer.status_code, answer.json().get("ECODE", "")

        assert await status(owner["token"]) == (200, "")
        assert await status(f"Bearer {owner['token']}") == (200, "")
        assert await status(None) == (400, "OAUTH_017")
        assert await status("pk_1_X") == (401, "OAUTH_025")
        await sandbox.control.clickup.change_user("you", token_revoked=True)
        assert await status(owner["token"]) == (401, "OAUTH_019")


async def test_each_answer_tells_what_is_left_of_the_minute(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient
):
    await sandbox.control.clickup.limit(2)
    answers = [await clickup.get("/user") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].json() == {"err": "Rate limit reached", "ECODE": "APP_002"}
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"2"}
    assert len({answer.headers["X-RateLimit-Reset"] for answer in answers}) == 1
    await sandbox.control.clickup.limit(0)
    assert (await clickup.get("/user")).status_code == 200
