"""The one way in which an outside event enters Oblivion: prove, commit, then hint to the queue."""

from collections.abc import Sequence

from oblivion_contracts.jobs import TRACEPARENT_PATTERN
from oblivion_ingestion.domain.deliveries import (
    CONTENT_TYPE_MAX_CHARS,
    Delivery,
    EventFacts,
    InboundEvent,
    Secret,
    Transport,
    storable,
)
from oblivion_ingestion.errors import SenderUnknown, SignatureRejected
from oblivion_ingestion.ports import Inbox, Relay, Secrets
from oblivion_ingestion.sources import Claim, Source
from oblivion_platform.event_id import event_id
