"""What a job is, and how often it is tried; apart from `queue`, so that naming one loads no BullMQ."""

import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to add. Adding an id that Redis still knows changes nothing."""

    id: str
    data: dict[str, Any]
    priority: int


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """How often a queue's jobs are tried, and how long apart."""

    attempts: int = 3
    backoff_s: float = 2.0
    jitter: float = 0.5
    """Up to this share is added to each delay, so that failures do not come back together."""

    def delay_ms(self, attempts_made: int) -> int:
        """Exponential: `backoff_s`, then twice that, …"""
        delay_s = self.backoff_s * 2 ** (attempts_made - 1)
        return int(delay_s * (1 + random.uniform(0, self.jitter)) * 1000)  # noqa: S311  # Not a secret.
