"""A tenant with one list linked to one channel, events told by hand, and ClickUp and Slack as fakes."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from oblivion_contracts.jobs import EventOutcome, ProcessEvent
from oblivion_platform.agents.profiles import TenantAgents
from oblivion_platform.database.engine import Database
from oblivion_platform.database.migrate import sqlalchemy_url
from oblivion_platform.testing import FreshDatabase
from oblivion_router_worker.adapters.postgres_store import PostgresStore
from oblivion_router_worker.domain.clickup_objects import Comment, Task
from oblivion_router_worker.domain.events import ClickUpUser
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.usecases.decide import Decide
from oblivion_router_worker.usecases.handle_event import HandleEvent
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.mirror_comments import MirrorComments
from oblivion_router_worker.usecases.mirror_task import MirrorTask, Settling
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.sync_reply import SyncReply
from oblivion_router_worker.usecases.task_triggers import TaskTriggers

LIST_ID = "901"
CHANNEL = "C0LAUNCH"
BOT = "U0BOT"
TEAM = "T0TEAM"
APP = "A0APP"
LAG = timedelta(minutes=1)
Row = Mapping[str, Any]


@dataclass
class FakeClickUp:
    """ClickUp as it is now; counts what is asked."""

    tasks: dict[str, Task] = field(default_factory=dict)
    comments_of: dict[str, list[Comment]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failure: Exception | None = None

    async def task(self, integration: Integration, task_id: str, *, priority: int) -> Task | None:
        self.asked.append(f"task {task_id}")
        if self.failure is not None:
            raise self.failure
        return self.tasks.get(task_id)

    async def comments(
        self, integration: Integration, task_id: str, before: Comment | None = None, *, priority: int
    ) -> Sequence[Comment]:
        self.asked.append(f"comments {task_id}")
        newest_first = list(reversed(self.comments_of.get(task_id, [])))
        start = 0 if before is None else newest_first.index(before) + 1
        return newest_first[start : start + 25]

    async def tasks_updated_since(
        self, integration: Integration, list_id: str, since_ms: int, page: int
    ) -> tuple[Sequence[Task], bool]:
        return [
            task
            for task in self.tasks.values()
            if task.list_id == list_id and (task.updated_at_ms or 0) > since_ms
        ], True


@dataclass
class FakeSlack:
    names: dict[str, str] = field(default_factory=lambda: {"U0ANA": "Ana"})

    async def user_name(self, integration: Integration, user_id: str) -> str:
        return self.names.get(user_id, user_id)

    async def history(
        self, integration: Integration, channel: str, oldest_ts: str, cursor: str | None = None
    ) -> tuple[Sequence[Mapping[str, object]], str | None]:
        return [], None

    async def replies(
        self,
        integration: Integration,
        channel: str,
        thread_ts: str,
        oldest_ts: str,
        cursor: str | None = None,
    ) -> tuple[Sequence[Mapping[str, object]], str | None]:
        return [], None


@dataclass
class MovedClock:
    """The time, or what it will be."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def no_agents(_turn: Any, _fact: Any) -> None:
    """The mirror's half alone."""


class NoAgents:
    """A tenant that has none."""

    async def of(self, tenant_id: UUID) -> TenantAgents:
        return TenantAgents(())


class Unlimited:
    """Everybody may ask as often as they like."""

    async def take(self, tenant_id: UUID, user_id: UUID) -> float:
        return 0.0


class World:
    """One tenant, seen by its administrator (`rows`, `run`) and by the router-worker (`handle`)."""

    def __init__(self, database: FreshDatabase) -> None:
        self.tenant_id, self.clickup_id, self.slack_id, self.link_id = (uuid4() for _ in range(4))
        self.clickup, self.slack = FakeClickUp(), FakeSlack()
        self.kicked: list[str] = []
        self.database = Database.connect(database.url("oblivion_router_worker"))
        self._admin = create_async_engine(sqlalchemy_url(database.admin_url))
        self.clock = MovedClock()
        settling = Settling(self.clock, LAG)
        mirror_task = MirrorTask(self.clickup, settling)
        mirror_comments = MirrorComments(
            self.clickup, mirror_task, settling, app_url="https://app.clickup.com", pages_max=4
        )
        self.store = PostgresStore(self.database, lambda: None)
        triggers = TaskTriggers(self.slack, Identify(self.slack, "refuse"), Routers(NoAgents()), Unlimited())
        self.decide = Decide(mirror_task, mirror_comments, SyncReply(self.slack), no_agents, triggers)
        self.handle = self.another_process()
        self._events = 0

    def another_process(self) -> HandleEvent:
        """Another one that handles events."""
        return HandleEvent(
            self.store,
            self.decide,
            lambda _tenant, destination, _first=None: self.kicked.append(destination),
        )

    async def rows(self, sql: str, **values: Any) -> list[Row]:
        async with self._admin.begin() as tx:
            return [dict(row) for row in (await tx.execute(text(sql), values)).mappings()]

    async def run(self, sql: str, **values: Any) -> None:
        async with self._admin.begin() as tx:
            await tx.execute(text(sql), values)

    async def close(self) -> None:
        await self.database.close()
        await self._admin.dispose()

    async def seed(self) -> None:
        await self.run("INSERT INTO tenants (id, slug, name) VALUES (:t, 'acme', 'Acme')", t=self.tenant_id)
        for integration_id, source, external_id, config in (
            (self.clickup_id, "clickup", "9001", {"webhook_id": "wh1"}),
            (self.slack_id, "slack", TEAM, {"bot_user_id": BOT, "workspace_url": "https://acme.slack.com/"}),
        ):
            await self.run(
                "INSERT INTO integrations (id, tenant_id, source, external_id, config)"
                " VALUES (:id, :t, :source, :external, CAST(:config AS jsonb))",
                id=integration_id,
                t=self.tenant_id,
                source=source,
                external=external_id,
                config=json.dumps(config),
            )
        await self.link(self.link_id)

    async def link(
        self,
        link_id: UUID,
        list_id: str = LIST_ID,
        channel: str = CHANNEL,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        await self.run(
            "INSERT INTO project_mappings (id, tenant_id, clickup_integration_id, clickup_list_id,"
            " slack_integration_id, slack_channel_id, options)"
            " VALUES (:id, :t, :c, :list, :s, :channel, CAST(:options AS jsonb))",
            id=link_id,
            t=self.tenant_id,
            c=self.clickup_id,
            s=self.slack_id,
            list=list_id,
            channel=channel,
            options=json.dumps(options or {}),
        )

    # ClickUp

    def put_task(self, task_id: str = "t1", **changes: Any) -> Task:
        """ClickUp's task, new or changed."""
        known = self.clickup.tasks.get(task_id) or Task(
            id=task_id, name="Ship it", status="to do", list_id=LIST_ID, updated_at_ms=1_000
        )
        changed = replace(known, **{"updated_at_ms": (known.updated_at_ms or 0) + 1, **changes})
        self.clickup.tasks[task_id] = changed
        return changed

    def put_comment(
        self, comment_id: str, words: str, task_id: str = "t1", at_ms: int = 9_999_999_999_999
    ) -> None:
        comments = self.clickup.comments_of.setdefault(task_id, [])
        comment = Comment(comment_id, words, words, ClickUpUser("7", "Ben"), at_ms)
        known = [index for index, other in enumerate(comments) if other.id == comment_id]
        if known:
            comments[known[0]] = comment
        else:
            comments.append(comment)

    async def tell_clickup(self, event: str, task_id: str = "t1", **more: Any) -> UUID:
        """Store an event as ingestion would."""
        self._events += 1
        body = {"event": event, "task_id": task_id, "webhook_id": "wh1", "history_items": [], **more}
        return await self.store_event(
            "clickup", event, f"task:{task_id}", body, transport=more.pop("transport", "http")
        )

    async def tell_comment(
        self, comment_id: str, words: str, task_id: str = "t1", event: str = "taskCommentPosted"
    ) -> UUID:
        item = {
            "id": f"h{self._events}",
            "field": "comment",
            "comment": {
                "id": comment_id,
                "text_content": words,
                "comment": [{"text": words}],
                "user": {"id": 7, "username": "Ben"},
            },
        }
        return await self.tell_clickup(event, task_id, history_items=[item])

    # Slack

    async def tell_slack(self, event: Mapping[str, Any], thread_ts: str) -> UUID:
        body = {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": {"type": "message", "channel": CHANNEL, "channel_type": "channel", **event},
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
        }
        return await self.store_event("slack", "message", f"thread:{CHANNEL}:{thread_ts}", body)

    async def reply(self, words: str, ts: str, thread_ts: str, **more: Any) -> UUID:
        event = {"user": "U0ANA", "text": words, "ts": ts, "thread_ts": thread_ts, **more}
        return await self.tell_slack(event, thread_ts)

    async def edit(self, words: str, ts: str, thread_ts: str, edited_ts: str, was: str = "") -> UUID:
        message = {
            "type": "message",
            "user": "U0ANA",
            "text": words,
            "ts": ts,
            "thread_ts": thread_ts,
            "edited": {"user": "U0ANA", "ts": edited_ts},
        }
        event = {
            "subtype": "message_changed",
            "ts": edited_ts,
            "message": message,
            "previous_message": {**message, "text": was},
        }
        return await self.tell_slack(event, thread_ts)

    async def delete(self, ts: str, thread_ts: str) -> UUID:
        previous = {"type": "message", "user": "U0ANA", "text": "x", "ts": ts, "thread_ts": thread_ts}
        event = {
            "subtype": "message_deleted",
            "ts": "1999999999.000100",
            "deleted_ts": ts,
            "previous_message": previous,
        }
        return await self.tell_slack(event, thread_ts)

    # The inbox

    async def store_event(
        self, source: str, event_type: str, subject: str, body: Any, *, transport: str = "http"
    ) -> UUID:
        event_id = uuid4()
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.run(
            "INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject,"
            " dedupe_key, priority, transport, body)"
            " VALUES (:id, :t, :i, :source, :type, :subject, :key, 1, :transport, :body)",
            id=event_id,
            t=self.tenant_id,
            i=self.slack_id if source == "slack" else self.clickup_id,
            source=source,
            type=event_type,
            subject=subject,
            key=str(event_id),
            transport=transport,
            body=raw,
        )
        return event_id

    async def handled(self, event_id: UUID, by: HandleEvent | None = None) -> EventOutcome:
        return await (by or self.handle)(ProcessEvent(event_id=event_id, tenant_id=self.tenant_id))

    async def state(self, event_id: UUID) -> str:
        (row,) = await self.rows("SELECT state FROM inbound_events WHERE id = :id", id=event_id)
        return row["state"]

    async def effects(self, state: str = "pending") -> list[str]:
        """Kinds of the effects in this state, in their order."""
        sql = "SELECT kind FROM outbox WHERE state = :state ORDER BY seq"
        return [row["kind"] for row in await self.rows(sql, state=state)]

    async def sent(self, ts: str = "1700000000.000100", comment_id: str = "c1") -> None:
        """As if everything pending had been sent."""
        await self.run("UPDATE task_mappings SET slack_ts = :ts WHERE slack_ts IS NULL", ts=ts)
        await self.run(
            "UPDATE mirror_events SET copy_id = :copy WHERE copy_id IS NULL AND id IN"
            " (SELECT mirror_event_id FROM outbox WHERE state = 'pending')",
            copy=comment_id,
        )
        await self.run("UPDATE outbox SET state = 'sent' WHERE state = 'pending'")

    async def shown_task(self, task_id: str = "t1", ts: str = "1700000000.000100") -> str:
        """A task whose message stands in the channel; returns the message's ts."""
        self.put_task(task_id)
        await self.handled(await self.tell_clickup("taskCreated", task_id))
        await self.sent(ts)
        return ts


@pytest.fixture
async def world(database: FreshDatabase) -> AsyncGenerator[World]:
    world = World(database)
    await world.seed()
    yield world
    await world.close()
