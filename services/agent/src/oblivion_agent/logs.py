"""Log lines as JSON, as all of Oblivion writes them: never a body, a token or a prompt."""

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any, cast

import structlog

_QUIET = ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "mcp", "langsmith")


def without_words(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """An exception as its name and where it came from: its text may hold what was said, or a token."""
    given: Any = event.pop("exc_info", None)
    error: Any = sys.exc_info()[1] if given is True else given
    if isinstance(error, tuple):
        error = cast("tuple[Any, ...]", error)[1]
    if isinstance(error, BaseException):
        event["exception"] = _told(error)
    return event


def _told(error: BaseException) -> list[str]:
    """Each exception of the chain, the newest first, with its frames."""
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        lines.append(type(current).__qualname__)
        frames = traceback.extract_tb(current.__traceback__)
        lines += [f"  {Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines


def set_up_logging() -> None:
    """One JSON line for each record of the standard library's logging, on stderr."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                without_words,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    level = os.environ.get("OBLIVION_LOG_LEVEL", "INFO").upper()
    logging.basicConfig(
        handlers=[handler], level=level if level in logging.getLevelNamesMapping() else "INFO"
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
