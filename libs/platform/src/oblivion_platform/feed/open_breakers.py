"""Breakers that are open, beside the feed that tells of them: what each process said last, in Redis.

A process that is gone cannot say that its breaker closed. An open one is tried again and again, and says so
each time; one of which nothing was heard for a while guards something that nobody calls.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast, get_args
from uuid import UUID

from oblivion_contracts.feed import FeedSource
from oblivion_contracts.queues import BreakerView

HEARD_WITHIN_S = 600


def breakers_key(tenant_id: UUID) -> str:
    return f"t:{tenant_id}:breakers"


def breaker_field(source: FeedSource, process: str, provider: str) -> str:
    return f"{source}|{process}|{provider}"


def open_breakers(fields: Iterable[tuple[str, str]], now_unix_s: float) -> list[BreakerView]:
    """Field and time of each process's breaker → one view of each provider and service, the newest first."""
    opened: dict[tuple[FeedSource, str], list[float]] = defaultdict(list)
    for field, at in fields:
        source, _, rest = field.partition("|")
        if now_unix_s - float(at) < HEARD_WITHIN_S and source in get_args(FeedSource):
            opened[cast("FeedSource", source), rest.partition("|")[2]].append(float(at))
    views = [
        BreakerView(
            provider=provider,
            source=source,
            processes=len(times),
            opened_at=datetime.fromtimestamp(max(times), UTC),
        )
        for (source, provider), times in opened.items()
    ]
    return sorted(views, key=lambda view: (view.opened_at, view.provider), reverse=True)
