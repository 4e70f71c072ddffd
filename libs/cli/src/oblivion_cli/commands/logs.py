"""`oblivion logs`."""

import time
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from oblivion_cli.errors import NotFound
from oblivion_cli.home import Home

POLL_S = 0.2


def logs(
    service: Annotated[str | None, typer.Argument(help="Only this one, such as ingestion.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="Of each, so many of the newest lines.")
    ] = 50,
) -> None:
    """Show what the services of the system that runs here have logged."""
    tails = [_Tail(file, several=service is None) for file in _files(Home.from_environment(), service)]
    for tail in tails:
        tail.print_last(lines)
    while follow:
        for tail in tails:
            tail.print_new()
        time.sleep(POLL_S)


def _files(home: Home, service: str | None) -> list[Path]:
    stores = [home.folder(store) / f"{store}.log" for store in ("postgres", "redis")]
    known = sorted(home.logs.glob("*.log")) + [file for file in stores if file.exists()]
    if not known:
        raise NotFound(f"There are no logs in {home.logs}.", "Start the system with `oblivion up`.")
    chosen = [file for file in known if service in (None, file.stem)]
    if not chosen:
        names = ", ".join(file.stem for file in known)
        raise NotFound(f"{service} has no log.", f"These have: {names}.")
    return chosen


class _Tail:
    """One log file and how far it was printed; finds its way when the file is rotated."""

    def __init__(self, file: Path, *, several: bool) -> None:
        self._file = file
        self._prefix = f"{file.stem:<14}| " if several else ""
        self._position = 0

    def print_last(self, count: int) -> None:
        with self._file.open(encoding="utf-8", errors="replace") as log:
            for line in deque(log, maxlen=count):
                self._print(line)
            self._position = log.tell()

    def print_new(self) -> None:
        if self._file.stat().st_size < self._position:
            self._position = 0
        with self._file.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._position)
            for line in log.readlines():
                self._print(line)
            self._position = log.tell()

    def _print(self, line: str) -> None:
        print(f"{self._prefix}{line.rstrip()}", flush=True)
