"""The one way in which an outside event enters Oblivion: prove, commit, then hint to the queue."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from oblivion_contracts.jobs import EventPriority
from oblivion_ingestion.domain.deliveries import (
    CONTENT_TYPE_MAX_CHARS,
    Delivery,
    EventFacts,
    InboundEvent,
    Secret,
    Transport,
    storable,
)
from oblivion_ingestion.domain.traces import traceparent_of
from oblivion_ingestion.errors import SenderUnknown, SignatureRejected
from oblivion_ingestion.ports import Inbox, Relay, Secrets
from oblivion_ingestion.sources import Claim, Source
from oblivion_platform.event_id import event_id

DEFAULT_CONTENT_TYPE = b"application/json"


class Accepted(NamedTuple):
    """What a proven delivery came to, and what its sender is told."""

    outcome: Literal["accepted", "handshake"]
    reply: bytes = b""


class Received(NamedTuple):
    """A proven payload on its way into the inbox."""

    owner: Secret
    facts: EventFacts
    body: bytes
    content_type: str
    transport: Transport
    traceparent: str


class Intake:
    """Proves deliveries and makes them durable."""

    def __init__(self, secrets: Secrets, inbox: Inbox, relay: Relay) -> None:
        self._secrets = secrets
        self._inbox = inbox
        self._relay = relay

    async def accept(self, source: Source, delivery: Delivery) -> Accepted:
        """Return when the delivery is committed, together with all that wait with it.

        Raises:
            SignatureRejected: no live secret proves it; nothing is stored.
            SenderUnknown: genuine, of a team that is not connected; nothing is stored.
            DeliveryMalformed, MalformedBody: it can never be processed.
            StoreUnavailable: it is not known to be committed.
        """
        claim = source.read(delivery)
        owners = await self._owners(claim)
        if claim.reply is not None:
            return Accepted("handshake", claim.reply)
        content_type = delivery.headers.get(b"content-type", DEFAULT_CONTENT_TYPE).decode("latin-1")
        for owner in owners:
            received = Received(
                owner,
                claim.facts(owner),
                delivery.body,
                storable(content_type, CONTENT_TYPE_MAX_CHARS),
                "http",
                traceparent_of(delivery.headers.get(b"traceparent")),
            )
            await self.record(source.name, received)
        return Accepted("accepted")

    async def record(self, source: str, received: Received) -> None:
        """Return when a proven payload is committed; one seen before is stored no second time.

        Raises:
            StoreUnavailable: it is not known to be committed.
        """
        owner, facts, body, content_type, transport, traceparent = received
        event = InboundEvent(
            event_id(owner.tenant_id, source, facts.dedupe_key),
            owner.tenant_id,
            owner.integration_id,
            source,
            facts,
            transport,
            content_type,
            body,
            traceparent,
        )
        await self._inbox.commit(event)
        if facts.priority != EventPriority.ECHO:  # Those are finished many at once, without a job.
            self._relay.offer(event)

    async def _owners(self, claim: Claim) -> Sequence[Secret]:
        """One proven secret for each integration that the delivery is for: almost always exactly one."""
        for key in claim.keys:
            if secrets := await self._secrets.find(key):
                owners = _proven(claim, secrets)
                if not owners:
                    raise SignatureRejected("signature_wrong")
                if key.kind == "slack_app" and len(owners) > 1 and claim.reply is None:
                    # The body names no team and the app is installed in several: it is nobody's.
                    raise SenderUnknown
                return owners
        for key in claim.witnesses:
            if _proven(claim, await self._secrets.find(key)):
                raise SenderUnknown
        raise SignatureRejected("secret_unknown")


def _proven(claim: Claim, secrets: Sequence[Secret]) -> Sequence[Secret]:
    proven = [secret for secret in secrets if claim.proof.holds_under(secret.value)]
    if len(proven) <= 1:
        return proven
    return list({secret.integration_id: secret for secret in proven}.values())
