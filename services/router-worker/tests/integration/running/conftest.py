"""The main path in one event loop: sandbox, ingestion, router-worker; real sockets, Postgres and Redis."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from oblivion_ingestion.bootstrap import running as ingestion_running
from oblivion_ingestion.settings import Settings as IngestionSettings
from oblivion_platform.clickup import WEBHOOK_EVENTS, ClickUp
from oblivion_platform.crypto import MasterKeyRing, Place, SigningKeyRing, generate_key
from oblivion_platform.database.migrate import sqlalchemy_url
from oblivion_platform.testing import PATIENCE_S, FreshDatabase, eventually
from oblivion_router_worker.bootstrap import RouterWorker, running
from oblivion_router_worker.settings import Settings
from oblivion_sandbox.testing import RunningSandbox, running_sandbox

Json = dict[str, Any]


_WAITING = """
    SELECT 'event ' || event_type AS what, state FROM inbound_events WHERE state = 'received'
    UNION ALL SELECT kind, state FROM outbox WHERE state IN ('pending', 'sending')
"""


@dataclass
class MainPath:
    """All that runs, and a person's view of it: the list "Launch" is linked to #launch."""

    sandbox: RunningSandbox
    database: FreshDatabase
    redis_url: str
    admin: AsyncEngine
    master_key: str
    signing_key: str
    ingestion_url: str = ""
    list_id: str = ""
    channel: str = ""
    settings: Json = field(default_factory=dict)

    @property
    def slack(self) -> Any:
        return self.sandbox.control.slack

    @property
    def clickup(self) -> Any:
        return self.sandbox.control.clickup

    async def rows(self, sql: str, **values: Any) -> list[Json]:
        async with self.admin.begin() as tx:
            return [dict(row) for row in (await tx.execute(text(sql), values)).mappings()]

    async def run(self, sql: str, **values: Any) -> None:
        async with self.admin.begin() as tx:
            await tx.execute(text(sql), values)

    @asynccontextmanager
    async def worker(self, **changes: Any) -> AsyncGenerator[RouterWorker]:
        """A router-worker with short times; `changes` are settings."""
        fast = {
            "database_url": self.database.url("oblivion_router_worker"),
            "redis_url": self.redis_url,
            "master_key": self.master_key,
            "signing_key": self.signing_key,
            "slack_api_url": self.sandbox.slack_api_url,
            "clickup_api_url": self.sandbox.clickup_api_url,
            "host": "127.0.0.1",
            "port": 0,
            "http_timeout_s": 2.0,
            "park_first_s": 0.05,
            "event_backoff_s": 0.05,
            "outbox_sweep_every_s": 0.1,
            "watch_every_s": 3600,
            "slack_posts_per_channel_s": 1000,
            "slack_posts_burst": 1000,
            "slack_changes_per_minute": 60000,
            "slack_changes_burst": 1000,
        }
        async with running(Settings(**(fast | self.settings | changes))) as worker:
            yield worker

    # What people see

    async def thread(self, root_ts: str | None = None, *, channel: str | None = None) -> list[Json]:
        """What stands in the channel (or in one thread of it), oldest first."""
        found = [
            entry["message"]
            for entry in await self.slack.messages(channel or self.channel)
            if not entry["deleted"]
        ]
        if root_ts is None:
            return [message for message in found if message.get("thread_ts") in (None, message["ts"])]
        return [m for m in found if m.get("thread_ts") == root_ts and m["ts"] != root_ts]

    async def message_of(self, task_id: str, *, channel: str | None = None) -> Json:
        """The task's message, once it stands in the channel and its ts is known."""

        async def shown() -> Json:
            rows = await self.rows("SELECT slack_ts FROM task_mappings WHERE clickup_task_id = :t", t=task_id)
            assert rows, "no mapping of the task"
            assert rows[0]["slack_ts"], "the message's ts is not stored"
            shown = await self.thread(channel=channel)
            messages = [m for m in shown if m["ts"] == rows[0]["slack_ts"]]
            assert len(messages) == 1
            return messages[0]

        return await eventually(shown)

    async def comments(self, task_id: str) -> list[Json]:
        return [c for c in await self.clickup.comments(task_id) if not c["deleted"]]

    async def settled(self, within_s: float = PATIENCE_S) -> None:
        """Everything that was told is handled, everything decided is sent."""

        async def nothing_waits() -> None:
            # Deliveries first: what they bring is a row by the time they count as delivered. Then once more,
            # because what was sent is told of as well.
            for _ in range(2):
                for side in (self.slack, self.clickup):
                    counts = await side.delivery_counts()
                    assert not counts.get("waiting"), counts
                assert await self.rows(_WAITING) == []

        await eventually(nothing_waits, within_s=within_s)


@pytest.fixture
async def path(database: FreshDatabase, redis_url: str, tmp_path: Path) -> AsyncGenerator[MainPath]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            running_sandbox(tmp_path / "sandbox", limits_scale=0, retry_scale=0.01)
        )
        admin = create_async_engine(sqlalchemy_url(database.admin_url))
        stack.push_async_callback(admin.dispose)
        path = MainPath(sandbox, database, redis_url, admin, generate_key(), generate_key())
        settings = IngestionSettings(
            database_url=database.url("oblivion_ingestion"),
            redis_url=redis_url,
            signing_key=path.signing_key,
            host="127.0.0.1",
            port=0,
            sweep_every_s=0.1,
            sweep_overdue_s=0.5,
        )
        ingestion = await stack.enter_async_context(ingestion_running(settings))
        await eventually(lambda: ingestion.ingestion.inbox.available)
        path.ingestion_url = f"http://127.0.0.1:{ingestion.port}"
        path.list_id = (await path.clickup.lists())["Launch"]
        path.channel = (await path.slack.channels())["launch"]
        await connect(path, "acme", path.list_id, path.channel)
        yield path


@pytest.fixture
def connect_tenant() -> Callable[[MainPath, str, str, str], Awaitable[UUID]]:
    """Another tenant in the sandbox's workspaces, with one link; the first goes on answering people."""
    return partial(connect, answers=False)


async def connect(path: MainPath, slug: str, list_id: str, channel: str, *, answers: bool = True) -> UUID:
    """As connecting and linking would: tokens and secrets sealed, events sent to ingestion, one link."""
    tenant, slack_id, clickup_id = uuid4(), uuid4(), uuid4()
    master_keys = MasterKeyRing.from_text(path.master_key)
    key = master_keys.new_tenant_key(tenant)
    await path.run("INSERT INTO tenants (id, slug, name) VALUES (:t, :slug, :slug)", t=tenant, slug=slug)
    await path.run(
        "INSERT INTO tenant_keys (id, tenant_id, wrapped_key) VALUES (:id, :t, :key)",
        id=key.id,
        t=tenant,
        key=key.wrapped,
    )
    app, owner = await path.slack.app(), await path.clickup.owner()
    slack_config = {
        "bot_user_id": app["bot_user_id"],
        "bot_id": app["bot_id"],
        "workspace_url": f"{path.ingestion_url}/slack/",
    }
    await _integration(
        path, (tenant, slack_id, "slack"), app["team_id"], app["app_id"], slack_config, answers=answers
    )
    await path.slack.change_app(request_url=f"{path.ingestion_url}/webhooks/slack/{slack_id}")
    hook = await _webhook(path, owner, f"{path.ingestion_url}/webhooks/clickup/{clickup_id}")
    clickup_config = {"webhook_id": hook["id"]}
    await _integration(path, (tenant, clickup_id, "clickup"), owner["team_id"], None, clickup_config)

    cipher = master_keys.cipher(tenant, key)
    ring = SigningKeyRing.from_text(path.signing_key)
    slack_key = f"slack:{app['app_id']}:{app['team_id']}"
    for integration_id, source, token, lookup_key, secret in (
        (slack_id, "slack", app["bot_token"], slack_key, app["signing_secret"]),
        (clickup_id, "clickup", owner["token"], f"clickup:{hook['id']}", hook["secret"]),
    ):
        row = uuid4()
        await path.run(
            "INSERT INTO credentials (id, tenant_id, integration_id, kind, ciphertext)"
            " VALUES (:id, :t, :i, :k, :c)",
            id=row,
            t=tenant,
            i=integration_id,
            k="slack_bot_token" if source == "slack" else "clickup_token",
            c=cipher.seal(token.encode(), table="credentials", row_id=row, column="ciphertext"),
        )
        await path.run(
            "INSERT INTO signing_secrets (id, tenant_id, integration_id, source, lookup_key, ciphertext)"
            " VALUES (:id, :t, :i, :s, :l, :c)",
            id=row,
            t=tenant,
            i=integration_id,
            s=source,
            l=lookup_key,
            c=ring.seal(secret.encode(), Place(tenant, "signing_secrets", row, "ciphertext")),
        )
    await path.run(
        "INSERT INTO project_mappings (id, tenant_id, clickup_integration_id, clickup_list_id,"
        " slack_integration_id, slack_channel_id) VALUES (:id, :t, :clickup, :list, :slack, :channel)",
        id=uuid4(),
        t=tenant,
        clickup=clickup_id,
        list=list_id,
        slack=slack_id,
        channel=channel,
    )
    return tenant


async def _integration(
    path: MainPath,
    ids: tuple[UUID, UUID, str],
    external_id: str,
    app_id: str | None,
    config: Json,
    *,
    answers: bool = True,
) -> None:
    tenant, integration_id, source = ids
    await path.run(
        "INSERT INTO integrations (id, tenant_id, source, external_id, app_id, config, answers)"
        " VALUES (:id, :t, :s, :e, :a, CAST(:c AS jsonb), :answers)",
        id=integration_id,
        t=tenant,
        s=source,
        e=external_id,
        a=app_id,
        c=json.dumps(config),
        answers=answers,
    )


async def _webhook(path: MainPath, owner: Json, endpoint: str) -> Json:
    async with aiohttp.ClientSession() as session:
        client = ClickUp(session, path.sandbox.clickup_api_url).client(owner["token"])
        return await client.create_webhook(owner["team_id"], endpoint, WEBHOOK_EVENTS)
