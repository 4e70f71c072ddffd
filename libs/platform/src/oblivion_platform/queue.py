"""BullMQ, wrapped once: typed, with its traps closed.

Traps (BullMQ for Python 3.4): a job without priority overtakes all others; `add` can hang for minutes while
Redis is away; there is no jitter in the built-in backoff; the worker's loop can end while its process lives;
delays are rounded to whole seconds unless the connection says otherwise.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bullmq import Job, Queue, Worker
from bullmq.custom_errors import UnrecoverableError
from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from oblivion_platform.errors import DependencyUnavailable

ContractT = TypeVar("ContractT", bound=BaseModel)
Processor = Callable[[Job, str], Awaitable[dict[str, Any]]]

KEEP_COMPLETED = 1_000
KEEP_FAILED = 5_000
"""Jobs kept in Redis; Postgres keeps all."""

ADD_TIMEOUT_S = 2.0
BLOCKING_READ_TIMEOUT_S = 30
"""Longer than BullMQ's longest blocking read (10 s), so that a stopped Redis is noticed and a quiet one is not."""


def decode_job(contract: type[ContractT], data: object) -> ContractT:
    """Validate job data against its contract.

    Raises:
        UnrecoverableError: retrying cannot help. The message names fields, never values:
            BullMQ keeps it in Redis and on the dashboard.
    """
    try:
        return contract.model_validate(data)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
        # `from None`: the chained ValidationError would print the rejected values.
        raise UnrecoverableError(f"not a {contract.__name__}: {fields}") from None
