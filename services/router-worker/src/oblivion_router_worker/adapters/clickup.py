"""Effects → ClickUp comments, and comments found again by the permalink at their end."""

from collections.abc import Mapping, Sequence
from typing import Any

from oblivion_platform.clickup import ClickUp, ClickUpClient, ClickUpNotFound, Use
from oblivion_platform.errors import AuthenticationFailed, PermanentFailure
from oblivion_router_worker.domain.clickup_objects import parse_comment
from oblivion_router_worker.domain.effects import CreateComment, DeleteComment, Effect, UpdateComment
from oblivion_router_worker.domain.run_effects import CloseQuestion, CreateTask, MoveTask, RunComment
from oblivion_router_worker.ports.credentials import Credentials
from oblivion_router_worker.ports.delivery import Receipt, Sending

GONE = "clickup_not_found"
MOST_LOOKUP_PAGES = 20
CLOCKS_APART_MS = 120_000
GAP_FILLING_PRIORITY = 3
CREATION_PRIORITY = 1


class ClickUpCarrier:
    """Implements `ports.delivery.Carrier`."""

    def __init__(self, clickup: ClickUp, credentials: Credentials) -> None:
        self._clickup = clickup
        self._credentials = credentials

    async def send(self, sending: Sending) -> Receipt:
        client = await self._client(sending.effect)
        try:
            return await self._send(client, sending)
        except AuthenticationFailed:
            self._credentials.forget(sending.effect.integration_id)
            raise

    async def find(self, sending: Sending) -> Receipt | None:
        """Pages are newest first; those older than the effect cannot hold its comment."""
        body = sending.effect.body
        client = await self._client(sending.effect)
        if isinstance(body, CreateTask):
            return await _find_task(client, body, sending.created_at * 1000 - CLOCKS_APART_MS)
        if isinstance(body, RunComment) and body.reply_to is not None:
            return _marked(await client.get_replies(body.reply_to), body.marker)
        if not isinstance(body, CreateComment | RunComment):
            return None
        oldest_ms = sending.created_at * 1000 - CLOCKS_APART_MS
        before = None
        for _ in range(MOST_LOOKUP_PAGES):
            try:
                page = await client.get_comments(body.task_id, before=before)
            except ClickUpNotFound:
                return None
            if (found := _marked(page, body.marker)) is not None:
                return found
            if not page or int(page[-1]["date"]) < oldest_ms:
                return None
            before = page[-1]
        return None

    async def _send(self, client: ClickUpClient, sending: Sending) -> Receipt:
        match sending.effect.body:
            case CreateComment(task_id=task_id, comment=comment):
                return await _copy_reply(client, task_id, comment)
            case RunComment() as body:
                return Receipt(made_id=await _comment(client, body))
            case CreateTask() as body:
                fields = {"name": body.name, "markdown_description": body.description}
                return Receipt(made_id=str((await client.create_task(body.list_id, fields))["id"]))
            case MoveTask(task_id=task_id, status=status):
                return await _move(client, task_id, status)
            case _:
                return await _change(client, sending)

    async def _client(self, effect: Effect) -> ClickUpClient:
        token = await self._credentials.token(effect.tenant_id, effect.integration_id)
        return self._clickup.client(token, use_of(effect.priority))


async def _copy_reply(client: ClickUpClient, task_id: str, comment: Sequence[Mapping[str, Any]]) -> Receipt:
    """What was said in the thread of a task that was deleted meanwhile stays there alone."""
    try:
        return Receipt(made_id=await client.create_comment(task_id, comment))
    except ClickUpNotFound:
        return Receipt(skipped=GONE)


async def _comment(client: ClickUpClient, body: RunComment) -> str:
    if body.reply_to is not None:
        return await client.create_reply(body.reply_to, body.comment, assignee=body.assignee)
    return await client.create_comment(body.task_id, body.comment, assignee=body.assignee)


async def _change(client: ClickUpClient, sending: Sending) -> Receipt:
    """Of comments; nothing is left to do with one that is gone."""
    try:
        match sending.effect.body:
            case UpdateComment(comment=comment):
                await client.update_comment(sending.copy_id or "", comment)
            case DeleteComment():
                await client.delete_comment(sending.copy_id or "")
            case CloseQuestion(target=target, comment=comment):
                await client.update_comment(str(sending.place[target]), comment, is_resolved=True)
            case _:
                raise PermanentFailure("kind_unknown", f"{sending.effect.kind} does not go to ClickUp")
    except ClickUpNotFound:
        return Receipt(skipped=GONE)
    return Receipt()


def _marked(page: Sequence[Mapping[str, Any]], marker: str) -> Receipt | None:
    for source in page:
        comment = parse_comment(source)
        if comment is not None and comment.text.rstrip().endswith(marker):
            return Receipt(made_id=comment.id)
    return None


async def _find_task(client: ClickUpClient, body: CreateTask, since_ms: float) -> Receipt | None:
    page, is_last = 0, False
    while not is_last and page < MOST_LOOKUP_PAGES:
        tasks, is_last = await client.get_changed_tasks(
            body.list_id, updated_after_ms=int(since_ms), page=page
        )
        for task in tasks:
            if body.marker in str(task.get("markdown_description") or task.get("description") or ""):
                return Receipt(made_id=str(task["id"]))
        page += 1
    return None


async def _move(client: ClickUpClient, task_id: str, status: str) -> Receipt:
    """Only into a status that the task's list has; others would be refused."""
    try:
        task = await client.get_task(task_id)
        found = await client.get_list(str(task["list"]["id"]))
        names = [str(each.get("status")) for each in found.get("statuses", [])]
        name = next((each for each in names if each.casefold() == status.casefold()), None)
        if name is None:
            return Receipt(skipped="status_unknown")
        if str(task.get("status", {}).get("status", "")).casefold() == name.casefold():
            return Receipt(skipped="status_is_set")
        await client.update_task(task_id, {"status": name})
    except ClickUpNotFound:
        return Receipt(skipped=GONE)
    return Receipt()


def use_of(priority: int) -> Use:
    """The share of a token's budget that goes with an event's priority."""
    if priority <= CREATION_PRIORITY:
        return Use.CREATION
    return Use.GAP_FILLING if priority >= GAP_FILLING_PRIORITY else Use.CHANGE
