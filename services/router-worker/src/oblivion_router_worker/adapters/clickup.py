"""Effects → ClickUp comments, and comments found again by the permalink at their end."""

from oblivion_platform.clickup import ClickUp, ClickUpClient, ClickUpNotFound, Use
from oblivion_platform.errors import AuthenticationFailed, PermanentFailure
from oblivion_router_worker.domain.clickup_objects import parse_comment
from oblivion_router_worker.domain.effects import CreateComment, DeleteComment, Effect, UpdateComment
from oblivion_router_worker.ports.credentials import Credentials
from oblivion_router_worker.ports.delivery import Receipt, Sending

COMMENT_GONE = "clickup_not_found"
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
        if not isinstance(body, CreateComment):
            return None
        client = await self._client(sending.effect)
        oldest_ms = sending.created_at * 1000 - CLOCKS_APART_MS
        before = None
        for _ in range(MOST_LOOKUP_PAGES):
            page = await client.get_comments(body.task_id, before=before)
            for source in page:
                comment = parse_comment(source)
                if comment is not None and comment.text.rstrip().endswith(body.marker):
                    return Receipt(made_id=comment.id)
            if not page or int(page[-1]["date"]) < oldest_ms:
                return None
            before = page[-1]
        return None

    async def _send(self, client: ClickUpClient, sending: Sending) -> Receipt:
        match sending.effect.body:
            case CreateComment(task_id=task_id, comment=comment):
                return Receipt(made_id=await client.create_comment(task_id, comment))
            case UpdateComment(comment=comment):
                try:
                    await client.update_comment(sending.copy_id or "", comment)
                except ClickUpNotFound:
                    return Receipt(skipped=COMMENT_GONE)
            case DeleteComment():
                try:
                    await client.delete_comment(sending.copy_id or "")
                except ClickUpNotFound:
                    return Receipt(skipped=COMMENT_GONE)
            case _:
                raise PermanentFailure("kind_unknown", f"{sending.effect.kind} does not go to ClickUp")
        return Receipt()

    async def _client(self, effect: Effect) -> ClickUpClient:
        token = await self._credentials.token(effect.tenant_id, effect.integration_id)
        return self._clickup.client(token, use_of(effect.priority))


def use_of(priority: int) -> Use:
    """The share of a token's budget that goes with an event's priority."""
    if priority <= CREATION_PRIORITY:
        return Use.CREATION
    return Use.GAP_FILLING if priority >= GAP_FILLING_PRIORITY else Use.CHANGE
