"""Whatever is sent, the answer is one of Slack's or ClickUp's, never a crash of the stand-in."""

import json
from typing import Any

import httpx
import pytest

from oblivion_sandbox.testing import RunningSandbox

HOSTILE: list[Any] = [
    *(None, True, -1, 10**30, 1.5, "", " ", "\x00", "\ud800", "٣", "nan", "1700000000.000001", "x" * 5000),
    *([], [[]], [None], {}, {"type": []}, {"a": {"b": [1]}}),
    *(
        [{"type": "section", "text": {"type": {}, "text": []}}],
        [{"type": []}],
        [{"type": "actions", "elements": [1]}],
    ),
    *("e30=", "YXQ6eA==", "YmVmb3JlOng="),
]
# The arguments that each method reads by more than equality.
SLACK_ARGUMENTS = {
    "chat.postMessage": ("channel", "text", "blocks", "metadata", "thread_ts", "markdown_text", "username"),
    "chat.update": ("ts", "text", "blocks", "metadata"),
    "chat.getPermalink": ("channel", "message_ts"),
    "chat.postEphemeral": ("user", "blocks"),
    "conversations.history": ("channel", "limit", "cursor", "oldest", "latest"),
    "conversations.replies": ("ts", "limit", "cursor"),
    "conversations.list": ("types", "limit", "cursor"),
    "users.conversations": ("types", "limit", "cursor", "user"),
    "users.list": ("limit", "cursor"),
    "users.info": ("user",),
    "reactions.add": ("name", "timestamp"),
}
TASK_FIELDS = ("name", "markdown_content", "status", "priority", "due_date", "assignees", "tags", "parent")
CLICKUP_FIELDS = {
    ("POST", "/list/{list}/task"): TASK_FIELDS,
    ("PUT", "/task/{task}"): TASK_FIELDS,
    ("POST", "/task/{task}/comment"): ("comment", "comment_text"),
    ("PUT", "/comment/{comment}"): ("comment", "resolved"),
    ("POST", "/team/{team}/webhook"): ("endpoint", "events", "list_id"),
}
CLICKUP_QUERY = ("page", "order_by", "date_updated_gt", "start", "start_id", "statuses[]")
JSON = {"Content-Type": "application/json"}


def encoded(value: Any) -> bytes:
    """JSON with lone surrogates escaped, as other languages send them."""
    return json.dumps(value).encode()


@pytest.mark.parametrize("method", sorted(SLACK_ARGUMENTS))
async def test_a_slack_method_answers_hostile_arguments(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, method: str
):
    app = await sandbox.control.slack.change_app(limits_scale=0)
    message = await sandbox.control.slack.post("launch", "x")
    headers = {"Authorization": f"Bearer {app['bot_token']}"} | JSON
    known = {
        "channel": "launch",
        "ts": message["ts"],
        "timestamp": message["ts"],
        "text": "x",
        "name": "eyes",
    }
    for name in SLACK_ARGUMENTS[method]:
        for value in HOSTILE:
            body = encoded({**known, name: value})
            answer = await clickup.post(f"{sandbox.slack_api_url}{method}", content=body, headers=headers)
            assert answer.status_code == 200, (name, value)
            assert "ok" in answer.json()


@pytest.mark.parametrize(("verb", "path"), sorted(CLICKUP_FIELDS))
async def test_a_clickup_route_answers_hostile_fields(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, verb: str, path: str
):
    await sandbox.control.clickup.limit(0)
    places = {
        "team": (await sandbox.control.clickup.owner())["team_id"],
        "list": (await sandbox.control.clickup.lists())["Ideas"],
        "task": (await sandbox.control.clickup.tasks())[0]["id"],
    }
    places["comment"] = (await sandbox.control.clickup.comment(places["task"], "x"))["id"]
    for name in CLICKUP_FIELDS[verb, path]:
        for value in HOSTILE:
            body = encoded({"name": "x", "endpoint": "http://a.example", "events": "*", name: value})
            answer = await clickup.request(verb, path.format(**places), content=body, headers=JSON)
            assert answer.status_code < 500, (name, value)


@pytest.mark.parametrize("path", ["/list/{list}/task", "/task/{task}/comment"])
async def test_a_clickup_route_answers_hostile_queries(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, path: str
):
    await sandbox.control.clickup.limit(0)
    task = (await sandbox.control.clickup.tasks())[0]
    url = path.format(task=task["id"], list=task["list"]["id"])
    for name in CLICKUP_QUERY:
        for text in ("x", "-1", "9" * 30, "٣", "nan", ""):
            answer = await clickup.get(url, params={name: text})
            assert answer.status_code < 500, (name, text)


@pytest.mark.parametrize("body", [b"{", b"[]", b"nul", b"\xff", b"[" * 10_000, b"9" * 5000])
async def test_bodies_that_are_no_object_are_refused(
    sandbox: RunningSandbox, clickup: httpx.AsyncClient, body: bytes
):
    app = await sandbox.control.slack.app()
    headers = {"Authorization": f"Bearer {app['bot_token']}"} | JSON
    slack = await clickup.post(f"{sandbox.slack_api_url}chat.postMessage", content=body, headers=headers)
    lists = await sandbox.control.clickup.lists()
    refused = await clickup.post(f"/list/{lists['Ideas']}/task", content=body, headers=JSON)
    assert slack.json()["error"] in ("invalid_json", "json_not_object")
    assert refused.status_code == 400
    assert refused.json()["ECODE"] == "INPUT_001"
