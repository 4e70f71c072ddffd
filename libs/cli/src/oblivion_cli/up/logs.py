"""Logs of the embedded system: everything to a file per service, rotated; warnings to the terminal too."""

import json
import logging
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, cast

from oblivion_cli.console import on_one_line

MAX_BYTES = 10 * 1024 * 1024
KEPT_FILES = 3
SAME_WARNING_EVERY_S = 30.0
SHOWN_MAX = 400
"""Characters of a warning; all of it is in the file."""
_LOUD = {"warning", "error", "critical"}
_WHAT = ("message", "event", "msg")
_ABOUT = ("connection", "agent", "tool", "program")
_WHY = ("reason", "code", "cause", "error")
"""The first of them that a line has says most."""


class ServiceLog:
    """Takes the output of one service, line by line."""

    def __init__(self, folder: Path, service: str, warn: Callable[[str], None]) -> None:
        self._service = service
        self._warn = warn
        self._warned_at: dict[str, float] = {}
        self._file = RotatingFileHandler(
            folder / f"{service}.log", maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
        self._file.setFormatter(logging.Formatter("%(message)s"))

    def write(self, line: str) -> None:
        self._file.emit(logging.LogRecord(self._service, logging.INFO, "", 0, line, (), None))
        warning = loud_part(line)
        if warning is not None and self._is_news(warning):
            self._warn(f"{self._service}: {warning}  (oblivion logs {self._service})")

    def close(self) -> None:
        self._file.close()

    def _is_news(self, warning: str) -> bool:
        now = time.monotonic()
        if now - self._warned_at.get(warning, -SAME_WARNING_EVERY_S) < SAME_WARNING_EVERY_S:
            return False
        self._warned_at[warning] = now
        return True


def loud_part(line: str) -> str | None:
    """What of a JSON log line belongs on the terminal; None for all that is quiet or no JSON."""
    if not line.startswith("{"):
        return None
    try:
        entry = cast("dict[str, Any]", json.loads(line))
    except ValueError:
        return None
    if str(entry.get("level", "")).lower() not in _LOUD:
        return None
    what = next((entry[key] for key in _WHAT if entry.get(key)), "warning")
    about = ", ".join(f"{key} {entry[key]}" for key in _ABOUT if entry.get(key))
    why = next((entry[key] for key in _WHY if entry.get(key)), None)
    return _cut(f"{what}{f' ({about})' if about else ''}{f': {why}' if why else ''}")


def _cut(said: str) -> str:
    printable = on_one_line(said)
    return printable if len(printable) <= SHOWN_MAX else f"{printable[:SHOWN_MAX]}…"
