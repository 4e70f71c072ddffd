"""The few lines that every `__main__` shares: settings, logs, start, signals, drain, exit code.

    def main() -> NoReturn:
        run(Settings, bootstrap.running, service="ingestion")

`running(settings)` is an async context manager: entering it starts the service, leaving it drains and closes.
SIGTERM and SIGINT leave it; a second one, or the end of `drain_timeout_s`, cuts the drain short.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from enum import IntEnum
from typing import NoReturn, TypeVar

from oblivion_platform.logging import configure_logging, get_logger
from oblivion_platform.settings import LogSettings, load
from oblivion_platform.tracing import start_tracing

DEFAULT_DRAIN_TIMEOUT_S = 20.0
_GC_THRESHOLDS = (50_000, 20, 20)

_log = get_logger(__name__)


class ExitCode(IntEnum):
    """What a process tells whoever started it."""

    STOPPED = 0
    FAILED = 1
    BAD_SETTINGS = 2
    DRAIN_CUT_SHORT = 3


class CannotStart(Exception):
    """A fault that waiting or restarting cannot mend; the message says what to do."""


SettingsT = TypeVar("SettingsT", bound=LogSettings)


def run(
    settings_class: type[SettingsT],
    running: Callable[[SettingsT], AbstractAsyncContextManager[object]],
    *,
    service: str,
) -> NoReturn:
    """Load, start, wait for a signal, drain, exit."""
    settings = load(settings_class)
    configure_logging(settings, service=service)
    drain_timeout_s: float = getattr(settings, "drain_timeout_s", DEFAULT_DRAIN_TIMEOUT_S)
    flush_traces = start_tracing(service, settings.otlp_endpoint) if settings.otlp_endpoint else _nothing
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        code = runner.run(_live(lambda: running(settings), drain_timeout_s))
    flush_traces()
    sys.exit(code)


def _nothing() -> None:
    return


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _live(
    running: Callable[[], AbstractAsyncContextManager[object]], drain_timeout_s: float
) -> ExitCode:
    life = _Life(drain_timeout_s)
    task = asyncio.create_task(life.lead(running), name="service")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, life.asked_to_stop, task)
    try:
        await task
    except asyncio.CancelledError:
        return ExitCode.DRAIN_CUT_SHORT if life.started else ExitCode.STOPPED
    except CannotStart as fault:
        _log.error("cannot start", reason=str(fault))
        return ExitCode.BAD_SETTINGS
    except Exception:  # The top of the process: say what it was, and let the supervisor start it again.
        _log.exception("service failed")
        return ExitCode.FAILED
    _log.info("service stopped")
    return ExitCode.STOPPED


class _Life:
    """One service from start to end, all in one task, as task groups inside it need."""

    def __init__(self, drain_timeout_s: float) -> None:
        self._drain_timeout_s = drain_timeout_s
        self._stop = asyncio.Event()
        self.started = False

    async def lead(self, running: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        async with running():
            self.started = True
            _settle_garbage_collector()
            _log.info("service started")
            await self._stop.wait()
            _log.info("service drains", at_most_s=self._drain_timeout_s)

    def asked_to_stop(self, task: asyncio.Task[None]) -> None:
        if self._stop.is_set() or not self.started:
            task.cancel()
            return
        self._stop.set()
        asyncio.get_running_loop().call_later(self._drain_timeout_s, task.cancel)


def _settle_garbage_collector() -> None:
    """What start-up made stays: never look at it again, and at the rest less often. Tails come of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
