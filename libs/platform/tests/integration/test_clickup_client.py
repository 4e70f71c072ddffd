"""The ClickUp client against the sandbox, over real sockets."""

from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest

from oblivion_platform.clickup import ClickUp, ClickUpClient, ClickUpNotFound, Use, is_clickup_id
from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    PermanentFailure,
    RateLimited,
)
from oblivion_sandbox.testing import RunningSandbox, running_sandbox

EVENTS = ["taskCreated", "taskUpdated"]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncGenerator[RunningSandbox]:
    async with running_sandbox(tmp_path) as running:
        yield running


@pytest.fixture
async def clickup(sandbox: RunningSandbox) -> AsyncGenerator[ClickUp]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield ClickUp(session, sandbox.clickup_api_url)


@pytest.fixture
async def client(sandbox: RunningSandbox, clickup: ClickUp) -> ClickUpClient:
    return clickup.client((await sandbox.control.clickup.owner())["token"])


@pytest.fixture
async def list_id(sandbox: RunningSandbox) -> str:
    return (await sandbox.control.clickup.lists())["Launch"]


async def test_finds_its_way_from_the_token_to_the_lists(client, list_id):
    assert (await client.get_user())["username"]
    (team,) = await client.get_teams()
    (space, *_) = await client.get_spaces(team["id"])
    lists = await client.get_folderless_lists(space["id"])
    for folder in await client.get_folders(space["id"]):
        lists += folder["lists"]
    assert list_id in {found["id"] for found in lists}
    assert (await client.get_list(list_id))["name"] == "Launch"


async def test_tasks_come_with_markdown_and_by_pages_of_what_changed(client, list_id):
    before = await client.create_task(list_id, {"name": "old"})
    since_ms = int(before["date_updated"])
    created = await client.create_task(list_id, {"name": "new", "markdown_content": "**bold**"})
    assert (await client.get_task(created["id"]))["markdown_description"] == "**bold**"
    tasks, is_last = await client.get_changed_tasks(list_id, updated_after_ms=since_ms)
    assert created["id"] in [task["id"] for task in tasks]
    assert before["id"] not in [task["id"] for task in tasks]
    assert is_last


async def test_comments_are_written_read_changed_and_deleted(client, list_id):
    task_id = (await client.create_task(list_id, {"name": "task"}))["id"]
    comment_id = await client.create_comment(task_id, [{"text": "first", "attributes": {}}])
    await client.update_comment(comment_id, [{"text": "second", "attributes": {"bold": True}}])
    (comment,) = await client.get_comments(task_id)
    assert str(comment["id"]) == comment_id
    assert comment["comment_text"].strip() == "second"
    await client.delete_comment(comment_id)
    assert await client.get_comments(task_id) == []


async def test_older_comments_are_on_further_pages(client, sandbox, list_id):
    task_id = (await client.create_task(list_id, {"name": "task"}))["id"]
    for number in range(30):
        await sandbox.control.clickup.comment(task_id, f"comment {number}")
    newest = await client.get_comments(task_id)
    older = await client.get_comments(task_id, before=newest[-1])
    texts = [comment["comment_text"].strip() for comment in newest + older]
    assert texts == [f"comment {number}" for number in reversed(range(30))]


async def test_a_suspended_webhook_is_woken(client, sandbox):
    (team,) = await client.get_teams()
    made = await client.create_webhook(team["id"], "http://127.0.0.1:9/webhooks/clickup", EVENTS)
    assert made["secret"]
    await sandbox.control.clickup.change_webhook(made["id"], status="suspended", fail_count=100)
    (seen,) = [one for one in await client.get_webhooks(team["id"]) if one["id"] == made["id"]]
    assert seen["health"] == {"status": "suspended", "fail_count": 100}
    await client.activate_webhook(made["id"], made["endpoint"], EVENTS)
    (seen,) = [one for one in await client.get_webhooks(team["id"]) if one["id"] == made["id"]]
    assert seen["health"]["status"] == "active"
    await client.delete_webhook(made["id"])


async def test_an_oauth_token_goes_as_bearer(clickup, sandbox):
    # The sandbox knows personal tokens only, and takes them as Bearer too.
    client = clickup.client("not-personal")
    assert client._headers["Authorization"] == "Bearer not-personal"
    assert clickup.client("pk_1")._headers["Authorization"] == "pk_1"


@pytest.mark.parametrize("thing_id", ["", "a/b", "..", "a?x=1", "a b", "ä", "x" * 65, "a\n", "%2e%2e"])
async def test_an_id_that_could_change_the_path_is_never_sent(client, sandbox, thing_id):
    assert not is_clickup_id(thing_id)
    await sandbox.control.clickup.forget_calls()
    with pytest.raises(PermanentFailure, match="clickup_id_unsafe"):
        await client.get_task(thing_id)
    assert await sandbox.control.clickup.calls() == {}


async def test_a_revoked_token_is_refused_with_a_sentence(client, sandbox):
    owner = await sandbox.control.clickup.owner()
    await sandbox.control.clickup.change_user(owner["user"]["username"], token_revoked=True)
    with pytest.raises(AuthenticationFailed) as refused:
        await client.get_teams()
    assert refused.value.code == "clickup_oauth_019"
    assert "oblivion clickup connect" in refused.value.message


async def test_what_is_not_there_is_told_apart(client):
    with pytest.raises(ClickUpNotFound):
        await client.get_task("nothere")
    with pytest.raises(ClickUpNotFound):
        await client.delete_comment("424242")


@pytest.mark.parametrize("fault", ["http_500_before", "http_500_after", "cut_before", "cut_after"])
async def test_a_change_without_an_answer_may_have_been_made_and_a_read_can_be_repeated(
    client, sandbox, list_id, fault
):
    await sandbox.control.clickup.misbehave("POST /list/*/task", fault, times=1)
    with pytest.raises(AnswerLost):
        await client.create_task(list_id, {"name": "lost"})
    await sandbox.control.clickup.misbehave("GET /list/*", fault)
    with pytest.raises(DependencyUnavailable):
        await client.get_list(list_id)


async def test_an_answer_that_comes_too_late_is_lost(sandbox, list_id):
    await sandbox.control.clickup.misbehave("POST /list/*/task", "slow", times=1, seconds=0.8)
    token = (await sandbox.control.clickup.owner())["token"]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.5)) as impatient:
        client = ClickUp(impatient, sandbox.clickup_api_url).client(token)
        with pytest.raises(AnswerLost):
            await client.create_task(list_id, {"name": "slow"})


async def test_a_closed_port_means_that_nothing_was_done():
    async with aiohttp.ClientSession() as session:
        with pytest.raises(DependencyUnavailable):
            await ClickUp(session, "http://127.0.0.1:1").client("pk_1").create_task("1", {})


async def test_429_tells_when_to_come_back_and_stops_us_until_then(client, sandbox, list_id):
    await sandbox.control.clickup.misbehave("GET /list/*", "rate_limited", times=1, retry_after=20)
    with pytest.raises(RateLimited) as limited:
        await client.get_list(list_id)
    assert 15 < (limited.value.retry_after_s or 0) <= 20
    await sandbox.control.clickup.forget_calls()
    with pytest.raises(RateLimited, match="clickup_budget_spent"):
        await client.get_list(list_id)
    assert await sandbox.control.clickup.calls() == {}


async def test_all_clients_of_a_token_share_its_budget(clickup, sandbox, list_id):
    token = (await sandbox.control.clickup.owner())["token"]
    await sandbox.control.clickup.limit(20)
    await clickup.client(token).get_list(list_id)
    gap = clickup.client(token, Use.GAP_FILLING)
    for _ in range(9):
        await gap.get_list(list_id)
    with pytest.raises(RateLimited):
        await gap.get_list(list_id)
    await clickup.client(token, Use.CREATION).get_list(list_id)
