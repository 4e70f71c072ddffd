"""What a ClickUp webhook is, as far as storing it once needs: type, subject, dedupe key, priority.

`taskCreated` comes with a `taskStatusUpdated` of the same history item, so the key is webhook + event +
history items. Their order is not fixed and they may be missing; a repeat of such a body is the same bytes.
So is the second deletion of a task that was restored: after an hour the same bytes count as new. A late
repeat that is taken for new is harmless, since what it leads to is fetched.
Source: https://developer.clickup.com/docs/webhooktaskpayloads.
"""

import hashlib

from oblivion_contracts.jobs import EventPriority
from oblivion_ingestion.domain.deliveries import (
    EVENT_TYPE_MAX_CHARS,
    SUBJECT_MAX_CHARS,
    EventFacts,
    storable,
)
from oblivion_ingestion.domain.shape import JsonObject, objects_at, text_at
from oblivion_ingestion.errors import DeliveryMalformed
from oblivion_platform.event_id import bounded_key

CREATIONS = frozenset({"taskCreated", "taskCommentPosted"})
REPEATS_WITHIN_S = 3600
PLACES = ("list_id", "folder_id", "space_id", "goal_id")


def webhook_facts(payload: JsonObject, body: bytes, received_unix_s: float) -> EventFacts:
    """Facts of a webhook body."""
    webhook_id, event = text_at(payload, "webhook_id"), text_at(payload, "event")
    items = {_id_at(item, "id") for item in objects_at(payload, "history_items")} - {""}
    happening = ",".join(sorted(items)) or _bytes_of_the_hour(body, received_unix_s)
    return EventFacts(
        storable(event, EVENT_TYPE_MAX_CHARS) or "unknown",
        storable(bounded_key(_subject(payload) or f"webhook:{webhook_id}"), SUBJECT_MAX_CHARS),
        bounded_key(f"{webhook_id}:{event}:{happening}"),
        EventPriority.CREATION if event in CREATIONS else EventPriority.CHANGE,
    )


def _bytes_of_the_hour(body: bytes, received_unix_s: float) -> str:
    return f"{hashlib.sha256(body).hexdigest()}:{int(received_unix_s // REPEATS_WITHIN_S)}"


def _subject(payload: JsonObject) -> str:
    if task_id := text_at(payload, "task_id"):
        return f"task:{task_id}"
    for place in PLACES:
        if place_id := _id_at(payload, place):
            return f"{place.removesuffix('_id')}:{place_id}"
    return ""


def _id_at(value: JsonObject, key: str) -> str:
    """ClickUp writes ids as strings, and sometimes as numbers."""
    found = value.get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if found is None or isinstance(found, str):
        return found or ""
    raise DeliveryMalformed("wrong_type")
