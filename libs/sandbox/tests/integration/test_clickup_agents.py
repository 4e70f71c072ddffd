"""What agents need of ClickUp: replies in threads, assigned comments, tags, an account of their own."""

from collections.abc import Callable
from typing import Any

import httpx

from oblivion_sandbox.testing import RunningSandbox


async def a_task(sandbox: RunningSandbox) -> dict[str, Any]:
    return (await sandbox.control.clickup.tasks())[0]


async def listen(sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any, *events: str) -> None:
    team = (await sandbox.control.clickup.owner())["team_id"]
    hook = {"endpoint": f"{receiver.url}/webhooks/clickup", "events": list(events)}
    answer = await clickup.post(f"/team/{team}/webhook", json=hook)
    assert answer.status_code == 200


async def test_replies_belong_to_their_comment(sandbox: RunningSandbox, clickup: httpx.AsyncClient):
    task = await a_task(sandbox)
    comment = await sandbox.control.clickup.comment(task["id"], "question", user="ana")
    first = await clickup.post(f"/comment/{comment['id']}/reply", json={"comment_text": "answer"})
    await sandbox.control.clickup.reply(comment["id"], "thanks", user="ana")
    replies = (await clickup.get(f"/comment/{comment['id']}/reply")).json()["comments"]
    listed = (await clickup.get(f"/task/{task['id']}/comment")).json()["comments"]
    assert set(first.json()) == {"id", "hist_id", "date"}
    assert [(reply["comment_text"], reply["user"]["username"]) for reply in replies] == [
        ("answer", "you"),
        ("thanks", "ana"),
    ]
    assert [(each["comment_text"], each["reply_count"]) for each in listed] == [("question", "2")]
    nested = await clickup.post(f"/comment/{replies[0]['id']}/reply", json={"comment_text": "x"})
    missing = await clickup.get("/comment/99999/reply")
    assert (nested.status_code, missing.status_code) == (400, 404)


async def test_a_reply_is_told_with_its_comment_as_parent(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any, eventually: Callable[..., Any]
):
    task = await a_task(sandbox)
    comment = await sandbox.control.clickup.comment(task["id"], "question")
    await listen(sandbox, clickup, receiver, "taskCommentPosted")
    await sandbox.control.clickup.reply(comment["id"], "answer")
    await eventually(lambda: bool(receiver.requests))
    event = receiver.requests[0].json
    assert event["task_id"] == task["id"]
    assert event["history_items"][0]["comment"]["parent"] == comment["id"]
    assert event["history_items"][0]["comment"]["text_content"] == "answer\n"


async def test_a_comment_is_assigned_and_resolved(sandbox: RunningSandbox, clickup: httpx.AsyncClient):
    task = await a_task(sandbox)
    people = await sandbox.control.clickup.users()
    ana = people["ana"]["user"]["id"]
    body = {"comment_text": "May I deploy?", "assignee": ana, "notify_all": False}
    posted = (await clickup.post(f"/task/{task['id']}/comment", json=body)).json()
    asked = (await clickup.get(f"/task/{task['id']}/comment")).json()["comments"][0]
    await clickup.put(f"/comment/{posted['id']}", json={"resolved": True})
    done = (await clickup.get(f"/task/{task['id']}/comment")).json()["comments"][0]
    assert (asked["assignee"]["username"], asked["assigned_by"]["username"]) == ("ana", "you")
    assert (asked["resolved"], done["resolved"]) == (False, True)


async def test_tags_come_and_go_with_their_events(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any, eventually: Callable[..., Any]
):
    task = await a_task(sandbox)
    await listen(sandbox, clickup, receiver, "taskTagUpdated")
    for _ in range(2):
        assert (await clickup.post(f"/task/{task['id']}/tag/AI_Squad")).status_code == 200
    tagged = (await clickup.get(f"/task/{task['id']}")).json()["tags"]
    await clickup.delete(f"/task/{task['id']}/tag/ai_squad")
    await eventually(lambda: len(receiver.requests) == 2)
    items = {
        request.json["history_items"][0]["field"]: request.json["history_items"][0]
        for request in receiver.requests
    }
    assert [tag["name"] for tag in tagged] == ["ai_squad"]
    assert items["tag"]["after"][0]["name"] == "ai_squad"
    assert items["tag_removed"]["before"][0]["name"] == "ai_squad"


async def test_the_agents_member_can_be_assigned_and_can_speak(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any, eventually: Callable[..., Any]
):
    task = await a_task(sandbox)
    agent = (await sandbox.control.clickup.users())["oblivion"]
    await listen(sandbox, clickup, receiver, "taskAssigneeUpdated")
    await clickup.put(f"/task/{task['id']}", json={"assignees": {"add": [agent["user"]["id"]]}})
    headers = {"Authorization": agent["token"]}
    await clickup.post(f"/task/{task['id']}/comment", json={"comment_text": "on it"}, headers=headers)
    await eventually(lambda: bool(receiver.requests))
    assert receiver.requests[0].json["history_items"][0]["after"]["username"] == "oblivion"
    assert (await sandbox.control.clickup.comments(task["id"]))[-1]["user"]["username"] == "oblivion"


async def test_a_task_takes_only_statuses_that_exist(sandbox: RunningSandbox, clickup: httpx.AsyncClient):
    task = await a_task(sandbox)
    known = await clickup.put(f"/task/{task['id']}", json={"status": "Review"})
    unknown = await clickup.put(f"/task/{task['id']}", json={"status": "shipped"})
    assert known.json()["status"]["status"] == "review"
    assert (unknown.status_code, unknown.json()["ECODE"]) == (400, "ITEM_114")


async def test_a_move_is_told(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any, eventually: Callable[..., Any]
):
    task = await a_task(sandbox)
    await listen(sandbox, clickup, receiver, "taskMoved")
    lists = await sandbox.control.clickup.lists()
    await sandbox.control.clickup.move_task(task["id"], lists["Ideas"])
    await eventually(lambda: bool(receiver.requests))
    item = receiver.requests[0].json["history_items"][0]
    assert (item["field"], item["after"]["name"]) == ("section_moved", "Ideas")
