"""Jira's REST API through plain HTTP."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from oblivion_sandbox.testing import RunningSandbox

TEXT = {
    "type": "doc",
    "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hi"}]}],
}


@pytest.fixture
async def jira(sandbox: RunningSandbox) -> AsyncGenerator[httpx.AsyncClient]:
    account = await sandbox.control.jira.account()
    base_url, auth = f"{sandbox.jira_api_url}/rest/api/3", (account["email"], account["token"])
    async with httpx.AsyncClient(base_url=base_url, auth=auth, trust_env=False) as client:
        yield client


def issue(**fields: Any) -> dict[str, Any]:
    return {"fields": {"project": {"key": "ROC"}, "issuetype": {"name": "Task"}, "summary": "x", **fields}}


async def keys(jira: httpx.AsyncClient, jql: str) -> list[str]:
    answer = await jira.post("/search/jql", json={"jql": jql, "fields": ["summary"]})
    assert answer.status_code == 200, answer.text
    return [each["key"] for each in answer.json()["issues"]]


async def test_the_token_is_a_persons(sandbox: RunningSandbox, jira: httpx.AsyncClient):
    account = await sandbox.control.jira.account()
    me = (await jira.get("/myself")).json()
    bearer = await jira.get("/myself", auth=None, headers={"Authorization": f"Bearer {account['token']}"})
    assert (me["displayName"], me["accountId"], me["active"]) == ("Oblivion", account["account_id"], True)
    assert bearer.status_code == 200


@pytest.mark.parametrize("auth", [("oblivion@example.com", "wrong"), ("ana@example.com", None), None])
async def test_a_token_is_good_with_its_owners_address_alone(
    sandbox: RunningSandbox, jira: httpx.AsyncClient, auth: Any
):
    token = (await sandbox.control.jira.account())["token"]
    answer = await jira.get("/myself", auth=auth and (auth[0], auth[1] or token))
    assert answer.status_code == 401
    assert answer.json()["errorMessages"]


async def test_projects_are_listed_page_by_page_with_their_issue_types(jira: httpx.AsyncClient):
    first = (await jira.get("/project/search", params={"maxResults": 1})).json()
    second = (await jira.get("/project/search", params={"maxResults": 1, "startAt": 1})).json()
    types = (await jira.get("/issue/createmeta/ROC/issuetypes")).json()
    missing = await jira.get("/project/NOPE")
    assert [first["values"][0]["key"], second["values"][0]["key"]] == ["ROC", "OPS"]
    assert (first["isLast"], second["isLast"], first["total"]) == (False, True, 2)
    assert [each["name"] for each in types["issueTypes"]] == ["Task", "Bug", "Story"]
    assert missing.status_code == 404


async def test_an_issue_is_made_edited_moved_and_commented(jira: httpx.AsyncClient):
    made = await jira.post("/issue", json=issue(description=TEXT, labels=["a"]))
    key = made.json()["key"]
    edited = await jira.put(f"/issue/{key}", json={"fields": {"summary": "y", "priority": {"name": "High"}}})
    moves = (await jira.get(f"/issue/{key}/transitions")).json()["transitions"]
    done = next(each["id"] for each in moves if each["to"]["name"] == "Done")
    moved = await jira.post(f"/issue/{key}/transitions", json={"transition": {"id": done}})
    said = await jira.post(f"/issue/{key}/comment", json={"body": TEXT})
    fields = (await jira.get(f"/issue/{key}")).json()["fields"]
    assert (made.status_code, edited.status_code, moved.status_code, said.status_code) == (201, 204, 204, 201)
    assert (key, fields["summary"], fields["priority"]["name"], fields["labels"]) == (
        "ROC-4",
        "y",
        "High",
        ["a"],
    )
    assert fields["status"]["statusCategory"]["key"] == "done"
    assert fields["comment"]["comments"][0]["body"] == TEXT
    assert (await jira.get(f"/issue/{key}/comment")).json()["total"] == 1


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"summary": ""}, "summary", "You must specify a summary"),
        ({"summary": "a\nb"}, "summary", "newline"),
        ({"summary": "x" * 256}, "summary", "less than 255"),
        ({"issuetype": {"name": "Epic"}}, "issuetype", "valid issue type"),
        ({"project": {"key": "NOPE"}}, "project", "valid project is required"),
        ({"description": "plain"}, "description", "Atlassian Document"),
        ({"labels": ["two words"]}, "labels", "spaces"),
        ({"customfield_1": 1}, "customfield_1", "cannot be set"),
    ],
)
async def test_wrong_fields_are_named(
    jira: httpx.AsyncClient, fields: dict[str, Any], field: str, words: str
):
    answer = await jira.post("/issue", json=issue(**fields))
    assert answer.status_code == 400
    assert words in answer.json()["errors"][field]


@pytest.mark.parametrize(
    ("jql", "found"),
    [
        ('project = ROC AND status != "Done"', ["ROC-2", "ROC-1"]),
        ("project in (OPS, 'Rocket') and issuetype = Task ORDER BY key ASC", ["OPS-1", "ROC-3"]),
        ('text ~ "certificate weeks"', ["OPS-1"]),
        ('summary ~ "check" OR (priority = High AND NOT project = OPS)', ["ROC-2", "ROC-1"]),
        ("assignee is EMPTY AND key = ROC-1", ["ROC-1"]),
        ("statusCategory = Done", ["ROC-3"]),
        ('project = "x\\" OR project = \\"OPS"', []),
    ],
)
async def test_issues_are_found_by_jql(jira: httpx.AsyncClient, jql: str, found: list[str]):
    assert await keys(jira, jql) == found


@pytest.mark.parametrize(
    "jql", ["", "ORDER BY created", "shoeSize = 1", "project =", "project = a b", "key is 1"]
)
async def test_a_query_that_is_none_or_unbounded_is_refused(jira: httpx.AsyncClient, jql: str):
    answer = await jira.get("/search/jql", params={"jql": jql})
    assert answer.status_code == 400
    assert answer.json()["errorMessages"]


async def test_issues_come_page_by_page_without_a_token_on_the_last(jira: httpx.AsyncClient):
    asked = {"jql": "project is not EMPTY", "maxResults": 3}
    first = (await jira.post("/search/jql", json=asked)).json()
    second = (await jira.post("/search/jql", json=asked | {"nextPageToken": first["nextPageToken"]})).json()
    assert (len(first["issues"]), first["isLast"], first["issues"][0]["fields"]) == (3, False, {})
    assert (len(second["issues"]), second["isLast"], "nextPageToken" in second) == (1, True, False)


async def test_permissions_are_needed_and_told(sandbox: RunningSandbox, jira: httpx.AsyncClient):
    await sandbox.control.jira.change_account(rights=["BROWSE_PROJECTS"])
    made = await jira.post("/issue", json=issue())
    said = await jira.post("/issue/ROC-1/comment", json={"body": TEXT})
    told = (await jira.get("/mypermissions", params={"permissions": "BROWSE_PROJECTS,ADD_COMMENTS"})).json()
    assert (made.status_code, said.status_code) == (403, 403)
    assert [each["havePermission"] for each in told["permissions"].values()] == [True, False]
    await sandbox.control.jira.change_account(rights=[])
    assert (await jira.get("/issue/ROC-1")).status_code == 404
    assert await keys(jira, "project = ROC") == []
