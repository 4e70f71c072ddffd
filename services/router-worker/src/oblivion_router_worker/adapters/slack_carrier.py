"""Effects → Slack messages, and messages found again by the effect's id in their metadata."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from oblivion_platform.errors import PermanentFailure
from oblivion_router_worker.adapters.slack import next_cursor
from oblivion_router_worker.adapters.slack_budgets import Allowance
from oblivion_router_worker.adapters.slack_calls import EffectCalls
from oblivion_router_worker.domain.effects import (
    METADATA_EFFECT_ID,
    METADATA_EVENT_TYPE,
    DeleteReply,
    PostReply,
    PostTask,
    UpdateReply,
    UpdateTask,
)
from oblivion_router_worker.ports.delivery import Receipt, Sending

Json: TypeAlias = dict[str, Any]

GONE_CODES = frozenset({"slack_message_not_found", "slack_thread_not_found"})
LOOKUP_PAGE = 200
CLOCKS_APART_S = 120.0
"""A lookup begins this much before the effect was made: the database's clock is not Slack's."""


@dataclass(frozen=True, slots=True)
class SlackAllowances:
    """What we allow ourselves of Slack's limits."""

    post_per_channel: Allowance
    change_per_workspace: Allowance
    """For chat.update and for chat.delete (Tier 3 each)."""


class SlackCarrier:
    """Implements `ports.delivery.Carrier`."""

    def __init__(self, calls: EffectCalls, allowances: SlackAllowances) -> None:
        self._calls = calls
        self._allowances = allowances

    async def send(self, sending: Sending) -> Receipt:
        body = sending.effect.body
        match body:
            case PostTask():
                return await self._post(sending, _content(body, sending))
            case PostReply():
                return await self._post(sending, _content(body, sending) | {"thread_ts": sending.thread_ts})
            case UpdateTask():
                content = _content(body, sending) | {"ts": sending.thread_ts}
                return await self._edit(sending, "chat.update", content)
            case UpdateReply():
                content = _content(body, sending) | {"ts": sending.copy_id}
                return await self._edit(sending, "chat.update", content)
            case DeleteReply():
                message = {"channel": sending.channel, "ts": sending.copy_id}
                return await self._edit(sending, "chat.delete", message)
            case _:
                raise PermanentFailure("kind_unknown", f"{sending.effect.kind} does not go to Slack")

    async def find(self, sending: Sending) -> Receipt | None:
        async for message in self._messages_since(sending):
            if effect_id_of(message) == str(sending.effect.id):
                return Receipt(made_id=str(message["ts"]))
        return None

    async def _post(self, sending: Sending, message: Json) -> Receipt:
        message |= {"unfurl_links": False, "unfurl_media": False}
        answer = await self._calls.change(
            sending, "chat.postMessage", message, self._allowances.post_per_channel
        )
        return Receipt(made_id=str(answer["ts"]))

    async def _edit(self, sending: Sending, method: str, arguments: Json) -> Receipt:
        try:
            await self._calls.change(sending, method, arguments, self._allowances.change_per_workspace)
        except PermanentFailure as failure:
            if failure.code in GONE_CODES:
                return Receipt(skipped=failure.code)
            raise
        return Receipt()

    async def _messages_since(self, sending: Sending) -> AsyncIterator[Json]:
        """Newest pages of the channel or thread back to when the effect was decided."""
        method = "conversations.history"
        arguments: Json = {
            "channel": sending.channel,
            "oldest": f"{sending.created_at - CLOCKS_APART_S:.6f}",
            "limit": LOOKUP_PAGE,
            "include_all_metadata": True,
        }
        if isinstance(sending.effect.body, PostReply):
            method = "conversations.replies"
            arguments["ts"] = sending.thread_ts
        while True:
            page = await self._calls.read(sending, method, arguments)
            for message in page.get("messages", []):
                yield message
            cursor = next_cursor(page)
            if cursor is None:
                return
            arguments["cursor"] = cursor


def effect_id_of(message: Json) -> object:
    """The effect that made a message, if one of ours did."""
    metadata: Json = message.get("metadata") or {}
    if metadata.get("event_type") != METADATA_EVENT_TYPE:
        return None
    payload: Json = metadata.get("event_payload") or {}
    return payload.get(METADATA_EFFECT_ID)


def _content(body: PostTask | UpdateTask | PostReply | UpdateReply, sending: Sending) -> Json:
    return {
        "channel": body.channel if isinstance(body, PostTask) else sending.channel,
        "text": body.text,
        "blocks": list(body.blocks),
        "metadata": {
            "event_type": METADATA_EVENT_TYPE,
            "event_payload": {METADATA_EFFECT_ID: str(sending.effect.id)},
        },
    }
