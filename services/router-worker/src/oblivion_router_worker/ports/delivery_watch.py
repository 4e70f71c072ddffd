"""Who is told how delivery goes: metrics, and nothing that could stop it."""

from collections.abc import Sequence
from typing import Protocol

from oblivion_router_worker.domain.retry import Settlement
from oblivion_router_worker.ports.delivery import DueDestination, Sending


class DeliveryWatch(Protocol):
    def tried(self, sending: Sending, settlement: Settlement, took_s: float) -> None: ...

    def swept(self, due: Sequence[DueDestination]) -> None: ...
