"""Modals and App Homes: one row each, changed only by who knows the last hash.

Source: https://docs.slack.dev/surfaces/modals
"""

import json
import secrets
from typing import Literal

from oblivion_sandbox.clock import now_us
from oblivion_sandbox.json_values import as_object, as_objects
from oblivion_sandbox.slack.blocks import check_blocks
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.workspace import Workspace, slack_id
from oblivion_sandbox.store import Json, Row, Store, dumps

MOST_BLOCKS = 100
MOST_TITLE = 24
MOST_METADATA = 3000
MOST_STACKED = 3
MOST_CHARACTERS = 250_000

Kind = Literal["modal", "home"]


def checked_view(view: object, kind: Kind) -> Json:
    """The view as it will be stored.

    Raises:
        SlackError: invalid_arguments with the faults, view_too_large, or invalid_blocks.
    """
    known = as_object(view)
    faults = [] if known.get("type") == kind else [f"must be of type {kind} [json-pointer:/view/type]"]
    if kind == "modal":
        for name, required in (("title", True), ("submit", False), ("close", False)):
            faults += _text_faults(known.get(name), name, required=required)
    for name, most in (("private_metadata", MOST_METADATA), ("callback_id", 255), ("external_id", 255)):
        if len(str(known.get(name) or "")) > most:
            faults.append(f"must be less than {most + 1} characters [json-pointer:/view/{name}]")
    has_inputs = any(block.get("type") == "input" for block in as_objects(known.get("blocks")))
    if has_inputs and kind == "modal" and not known.get("submit"):
        faults.append("`submit` is required when an `input` block is in the view [json-pointer:/view]")
    if faults:
        raise SlackError(
            "invalid_arguments", response_metadata={"messages": [f"[ERROR] {each}" for each in faults]}
        )
    if len(dumps(known)) > MOST_CHARACTERS:
        raise SlackError("view_too_large")
    return known | {"blocks": check_blocks(known.get("blocks"), most=MOST_BLOCKS)}


def _text_faults(text: object, name: str, *, required: bool) -> list[str]:
    if text is None:
        return [f"missing required field: {name} [json-pointer:/view]"] if required else []
    known = as_object(text)
    if known.get("type") != "plain_text" or not known.get("text"):
        return [f"must provide a plain_text object [json-pointer:/view/{name}]"]
    too_long = len(str(known["text"])) > MOST_TITLE
    return (
        [f"must be less than {MOST_TITLE + 1} characters [json-pointer:/view/{name}/text]"]
        if too_long
        else []
    )


class Views:
    """Every view that was shown; a closed modal keeps its row."""

    def __init__(self, store: Store, workspace: Workspace) -> None:
        self._store = store
        self._workspace = workspace

    def open(self, user: str, view: object, previous: str | None = None) -> Row:
        """Show a modal, on top of another if there is one already.

        Raises:
            SlackError: the view's faults, duplicate_external_id or push_limit_reached.
        """
        body = checked_view(view, "modal")
        if previous is not None and len(self.stack(user)) >= MOST_STACKED:
            raise SlackError("push_limit_reached")
        if previous is None:
            self.close_all(user)
        return self._insert("modal", user, body, previous)

    def publish(self, user: str, view: object, known_hash: str = "") -> Row:
        """Show a person's App Home.

        Raises:
            SlackError: the view's faults, or hash_conflict when it changed meanwhile.
        """
        body = checked_view(view, "home")
        row = self.home(user)
        if row is None:
            return self._insert("home", user, body, None)
        return self._replace(row, body, known_hash)

    def update(self, view_id: str, external_id: str, view: object, known_hash: str = "") -> Row:
        row = self.find(view_id, external_id)
        return self._replace(row, checked_view(view, row["kind"]), known_hash)

    def find(self, view_id: str, external_id: str = "") -> Row:
        """An open view by either id.

        Raises:
            SlackError: not_found.
        """
        row = self._store.one(
            "SELECT * FROM slack_views WHERE state = 'open'"
            " AND (id = ? OR (external_id <> '' AND external_id = ?))",
            *(view_id, external_id),
        )
        if row is None:
            raise SlackError("not_found")
        return row

    def home(self, user: str) -> Row | None:
        return self._store.one("SELECT * FROM slack_views WHERE kind = 'home' AND user = ?", user)

    def stack(self, user: str) -> list[Row]:
        """The open modals of a person, the topmost last."""
        return self._store.all(
            "SELECT * FROM slack_views WHERE kind = 'modal' AND user = ? AND state = 'open'"
            " ORDER BY opened_us",
            user,
        )

    def close(self, row: Row) -> None:
        with self._store.write():
            self._store.touch("slack")
            self._store.run("UPDATE slack_views SET state = 'closed' WHERE id = ?", row["id"])

    def close_all(self, user: str) -> None:
        for row in self.stack(user):
            self.close(row)

    def _insert(self, kind: Kind, user: str, body: Json, previous: str | None) -> Row:
        view_id, external_id = slack_id("V"), str(body.get("external_id") or "")
        taken = self._store.one(
            "SELECT 1 FROM slack_views WHERE external_id = ? AND external_id <> '' AND state = 'open'",
            external_id,
        )
        if taken is not None:
            raise SlackError("duplicate_external_id")
        with self._store.write():
            self._store.touch("slack")
            self._store.run(
                "INSERT INTO slack_views (id, kind, user, external_id, hash, previous_id, state, body,"
                " opened_us) VALUES (?, ?, ?, ?, ?, ?, 'open', ?, ?)",
                *(view_id, kind, user, external_id, _new_hash(), previous, dumps(body), now_us()),
            )
        return self.find(view_id)

    def _replace(self, row: Row, body: Json, known_hash: str) -> Row:
        if known_hash and known_hash != row["hash"]:
            raise SlackError("hash_conflict")
        with self._store.write():
            self._store.touch("slack")
            self._store.run(
                "UPDATE slack_views SET body = ?, hash = ?, external_id = ? WHERE id = ?",
                *(dumps(body), _new_hash(), str(body.get("external_id") or ""), row["id"]),
            )
        return self.find(row["id"])

    def as_json(self, row: Row, values: Json | None = None) -> Json:
        """A view object as answers and payloads carry it."""
        body: Json = json.loads(row["body"])
        app = self._workspace.app
        defaults: Json = {"title": {"type": "plain_text", "text": "View Title", "emoji": True}}
        return {
            "id": row["id"],
            "team_id": app.team_id,
            **defaults,
            "close": None,
            "submit": None,
            "callback_id": "",
            "private_metadata": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **body,
            "state": {"values": values or {}},
            "hash": row["hash"],
            "previous_view_id": row["previous_id"],
            "root_view_id": row["previous_id"] or row["id"],
            "app_id": app.app_id,
            "app_installed_team_id": app.team_id,
            "external_id": row["external_id"] or "",
            "bot_id": app.bot_id,
        }


def _new_hash() -> str:
    return f"{now_us() // 1_000_000}.{secrets.token_hex(4)}"
