"""What threads show besides messages: agent sessions with their Stop, passing statuses, suggested prompts."""

import json
from typing import Any

from oblivion_sandbox.clock import now_ms, now_us
from oblivion_sandbox.slack.events import Events
from oblivion_sandbox.slack.streams import Streams
from oblivion_sandbox.slack.workspace import Workspace
from oblivion_sandbox.store import Json, Row, Store, dumps


class Sessions:
    """The sessions of all threads; a status changes only when the app says so."""

    def __init__(self, store: Store, workspace: Workspace, events: Events, streams: Streams) -> None:
        self._store = store
        self._workspace = workspace
        self._events = events
        self._streams = streams

    def session(self, channel: str, thread_ts: str) -> Row | None:
        return self._store.one(
            "SELECT * FROM slack_sessions WHERE channel = ? AND thread_ts = ?", channel, thread_ts
        )

    def all(self) -> list[Row]:
        return self._store.all("SELECT * FROM slack_sessions ORDER BY channel, thread_ts")

    def set_status(self, channel: str, thread_ts: str, status: str, title: str = "") -> Row:
        """Create the session or change its status; a title counts for a new one alone."""
        with self._store.write():
            self._store.touch("slack")
            self._store.run(
                "INSERT INTO slack_sessions (channel, thread_ts, status, title) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (channel, thread_ts) DO UPDATE SET status = excluded.status",
                *(channel, thread_ts, status, title),
            )
        session = self.session(channel, thread_ts)
        assert session is not None  # noqa: S101  # written above
        return session

    def rename(self, channel: str, thread_ts: str, title: str) -> None:
        with self._store.write():
            self._store.touch("slack")
            self._store.run(
                "INSERT INTO slack_sessions (channel, thread_ts, status, title) VALUES (?, ?, 'active', ?)"
                " ON CONFLICT (channel, thread_ts) DO UPDATE SET title = excluded.title",
                *(channel, thread_ts, title),
            )

    def stop(self, channel: str, thread_ts: str, user: str) -> list[str]:
        """A person presses Stop: running streams end, the app is told; the status is the app's to change."""
        with self._store.write():
            stopped = self._streams.stop_all(channel, thread_ts)
            moment = now_us()
            event: Json = {
                "type": "agent_session_stopped",
                "channel": channel,
                "thread_ts": thread_ts,
                "user": user,
                "streaming_message_ts": stopped,
                "event_ts": f"{moment // 1_000_000}.{moment % 1_000_000:06}",
            }
            self._events.send("agent_session_stopped", event)
        return stopped

    # Statuses

    def show_status(self, channel: str, thread_ts: str, status: str, loading: list[str]) -> None:
        until_ms = now_ms() + int(self._workspace.app.status_life_s * 1000)
        with self._store.write():
            self._store.touch("slack")
            self._store.run(
                "INSERT OR REPLACE INTO slack_statuses (channel, thread_ts, status, loading, until_ms)"
                " VALUES (?, ?, ?, ?, ?)",
                *(channel, thread_ts, status, dumps(loading), until_ms),
            )

    def clear_status(self, channel: str, thread_ts: str) -> None:
        """What a message of the app does to the thread's status."""
        self._store.run("DELETE FROM slack_statuses WHERE channel = ? AND thread_ts = ?", channel, thread_ts)

    def status(self, channel: str, thread_ts: str) -> Json | None:
        """The status that is still shown, with its loading messages."""
        row = self._store.one(
            "SELECT * FROM slack_statuses WHERE channel = ? AND thread_ts = ?"
            " AND status <> '' AND until_ms > ?",
            *(channel, thread_ts, now_ms()),
        )
        if row is None:
            return None
        left_s = (row["until_ms"] - now_ms()) / 1000
        return {"status": row["status"], "loading_messages": json.loads(row["loading"]), "left_s": left_s}

    def statuses(self, channel: str) -> Json:
        """What is shown in the threads of a channel, by thread."""
        rows = self._store.all("SELECT thread_ts FROM slack_statuses WHERE channel = ?", channel)
        shown = {row["thread_ts"]: self.status(channel, row["thread_ts"]) for row in rows}
        return {thread_ts: status for thread_ts, status in shown.items() if status is not None}

    # Suggested prompts

    def suggest(self, channel: str, thread_ts: str, title: str, prompts: list[Json]) -> None:
        with self._store.write():
            self._store.touch("slack")
            self._store.run(
                "INSERT OR REPLACE INTO slack_prompts (channel, thread_ts, title, prompts)"
                " VALUES (?, ?, ?, ?)",
                *(channel, thread_ts, title, dumps(prompts)),
            )

    def suggestions(self, channel: str, thread_ts: str = "") -> Json | None:
        row = self._store.one(
            "SELECT * FROM slack_prompts WHERE channel = ? AND thread_ts = ?", channel, thread_ts
        )
        prompts: Any = None if row is None else json.loads(row["prompts"])
        return None if row is None else {"title": row["title"], "prompts": prompts}
