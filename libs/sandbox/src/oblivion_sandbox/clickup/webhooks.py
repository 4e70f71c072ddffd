"""Webhooks: who is told of which change, and how their health is kept.

Five tries an event; an event that none of them delivered adds one to `fail_count`, a success clears
it; at 100, or at once on a 410, the webhook is suspended and hears nothing more until it is
re-activated. Source: https://developer.clickup.com/docs/webhookhealth
"""

import hashlib
import hmac
import json
import secrets
import uuid
from typing import Any, cast

from oblivion_sandbox.clickup.errors import ClickUpError, invalid, not_found
from oblivion_sandbox.clickup.history import EVENTS
from oblivion_sandbox.clickup.space import Space
from oblivion_sandbox.deliveries import Courier, Delivery, Outcome
from oblivion_sandbox.outgoing import Outgoing
from oblivion_sandbox.store import Json, Row, Store, dumps

DEADLINE_S = 7.0
# Five tries in all. ClickUp does not publish the waits; these are of the order seen.
RETRY_WAITS_S = (1.0, 5.0, 30.0, 60.0)
SUSPENDED_AT = 100
_PLACES = ("space_id", "folder_id", "list_id", "task_id")


def webhook_signature(secret: str, body: bytes) -> str:
    """The X-Signature of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhooks:
    """The webhooks of the workspace."""

    def __init__(self, store: Store, space: Space, courier: Courier) -> None:
        self._store = store
        self._space = space
        self._courier = courier

    def create(self, user_id: int, wanted: Json) -> Json:
        """Register an endpoint; the secret is made here and shown to its owner alone.

        Raises:
            ClickUpError: no endpoint, unknown events, or the same webhook exists.
        """
        endpoint = str(wanted.get("endpoint") or "")
        if not endpoint:
            raise invalid("Webhook endpoint required", "OAUTH_170")
        events = _checked_events(wanted.get("events"))
        places = [_place(wanted, name) for name in _PLACES]
        same = self._store.one(
            "SELECT 1 FROM clickup_webhooks WHERE user_id = ? AND endpoint = ? AND events = ?"
            " AND space_id IS ? AND folder_id IS ? AND list_id IS ? AND task_id IS ?",
            *(user_id, endpoint, dumps(events), *places),
        )
        if same is not None:
            raise ClickUpError(400, "Webhook configuration already exists", "OAUTH_171")
        webhook_id = str(uuid.uuid4())
        secret = secrets.token_hex(32).upper()
        with self._store.write():
            self._store.run(
                "INSERT INTO clickup_webhooks (id, user_id, endpoint, events, space_id, folder_id, list_id,"
                " task_id, secret) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(webhook_id, user_id, endpoint, dumps(events), *places, secret),
            )
        return self.as_json(self.get(webhook_id))

    def get(self, webhook_id: str) -> Row:
        row = self._store.one("SELECT * FROM clickup_webhooks WHERE id = ?", webhook_id)
        if row is None:
            raise not_found("Webhook")
        return row

    def all(self, user_id: int | None = None) -> list[Row]:
        return self._store.all(
            "SELECT * FROM clickup_webhooks WHERE ? IS NULL OR user_id = ? ORDER BY rowid", user_id, user_id
        )

    def change(self, webhook_id: str, wanted: Json) -> Json:
        """Change endpoint, events or status; `active` forgives all failures."""
        row = self.get(webhook_id)
        events = _checked_events(wanted["events"]) if wanted.get("events") else json.loads(row["events"])
        status = str(wanted.get("status") or row["status"])
        if status not in ("active", "failing", "suspended", "inactive"):
            raise invalid("Webhook status invalid", "OAUTH_172")
        fail_count = (
            0 if wanted.get("status") == "active" else int(wanted.get("fail_count", row["fail_count"]))
        )
        with self._store.write():
            self._store.run(
                "UPDATE clickup_webhooks SET endpoint = ?, events = ?, status = ?, fail_count = ?"
                " WHERE id = ?",
                *(
                    str(wanted.get("endpoint") or row["endpoint"]),
                    dumps(events),
                    status,
                    fail_count,
                    webhook_id,
                ),
            )
        return self.as_json(self.get(webhook_id))

    def delete(self, webhook_id: str) -> None:
        self.get(webhook_id)
        with self._store.write():
            self._store.run("DELETE FROM clickup_webhooks WHERE id = ?", webhook_id)

    def as_json(self, row: Row) -> Json:
        return {
            "id": row["id"],
            "userid": row["user_id"],
            "team_id": int(self._space.team["id"]),
            "endpoint": row["endpoint"],
            "client_id": None,
            "events": json.loads(row["events"]),
            "task_id": row["task_id"],
            "list_id": _number(row["list_id"]),
            "folder_id": _number(row["folder_id"]),
            "space_id": _number(row["space_id"]),
            "health": {"status": row["status"], "fail_count": row["fail_count"]},
            "secret": row["secret"],
        }

    def tell(self, event: str, task_id: str, list_id: str, items: list[Json] | None) -> None:
        """Owe an event to every webhook that listens, is not suspended, and has an owner who is not gone."""
        for row in self._listeners(event, task_id, list_id):
            payload: Json = {"event": event}
            if items is not None:
                payload["history_items"] = items
            payload |= {"task_id": task_id, "webhook_id": row["id"]}
            event_id = items[0]["id"] if items else f"{event}:{task_id}"
            self._courier.enqueue(row["id"], event_id, event, dumps(payload))

    def _listeners(self, event: str, task_id: str, list_id: str) -> list[Row]:
        rows = self._store.all(
            "SELECT w.* FROM clickup_webhooks w JOIN clickup_users u ON u.id = w.user_id"
            " WHERE w.status IN ('active', 'failing') AND NOT u.disabled ORDER BY w.rowid"
        )
        if not rows:
            return []
        place = self._space.list(list_id)
        here = {
            "space_id": place["space_id"],
            "folder_id": place["folder_id"],
            "list_id": list_id,
            "task_id": task_id,
        }
        return [
            row
            for row in rows
            if event in json.loads(row["events"])
            and all(row[name] is None or row[name] == here[name] for name in _PLACES)
        ]

    # Health

    def failed(self, webhook_id: str, *, gone: bool) -> None:
        """Count an event that could not be delivered."""
        self._store.run(
            "UPDATE clickup_webhooks SET fail_count = fail_count + 1,"
            " status = CASE WHEN ? OR fail_count + 1 >= ? THEN 'suspended' ELSE 'failing' END WHERE id = ?",
            *(gone, SUSPENDED_AT, webhook_id),
        )

    def recovered(self, webhook_id: str) -> None:
        self._store.run(
            "UPDATE clickup_webhooks SET fail_count = 0, status = 'active'"
            " WHERE id = ? AND status IN ('active', 'failing') AND (fail_count > 0 OR status = 'failing')",
            webhook_id,
        )


class ClickUpCarrier:
    """Sends one event to its webhook, signed with that webhook's own secret."""

    def __init__(self, store: Store, webhooks: Webhooks, outgoing: Outgoing) -> None:
        self._store = store
        self._webhooks = webhooks
        self._outgoing = outgoing

    async def carry(self, delivery: Delivery) -> Outcome:
        row = self._store.one(
            "SELECT w.endpoint, w.secret, w.status, u.disabled FROM clickup_webhooks w"
            " JOIN clickup_users u ON u.id = w.user_id WHERE w.id = ?",
            delivery.target,
        )
        if row is None or row["status"] == "suspended" or row["disabled"]:
            return Outcome(ok=False, error="not_sent", final=True)
        body = delivery.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "axios/1.2.4",
            "X-Signature": webhook_signature(row["secret"], body),
        }
        answer = await self._outgoing.post(row["endpoint"], body, headers, DEADLINE_S)
        error = None if answer.ok else answer.error or f"http_{answer.status}"
        return Outcome(answer.ok, answer.status, error, final=answer.status == 410)

    def gave_up(self, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.error != "not_sent":
            self._webhooks.failed(delivery.target, gone=outcome.status == 410)

    def succeeded(self, delivery: Delivery) -> None:
        self._webhooks.recovered(delivery.target)


def _checked_events(events: object) -> list[str]:
    if events == "*" or events == ["*"]:
        return list(EVENTS)
    if isinstance(events, str):
        events = [events]
    if not isinstance(events, list) or not events:
        raise invalid("Webhook events required", "OAUTH_173")
    unknown = [event for event in cast("list[Any]", events) if event not in EVENTS]
    if unknown:
        raise invalid("Webhook event invalid", "OAUTH_174")
    return cast("list[str]", events)


def _place(wanted: Json, name: str) -> str | None:
    """The id of the place that a webhook is limited to; all but tasks have numbers."""
    value = str(wanted.get(name) or "")
    if value and name != "task_id" and not (value.isascii() and value.isdigit()):
        raise invalid("Webhook location invalid", "OAUTH_175")
    return value or None


def _number(value: str | None) -> int | None:
    return None if value is None else int(value)
