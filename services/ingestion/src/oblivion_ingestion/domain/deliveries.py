"""The values that pass through ingestion.

NamedTuples: immutable like a frozen dataclass, at a fraction of the cost of making one, and several are
made for every request.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple
from uuid import UUID

Transport = Literal["http", "socket"]

SUBJECT_MAX_CHARS = 200
EVENT_TYPE_MAX_CHARS = 100
CONTENT_TYPE_MAX_CHARS = 100


class Delivery(NamedTuple):
    """One request as it came: nothing in it is proven."""

    body: bytes
    headers: Mapping[bytes, bytes]
    """Names in lower case."""
    integration_id: UUID | None
    """From the path."""
    received_unix_s: float


class SecretKey(NamedTuple):
    """Which secrets could prove a delivery.

    `lookup`: those stored under this lookup key. `integration`: those of this integration.
    `slack_app`: those of this Slack app in whatever team.
    """

    kind: Literal["lookup", "integration", "slack_app"]
    source: str
    value: str


class Secret(NamedTuple):
    """A live signing secret and whose it is."""

    value: bytes
    tenant_id: UUID
    integration_id: UUID
    lookup_key: str


class EventFacts(NamedTuple):
    """What a source reads out of a proven body."""

    event_type: str
    subject: str
    dedupe_key: str
    priority: int


class InboundEvent(NamedTuple):
    """A row of the inbox."""

    id: UUID
    tenant_id: UUID
    integration_id: UUID
    source: str
    facts: EventFacts
    transport: Transport
    content_type: str
    body: bytes
    traceparent: str


def storable(text: str, max_chars: int) -> str:
    """Short enough for its column, and without NUL, which Postgres refuses in text."""
    return text[:max_chars].replace("\x00", "")
