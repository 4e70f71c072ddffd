"""Redis `oblivion:runs` → the event streams of this process."""

import asyncio

from pydantic import ValidationError

from oblivion_contracts.signals import RUNS_CHANNEL, RunChanged
from oblivion_gateway.metrics import STREAM_SECONDS, STREAMS_OPEN
from oblivion_gateway.usecases.stream_runs import Hints
from oblivion_platform.logging import get_logger
from oblivion_platform.subscription import Subscription
from oblivion_platform.tasks import end

_log = get_logger(__name__)


class RunHints:
    """Listens until closed."""

    def __init__(self, redis_url: str, hints: Hints) -> None:
        self._subscription = Subscription(redis_url, RUNS_CHANNEL)
        self._hints = hints
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name="run hints")

    async def close(self) -> None:
        if self._task is not None:
            await end(self._task)

    async def _listen(self) -> None:
        async for message in self._subscription.messages():
            if message is None:
                self._hints.wake_all()
                continue
            try:
                self._hints.heard(RunChanged.model_validate_json(message).run_id)
            except ValidationError:  # Of another release, or nobody of ours: the rows tell anyway.
                _log.info("hint was not understood")


class CountedStreams:
    """Implements `usecases.stream_runs.StreamMeter`."""

    def opened(self) -> None:
        STREAMS_OPEN.inc()

    def closed(self, end: str, seconds: float) -> None:
        STREAMS_OPEN.dec()
        STREAM_SECONDS.labels(end).observe(seconds)
