"""How a decision tells the sender that there is something to send."""

from typing import Protocol
from uuid import UUID

from oblivion_router_worker.ports.delivery import Sending


class Kick(Protocol):
    """After the commit; returns at once. What it loses, the sender's sweep finds.

    `first`: the effect that is first there, when it was leased as it was decided.
    """

    def __call__(self, tenant_id: UUID, destination: str, first: Sending | None = None, /) -> None: ...
