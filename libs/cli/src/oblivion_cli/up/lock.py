"""One embedded system per home: a lock that dies with its holder, and what others need to know of it."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from io import TextIOWrapper
from pathlib import Path

from oblivion_cli.home import Home

_PROBES_LAST_S = 0.3
_RETRY_S = 0.05


@dataclass(frozen=True)
class RunningSystem:
    """What `oblivion up` tells other commands; holds no secret."""

    pid: int
    base_url: str
    port: int
    wanted_port: int = 0
    """Differs from `port` when it was taken."""
    ports: dict[str, int] = field(default_factory=dict[str, int])
    ready: bool = False


class AlreadyRuns(Exception):
    """Another `oblivion up` holds this home."""

    def __init__(self, system: RunningSystem | None) -> None:
        super().__init__("already runs")
        self.system = system


class RunLock:
    """Held for as long as the system runs. The kernel lets go of it however the process ends."""

    def __init__(self, home: Home, file: TextIOWrapper) -> None:
        self._home = home
        self._file = file

    def publish(self, system: RunningSystem) -> None:
        """Let other commands find the system."""
        text = json.dumps(asdict(system))
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text)
        self._file.flush()


@contextlib.contextmanager
def hold_lock(home: Home) -> Generator[RunLock]:
    """Hold the home's lock.

    Raises:
        AlreadyRuns: somebody else does.
    """
    with _open(home.running_file) as file:
        deadline = time.monotonic() + _PROBES_LAST_S
        # Commands that only look hold the lock for a moment.
        while not _locked(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise AlreadyRuns(_read(home.running_file))
            time.sleep(_RETRY_S)
        lock = RunLock(home, file)
        lock.publish(RunningSystem(os.getpid(), "", 0))
        yield lock
        file.truncate(0)


def running_system(home: Home) -> RunningSystem | None:
    """The system that runs in `home`; what a killed one left behind does not count."""
    if not home.running_file.exists():
        return None
    with _open(home.running_file) as file:
        if _locked(file, fcntl.LOCK_SH):
            return None
    return _read(home.running_file)


def _open(path: Path) -> TextIOWrapper:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")


def _locked(file: TextIOWrapper, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> RunningSystem | None:
    try:
        return RunningSystem(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
