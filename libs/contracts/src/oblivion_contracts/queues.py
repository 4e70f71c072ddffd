"""What of a tenant waits for the system, and which providers it leaves alone for a while."""

from datetime import datetime
from typing import Literal

from oblivion_contracts.feed import FeedSource
from oblivion_contracts.model import Contract

QueueName = Literal["webhook-processing", "ai-agent-tasks", "outbox"]
"""Events that came in; runs; what is to leave for Slack and ClickUp."""


class QueueView(Contract):
    """The tenant's own work in one queue, as its rows tell."""

    name: QueueName
    depth: int
    """What waits for somebody to take it."""
    active: int
    """What somebody is at work on; events count as waiting until they are done."""
    oldest: datetime | None
    """Since when the one waits that has waited longest."""
    done_last_hour: int
    given_up_last_hour: int
    """Of what came in the last 24 hours and a bit; dead letters and runs that failed."""
    took_s: float | None
    """On average, from coming to done, of the last hour's; None: there were none."""


class Queues(Contract):
    items: list[QueueView]


class BreakerView(Contract):
    """A provider that failed again and again: one process calls it no more until it answers a try."""

    provider: str
    source: FeedSource
    """The service whose process that is."""
    processes: int
    opened_at: datetime
    """The last of those that opened."""


class Breakers(Contract):
    """Those that are open now; an empty list is good news."""

    items: list[BreakerView]
