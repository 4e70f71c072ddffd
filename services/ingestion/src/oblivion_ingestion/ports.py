"""What the use cases need from outside."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from oblivion_ingestion.domain.deliveries import InboundEvent, Secret, SecretKey


class Secrets(Protocol):
    """Where the secrets that prove senders are found."""

    async def find(self, key: SecretKey) -> Sequence[Secret]:
        """The live secrets of `key`; none is an answer too.

        Raises:
            StoreUnavailable: it cannot be known now.
        """
        ...


class Inbox(Protocol):
    """Where events become durable."""

    def commit(self, event: InboundEvent) -> Awaitable[None]:
        """Return once the event is committed, now or at an earlier delivery.

        Raises:
            StoreUnavailable: it may not be.
            DeliveryMalformed: Postgres refuses this very row, and always will.
        """
        ...


class Relay(Protocol):
    """The short way into the queue; what it loses, the sweeper finds."""

    def offer(self, event: InboundEvent) -> None:
        """Pass a committed event on, best effort, without waiting."""
        ...
