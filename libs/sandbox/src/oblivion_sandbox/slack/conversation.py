"""What people and bots do in channels: each action and its events, in one transaction."""

import json
import uuid
from dataclasses import dataclass

from oblivion_sandbox.clock import now_s, now_us
from oblivion_sandbox.slack.events import Events
from oblivion_sandbox.slack.messages import Draft, Messages
from oblivion_sandbox.slack.rich_text import rich_text_block
from oblivion_sandbox.slack.sessions import Sessions
from oblivion_sandbox.slack.streams import Addition, Streams
from oblivion_sandbox.slack.workspace import Workspace
from oblivion_sandbox.store import Json, Row, Store, dumps

TOMBSTONE_USER = "USLACKBOT"


@dataclass(frozen=True)
class Threads:
    """What there is to see in channels and threads."""

    messages: Messages
    streams: Streams
    sessions: Sessions


class Conversation:
    """The verbs of the workspace."""

    def __init__(self, store: Store, workspace: Workspace, threads: Threads, events: Events) -> None:
        self._store = store
        self._workspace = workspace
        self._messages = threads.messages
        self._streams = threads.streams
        self._sessions = threads.sessions
        self._events = events

    def post(self, draft: Draft) -> Json:
        """Post a message and return its object."""
        with self._store.write():
            row = self._messages.insert(draft)
            message = self._messages.render(row)
            if draft.broadcast and row["thread_ts"] is not None:
                root = self._messages.render(self._messages.get(draft.channel, row["thread_ts"]))
                message |= {"subtype": "thread_broadcast", "root": root}
                self._messages.complete(row, message)
            self._events.message_posted(draft.channel, message)
            if row["thread_ts"] is not None and row["author"] == self._workspace.app.bot_user_id:
                self._sessions.clear_status(draft.channel, row["thread_ts"])
        return message

    def start_stream(self, draft: Draft, addition: Addition, *, plan: bool) -> Json:
        """Post a message that will grow; the app hears of it as of any other."""
        with self._store.write():
            row = self._messages.insert(draft)
            self._streams.begin(draft.channel, row["ts"], addition, plan=plan)
            message = self._messages.render(self._messages.get(draft.channel, row["ts"]))
            self._events.message_posted(draft.channel, message)
            self._sessions.clear_status(draft.channel, row["thread_ts"])
        return message

    def finish_stream(self, row: Row, addition: Addition, metadata: Json) -> Json:
        """End a stream; the app hears of the whole message as of a change."""
        with self._store.write():
            before = self._messages.render(row)
            self._streams.finish(row["channel"], row["ts"], addition)
            grown = self._messages.get(row["channel"], row["ts"])
            if metadata:
                self._messages.complete(grown, json.loads(grown["body"]) | {"metadata": metadata})
            after = self._messages.render(self._messages.get(row["channel"], row["ts"]))
            event_ts = self._messages.next_ts(row["channel"])
            self._events.message_changed(row["channel"], before, after, event_ts)
        return after

    def post_as_person(self, draft: Draft) -> Json:
        """Post as a member would: Slack's client adds an id of its own and the text as a block."""
        body = {
            "user": draft.author,
            "client_msg_id": str(uuid.uuid4()),
            "blocks": [rich_text_block(draft.body["text"])],
            **draft.body,
        }
        return self.post(
            Draft(draft.channel, draft.author, body, draft.thread_ts, draft.broadcast, via=draft.via)
        )

    def edit(self, row: Row, changes: Json, editor: str) -> Json:
        """Replace parts of a message; None removes one."""
        with self._store.write():
            before = self._messages.render(row)
            edited_ts = self._messages.next_ts(row["channel"])
            body = {key: value for key, value in (before | changes).items() if value is not None}
            if changes.get("text", before.get("text")) != before.get("text"):
                body["edited"] = {"user": editor, "ts": f"{edited_ts.partition('.')[0]}.000000"}
            after = self._messages.render(self._messages.change(row, body))
            self._streams.rewritten(row["channel"], row["ts"])
            self._events.message_changed(row["channel"], before, after, edited_ts)
        return after

    def delete(self, row: Row) -> None:
        """Delete a message; a root with replies leaves a tombstone, as in Slack."""
        with self._store.write():
            before = self._messages.render(row)
            event_ts = self._messages.next_ts(row["channel"])
            if self._messages.has_replies(row):
                tombstone = before | {
                    "subtype": "tombstone",
                    "user": TOMBSTONE_USER,
                    "hidden": True,
                    "text": "This message was deleted.",
                }
                for name in (
                    "blocks",
                    "bot_id",
                    "app_id",
                    "bot_profile",
                    "metadata",
                    "client_msg_id",
                    "edited",
                ):
                    tombstone.pop(name, None)
                self._messages.change(row, tombstone)
                self._events.message_changed(row["channel"], before, tombstone, event_ts)
            else:
                self._events.message_deleted(row["channel"], before, event_ts)
            self._messages.mark_deleted(row)

    def react(self, row: Row, name: str, user: str) -> None:
        with self._store.write():
            self._messages.react(row, name, user)
            self._reaction("reaction_added", row, name, user)

    def unreact(self, row: Row, name: str, user: str) -> None:
        with self._store.write():
            self._messages.unreact(row, name, user)
            self._reaction("reaction_removed", row, name, user)

    def _reaction(self, kind: str, row: Row, name: str, user: str) -> None:
        event = {
            "type": kind,
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": row["channel"], "ts": row["ts"]},
            "item_user": row["author"],
            "event_ts": _event_ts(),
        }
        self._events.send(kind, event)

    def join(self, channel: str, user: str, inviter: str | None = None) -> None:
        """Join or be invited: the notice in the channel mentions the newcomer."""
        with self._store.write():
            if self._workspace.is_member(channel, user):
                return
            self._workspace.join(channel, user)
            notice: Json = {
                "subtype": "channel_join",
                "user": user,
                "text": f"<@{user}> has joined the channel",
            }
            if inviter is not None:
                notice["inviter"] = inviter
            self.post(Draft(channel, user, notice, via="person"))
            event: Json = {
                "type": "member_joined_channel",
                "user": user,
                "channel": channel,
                "channel_type": "C",
                "team": self._workspace.app.team_id,
                "event_ts": _event_ts(),
            }
            self._events.send("member_joined_channel", event | ({"inviter": inviter} if inviter else {}))

    def leave(self, channel: str, user: str) -> None:
        """Leave or be removed; the app hears of its own removal."""
        with self._store.write():
            self._workspace.leave(channel, user)
            event = {
                "type": "member_left_channel",
                "user": user,
                "channel": channel,
                "channel_type": "C",
                "team": self._workspace.app.team_id,
                "event_ts": _event_ts(),
            }
            self._events.send("member_left_channel", event)

    def rename(self, channel: str, name: str) -> None:
        with self._store.write():
            self._workspace.change_channel(channel, name=name)
            place = {"id": channel, "name": name, "created": now_s()}
            self._events.send(
                "channel_rename", {"type": "channel_rename", "channel": place, "event_ts": _event_ts()}
            )

    def archive(self, channel: str, user: str) -> None:
        with self._store.write():
            self._workspace.change_channel(channel, archived=True)
            event = {"type": "channel_archive", "channel": channel, "user": user, "event_ts": _event_ts()}
            self._events.send("channel_archive", event)

    def uninstall(self) -> None:
        """Remove the app: its tokens are revoked, and it hears of both one last time."""
        with self._store.write():
            bot = self._workspace.app.bot_user_id
            self._events.send(
                "tokens_revoked", {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [bot]}}
            )
            self._events.send("app_uninstalled", {"type": "app_uninstalled"})
            self._workspace.change_app(installed=False, token_state="revoked")  # noqa: S106  # a state

    def post_ephemeral(self, channel: str, user: str, body: Json) -> str:
        """Show something to one person; no event, not part of the history."""
        with self._store.write():
            ts = self._messages.next_ts(channel)
            self._store.run(
                "INSERT INTO slack_ephemerals (channel, user, ts, body) VALUES (?, ?, ?, ?)",
                *(channel, user, ts, dumps(body)),
            )
            self._store.touch("slack")
        return ts


def _event_ts() -> str:
    moment = now_us()
    return f"{moment // 1_000_000}.{moment % 1_000_000:06}"
