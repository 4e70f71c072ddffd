"""Linear's GraphQL API through plain HTTP."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from oblivion_sandbox.testing import RunningSandbox


@pytest.fixture
async def linear(sandbox: RunningSandbox) -> AsyncGenerator[httpx.AsyncClient]:
    token = (await sandbox.control.linear.account())["token"]
    headers = {"Authorization": token}
    async with httpx.AsyncClient(base_url=sandbox.linear_api_url, headers=headers, trust_env=False) as client:
        yield client


CREATE = """mutation M($input: IssueCreateInput!) {
  issueCreate(input: $input) { success issue { id identifier state { name } creator { isMe } } }
}"""
UPDATE = """mutation M($id: String!, $input: IssueUpdateInput!) {
  issueUpdate(id: $id, input: $input) { issue { title completedAt state { type } } }
}"""
COMMENT = """mutation M($input: CommentCreateInput!) {
  commentCreate(input: $input) { comment { body issue { identifier } } }
}"""
PAGE = """query Q($after: String) {
  issues(first: 3, after: $after) { nodes { identifier } pageInfo { hasNextPage endCursor } }
}"""


async def ask(linear: httpx.AsyncClient, query: str, **variables: Any) -> httpx.Response:
    return await linear.post("/graphql", json={"query": query, "variables": variables})


async def data(linear: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    body = (await ask(linear, query, **variables)).json()
    assert "errors" not in body, body
    return body["data"]


async def test_the_key_is_a_persons_and_teams_have_states(linear: httpx.AsyncClient):
    found = await data(linear, "{ viewer { name isMe organization { name } } teams { nodes { key } } }")
    states = await data(
        linear, '{ workflowStates(filter: {team: {key: {eq: "ENG"}}}) { nodes { name type } } }'
    )
    assert found["viewer"] == {"name": "Oblivion", "isMe": True, "organization": {"name": "Oblivion Sandbox"}}
    assert [team["key"] for team in found["teams"]["nodes"]] == ["ENG", "DES"]
    assert [state["type"] for state in states["workflowStates"]["nodes"]] == [
        "backlog",
        "unstarted",
        "started",
        "completed",
        "canceled",
    ]


@pytest.mark.parametrize(
    ("header", "status", "words"),
    [
        ("", 401, "not authenticated"),
        ("lin_api_wrong", 401, "not authenticated"),
        ("Bearer lin_api_wrong", 400, "Remove the Bearer prefix"),
    ],
)
async def test_keys_are_checked(linear: httpx.AsyncClient, header: str, status: int, words: str):
    answer = await linear.post(
        "/graphql", json={"query": "{ viewer { id } }"}, headers={"Authorization": header}
    )
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["extensions"]["code"]) == (status, "AUTHENTICATION_ERROR")
    assert words in error["message"]


async def test_a_query_that_is_none_is_answered_with_400(linear: httpx.AsyncClient):
    unknown = await ask(linear, "{ viewer { shoeSize } }")
    broken = await ask(linear, "{ viewer {")
    missing = await ask(linear, "query Q($id: String!) { issue(id: $id) { id } }")
    assert {unknown.status_code, broken.status_code, missing.status_code} == {400}
    assert unknown.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "shoeSize" in unknown.json()["errors"][0]["message"]


async def test_an_issue_is_made_changed_and_commented(linear: httpx.AsyncClient):
    team = (await data(linear, "{ teams { nodes { id key states { nodes { id name } } } } }"))["teams"][
        "nodes"
    ][0]
    done = next(state["id"] for state in team["states"]["nodes"] if state["name"] == "Done")
    made = (await data(linear, CREATE, input={"teamId": team["id"], "title": "x"}))["issueCreate"]
    changed = await data(linear, UPDATE, id="ENG-4", input={"stateId": done, "title": "y"})
    said = await data(linear, COMMENT, input={"issueId": made["issue"]["id"], "body": "z"})
    read = await data(linear, '{ issue(id: "ENG-4") { comments { nodes { body user { name } } } } }')
    assert (made["issue"]["identifier"], made["issue"]["state"]["name"]) == ("ENG-4", "Todo")
    assert made["issue"]["creator"] == {"isMe": True}
    assert (changed["issueUpdate"]["issue"]["title"], changed["issueUpdate"]["issue"]["state"]["type"]) == (
        "y",
        "completed",
    )
    assert changed["issueUpdate"]["issue"]["completedAt"]
    assert said["commentCreate"]["comment"]["issue"]["identifier"] == "ENG-4"
    assert read["issue"]["comments"]["nodes"] == [{"body": "z", "user": {"name": "Oblivion"}}]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"state": {"name": {"eqIgnoreCase": "todo"}}}, ["ENG-2"]),
        ({"team": {"key": {"in": ["DES"]}}}, ["DES-1"]),
        ({"assignee": {"null": True}}, ["DES-1", "ENG-2"]),
        ({"assignee": {"displayName": {"eq": "ana"}}}, ["ENG-1"]),
        ({"title": {"containsIgnoreCase": "BILLING"}}, ["ENG-3"]),
        ({"priority": {"lte": 2, "gt": 0}}, ["ENG-1"]),
        ({"or": [{"number": {"eq": 3}}, {"team": {"name": {"startsWith": "Des"}}}]}, ["DES-1", "ENG-3"]),
    ],
)
async def test_issues_are_filtered(linear: httpx.AsyncClient, wanted: dict[str, Any], found: list[str]):
    query = "query Q($filter: IssueFilter) { issues(filter: $filter) { nodes { identifier } } }"
    issues = (await data(linear, query, filter=wanted))["issues"]["nodes"]
    assert [issue["identifier"] for issue in issues] == found


async def test_issues_come_page_by_page_and_are_searched(linear: httpx.AsyncClient):
    first = (await data(linear, PAGE))["issues"]
    second = (await data(linear, PAGE, after=first["pageInfo"]["endCursor"]))["issues"]
    searched = await data(
        linear, '{ searchIssues(term: "pdf invoices") { totalCount nodes { identifier } } }'
    )
    beyond = await ask(linear, "{ issues(first: 251) { nodes { id } } }")
    assert (len(first["nodes"]), first["pageInfo"]["hasNextPage"]) == (3, True)
    assert (len(second["nodes"]), second["pageInfo"]["hasNextPage"]) == (1, False)
    assert searched["searchIssues"] == {"totalCount": 1, "nodes": [{"identifier": "ENG-2"}]}
    assert beyond.json()["errors"][0]["extensions"]["code"] == "INPUT_ERROR"


async def test_what_is_not_there_or_not_allowed_is_an_error_in_a_good_answer(
    sandbox: RunningSandbox, linear: httpx.AsyncClient
):
    missing = await ask(linear, '{ issue(id: "ENG-99") { id } }')
    await sandbox.control.linear.change_account(rights=["read"])
    forbidden = await ask(linear, 'mutation { issueUpdate(id: "ENG-1", input: {title: "x"}) { success } }')
    assert (missing.status_code, missing.json()["data"]) == (200, None)
    assert missing.json()["errors"][0]["message"] == "Entity not found: Issue"
    assert forbidden.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_rate_limit_is_a_400_that_names_the_moment(
    sandbox: RunningSandbox, linear: httpx.AsyncClient
):
    await sandbox.control.linear.misbehave("POST /graphql", "rate_limited", times=1, retry_after=9)
    limited = await ask(linear, "{ viewer { id } }")
    fine = await ask(linear, "{ viewer { id } }")
    assert (limited.status_code, limited.json()["errors"][0]["extensions"]["code"]) == (400, "RATELIMITED")
    assert limited.headers["X-RateLimit-Requests-Remaining"] == "0"
    assert int(fine.headers["X-RateLimit-Requests-Remaining"]) > 0
