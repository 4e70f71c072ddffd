"""How a decision tells the sender that there is something to send."""

from typing import Protocol
from uuid import UUID


class Kick(Protocol):
    """After the commit; returns at once. What it loses, the sender's sweep finds."""

    def __call__(self, tenant_id: UUID, destination: str, /) -> None: ...
