"""What runs show beside messages → Slack: reactions, statuses, whispers, dialogs, homes.

What is comfort only (a reaction, a status, suggestions) is left out where Slack refuses it; a whisper or
dialog whose answer was lost is not repeated, because nobody could look it up.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp

from oblivion_platform.errors import AnswerLost, PermanentFailure
from oblivion_router_worker.adapters.slack_budgets import Allowance
from oblivion_router_worker.adapters.slack_calls import EffectCalls
from oblivion_router_worker.adapters.slack_failures import unavailable
from oblivion_router_worker.domain.run_effects import (
    STATUS_UNTIL,
    OpenView,
    PublishHome,
    Respond,
    SetReaction,
    SetSessionStatus,
    SuggestPrompts,
    Whisper,
)
from oblivion_router_worker.domain.upkeep import STATUS_LIVES_S
from oblivion_router_worker.ports.delivery import Receipt, Sending

Json: TypeAlias = dict[str, Any]

TRIGGER_LIVES_S = 3.0
MARKS = Allowance(per_s=5, burst=40)
AT_WORK = "is working on it…"
_REPEATED = frozenset({"slack_already_reacted", "slack_no_reaction"})
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class SlackComforts:
    """Sends what can be looked up by nobody."""

    def __init__(
        self, calls: EffectCalls, session: aiohttp.ClientSession, answers_at: Callable[[str], bool]
    ) -> None:
        self._calls = calls
        self._session = session
        self._answers_at = answers_at

    async def send(self, sending: Sending) -> Receipt:
        match sending.effect.body:
            case SetReaction(status=None) as body:
                return await self._react(sending, body)
            case SetReaction(status=str() as status) as body:
                reacted = await self._react(sending, body)
                shown = SetSessionStatus(body.channel, body.ts, status, body.title)
                return replace(await self._set_status(sending, shown), skipped=reacted.skipped)
            case SetSessionStatus() as body:
                return await self._set_status(sending, body)
            case _:
                return await self._once(sending)

    async def _react(self, sending: Sending, body: SetReaction) -> Receipt:
        skipped = None
        for method, name in (("reactions.add", body.add), ("reactions.remove", body.remove)):
            if name is None:
                continue
            arguments = {"channel": body.channel, "timestamp": body.ts, "name": name}
            try:
                await self._calls.change(sending, method, arguments, MARKS)
            except PermanentFailure as failure:
                skipped = None if failure.code in _REPEATED else failure.code
        return Receipt(skipped=skipped)

    async def _set_status(self, sending: Sending, body: SetSessionStatus) -> Receipt:
        """`assistant.threads.setStatus` where sessions are refused: knows of work alone, and not for long."""
        session: Json = {"channel_id": body.channel, "thread_ts": body.thread_ts, "status": body.status}
        if body.title:
            session["title"] = body.title
        try:
            await self._calls.change(sending, "agents.sessions.setStatus", session)
            return Receipt()
        except PermanentFailure:
            return await self._set_thread_status(sending, body)

    async def _set_thread_status(self, sending: Sending, body: SetSessionStatus) -> Receipt:
        is_at_work = body.status == "processing"
        thread: Json = {"channel_id": body.channel, "thread_ts": body.thread_ts}
        thread["status"] = AT_WORK if is_at_work else ""
        if is_at_work and body.words:
            thread["loading_messages"] = [body.words]
        try:
            await self._calls.change(sending, "assistant.threads.setStatus", thread)
        except PermanentFailure as failure:
            return Receipt(skipped=failure.code, keep={STATUS_UNTIL: None})
        return Receipt(keep={STATUS_UNTIL: time.time() + STATUS_LIVES_S if is_at_work else None})

    async def _once(self, sending: Sending) -> Receipt:
        """What cannot be looked up: a lost answer counts as an answer."""
        try:
            match sending.effect.body:
                case Respond() as body:
                    return await self._respond(body)
                case OpenView() as body:
                    return await self._open(sending, body)
                case body:
                    method, arguments = _direct(body)
            await self._calls.change(sending, method, arguments)
        except AnswerLost as lost:
            return Receipt(skipped=lost.code)
        except PermanentFailure as failure:
            return Receipt(skipped=failure.code)
        return Receipt()

    async def _open(self, sending: Sending, body: OpenView) -> Receipt:
        code = "trigger_expired"
        if time.time() - sending.created_at <= TRIGGER_LIVES_S:
            try:
                view: Json = {"trigger_id": body.trigger_id, "view": body.view}
                await self._calls.change(sending, "views.open", view)
                return Receipt()
            except PermanentFailure as failure:
                code = failure.code
        if body.channel and body.user and body.instead:
            words: Json = {"channel": body.channel, "user": body.user, "text": body.instead}
            await self._calls.change(sending, "chat.postEphemeral", words)
        return Receipt(skipped=code)

    async def _respond(self, body: Respond) -> Receipt:
        if not self._answers_at(body.response_url):
            raise PermanentFailure("response_url_foreign", "the address to answer at is not Slack's")
        answer: Json = {"text": body.text, "response_type": "ephemeral", "replace_original": False}
        if body.blocks:
            answer["blocks"] = list(body.blocks)
        try:
            # Slack's own addresses answer themselves: nothing is carried on to where somebody else says.
            async with self._session.post(body.response_url, json=answer, allow_redirects=False) as response:
                refused = response.status >= 300
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise unavailable(type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AnswerLost("slack_answer_lost", type(error).__name__) from None
        return Receipt(skipped="response_url_refused" if refused else None)


def answers_of_slack(api_url: str) -> Callable[[str], bool]:
    """Tell whether an address is one that Slack, or what stands in for it, takes answers at."""
    stand_in = urlsplit(api_url)

    def is_slacks(url: str) -> bool:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # Of an address, or a port, that is none.
            return False
        if (parts.scheme, port) == (stand_in.scheme, stand_in.port) and (
            parts.hostname == stand_in.hostname or {parts.hostname, stand_in.hostname} <= _THIS_MACHINE
        ):
            return True
        is_usual = parts.scheme == "https" and port in (None, 443)
        return is_usual and (parts.hostname or "").endswith(".slack.com")

    return is_slacks


def _direct(body: object) -> tuple[str, Json]:
    match body:
        case Whisper():
            words: Json = {"channel": body.channel, "user": body.user, "text": body.text}
            words |= {"blocks": list(body.blocks)} if body.blocks else {}
            return "chat.postEphemeral", words | ({"thread_ts": body.thread_ts} if body.thread_ts else {})
        case PublishHome():
            return "views.publish", {"user_id": body.user, "view": body.view}
        case SuggestPrompts():
            offer: Json = {"channel_id": body.channel, "prompts": list(body.prompts)}
            offer |= {"thread_ts": body.thread_ts} if body.thread_ts else {}
            return "assistant.threads.setSuggestedPrompts", offer
        case _:
            raise PermanentFailure("kind_unknown", f"{type(body).__name__} does not go to Slack")
