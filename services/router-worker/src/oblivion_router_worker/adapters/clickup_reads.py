"""Reads tasks and comments from ClickUp, on the same token's budget as what is sent."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from oblivion_contracts.jobs import EventPriority
from oblivion_platform.clickup import ClickUp, ClickUpClient, ClickUpNotFound, Use
from oblivion_platform.errors import AuthenticationFailed, PermanentFailure
from oblivion_router_worker.domain.clickup_objects import Comment, Task, parse_comment, parse_task
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.ports.credentials import Credentials

_USES = {EventPriority.CREATION: Use.CREATION, EventPriority.CHANGE: Use.CHANGE}


class ClickUpApiReads:
    """Implements `ports.reading.ClickUpReads`."""

    def __init__(self, clickup: ClickUp, credentials: Credentials) -> None:
        self._clickup = clickup
        self._credentials = credentials

    async def task(self, integration: Integration, task_id: str, *, priority: int) -> Task | None:
        async with self._client(integration, priority) as client:
            try:
                return parse_task(await client.get_task(task_id))
            except ClickUpNotFound:
                return None

    async def comments(
        self, integration: Integration, task_id: str, before: Comment | None = None, *, priority: int
    ) -> Sequence[Comment]:
        after = None if before is None else {"date": before.posted_at_ms or 0, "id": before.id}
        async with self._client(integration, priority) as client:
            try:
                found = await client.get_comments(task_id, before=after)
            except ClickUpNotFound:
                return []
        return [comment for item in found if (comment := parse_comment(item)) is not None]

    async def tasks_updated_since(
        self, integration: Integration, list_id: str, since_ms: int, page: int
    ) -> tuple[Sequence[Task], bool]:
        async with self._client(integration, EventPriority.GAP_FILLING) as client:
            try:
                found, is_last = await client.get_changed_tasks(list_id, updated_after_ms=since_ms, page=page)
            except ClickUpNotFound:
                return [], True
        return [task for item in found if (task := parse_task(item)) is not None], is_last

    async def list_name(self, integration: Integration, list_id: str) -> str | None:
        async with self._client(integration, EventPriority.CHANGE) as client:
            try:
                return str((await client.get_list(list_id)).get("name") or list_id)
            except (ClickUpNotFound, PermanentFailure):
                return None

    def _client(self, integration: Integration, priority: int) -> AbstractAsyncContextManager[ClickUpClient]:
        use = _USES.get(EventPriority(priority), Use.GAP_FILLING)
        return client_of(self._clickup, self._credentials, integration, use)


@asynccontextmanager
async def client_of(
    clickup: ClickUp, credentials: Credentials, integration: Integration, use: Use
) -> AsyncGenerator[ClickUpClient]:
    """The integration's client; a token that ClickUp refuses is read again next time."""
    token = await credentials.token(integration.tenant_id, integration.id)
    try:
        yield clickup.client(token, use)
    except AuthenticationFailed:
        credentials.forget(integration.id)
        raise
