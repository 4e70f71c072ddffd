"""One server process: start, wait until it answers, stop; the pid is the server's own."""

import asyncio
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from oblivion_platform.environment import machine_environment
from oblivion_platform.lifetime import tied_to_parent

POLL_S = 0.01
LOG_TAIL_CHARS = 2_000


class ServerStartFailed(Exception):
    """The server ended, or did not answer in time; the message holds the end of its log."""


_PORTS = range(15_000, 30_000)
"""Below those that a system gives to outgoing connections, which could take one before its server does."""
_given: set[int] = set()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago; in one process never the same twice."""
    while True:
        port = secrets.choice(_PORTS)  # Tests may seed `random`, in several processes alike.
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


class ServerProcess:
    """A child that ends with us. It belongs to no event loop, so one server can serve many tests."""

    def __init__(self, name: str, log_file: Path) -> None:
        self._name = name
        self._log_file = log_file
        self._log_from_byte = 0
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The pid of the running server.

        Raises:
            ProcessLookupError: it does not run.
        """
        if self._child is None or self._child.poll() is not None:
            raise ProcessLookupError(f"{self._name} does not run")
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def spawn(self, command: list[str], *, cwd: Path, run_as_uid: int | None = None) -> None:
        with self._log_file.open("ab") as log:
            self._log_from_byte = log.tell()
            self._child = subprocess.Popen(  # noqa: S603 - a fixed list of our own
                tied_to_parent(command, run_as_uid=run_as_uid),
                cwd=cwd,
                env=machine_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own: Ctrl-C reaches the starting process alone, which stops us in its order.
                process_group=0,
            )

    async def wait_until(self, answers: Callable[[], Awaitable[bool]], *, within_s: float) -> bool:
        """Wait for the first answer; False when the process ended before it.

        Raises:
            ServerStartFailed: it lives, but did not answer in time.
        """
        deadline = time.monotonic() + within_s
        while self.running:
            if await answers():
                return True
            if time.monotonic() > deadline:
                raise self.failure(f"did not answer within {within_s:.0f} s")
            await asyncio.sleep(POLL_S)
        return False

    def said(self) -> str:
        """The end of what the process wrote to its log since it was spawned."""
        if not self._log_file.exists():
            return ""
        log = self._log_file.read_bytes()[self._log_from_byte :]
        return log.decode(errors="replace")[-LOG_TAIL_CHARS:]

    def failure(self, what: str) -> ServerStartFailed:
        return ServerStartFailed(f"{self._name} {what}; {self._log_file} ends in:\n{self.said()}")

    async def stop(self, *signals: signal.Signals, patience_s: float = 20) -> None:
        """Send each signal in turn until the process is gone, and SIGKILL last. Wakes a stopped one."""
        for each in (*signals, signal.SIGKILL):
            if self._child is None or not self.running:
                break
            # Unlike os.kill, these do nothing once the process has ended.
            self._child.send_signal(each)
            self._child.send_signal(signal.SIGCONT)
            await self._gone(patience_s)
        self._child = None

    async def _gone(self, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while self.running and time.monotonic() < deadline:  # noqa: ASYNC110 - a child has no event to await
            await asyncio.sleep(POLL_S)
