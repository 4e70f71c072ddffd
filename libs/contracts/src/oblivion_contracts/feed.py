"""The live feed: what happens in a tenant, as lines, and how they come over the Socket.IO namespace `/admin`.

A line names things by their ids, codes and names; it never holds what people or agents wrote, nor a secret.
Client to server: `follow` with `FollowFeed`. Server to client: `lines` with `FeedBatch`, each to be
acknowledged before the next one comes, and `end` with `FeedEnd`, after which the server cuts the connection.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from oblivion_contracts.model import Contract

FEED_NAMESPACE = "/admin"
FEED_TEXT_MAX = 300

FeedCursor = Annotated[str, Field(pattern=r"^[0-9]{1,19}-[0-9]{1,19}$")]
"""Where a line stands in its tenant's feed: the id of a Redis stream's entry, two numbers of 64 bits."""
FEED_START = "0-0"
"""Before the first line."""

FeedLevel = Literal["info", "notice", "warning", "error"]
FeedSource = Literal["gateway", "router-worker", "mcp-hub", "cli"]
FeedKind = Literal[
    "event.handled",
    "event.failed",
    "event.dead",
    "effect.sent",
    "effect.postponed",
    "effect.failed",
    "effect.dead",
    "run.queued",
    "run.routed",
    "run.waiting",
    "run.assigned",
    "run.started",
    "run.progress",
    "run.message",
    "run.delegated",
    "run.notice",
    "run.ended",
    "approval.asked",
    "approval.answered",
    "agent.online",
    "agent.offline",
    "agent.muted",
    "agent.unmuted",
    "tool.called",
    "tool.failed",
    "tool.refused",
    "breaker.opened",
    "breaker.closed",
    "feed.gap",
]
"""What happened. `feed.gap`: the source could not write `dropped` lines that belong about here."""


class FeedLine(Contract):
    """One thing that happened."""

    cursor: FeedCursor
    at: datetime
    level: FeedLevel
    source: FeedSource
    kind: FeedKind
    text: Annotated[str, Field(max_length=FEED_TEXT_MAX)]
    event_id: UUID | None = None
    run_id: UUID | None = None
    agent_id: UUID | None = None
    connection_id: UUID | None = None
    dropped: Annotated[int, Field(ge=0)] = 0


class FollowFeed(Contract):
    """Begin after that line; None: with the newest there are."""

    after: FeedCursor | None = None


class FeedBatch(Contract):
    """The next lines, in order."""

    cursor: FeedCursor
    """To follow after this batch."""
    lines: list[FeedLine]
    has_gap: bool = False
    """Lines between the cursor that was asked for and the first of these are not kept any more."""


class FeedEnd(Contract):
    """Why nothing more comes; connecting again helps only when `passes`."""

    code: str
    detail: str
    passes: bool = False
