"""What the stand-ins of Notion, Linear, Jira and Google Calendar have in common."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from oblivion_sandbox.control import ControlRefused
from oblivion_sandbox.testing import RunningSandbox, running_sandbox

SIDES = {
    "notion": ("GET", "/notion/v1/users/me", "page"),
    "linear": ("POST", "/linear/graphql", "issue"),
    "jira": ("GET", "/jira/rest/api/3/myself", "issue"),
    "calendar": ("GET", "/calendar/v3/users/me/calendarList", "event"),
}
GONE = {
    "notion": "/notion/nothing",
    "linear": "/linear/oblivion/issue/X-1/x",
    "jira": "/jira/browse/X-1",
    "calendar": "/calendar/event?eid=x",
}
POSTED = {
    "notion": "/notion/v1/search",
    "linear": "/linear/graphql",
    "jira": "/jira/rest/api/3/issue",
    "calendar": "/calendar/v3/freeBusy",
}
every_side = pytest.mark.parametrize("side", SIDES)


async def ask(sandbox: RunningSandbox, side: str) -> httpx.Response:
    """A request that only reads, with the side's own token."""
    verb, path, _kind = SIDES[side]
    account = await getattr(sandbox.control, side).account()
    headers = {"Notion-Version": "2026-03-11", "Authorization": f"Bearer {account['token']}"}
    if side == "linear":
        headers["Authorization"] = account["token"]
    body = {"query": "{ viewer { id } }"} if side == "linear" else None
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
        return await client.request(verb, path, headers=headers, json=body)


@every_side
async def test_a_side_misbehaves_on_command_and_counts_its_calls(sandbox: RunningSandbox, side: str):
    control = getattr(sandbox.control, side)
    fine = await ask(sandbox, side)
    await control.misbehave("*", "http_500_before", times=1)
    await control.misbehave("*", "rate_limited", times=1, retry_after=3)
    await control.misbehave("*", "error", times=1, status=418, err="teapot")
    statuses = [(await ask(sandbox, side)).status_code for _ in range(4)]
    limited = {"notion": 429, "linear": 400, "jira": 429, "calendar": 403}[side]
    assert (fine.status_code, statuses) == (200, [500, limited, 418, 200])
    assert sum(count for name, count in (await control.calls()).items() if not name[-3:].isdigit()) == 5


@every_side
async def test_a_revoked_token_opens_nothing(sandbox: RunningSandbox, side: str):
    await getattr(sandbox.control, side).change_account(is_token_valid=False)
    refused = await ask(sandbox, side)
    await getattr(sandbox.control, side).change_account(is_token_valid=True)
    assert (refused.status_code, (await ask(sandbox, side)).status_code) == (401, 200)


@every_side
async def test_a_side_has_a_rate_limit_of_its_own(sandbox: RunningSandbox, side: str):
    await getattr(sandbox.control, side).change_account(burst=2, per_minute=1)
    statuses = [(await ask(sandbox, side)).status_code for _ in range(3)]
    await getattr(sandbox.control, side).change_account(limits_scale=0)
    assert statuses[:2] == [200, 200]
    assert statuses[2] != 200
    assert (await ask(sandbox, side)).status_code == 200


@every_side
async def test_what_a_side_holds_is_there_after_a_restart_and_gone_after_a_reset(tmp_path: Path, side: str):
    kind = SIDES[side][2]
    async with running_sandbox(tmp_path) as sandbox:
        control = getattr(sandbox.control, side)
        document = (await control.documents(kind))[0]
        await control.change_document(kind, document.get("key", document["id"]), marked=True)
        account = await control.account()
    async with running_sandbox(tmp_path) as sandbox:
        control = getattr(sandbox.control, side)
        assert (await control.documents(kind))[0]["marked"] is True
        assert await control.account() == account
        await control.reset()
        assert "marked" not in (await control.documents(kind))[0]
        assert (await control.account())["token"] != account["token"]


@every_side
async def test_a_side_has_a_page_to_look_at_and_refuses_what_it_does_not_know(
    sandbox: RunningSandbox, side: str
):
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
        page = await client.get(f"/{side}")
        link = page.text.partition('<li><a href="')[2].partition('"')[0].replace("&amp;", "&")
        thing = await client.get(link)
        gone = await client.get(GONE[side])
        nowhere = await client.get(SIDES[side][1].rpartition("/")[0] + "/nowhere")
    assert (page.status_code, thing.status_code, gone.status_code) == (200, 200, 404)
    assert nowhere.status_code in (400, 404)
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_what_people_wrote_is_text_on_the_pages(sandbox: RunningSandbox):
    issue = (await sandbox.control.jira.documents("issue"))[0]
    await sandbox.control.jira.change_document("issue", issue["key"], summary="<script>alert(1)</script>")
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
        pages = [(await client.get(path)).text for path in ("/jira", f"/jira/browse/{issue['key']}")]
    assert all("&lt;script&gt;" in page and "<script>" not in page for page in pages)


@every_side
@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000, b'{"query": "\\ud800"}'])
async def test_hostile_bodies_are_answered_with_a_refusal(sandbox: RunningSandbox, side: str, body: bytes):
    account = await getattr(sandbox.control, side).account()
    headers: dict[str, Any] = {"Notion-Version": "2026-03-11", "Authorization": f"Bearer {account['token']}"}
    if side == "linear":
        headers["Authorization"] = account["token"]
    path = POSTED[side]
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
        answer = await client.post(path, content=body, headers=headers)
    assert answer.status_code in (200, 400)
    assert answer.json() is not None


async def test_only_what_an_account_has_can_be_changed(sandbox: RunningSandbox):
    with pytest.raises(ControlRefused, match="shoe_size cannot be changed"):
        await sandbox.control.notion.change_account(shoe_size=42)
    with pytest.raises(ControlRefused, match="there is no page nothing"):
        await sandbox.control.notion.change_document("page", "nothing", shared=True)
