"""Two tenants in one router-worker: what is one's never shows at the other's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest


@dataclass
class Second:
    """Another tenant in the same workspace: its list is linked to its own channel."""

    id: UUID
    list_id: str
    channel: str


@pytest.fixture
async def second(path: Any, connect_tenant: Callable[..., Awaitable[UUID]]) -> Second:
    list_id, channel = await path.clickup.add_list("Rivals"), await path.slack.add_channel("rivals")
    tenant = await connect_tenant(path, "rivals", list_id, channel)
    # The app is installed once and belongs to both.
    await path.slack.change_app(request_url=f"{path.ingestion_url}/webhooks/slack")
    return Second(tenant, list_id, channel)


async def test_each_tenants_tasks_and_replies_show_at_its_own_links_alone(path, second):
    async with path.worker():
        ours = await path.clickup.create_task(path.list_id, "Ours")
        theirs = await path.clickup.create_task(second.list_id, "Theirs")
        roots = {
            ours["id"]: await path.message_of(ours["id"]),
            theirs["id"]: await path.message_of(theirs["id"], channel=second.channel),
        }
        for task, channel in ((ours, path.channel), (theirs, second.channel)):
            root = roots[task["id"]]
            await path.slack.post(channel, "#clickup said here", user="ana", thread_ts=root["ts"])
        await path.settled()

        assert ["Ours" in m["text"] for m in await path.thread()] == [True]
        assert ["Theirs" in m["text"] for m in await path.thread(channel=second.channel)] == [True]
        for task in (ours, theirs):
            assert [("said here" in c["comment_text"]) for c in await path.comments(task["id"])] == [True]
        shown = await path.rows("SELECT clickup_task_id, tenant_id FROM task_mappings")
        assert {row["clickup_task_id"]: row["tenant_id"] == second.id for row in shown} == {
            ours["id"]: False,
            theirs["id"]: True,
        }


async def test_each_tenants_bodies_are_removed_after_its_own_retention(path, second):
    await path.run("UPDATE tenants SET retention_days = 1 WHERE id = :id", id=second.id)
    async with path.worker() as worker:
        for list_id, channel in ((path.list_id, path.channel), (second.list_id, second.channel)):
            task = await path.clickup.create_task(list_id, "Ship it")
            await path.message_of(task["id"], channel=channel)
        await path.settled()
        await path.run("UPDATE inbound_events SET received_at = now() - interval '2 days'")
        await worker.purge_bodies()
        rows = await path.rows("SELECT tenant_id, body IS NULL AS purged FROM inbound_events")
        assert {(row["tenant_id"] == second.id, row["purged"]) for row in rows} == {
            (True, True),
            (False, False),
        }
