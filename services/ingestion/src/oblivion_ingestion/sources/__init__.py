"""The plug for sources: one file each, listed in `bootstrap`.

A source finds out of an unverified delivery which secrets could prove it (`Claim.keys`), how (`Claim.proof`),
and, once it is proven, which event it is (`Claim.facts`). It does no I/O and is asked in that order.
"""

from collections.abc import Sequence
from typing import Protocol

from oblivion_ingestion.domain.deliveries import Delivery, EventFacts, Secret, SecretKey
from oblivion_ingestion.domain.signatures import HmacProof


class Claim(Protocol):
    """What a delivery says of itself before it is proven."""

    @property
    def keys(self) -> Sequence[SecretKey]:
        """Secrets that would prove it and say whose it is; the first key that has any decides."""
        ...

    @property
    def witnesses(self) -> Sequence[SecretKey]:
        """Secrets that would prove that it is genuine, though not whose it is: it is then ignored."""
        ...

    @property
    def proof(self) -> HmacProof: ...

    @property
    def reply(self) -> bytes | None:
        """What a handshake is answered with, once proven; it is not stored. None: an event."""
        ...

    def facts(self, secret: Secret) -> EventFacts:
        """Which event it is, now that `secret` has proven it.

        Raises:
            DeliveryMalformed: a field has a type that it cannot have.
        """
        ...


class Source(Protocol):
    """One kind of sender."""

    @property
    def name(self) -> str: ...

    def read(self, delivery: Delivery) -> Claim:
        """Raises SignatureRejected, DeliveryMalformed or MalformedBody before any secret is looked up."""
        ...
