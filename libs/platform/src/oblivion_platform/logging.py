"""Logs: one JSON object per line on stdout (readable lines on a terminal), redacted, from every library.

    configure_logging(settings, service="ingestion")
    log = get_logger(__name__)
    with log_context(tenant=tenant_id, event_id=event.id):
        log.info("event stored", bytes=len(body))

The context follows the task and what it starts. Every line passes one redactor last, exceptions included.
"""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from oblivion_platform.redaction import Redactor
from oblivion_platform.settings import LogSettings, secrets_of

# Their info lines name every URL or frame; what matters we log ourselves.
_QUIET = (
    "httpx2",
    "kopf",
    "httpx",
    "httpcore",
    "httpcore2",
    "websockets",
    "urllib3",
    "asyncio",
    "uvicorn.access",
    "aiohttp.access",
    "alembic",
    "slack_sdk",
)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    return structlog.stdlib.get_logger(name)


@contextmanager
def log_context(**values: object) -> Generator[None]:
    """Add `values` to every line that is logged inside, by whatever module.

    Left by the task that entered it: not for around a `yield` of an async generator.
    """
    bound = structlog.contextvars.bind_contextvars(**{name: _plain(value) for name, value in values.items()})
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**bound)


def configure_logging(settings: LogSettings, *, service: str, stream: TextIO | None = None) -> None:
    """Route structlog and the standard library's logging through one redacted stream; call once, first."""
    out = stream or sys.stdout
    redactor = Redactor(secrets_of(settings))
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(service),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_with(redactor),
                *_renderer(settings.log_format, out),
            ],
        )
    )
    _take_over_root(handler, settings.log_level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(service),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _shared(service: str) -> list[Processor]:
    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        add_service,
    ]


def _redact_with(redactor: Redactor) -> Processor:
    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> dict[str, Any]:
        return redactor.mapping({str(key): value for key, value in event.items()})

    return redact


def _renderer(log_format: Literal["auto", "json", "console"], stream: TextIO) -> list[Processor]:
    for_people = log_format == "console" or (log_format == "auto" and stream.isatty())
    if for_people:
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    return [
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]


def _take_over_root(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # A failed write to the log is no reason to print a traceback, with its values, to stderr.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
