"""Notion's API through plain HTTP."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from oblivion_sandbox.testing import RunningSandbox


@pytest.fixture
async def notion(sandbox: RunningSandbox) -> AsyncGenerator[httpx.AsyncClient]:
    token = (await sandbox.control.notion.account())["token"]
    headers = {"Authorization": f"Bearer {token}", "Notion-Version": "2025-09-03"}
    base_url = f"{sandbox.notion_api_url}/v1"
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        yield client


async def source_of(notion: httpx.AsyncClient) -> dict[str, Any]:
    found = await notion.post("/search", json={"filter": {"property": "object", "value": "data_source"}})
    return found.json()["results"][0]


def titled(text: str) -> dict[str, Any]:
    return {"title": [{"text": {"content": text}}]}


async def test_the_token_is_a_bot_of_a_workspace(notion: httpx.AsyncClient):
    me = (await notion.get("/users/me")).json()
    assert (me["object"], me["type"], me["bot"]["workspace_name"]) == ("user", "bot", "Oblivion Sandbox")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": "Bearer ntn_wrong"}, 401, "unauthorized"),
        ({"Authorization": ""}, 401, "unauthorized"),
        ({"Notion-Version": ""}, 400, "missing_version"),
        ({"Notion-Version": "2022-06-28"}, 400, "validation_error"),
    ],
)
async def test_tokens_and_versions_are_checked(
    notion: httpx.AsyncClient, headers: dict[str, str], status: int, code: str
):
    answer = await notion.get("/users/me", headers=headers)
    body = answer.json()
    assert (answer.status_code, body["object"], body["status"], body["code"]) == (
        status,
        "error",
        status,
        code,
    )
    assert body["request_id"]


async def test_a_database_names_its_data_source_and_that_its_properties(notion: httpx.AsyncClient):
    source = await source_of(notion)
    database = (await notion.get(f"/databases/{source['parent']['database_id'].replace('-', '')}")).json()
    read = (await notion.get(f"/data_sources/{source['id']}")).json()
    assert database["data_sources"] == [{"id": source["id"], "name": "Tasks"}]
    assert read["properties"]["Status"]["type"] == "status"
    assert [option["name"] for option in read["properties"]["Status"]["status"]["options"]] == [
        "Not started",
        "In progress",
        "Done",
    ]


async def test_a_page_is_made_changed_and_trashed(notion: httpx.AsyncClient):
    source = await source_of(notion)
    made = await notion.post(
        "/pages",
        json={"parent": {"data_source_id": source["id"]}, "properties": {"Name": titled("buy milk")}},
    )
    at = f"/pages/{made.json()['id']}"
    changed = await notion.patch(at, json={"properties": {"Status": {"status": {"name": "Done"}}}})
    trashed = await notion.patch(at, json={"archived": True})
    again = await notion.patch(at, json={"properties": {}, "in_trash": True})
    assert made.json()["properties"]["Name"]["title"][0]["plain_text"] == "buy milk"
    assert changed.json()["properties"]["Status"]["status"]["name"] == "Done"
    assert (trashed.json()["in_trash"], trashed.json()["archived"]) == (True, True)
    assert again.status_code == 400


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"properties": {}}, "body.parent should be defined"),
        (
            {"parent": "data_source", "properties": {"Nope": titled("x")}},
            "Nope is not a property that exists.",
        ),
        ({"parent": "data_source", "properties": {"Name": {"status": {}}}}, "Name is expected to be title."),
        ({"parent": "data_source", "properties": {"Name": titled("x" * 2001)}}, "length should be ≤ `2000`"),
        (
            {"parent": "data_source", "properties": {"Status": {"status": {"name": "Blocked"}}}},
            'Status option "Blocked" does not exist',
        ),
        (
            {"parent": "data_source", "properties": {"Due": {"date": {"start": "tomorrow"}}}},
            "should be a valid ISO 8601 date string",
        ),
    ],
)
async def test_what_does_not_fit_the_schema_is_refused(
    notion: httpx.AsyncClient, body: dict[str, Any], message: str
):
    if body.get("parent") == "data_source":
        body = body | {"parent": {"data_source_id": (await source_of(notion))["id"]}}
    answer = await notion.post("/pages", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ({"property": "Status", "status": {"equals": "Done"}}, {"Book the demo room"}),
        ({"property": "Name", "title": {"contains": "LAUNCH"}}, {"Draft the launch checklist"}),
        ({"property": "Due", "date": {"on_or_after": "2026-12-02"}}, {"Collect quotes from beta users"}),
        ({"property": "Due", "date": {"is_empty": True}}, {"Book the demo room"}),
        (
            {
                "or": [
                    {"property": "Priority", "select": {"equals": "High"}},
                    {"property": "Priority", "select": {"is_empty": True}},
                ]
            },
            {"Draft the launch checklist", "Book the demo room"},
        ),
    ],
)
async def test_pages_are_filtered(notion: httpx.AsyncClient, wanted: dict[str, Any], titles: set[str]):
    at = f"/data_sources/{(await source_of(notion))['id']}/query"
    found = (await notion.post(at, json={"filter": wanted})).json()["results"]
    assert {page["properties"]["Name"]["title"][0]["plain_text"] for page in found} == titles


async def test_pages_are_sorted_and_come_page_by_page(notion: httpx.AsyncClient):
    at = f"/data_sources/{(await source_of(notion))['id']}/query"
    sorts = [{"property": "Due", "direction": "ascending"}]
    first = (await notion.post(at, json={"sorts": sorts, "page_size": 2})).json()
    second = (await notion.post(at, json={"sorts": sorts, "start_cursor": first["next_cursor"]})).json()
    wrong = await notion.post(at, json={"start_cursor": "nothing"})
    days = [(page["properties"]["Due"]["date"] or {}).get("start") for page in first["results"]]
    assert days == ["2026-12-01", "2026-12-04"]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    assert len(second["results"]) == 1
    assert wrong.json()["message"].startswith("The start_cursor provided is invalid")


async def test_blocks_are_listed_and_added_where_wished(notion: httpx.AsyncClient):
    pages = (await notion.post("/search", json={"query": "handbook"})).json()["results"]
    at = f"/blocks/{pages[0]['id']}/children"
    before = (await notion.get(at)).json()["results"]
    block = {"paragraph": {"rich_text": [{"text": {"content": "added"}}]}}
    position = {"type": "after_block", "after_block": {"id": before[0]["id"]}}
    added = (await notion.patch(at, json={"children": [block], "position": position})).json()["results"]
    after = (await notion.get(at, params={"page_size": 2})).json()
    wrong = await notion.patch(at, json={"children": [{"type": "hologram"}]})
    assert [each["id"] for each in after["results"]] == [before[0]["id"], added[0]["id"]]
    assert (after["has_more"], after["results"][1]["paragraph"]["rich_text"][0]["plain_text"]) == (
        True,
        "added",
    )
    assert wrong.status_code == 400
    await notion.delete(f"/blocks/{added[0]['id']}")
    assert [each["id"] for each in (await notion.get(at)).json()["results"]] == [
        each["id"] for each in before
    ]


async def test_what_is_not_shared_is_not_found(sandbox: RunningSandbox, notion: httpx.AsyncClient):
    pages = await sandbox.control.notion.documents("page")
    hidden = next(page for page in pages if not page["shared"])
    answer = await notion.get(f"/pages/{hidden['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "object_not_found")
    assert 'shared with your integration "Oblivion"' in answer.json()["message"]


async def test_capabilities_are_needed(sandbox: RunningSandbox, notion: httpx.AsyncClient):
    await sandbox.control.notion.change_account(rights=["read_content"])
    source = await source_of(notion)
    answer = await notion.post(
        "/pages", json={"parent": {"data_source_id": source["id"]}, "properties": {"Name": titled("x")}}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "restricted_resource")
