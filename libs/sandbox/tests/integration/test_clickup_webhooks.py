import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from oblivion_sandbox.testing import RunningSandbox


async def hook(
    clickup: httpx.AsyncClient, sandbox: RunningSandbox, receiver: Any, **fields: Any
) -> dict[str, Any]:
    owner = await sandbox.control.clickup.owner()
    body = {"endpoint": receiver.url, "events": "*", **fields}
    answer = await clickup.post(f"/team/{owner['team_id']}/webhook", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["webhook"]


async def ideas(sandbox: RunningSandbox) -> str:
    return (await sandbox.control.clickup.lists())["Ideas"]


def names(receiver: Any) -> list[str]:
    return sorted(request.json["event"] for request in receiver.requests)


def item_of(receiver: Any, event: str) -> dict[str, Any]:
    return next(request.json for request in receiver.requests if request.json["event"] == event)[
        "history_items"
    ][0]


async def test_events_are_signed_with_the_webhooks_own_secret(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    webhook = await hook(clickup, sandbox, receiver)
    await sandbox.control.clickup.create_task(await ideas(sandbox), "x")
    await sandbox.control.clickup.delivered()
    request = receiver.requests[0]
    signature = hmac.new(webhook["secret"].encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Signature"] == signature
    assert request.json["webhook_id"] == webhook["id"]
    assert webhook["health"] == {"status": "active", "fail_count": 0}


async def test_a_new_task_is_told_twice_with_one_history_item(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    await hook(clickup, sandbox, receiver)
    task = await sandbox.control.clickup.create_task(await ideas(sandbox), "x")
    await sandbox.control.clickup.delivered()
    assert names(receiver) == ["taskCreated", "taskStatusUpdated"]
    assert {request.json["task_id"] for request in receiver.requests} == {task["id"]}
    assert item_of(receiver, "taskCreated")["id"] == item_of(receiver, "taskStatusUpdated")["id"]
    assert "name" not in receiver.requests[0].json


async def test_each_kind_of_change_has_its_event(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    control = sandbox.control.clickup
    task = await control.create_task(await ideas(sandbox), "x", description="old")
    await hook(clickup, sandbox, receiver)
    users = await control.users()
    await control.update_task(
        task["id"],
        user="ana",
        name="y",
        description="new",
        status="review",
        priority=1,
        due_date=1_800_000_000_000,
        assignees={"add": [users["ben"]["user"]["id"]]},
    )
    await control.delivered()
    assert names(receiver) == [
        "taskAssigneeUpdated",
        "taskDueDateUpdated",
        "taskPriorityUpdated",
        "taskStatusUpdated",
        *["taskUpdated"] * 6,
    ]
    status = item_of(receiver, "taskStatusUpdated")
    assert (status["before"]["status"], status["after"]["status"]) == ("to do", "review")
    assert status["user"]["username"] == "ana"
    assert item_of(receiver, "taskPriorityUpdated")["before"] is None
    assert item_of(receiver, "taskDueDateUpdated")["after"] == "1800000000000"
    assert item_of(receiver, "taskAssigneeUpdated")["after"]["username"] == "ben"
    fields = {
        request.json["history_items"][0]["field"]: request.json["history_items"][0]
        for request in receiver.requests
    }
    assert (fields["name"]["before"], fields["name"]["after"]) == ("x", "y")
    assert json.loads(fields["content"]["after"])["ops"][0]["insert"] == "new"


async def test_changes_by_the_api_come_back_as_well(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    task = await sandbox.control.clickup.create_task(await ideas(sandbox), "x")
    await hook(clickup, sandbox, receiver)
    made = (await clickup.post(f"/task/{task['id']}/comment", json={"comment_text": "ours"})).json()
    await clickup.put(f"/comment/{made['id']}", json={"comment_text": "changed"})
    await sandbox.control.clickup.delivered()
    assert names(receiver) == ["taskCommentPosted", "taskCommentUpdated"]
    posted = item_of(receiver, "taskCommentPosted")
    assert posted["id"] == made["hist_id"]
    assert posted["comment"]["id"] == str(made["id"])
    assert posted["comment"]["text_content"] == "ours\n"
    assert posted["comment"]["parent"] == task["id"]
    assert item_of(receiver, "taskCommentUpdated")["comment"]["text_content"] == "changed\n"


async def test_a_move_and_a_deletion_are_told(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    control = sandbox.control.clickup
    task = await control.create_task(await ideas(sandbox), "x")
    await hook(clickup, sandbox, receiver)
    lists = await control.lists()
    await control.move_task(task["id"], lists["Support"])
    await control.delete_task(task["id"])
    await control.delivered()
    assert names(receiver) == ["taskDeleted", "taskMoved", "taskUpdated"]
    assert item_of(receiver, "taskMoved")["after"]["id"] == lists["Support"]
    deleted = next(request.json for request in receiver.requests if request.json["event"] == "taskDeleted")
    assert "history_items" not in deleted


async def test_a_webhook_hears_only_of_its_list_and_its_events(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    control = sandbox.control.clickup
    lists = await control.lists()
    await hook(clickup, sandbox, receiver, events=["taskCreated"], list_id=int(lists["Ideas"]))
    await control.create_task(lists["Support"], "elsewhere")
    here = await control.create_task(lists["Ideas"], "here")
    await control.delivered()
    assert [(request.json["event"], request.json["task_id"]) for request in receiver.requests] == [
        ("taskCreated", here["id"])
    ]


async def test_the_same_webhook_is_not_made_twice(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    await hook(clickup, sandbox, receiver)
    owner = await sandbox.control.clickup.owner()
    again = await clickup.post(
        f"/team/{owner['team_id']}/webhook", json={"endpoint": receiver.url, "events": "*"}
    )
    assert (again.status_code, again.json()["ECODE"]) == (400, "OAUTH_171")


async def test_webhooks_belong_to_their_maker(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    webhook = await hook(clickup, sandbox, receiver)
    users = await sandbox.control.clickup.users()
    headers = {"Authorization": users["ana"]["token"]}
    listed = await clickup.get(f"/team/{webhook['team_id']}/webhook", headers=headers)
    assert listed.json()["webhooks"] == []
    assert (await clickup.delete(f"/webhook/{webhook['id']}", headers=headers)).status_code == 404
    assert (await clickup.delete(f"/webhook/{webhook['id']}")).json() == {}
    assert await sandbox.control.clickup.webhooks() == []


async def test_an_event_is_tried_five_times_and_then_counted(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    await hook(clickup, sandbox, receiver, events=["taskCreated"])
    receiver.answers = [500] * 5
    await sandbox.control.clickup.create_task(await ideas(sandbox), "x")
    await sandbox.control.clickup.delivered()
    assert len(receiver.requests) == 5
    assert len({request.body for request in receiver.requests}) == 1
    health = (await sandbox.control.clickup.webhooks())[0]["health"]
    assert health == {"status": "failing", "fail_count": 1}
    await sandbox.control.clickup.create_task(await ideas(sandbox), "y")
    await sandbox.control.clickup.delivered()
    assert (await sandbox.control.clickup.webhooks())[0]["health"] == {"status": "active", "fail_count": 0}


async def test_a_hundredth_failure_suspends_and_the_api_re_activates(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any
):
    webhook = await hook(clickup, sandbox, receiver, events=["taskCreated"])
    await sandbox.control.clickup.change_webhook(webhook["id"], fail_count=99, status="failing")
    receiver.answers = [500] * 5
    await sandbox.control.clickup.create_task(await ideas(sandbox), "x")
    await sandbox.control.clickup.delivered()
    assert (await sandbox.control.clickup.webhooks())[0]["health"] == {
        "status": "suspended",
        "fail_count": 100,
    }
    receiver.requests.clear()
    await sandbox.control.clickup.create_task(await ideas(sandbox), "unheard")
    await sandbox.control.clickup.delivered()
    assert receiver.requests == []
    body = {"endpoint": receiver.url, "events": ["taskCreated"], "status": "active"}
    restored = (await clickup.put(f"/webhook/{webhook['id']}", json=body)).json()["webhook"]
    assert restored["health"] == {"status": "active", "fail_count": 0}
    assert restored["secret"] == webhook["secret"]
    await sandbox.control.clickup.create_task(await ideas(sandbox), "heard")
    await sandbox.control.clickup.delivered()
    assert len(receiver.requests) == 1


async def test_gone_suspends_at_once(sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any):
    await hook(clickup, sandbox, receiver, events=["taskCreated"])
    receiver.answers = [410]
    await sandbox.control.clickup.create_task(await ideas(sandbox), "x")
    await sandbox.control.clickup.delivered()
    assert len(receiver.requests) == 1
    assert (await sandbox.control.clickup.webhooks())[0]["health"]["status"] == "suspended"


@pytest.mark.parametrize("how", ["suspended", "owner"])
async def test_nothing_is_told_while_suspended_or_without_an_owner(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, receiver: Any, how: str
):
    webhook = await hook(clickup, sandbox, receiver)
    if how == "suspended":
        await sandbox.control.clickup.change_webhook(webhook["id"], status="suspended")
    else:
        await sandbox.control.clickup.change_user("you", disabled=True)
    await sandbox.control.clickup.create_task(await ideas(sandbox), "x", user="ana")
    assert await sandbox.control.clickup.delivery_counts() == {}
