"""A run's one message as Slack's own stream, for as long as Slack lets it be one.

Slack ends a stream about five minutes after its beginning, and does not say beforehand where it takes none.
So whatever it says, the message goes on as a plain one: under its ts, or posted where nothing was made.
Only a lost answer is passed on, because then the message may stand there.
Source: https://docs.slack.dev/reference/methods/chat.startStream
"""

import contextlib
import json
import time
from typing import Any, TypeAlias
from uuid import UUID

from oblivion_platform.errors import PermanentFailure, RateLimited, TransientFailure
from oblivion_router_worker.adapters.slack_budgets import Allowance
from oblivion_router_worker.adapters.slack_calls import EffectCalls
from oblivion_router_worker.adapters.slack_carrier import effect_id_of
from oblivion_router_worker.domain.run_effects import RunAnswer, RunEdit, RunPost
from oblivion_router_worker.domain.upkeep import stream_is_old
from oblivion_router_worker.ports.delivery import Sending

Json: TypeAlias = dict[str, Any]

STARTS = Allowance(per_s=20 / 60, burst=20)
"""Tier 2; beyond it messages are plain."""
ADDITIONS = Allowance(per_s=100 / 60, burst=20)
"""Tier 4."""


class SlackStreams:
    """Begins, extends and ends streams; raises AnswerLost and DependencyUnavailable."""

    def __init__(self, calls: EffectCalls) -> None:
        self._calls = calls

    async def start(self, sending: Sending, body: RunPost, thread_ts: str | None) -> str | None:
        """The message's ts; None: no stream here, or none now, and nothing was made."""
        if not (body.stream_to and thread_ts):
            return None
        stream: Json = {"channel": body.channel, "thread_ts": thread_ts, **body.stream_to}
        stream |= {"task_display_mode": "plan", "chunks": list(body.steps)}
        try:
            return str((await self._calls.change(sending, "chat.startStream", stream, STARTS))["ts"])
        except (PermanentFailure, RateLimited):
            return None

    async def append(self, sending: Sending, body: RunEdit, ts: str) -> bool:
        """Whether the stream goes on. The same steps again change nothing: Slack knows them by their ids."""
        if not body.steps or stream_is_old(ts, time.time()):
            return False
        addition: Json = {"channel": body.channel, "ts": ts, "chunks": list(body.steps)}
        try:
            await self._calls.change(sending, "chat.appendStream", addition, ADDITIONS)
        except PermanentFailure:
            return False
        except RateLimited:
            return True  # The next steps carry these too.
        return True

    async def say(self, sending: Sending, body: RunAnswer, ts: str) -> None:
        """The answer, as the stream's last words; left out wherever they are not taken, for it is posted."""
        if not body.words or stream_is_old(ts, time.time()):
            return
        addition: Json = {"channel": body.channel, "ts": ts, "chunks": list(body.words)}
        with contextlib.suppress(PermanentFailure, TransientFailure):
            await self._calls.change(sending, "chat.appendStream", addition, ADDITIONS)

    async def stop(self, sending: Sending, channel: str, ts: str) -> None:
        """Make it a message that can be edited; one that is over is one already.

        Raises:
            RateLimited: it goes on until Slack lets us end it.
        """
        try:
            await self._calls.change(sending, "chat.stopStream", {"channel": channel, "ts": ts})
        except PermanentFailure:
            return


def begins_stream_of(message: Json, run_id: UUID | None) -> bool:
    """Whether a message is a run's stream, which carries no effect's id, but the run's in its words."""
    is_apps = bool(message.get("bot_id")) and effect_id_of(message) is None
    return is_apps and str(run_id) in json.dumps([message.get("text"), message.get("blocks")])
