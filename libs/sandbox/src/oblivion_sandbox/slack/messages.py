"""Messages as rows, and the message objects that Slack makes of them."""

import json
import re
from dataclasses import dataclass
from typing import Any

from oblivion_sandbox.clock import now_us
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.workspace import Workspace
from oblivion_sandbox.store import Json, Row, Store, dumps

# Made anew by each `render`, so never stored.
_DERIVED = frozenset(
    {
        "reply_count",
        "reply_users_count",
        "latest_reply",
        "reply_users",
        "is_locked",
        "subscribed",
        "reactions",
    }
)

TS = re.compile(r"^[0-9]{1,12}\.[0-9]{6}$")
_HAS_REPLIES = (
    "SELECT 1 FROM slack_messages AS r INDEXED BY slack_threads"
    " WHERE r.channel = m.channel AND r.thread_ts = m.ts AND NOT r.deleted"
)


@dataclass(frozen=True)
class Draft:
    """A message about to be posted; `body` is the message object without its place."""

    channel: str
    author: str
    body: Json
    thread_ts: str | None = None
    broadcast: bool = False
    via: str = "api"


@dataclass(frozen=True)
class Window:
    """Which messages of a channel or thread to read."""

    oldest: str = "0"
    latest: str = "99999999999.999999"
    inclusive: bool = False
    limit: int = 100


class Messages:
    """Every message ever posted; a deleted one keeps its row."""

    def __init__(self, store: Store, workspace: Workspace) -> None:
        self._store = store
        self._workspace = workspace

    def next_ts(self, channel: str) -> str:
        """A timestamp that is later than all others of this channel, and unique in it alone."""
        last = self._store.count("SELECT last_ts_us FROM slack_channels WHERE id = ?", channel)
        moment = max(now_us(), last + 1)
        self._store.run("UPDATE slack_channels SET last_ts_us = ? WHERE id = ?", moment, channel)
        return f"{moment // 1_000_000}.{moment % 1_000_000:06}"

    def insert(self, draft: Draft) -> Row:
        """Store a new message; a reply to a reply joins the thread of its root."""
        root = None if draft.thread_ts is None else self._root(draft.channel, draft.thread_ts)
        ts = self.next_ts(draft.channel)
        body = {"type": "message", "ts": ts, "team": self._workspace.app.team_id, **draft.body}
        if root is not None:
            body |= {"thread_ts": root["ts"], "parent_user_id": root["author"]}
        self._store.run(
            "INSERT INTO slack_messages (channel, ts, thread_ts, broadcast, author, via, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(draft.channel, ts, None if root is None else root["ts"], draft.broadcast),
            *(draft.author, draft.via, dumps(body)),
        )
        self._store.touch("slack")
        return self.get(draft.channel, ts)

    def _root(self, channel: str, thread_ts: str) -> Row:
        row = self._store.one("SELECT * FROM slack_messages WHERE channel = ? AND ts = ?", channel, thread_ts)
        if row is None or (row["deleted"] and not self._replies(channel, thread_ts)):
            raise SlackError("thread_not_found")
        return row if row["thread_ts"] is None else self._root(channel, row["thread_ts"])

    def get(self, channel: str, ts: str) -> Row:
        """A message that is still there.

        Raises:
            SlackError: message_not_found.
        """
        row = self._store.one(
            "SELECT * FROM slack_messages WHERE channel = ? AND ts = ? AND NOT deleted", channel, ts
        )
        if row is None:
            raise SlackError("message_not_found")
        return row

    def find(self, channel: str, ts: str) -> Row | None:
        """A message, be it deleted."""
        return self._store.one("SELECT * FROM slack_messages WHERE channel = ? AND ts = ?", channel, ts)

    def change(self, row: Row, body: Json) -> Row:
        stored = {name: value for name, value in body.items() if name not in _DERIVED}
        if row["thread_ts"] is None:
            stored.pop("thread_ts", None)
        self._store.run(
            "UPDATE slack_messages SET body = ?, revisions = revisions + 1 WHERE channel = ? AND ts = ?",
            *(dumps(stored), row["channel"], row["ts"]),
        )
        self._store.touch("slack")
        return self.get(row["channel"], row["ts"])

    def complete(self, row: Row, body: Json) -> None:
        """Add to a message within the transaction that posts it."""
        self._store.run(
            "UPDATE slack_messages SET body = ? WHERE channel = ? AND ts = ?",
            dumps(body),
            row["channel"],
            row["ts"],
        )

    def mark_deleted(self, row: Row) -> None:
        self._store.run(
            "UPDATE slack_messages SET deleted = 1 WHERE channel = ? AND ts = ?", row["channel"], row["ts"]
        )
        self._store.touch("slack")

    def _replies(self, channel: str, ts: str) -> list[Row]:
        # Left alone, the planner takes the primary key for the order's sake and reads the whole channel.
        return self._store.all(
            "SELECT ts, author FROM slack_messages INDEXED BY slack_threads"
            " WHERE channel = ? AND thread_ts = ? AND NOT deleted ORDER BY ts",
            *(channel, ts),
        )

    def has_replies(self, row: Row) -> bool:
        return row["thread_ts"] is None and bool(self._replies(row["channel"], row["ts"]))

    def render(self, row: Row, *, metadata: bool = True) -> Json:
        """The message object: the body, with the thread's figures on a root and its reactions."""
        message: Json = json.loads(row["body"])
        if not metadata:
            message.pop("metadata", None)
        if row["thread_ts"] is None and (replies := self._replies(row["channel"], row["ts"])):
            message |= _thread_figures(row["ts"], replies)
        if reactions := self.reactions(row["channel"], row["ts"]):
            message["reactions"] = reactions
        return message

    def history(self, channel: str, window: Window) -> tuple[list[Row], bool]:
        """Top-level messages and broadcasts, newest first, and whether there are more.

        A deleted root stays visible as a tombstone while it has replies.
        """
        operators = (">=", "<=") if window.inclusive else (">", "<")
        rows = self._store.all(
            "SELECT * FROM slack_messages AS m WHERE channel = ?"  # noqa: S608
            f" AND ts {operators[0]} ? AND ts {operators[1]} ?"
            f" AND (thread_ts IS NULL OR broadcast) AND (NOT deleted OR EXISTS ({_HAS_REPLIES}))"
            " ORDER BY ts DESC LIMIT ?",
            *(channel, window.oldest, window.latest, window.limit + 1),
        )
        return rows[: window.limit], len(rows) > window.limit

    def thread(self, channel: str, ts: str, window: Window) -> tuple[list[Row], bool]:
        """The root and its replies, oldest first, and whether there are more.

        Raises:
            SlackError: thread_not_found.
        """
        try:
            root = self._root(channel, ts)
        except SlackError:
            raise SlackError("thread_not_found") from None
        operators = (">=", "<=") if window.inclusive else (">", "<")
        rows = self._store.all(
            "SELECT * FROM slack_messages INDEXED BY slack_threads"  # noqa: S608
            " WHERE channel = ? AND thread_ts = ? AND NOT deleted"
            f" AND ts {operators[0]} ? AND ts {operators[1]} ? ORDER BY ts LIMIT ?",
            *(channel, root["ts"], window.oldest, window.latest, window.limit + 1),
        )
        return [root, *rows[: window.limit]], len(rows) > window.limit

    def ever(self, channel: str) -> list[Json]:
        """Every message ever posted in a channel, oldest first, for counting."""
        rows = self._store.all("SELECT * FROM slack_messages WHERE channel = ? ORDER BY ts", channel)
        return [
            {
                "channel": row["channel"],
                "ts": row["ts"],
                "thread_ts": row["thread_ts"],
                "author": row["author"],
                "via": row["via"],
                "revisions": row["revisions"],
                "deleted": bool(row["deleted"]),
                "message": self.render(row),
            }
            for row in rows
        ]

    # Reactions

    def react(self, row: Row, name: str, user: str) -> None:
        existing = self._store.one(
            "SELECT 1 FROM slack_reactions WHERE channel = ? AND ts = ? AND name = ? AND user = ?",
            *(row["channel"], row["ts"], name, user),
        )
        if existing is not None:
            raise SlackError("already_reacted")
        self._store.run(
            "INSERT INTO slack_reactions VALUES (?, ?, ?, ?)", row["channel"], row["ts"], name, user
        )
        self._store.touch("slack")

    def unreact(self, row: Row, name: str, user: str) -> None:
        self._store.run(
            "DELETE FROM slack_reactions WHERE channel = ? AND ts = ? AND name = ? AND user = ?",
            *(row["channel"], row["ts"], name, user),
        )
        self._store.touch("slack")

    def reactions(self, channel: str, ts: str) -> list[Json]:
        by_name: dict[str, list[str]] = {}
        for row in self._store.all(
            "SELECT name, user FROM slack_reactions WHERE channel = ? AND ts = ?", channel, ts
        ):
            by_name.setdefault(row["name"], []).append(row["user"])
        return [{"name": name, "users": users, "count": len(users)} for name, users in by_name.items()]


def _thread_figures(ts: str, replies: list[Row]) -> dict[str, Any]:
    users = list(dict.fromkeys(reply["author"] for reply in replies))
    return {
        "thread_ts": ts,
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "latest_reply": replies[-1]["ts"],
        "reply_users": users[:5],
        "is_locked": False,
        "subscribed": False,
    }
