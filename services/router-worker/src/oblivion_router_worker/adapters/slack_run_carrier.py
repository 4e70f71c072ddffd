"""What runs show → Slack: messages, edits, reactions, statuses, dialogs, homes.

What is comfort only (a reaction, a status, suggestions) is left out where Slack refuses it; a whisper or
dialog whose answer was lost is not repeated, because nobody could look it up.
"""

import time
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp

from oblivion_platform.errors import AnswerLost, PermanentFailure, RateLimited
from oblivion_router_worker.adapters.slack import SlackApi, next_cursor
from oblivion_router_worker.adapters.slack_budgets import Allowance, SlackBudgets
from oblivion_router_worker.adapters.slack_carrier import (
    CLOCKS_APART_S,
    GONE_CODES,
    LOOKUP_PAGE,
    SlackAllowances,
    SlackCarrier,
    effect_id_of,
)
from oblivion_router_worker.adapters.slack_failures import unavailable
from oblivion_router_worker.domain.effects import METADATA_EFFECT_ID, METADATA_EVENT_TYPE
from oblivion_router_worker.domain.run_effects import (
    PROGRESS_TS,
    RUN_BODIES,
    OpenView,
    PublishHome,
    Respond,
    RunAnswer,
    RunEdit,
    RunPost,
    SetReaction,
    SetSessionStatus,
    SuggestPrompts,
    Whisper,
)
from oblivion_router_worker.ports.delivery import Carrier, Receipt, Sending

Json: TypeAlias = dict[str, Any]

TRIGGER_LIVES_S = 3.0
MARKS = Allowance(per_s=5, burst=40)
KEPT_FOR_ANSWERS = 5
"""Edits of the budget that progress leaves to answers."""
_REPEATED = frozenset({"slack_already_reacted", "slack_no_reaction"})
_EDIT_REFUSED = GONE_CODES | {"slack_cant_update_message", "slack_edit_window_closed"}


class SlackEffects:
    """Implements `ports.delivery.Carrier` for all that goes to Slack."""

    def __init__(self, mirror: SlackCarrier, runs: "SlackRunCarrier") -> None:
        self._mirror = mirror
        self._runs = runs

    async def send(self, sending: Sending) -> Receipt:
        return await self._of(sending).send(sending)

    async def find(self, sending: Sending) -> Receipt | None:
        return await self._of(sending).find(sending)

    def _of(self, sending: Sending) -> Carrier:
        return self._runs if isinstance(sending.effect.body, RUN_BODIES) else self._mirror


class SlackRunCarrier:
    """Implements `ports.delivery.Carrier`."""

    def __init__(
        self,
        api: SlackApi,
        budgets: SlackBudgets,
        allowances: SlackAllowances,
        session: aiohttp.ClientSession,
        answers_at: Callable[[str], bool],
    ) -> None:
        self._api = api
        self._budgets = budgets
        self._allowances = allowances
        self._session = session
        self._answers_at = answers_at

    async def send(self, sending: Sending) -> Receipt:
        match sending.effect.body:
            case RunPost() as body:
                return await self._post(sending, body)
            case RunEdit() as body:
                return await self._edit(sending, body)
            case RunAnswer() as body:
                return await self._answer(sending, body)
            case SetReaction() as body:
                return await self._react(sending, body)
            case SetSessionStatus() as body:
                return await self._set_status(sending, body)
            case _:
                return await self._once(sending)

    async def find(self, sending: Sending) -> Receipt | None:
        body = sending.effect.body
        if not isinstance(body, RunPost | RunAnswer):
            return None
        thread_ts = body.thread_ts or sending.thread_ts
        arguments: Json = {
            "channel": body.channel,
            # An answer may be an edit of what was posted long before it was decided.
            "oldest": sending.place.get(PROGRESS_TS) or f"{sending.created_at - CLOCKS_APART_S:.6f}",
            "inclusive": True,
            "limit": LOOKUP_PAGE,
            "include_all_metadata": True,
        }
        method = "conversations.history"
        if thread_ts:
            method, arguments = "conversations.replies", arguments | {"ts": thread_ts}
        while True:
            page = await self._call(sending, method, arguments, changes=False)
            for message in page.get("messages", []):
                if effect_id_of(message) == str(sending.effect.id):
                    return Receipt(made_id=str(message["ts"]))
            cursor = next_cursor(page)
            if cursor is None:
                return None
            arguments["cursor"] = cursor

    async def _post(self, sending: Sending, body: RunPost | RunAnswer) -> Receipt:
        key = f"post:{sending.effect.integration_id}:{body.channel}"
        await self._budgets.spend(sending.effect.tenant_id, key, self._allowances.post_per_channel)
        message = _content(body, sending) | {"unfurl_links": False, "unfurl_media": False}
        thread_ts = body.thread_ts or sending.thread_ts
        if thread_ts:
            message["thread_ts"] = thread_ts
        answer = await self._call(sending, "chat.postMessage", message, changes=True)
        return Receipt(made_id=str(answer["ts"]))

    async def _edit(self, sending: Sending, body: RunEdit) -> Receipt:
        try:
            await self._spend_edit(sending, keep=KEPT_FOR_ANSWERS if body.is_progress else 0)
            message = _content(body, sending) | {"ts": sending.place[body.target]}
            await self._call(sending, "chat.update", message, changes=True)
        except RateLimited as limited:
            if not body.is_progress:
                raise
            return Receipt(skipped=limited.code)
        except PermanentFailure as failure:
            if failure.code not in _EDIT_REFUSED:
                raise
            return Receipt(skipped=failure.code)
        return Receipt()

    async def _answer(self, sending: Sending, body: RunAnswer) -> Receipt:
        """By editing the run's one message; anew where that one was not posted, or is gone."""
        progress_ts = sending.place.get(PROGRESS_TS)
        if not progress_ts:
            return await self._post(sending, body)
        await self._spend_edit(sending, keep=0)
        message = _content(body, sending) | {"ts": progress_ts}
        try:
            await self._call(sending, "chat.update", message, changes=True)
        except PermanentFailure as failure:
            if failure.code not in _EDIT_REFUSED:
                raise
            return await self._post(sending, body)
        return Receipt(made_id=str(progress_ts))

    async def _spend_edit(self, sending: Sending, *, keep: int) -> None:
        key = f"chat.update:{sending.effect.integration_id}"
        allowance = self._allowances.change_per_workspace
        await self._budgets.spend(sending.effect.tenant_id, key, allowance, keep=keep)

    async def _react(self, sending: Sending, body: SetReaction) -> Receipt:
        effect = sending.effect
        await self._budgets.spend(effect.tenant_id, f"reactions:{effect.integration_id}", MARKS)
        skipped = None
        for method, name in (("reactions.add", body.add), ("reactions.remove", body.remove)):
            if name is None:
                continue
            arguments = {"channel": body.channel, "timestamp": body.ts, "name": name}
            try:
                await self._call(sending, method, arguments, changes=True)
            except PermanentFailure as failure:
                skipped = None if failure.code in _REPEATED else failure.code
        return Receipt(skipped=skipped)

    async def _set_status(self, sending: Sending, body: SetSessionStatus) -> Receipt:
        """`assistant.threads.setStatus` where sessions are refused; it knows of work alone."""
        session: Json = {"channel_id": body.channel, "thread_ts": body.thread_ts, "status": body.status}
        if body.title:
            session["title"] = body.title
        try:
            await self._call(sending, "agents.sessions.setStatus", session, changes=True)
            return Receipt()
        except PermanentFailure:
            words = "is working on it…" if body.status == "processing" else ""
        thread: Json = {"channel_id": body.channel, "thread_ts": body.thread_ts, "status": words}
        try:
            await self._call(sending, "assistant.threads.setStatus", thread, changes=True)
        except PermanentFailure as failure:
            return Receipt(skipped=failure.code)
        return Receipt()

    async def _once(self, sending: Sending) -> Receipt:
        """What cannot be looked up: a lost answer counts as an answer."""
        try:
            match sending.effect.body:
                case Respond() as body:
                    return await self._respond(body)
                case OpenView() if time.time() - sending.created_at > TRIGGER_LIVES_S:
                    return Receipt(skipped="trigger_expired")
                case body:
                    method, arguments = _direct(body)
            await self._call(sending, method, arguments, changes=True)
        except AnswerLost as lost:
            return Receipt(skipped=lost.code)
        except PermanentFailure as failure:
            return Receipt(skipped=failure.code)
        return Receipt()

    async def _respond(self, body: Respond) -> Receipt:
        if not self._answers_at(body.response_url):
            raise PermanentFailure("response_url_foreign", "the address to answer at is not Slack's")
        answer: Json = {"text": body.text, "response_type": "ephemeral", "replace_original": False}
        if body.blocks:
            answer["blocks"] = list(body.blocks)
        try:
            async with self._session.post(body.response_url, json=answer) as response:
                refused = response.status >= 400
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise unavailable(type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AnswerLost("slack_answer_lost", type(error).__name__) from None
        return Receipt(skipped="response_url_refused" if refused else None)

    async def _call(self, sending: Sending, method: str, arguments: Json, *, changes: bool) -> Json:
        effect = sending.effect
        return await self._api.call(
            effect.tenant_id, effect.integration_id, method, arguments, changes=changes
        )


def answers_of_slack(api_url: str) -> Callable[[str], bool]:
    """Tell whether an address is one that Slack, or what stands in for it, takes answers at."""
    stand_in = urlsplit(api_url)

    def is_slacks(url: str) -> bool:
        parts = urlsplit(url)
        if (parts.scheme, parts.port) == (stand_in.scheme, stand_in.port) and (
            parts.hostname == stand_in.hostname or {parts.hostname, stand_in.hostname} <= _THIS_MACHINE
        ):
            return True
        return parts.scheme == "https" and (parts.hostname or "").endswith(".slack.com")

    return is_slacks


_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def _direct(body: object) -> tuple[str, Json]:
    match body:
        case Whisper():
            words: Json = {"channel": body.channel, "user": body.user, "text": body.text}
            words |= {"blocks": list(body.blocks)} if body.blocks else {}
            return "chat.postEphemeral", words | ({"thread_ts": body.thread_ts} if body.thread_ts else {})
        case OpenView():
            return "views.open", {"trigger_id": body.trigger_id, "view": body.view}
        case PublishHome():
            return "views.publish", {"user_id": body.user, "view": body.view}
        case SuggestPrompts():
            offer: Json = {"channel_id": body.channel, "prompts": list(body.prompts)}
            offer |= {"thread_ts": body.thread_ts} if body.thread_ts else {}
            return "assistant.threads.setSuggestedPrompts", offer
        case _:
            raise PermanentFailure("kind_unknown", f"{type(body).__name__} does not go to Slack")


def _content(body: RunPost | RunEdit | RunAnswer, sending: Sending) -> Json:
    return {
        "channel": body.channel,
        "text": body.text,
        "blocks": list(body.blocks),
        "metadata": {
            "event_type": METADATA_EVENT_TYPE,
            "event_payload": {METADATA_EFFECT_ID: str(sending.effect.id)},
        },
    }
