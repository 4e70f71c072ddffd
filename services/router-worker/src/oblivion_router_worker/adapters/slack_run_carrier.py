"""A run's messages → Slack: said, edited, answered; known again by the effect's id, or by the run's."""

from typing import Any, TypeAlias

from oblivion_platform.errors import AuthenticationFailed, PermanentFailure, RateLimited, TransientFailure
from oblivion_router_worker.adapters.slack import next_cursor
from oblivion_router_worker.adapters.slack_calls import EffectCalls
from oblivion_router_worker.adapters.slack_carrier import (
    CLOCKS_APART_S,
    GONE_CODES,
    LOOKUP_PAGE,
    SlackAllowances,
    SlackCarrier,
    effect_id_of,
)
from oblivion_router_worker.adapters.slack_comforts import SlackComforts
from oblivion_router_worker.adapters.slack_files import SlackFiles, shares_file
from oblivion_router_worker.adapters.slack_streams import SlackStreams, begins_stream_of
from oblivion_router_worker.domain.effects import METADATA_EFFECT_ID, METADATA_EVENT_TYPE
from oblivion_router_worker.domain.run_effects import (
    PROGRESS_TS,
    RUN_BODIES,
    STREAM_TS,
    RunAnswer,
    RunEdit,
    RunFile,
    RunPost,
)
from oblivion_router_worker.ports.delivery import Carrier, Receipt, Sending

Json: TypeAlias = dict[str, Any]

KEPT_FOR_ANSWERS = 5
"""Edits of the budget that progress leaves to answers."""
STREAM_OVER = {STREAM_TS: None}
STILL_STREAMING = "slack_streaming_state_conflict"
_EDIT_REFUSED = GONE_CODES | {"slack_cant_update_message", "slack_edit_window_closed"}


class SlackEffects:
    """Implements `ports.delivery.Carrier` for all that goes to Slack."""

    def __init__(self, mirror: SlackCarrier, runs: "SlackRunCarrier", comforts: SlackComforts) -> None:
        self._mirror = mirror
        self._runs = runs
        self._comforts = comforts

    async def send(self, sending: Sending) -> Receipt:
        return await (self._maker(sending) or self._comforts).send(sending)

    async def find(self, sending: Sending) -> Receipt | None:
        maker = self._maker(sending)
        return None if maker is None else await maker.find(sending)

    def _maker(self, sending: Sending) -> Carrier | None:
        """Of what makes or changes messages; None: a comfort."""
        match sending.effect.body:
            case RunPost() | RunEdit() | RunAnswer() | RunFile():
                return self._runs
            case body:
                return None if isinstance(body, RUN_BODIES) else self._mirror


class SlackRunCarrier:
    """Implements `ports.delivery.Carrier`."""

    def __init__(self, calls: EffectCalls, files: SlackFiles, allowances: SlackAllowances) -> None:
        self._calls = calls
        self._files = files
        self._streams = SlackStreams(calls)
        self._allowances = allowances

    async def send(self, sending: Sending) -> Receipt:
        match sending.effect.body:
            case RunPost() as body:
                return await self._begin(sending, body)
            case RunEdit() as body:
                return await self._edit(sending, body)
            case RunAnswer() as body:
                return await self._answer(sending, body)
            case RunFile() as body:
                return await self._file(sending, body)
            case body:
                raise PermanentFailure("kind_unknown", f"{body.kind} is no message of a run")

    async def find(self, sending: Sending) -> Receipt | None:
        body = sending.effect.body
        if not isinstance(body, RunPost | RunAnswer | RunFile):
            return None
        method, arguments = _lookup(sending, body)
        while True:
            page = await self._calls.read(sending, method, arguments)
            for message in page.get("messages", []):
                if (found := _found(sending, body, message)) is not None:
                    return found
            cursor = next_cursor(page)
            if cursor is None:
                return None
            arguments["cursor"] = cursor

    async def _begin(self, sending: Sending, body: RunPost) -> Receipt:
        ts = await self._streams.start(sending, body, body.thread_ts or sending.thread_ts)
        if ts is not None:
            return Receipt(made_id=ts, keep={STREAM_TS: ts})
        return await self._post(sending, body)

    async def _post(self, sending: Sending, body: RunPost | RunAnswer | RunFile) -> Receipt:
        message = _content(body, sending) | {"unfurl_links": False, "unfurl_media": False}
        thread_ts = body.thread_ts or sending.thread_ts
        if thread_ts:
            message["thread_ts"] = thread_ts
        allowance = self._allowances.post_per_channel
        answer = await self._calls.change(sending, "chat.postMessage", message, allowance)
        return Receipt(made_id=str(answer["ts"]))

    async def _file(self, sending: Sending, body: RunFile) -> Receipt:
        thread_ts = body.thread_ts or sending.thread_ts
        if await self._files.share(sending, body, thread_ts):
            return Receipt()
        return await self._post(sending, body)

    async def _edit(self, sending: Sending, body: RunEdit) -> Receipt:
        ts = str(sending.place[body.target])
        streams = sending.place.get(STREAM_TS) == ts
        if streams and await self._streams.append(sending, body, ts):
            return Receipt()
        if streams:
            await self._streams.stop(sending, body.channel, ts)
        kept = STREAM_OVER if streams else {}
        try:
            message = _content(body, sending) | {"ts": ts}
            await self._update(sending, message, keep=KEPT_FOR_ANSWERS if body.is_progress else 0)
        except TransientFailure as failure:
            # A stream that Slack lets nobody end is edited by later progress, or by the answer.
            is_busy = isinstance(failure, RateLimited) or failure.code == STILL_STREAMING
            if not (body.is_progress and is_busy):
                raise
            return Receipt(skipped=failure.code)
        except AuthenticationFailed:
            raise
        except PermanentFailure as failure:
            if not body.is_progress and failure.code not in _EDIT_REFUSED:
                raise
            return Receipt(skipped=failure.code, keep=kept)
        return Receipt(keep=kept)

    async def _answer(self, sending: Sending, body: RunAnswer) -> Receipt:
        """By editing the run's one message; anew where that one was not posted, or is gone."""
        progress_ts = sending.place.get(PROGRESS_TS)
        if not progress_ts:
            return await self._post(sending, body)
        if sending.place.get(STREAM_TS):
            await self._streams.say(sending, body, str(progress_ts))
            await self._streams.stop(sending, body.channel, str(progress_ts))
        try:
            await self._update(sending, _content(body, sending) | {"ts": progress_ts})
        except PermanentFailure as failure:
            if failure.code not in _EDIT_REFUSED:
                raise
            return await self._post(sending, body)
        return Receipt(made_id=str(progress_ts), keep=STREAM_OVER)

    async def _update(self, sending: Sending, message: Json, *, keep: int = 0) -> None:
        allowance = self._allowances.change_per_workspace
        await self._calls.change(sending, "chat.update", message, allowance, keep=keep)


def _found(sending: Sending, body: RunPost | RunAnswer | RunFile, message: Json) -> Receipt | None:
    ts = str(message["ts"])
    if effect_id_of(message) == str(sending.effect.id):
        return Receipt(made_id=ts)
    match body:
        case RunFile(name=name) if shares_file(message, name):
            return Receipt(made_id=ts)
        case RunPost(stream_to=somebody) if somebody and begins_stream_of(message, sending.effect.run_id):
            return Receipt(made_id=ts, keep={STREAM_TS: ts})
        case _:
            return None


def _lookup(sending: Sending, body: RunPost | RunAnswer | RunFile) -> tuple[str, Json]:
    arguments: Json = {
        "channel": body.channel,
        # An answer may be an edit of what was posted long before it was decided.
        "oldest": sending.place.get(PROGRESS_TS) or f"{sending.created_at - CLOCKS_APART_S:.6f}",
        "inclusive": True,
        "limit": LOOKUP_PAGE,
        "include_all_metadata": True,
    }
    thread_ts = body.thread_ts or sending.thread_ts
    if thread_ts:
        return "conversations.replies", arguments | {"ts": thread_ts}
    return "conversations.history", arguments


def _content(body: RunPost | RunEdit | RunAnswer | RunFile, sending: Sending) -> Json:
    return {
        "channel": body.channel,
        "text": body.text,
        "blocks": [] if isinstance(body, RunFile) else list(body.blocks),
        "metadata": {
            "event_type": METADATA_EVENT_TYPE,
            "event_payload": {METADATA_EFFECT_ID: str(sending.effect.id)},
        },
    }
