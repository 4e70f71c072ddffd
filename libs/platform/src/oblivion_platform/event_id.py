"""Identities of inbound events: the same happening always gets the same id, however and how often it comes.

Ingestion derives them from webhooks and Socket Mode, the router-worker from what it fetches to fill a gap,
so both must call these functions.
"""

import hashlib
from uuid import UUID

DEDUPE_KEY_MAX_CHARS = 200


def event_id(tenant_id: UUID, source: str, dedupe_key: str) -> UUID:
    """The primary key of the event's row, and the id of its job."""
    digest = hashlib.sha256(f"{tenant_id}|{source}|{dedupe_key}".encode()).digest()
    # Shaped like a name-based UUID, so that every parser takes it.
    return UUID(bytes=digest[:16], version=5)


def bounded_key(key: str) -> str:
    """`key`, or its hash when a sender made it longer than we store: cutting it would merge two events."""
    if len(key) <= DEDUPE_KEY_MAX_CHARS:
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def slack_message_key(team_id: str, channel_id: str, ts: str) -> str:
    """Dedupe key of a posted Slack message.

    The same for its `message` and `app_mention` events, whose event ids differ, and for a fetch from the
    channel's history. `team_id` is the team in which the app is installed, also in shared channels.
    """
    return bounded_key(f"{team_id}:{channel_id}:{ts}")


def slack_edit_key(team_id: str, channel_id: str, ts: str, edited_ts: str) -> str:
    """Dedupe key of one edit of a Slack message."""
    return bounded_key(f"{team_id}:{channel_id}:{ts}:edit:{edited_ts}")


def slack_deletion_key(team_id: str, channel_id: str, deleted_ts: str) -> str:
    """Dedupe key of the deletion of a Slack message."""
    return bounded_key(f"{team_id}:{channel_id}:{deleted_ts}:deleted")
