"""Log lines as JSON, as all of Oblivion writes them: never a body, a token or a prompt."""

import logging
import os
import sys

import structlog

_QUIET = ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "mcp", "langsmith")


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
                structlog.processors.format_exc_info,
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
