"""A live feed that nobody reads but the test, and many lines for one that somebody reads."""

import asyncio
import time
from uuid import UUID

from oblivion_platform.feed import Line, Teller

TURNS_PER_S = 10


class HeardLines:
    """Implements `Teller`."""

    def __init__(self) -> None:
        self.told: list[tuple[UUID, Line]] = []

    def tell(self, tenant_id: UUID, line: Line) -> None:
        self.told.append((tenant_id, line))

    @property
    def words(self) -> list[tuple[str, str, str]]:
        """Kind, level and text of each."""
        return [(line.kind, line.level, line.text) for _, line in self.told]


async def tell_steadily(feed: Teller, tenant: UUID, words: str, *, per_s: int, for_s: float) -> int:
    """Numbered lines; returns how many. After a machine stood still they come all the same, faster."""
    began, told, wanted = time.monotonic(), 0, round(per_s * for_s)
    while told < wanted:
        due = min(wanted, told + per_s // TURNS_PER_S)
        for number in range(told, due):
            feed.tell(tenant, Line("run.progress", f"{words} {number}"))
        told = due
        await asyncio.sleep(max(0.0, began + told / per_s - time.monotonic()))
    return told
