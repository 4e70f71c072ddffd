"""Effects of one linked list and channel, sent to the sandbox over real sockets."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from oblivion_platform.clickup import ClickUp
from oblivion_platform.crypto import MasterKeyRing, generate_key
from oblivion_platform.database.engine import Database
from oblivion_platform.database.migrate import sqlalchemy_url
from oblivion_platform.resilience import Breakers, Budget
from oblivion_platform.tasks import end
from oblivion_platform.testing import PATIENCE_S, FreshDatabase, eventually
from oblivion_router_worker.adapters.clickup import ClickUpCarrier
from oblivion_router_worker.adapters.credentials import PostgresCredentials
from oblivion_router_worker.adapters.postgres_delivery import PostgresDelivery
from oblivion_router_worker.adapters.postgres_outbox import PostgresOutbox
from oblivion_router_worker.adapters.slack import SlackApi
from oblivion_router_worker.adapters.slack_budgets import Allowance, SlackBudgets
from oblivion_router_worker.adapters.slack_calls import EffectCalls
from oblivion_router_worker.adapters.slack_carrier import SlackAllowances, SlackCarrier
from oblivion_router_worker.domain.effects import (
    Body,
    CreateComment,
    Effect,
    PostReply,
    PostTask,
    UpdateTask,
    clickup_destination,
    slack_destination,
)
from oblivion_router_worker.domain.retry import RetryPolicy, Settlement
from oblivion_router_worker.ports.delivery import DueDestination, Sending
from oblivion_router_worker.usecases.deliver import Deliverer, SendEffect
from oblivion_sandbox.testing import RunningSandbox, running_sandbox

REQUEST_TIMEOUT_S = 5.0
"""Longer than a request takes on a busy machine."""
LOOKED_FOR_AFTER_S = 0.4
"""A request whose answer was lost is over by then, unless a test makes it slow."""
LEASE_MARGIN_S = 0.5
UNLIMITED = Allowance(per_s=1000, burst=1000)
Row = Mapping[str, Any]


class Recorder:
    """A DeliveryWatch that remembers."""

    def __init__(self) -> None:
        self.tries: list[tuple[str, Settlement]] = []
        self.due: Sequence[DueDestination] = ()

    def tried(self, sending: Sending, settlement: Settlement, took_s: float) -> None:
        self.tries.append((sending.effect.kind, settlement))

    def swept(self, due: Sequence[DueDestination]) -> None:
        self.due = due


class Post:
    """One tenant's outbox, the deliverer, and the sandbox that it sends to."""

    def __init__(self, database: FreshDatabase, sandbox: RunningSandbox, redis_url: str) -> None:
        self.budget = Budget(redis_url)
        self.sandbox, self.slack, self.clickup = sandbox, sandbox.control.slack, sandbox.control.clickup
        self.tenant_id, self.clickup_id, self.slack_id, self.link_id = (uuid4() for _ in range(4))
        self.keys = MasterKeyRing.from_text(generate_key())
        self.database = Database.connect(database.url("oblivion_router_worker"))
        self._admin = create_async_engine(sqlalchemy_url(database.admin_url))
        self.credentials = PostgresCredentials(self.database, self.keys)
        self.watch = Recorder()
        self.channel = self.list_id = ""

    async def rows(self, sql: str, **values: Any) -> list[Row]:
        async with self._admin.begin() as tx:
            return [dict(row) for row in (await tx.execute(text(sql), values)).mappings()]

    async def run(self, sql: str, **values: Any) -> None:
        async with self._admin.begin() as tx:
            await tx.execute(text(sql), values)

    async def close(self) -> None:
        await self.database.close()
        await self.budget.close()
        await self._admin.dispose()

    async def seed(self) -> None:
        self.channel = (await self.slack.channels())["launch"]
        self.list_id = (await self.clickup.lists())["Launch"]
        await self.run("INSERT INTO tenants (id, slug, name) VALUES (:t, 'acme', 'Acme')", t=self.tenant_id)
        key = self.keys.new_tenant_key(self.tenant_id)
        await self.run(
            "INSERT INTO tenant_keys (id, tenant_id, wrapped_key) VALUES (:id, :t, :key)",
            id=key.id,
            t=self.tenant_id,
            key=key.wrapped,
        )
        cipher = self.keys.cipher(self.tenant_id, key)
        app, owner = await self.slack.app(), await self.clickup.owner()
        for integration_id, source, external_id, kind, token in (
            (self.slack_id, "slack", app["team_id"], "slack_bot_token", app["bot_token"]),
            (self.clickup_id, "clickup", owner["team_id"], "clickup_token", owner["token"]),
        ):
            credential_id = uuid4()
            await self.run(
                "INSERT INTO integrations (id, tenant_id, source, external_id)"
                " VALUES (:id, :t, :source, :external)",
                id=integration_id,
                t=self.tenant_id,
                source=source,
                external=str(external_id),
            )
            await self.run(
                "INSERT INTO credentials (id, tenant_id, integration_id, kind, ciphertext)"
                " VALUES (:id, :t, :i, :kind, :sealed)",
                id=credential_id,
                t=self.tenant_id,
                i=integration_id,
                kind=kind,
                sealed=cipher.seal(
                    token.encode(), table="credentials", row_id=credential_id, column="ciphertext"
                ),
            )
        await self.run(
            "INSERT INTO project_mappings (id, tenant_id, clickup_integration_id, clickup_list_id,"
            " slack_integration_id, slack_channel_id) VALUES (:id, :t, :c, :list, :s, :channel)",
            id=self.link_id,
            t=self.tenant_id,
            c=self.clickup_id,
            s=self.slack_id,
            list=self.list_id,
            channel=self.channel,
        )

    # Deciding, as the other half does

    async def task(self, *, slack_ts: str | None = None, channel: str | None = None) -> UUID:
        task_mapping_id = uuid4()
        await self.run(
            "INSERT INTO task_mappings (id, tenant_id, project_mapping_id, clickup_task_id, slack_channel_id,"
            " slack_ts) VALUES (:id, :t, :link, :task, :channel, :ts)",
            id=task_mapping_id,
            t=self.tenant_id,
            link=self.link_id,
            task=task_mapping_id.hex[:12],
            channel=channel or self.channel,
            ts=slack_ts,
        )
        return task_mapping_id

    async def copy(
        self, task_mapping_id: UUID, *, origin: str = "clickup", copy_id: str | None = None
    ) -> UUID:
        mirror_event_id = uuid4()
        await self.run(
            "INSERT INTO mirror_events"
            " (id, tenant_id, task_mapping_id, origin, origin_id, content_hash, copy_id)"
            " VALUES (:id, :t, :task, :origin, :origin_id, '', :copy)",
            id=mirror_event_id,
            t=self.tenant_id,
            task=task_mapping_id,
            origin=origin,
            origin_id=mirror_event_id.hex,
            copy=copy_id,
        )
        return mirror_event_id

    def effect(
        self, body: Body, task: UUID, copy: UUID | None = None, *, clickup_task: str = "", priority: int = 1
    ) -> Effect:
        is_slack = body.kind.startswith("slack")
        channel = body.channel if isinstance(body, PostTask) else self.channel
        return Effect(
            tenant_id=self.tenant_id,
            integration_id=self.slack_id if is_slack else self.clickup_id,
            destination=slack_destination(self.slack_id, channel)
            if is_slack
            else clickup_destination(self.clickup_id, clickup_task),
            body=body,
            task_mapping_id=task,
            mirror_event_id=copy,
            priority=priority,
        )

    async def decide(self, *effects: Effect) -> None:
        async with self.database.tenant(self.tenant_id) as tx:
            for effect in effects:
                await PostgresOutbox(tx, self.tenant_id).add(effect)

    async def post_task(self, words: str = "Ship it", channel: str | None = None) -> Effect:
        """Decide to show a new task."""
        task = await self.task(channel=channel)
        effect = self.effect(PostTask(channel or self.channel, words, section(words)), task)
        await self.decide(effect)
        return effect

    async def update_task(self, task: UUID, words: str) -> Effect:
        effect = self.effect(UpdateTask(words, section(words)), task, priority=2)
        await self.decide(effect)
        return effect

    async def post_reply(self, task: UUID, words: str) -> Effect:
        effect = self.effect(PostReply(words, section(words)), task, await self.copy(task))
        await self.decide(effect)
        return effect

    async def create_comment(
        self, words: str = "hello", marker: str | None = None, *, priority: int = 1
    ) -> Effect:
        task = await self.task(slack_ts=f"17000000{len(words):02}.{uuid4().int % 10**6:06}")
        clickup_task = (await self.clickup.create_task(self.list_id, "Task with comments"))["id"]
        marker = marker or f"https://acme.slack.com/archives/C1/p{uuid4().int % 10**16}"
        body = CreateComment(clickup_task, [{"text": f"{words}\n{marker}", "attributes": {}}], marker)
        copy = await self.copy(task, origin="slack")
        effect = self.effect(body, task, copy, clickup_task=clickup_task, priority=priority)
        await self.decide(effect)
        return effect

    # Delivering

    @asynccontextmanager
    async def deliverer(
        self,
        *,
        sweep_every_s: float = 0.05,
        timeout_s: float = REQUEST_TIMEOUT_S,
        looked_for_after_s: float = LOOKED_FOR_AFTER_S,
        post: Allowance = UNLIMITED,
        failures_to_open: int = 1000,
        give_up_after_s: float = 86_400,
        open_s: float = 30.0,
    ) -> AsyncGenerator[Deliverer]:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s)) as session:
            api = SlackApi(session, self.sandbox.slack_api_url, self.credentials, SlackBudgets(self.budget))
            slack = SlackCarrier(EffectCalls(api), SlackAllowances(post, UNLIMITED))
            clickup = ClickUpCarrier(ClickUp(session, self.sandbox.clickup_api_url), self.credentials)
            send = SendEffect(
                {"slack": slack, "clickup": clickup},
                Breakers(failures_to_open=failures_to_open, open_s=open_s),
                RetryPolicy(
                    looked_for_after_s, give_up_after_s, first_backoff_s=0.05, carried_out_late_s=0.1
                ),
                self.watch,
            )
            lease_s = max(timeout_s, looked_for_after_s) + LEASE_MARGIN_S
            queue = PostgresDelivery(self.database, lease_s=lease_s, lookup_s=looked_for_after_s)
            deliverer = Deliverer(queue, send, self.watch, most_in_flight=8, sweep_every_s=sweep_every_s)
            sweeping = asyncio.create_task(deliverer.run())
            try:
                yield deliverer
            finally:
                await end(sweeping)
                await deliverer.stop(within_s=5)

    async def delivered(self, within_s: float = PATIENCE_S, **options: Any) -> None:
        """Deliver until nothing is left to do."""
        async with self.deliverer(**options):
            await self.settled(within_s)

    async def settled(self, within_s: float = PATIENCE_S) -> None:
        async def nothing_waits() -> None:
            waiting = await self.rows("SELECT kind, state FROM outbox WHERE state IN ('pending', 'sending')")
            assert waiting == []

        await eventually(nothing_waits, within_s=within_s)

    # Seeing

    async def row(self, effect: Effect) -> Row:
        (row,) = await self.rows("SELECT * FROM outbox WHERE id = :id", id=effect.id)
        return row

    async def states(self, *effects: Effect) -> list[str]:
        return [(await self.row(effect))["state"] for effect in effects]

    async def slack_ts(self, effect: Effect) -> str | None:
        sql = "SELECT slack_ts FROM task_mappings WHERE id = :id"
        return (await self.rows(sql, id=effect.task_mapping_id))[0]["slack_ts"]

    async def copy_id(self, effect: Effect) -> str | None:
        sql = "SELECT copy_id FROM mirror_events WHERE id = :id"
        return (await self.rows(sql, id=effect.mirror_event_id))[0]["copy_id"]

    async def link_problem(self) -> Any:
        return (await self.rows("SELECT problem FROM project_mappings WHERE id = :id", id=self.link_id))[0][
            "problem"
        ]

    async def messages(self, channel: str = "launch") -> list[Row]:
        """Every message that the app ever posted there, deleted ones too."""
        return [found for found in await self.slack.messages(channel) if found["via"] == "api"]

    async def texts(self, channel: str = "launch") -> list[str]:
        return [found["message"]["text"] for found in await self.messages(channel)]

    async def comments(self, effect: Effect) -> list[Row]:
        assert isinstance(effect.body, CreateComment)
        return await self.clickup.comments(effect.body.task_id)


def section(words: str) -> list[dict[str, Any]]:
    return [{"type": "section", "text": {"type": "mrkdwn", "text": words}}]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncGenerator[RunningSandbox]:
    async with running_sandbox(tmp_path, limits_scale=0) as running:
        yield running


@pytest.fixture
async def post(database: FreshDatabase, sandbox: RunningSandbox, redis_url: str) -> AsyncGenerator[Post]:
    post = Post(database, sandbox, redis_url)
    await post.seed()
    yield post
    await post.close()
