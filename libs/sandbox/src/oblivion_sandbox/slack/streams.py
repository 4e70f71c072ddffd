"""Streamed messages: begun, added to, stopped; dead about five minutes after their beginning.

A message's blocks are made again from all that was streamed: text joined, tasks by id (title and status
replace, details and output add). Source: https://docs.slack.dev/reference/methods/chat.startStream
"""

import json
from dataclasses import dataclass

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.json_values import as_list, as_object, as_objects
from oblivion_sandbox.slack.blocks import MOST_TASK_TITLE, TASK_STATUSES, check_blocks
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import Messages
from oblivion_sandbox.slack.text import as_stored
from oblivion_sandbox.slack.workspace import Workspace
from oblivion_sandbox.store import Json, Row, Store, dumps

MOST_CHARACTERS = 12_000


@dataclass(frozen=True)
class Addition:
    """What one call adds: chunks, of which plain markdown text is one kind."""

    chunks: list[Json]

    @classmethod
    def of(cls, markdown_text: str, chunks: object) -> "Addition":
        """The chunks of a call.

        Raises:
            SlackError: msg_too_long, invalid_chunks, or the error of a faulty block.
        """
        given = as_list(chunks)
        if chunks and len(as_objects(given)) != len(given):
            raise SlackError("invalid_chunks")
        text = [{"type": "markdown_text", "text": markdown_text}] if markdown_text else []
        return cls([_checked(chunk) for chunk in [*text, *as_objects(given)]])


def _checked(chunk: Json) -> Json:
    kind = chunk.get("type")
    if kind == "markdown_text" and isinstance(chunk.get("text"), str):
        if len(chunk["text"]) > MOST_CHARACTERS:
            raise SlackError("msg_too_long")
        return chunk
    if kind == "plan_update" and isinstance(chunk.get("title"), str):
        return chunk
    if kind == "blocks":
        return {"type": "blocks", "blocks": check_blocks(chunk.get("blocks"))}
    valid_task = isinstance(chunk.get("id"), str) and chunk.get("status") in TASK_STATUSES
    if kind == "task_update" and valid_task and 0 < len(str(chunk.get("title", ""))) <= MOST_TASK_TITLE:
        return chunk
    raise SlackError("invalid_chunks")


class Streams:
    """The streams of all messages, running or not."""

    def __init__(self, store: Store, workspace: Workspace, messages: Messages) -> None:
        self._store = store
        self._workspace = workspace
        self._messages = messages

    def begin(self, channel: str, ts: str, addition: Addition, *, plan: bool) -> None:
        """Make a posted message a stream; part of the transaction that posts it."""
        until_ms = now_ms() + int(self._workspace.app.stream_life_s * 1000)
        self._store.run(
            "INSERT INTO slack_streams (channel, ts, state, plan, until_ms, content)"
            " VALUES (?, ?, 'running', ?, ?, '[]')",
            *(channel, ts, plan, until_ms),
        )
        self._extend(channel, ts, addition)

    def add(self, channel: str, ts: str, addition: Addition) -> None:
        """Add to a running stream.

        Raises:
            SlackError: message_not_found, stopped_by_user or message_not_in_streaming_state.
        """
        with self._store.write():
            self.running(channel, ts)
            self._extend(channel, ts, addition)

    def finish(self, channel: str, ts: str, addition: Addition) -> None:
        """End a stream with its last words; what was streamed stays as the message."""
        self.running(channel, ts)
        self._extend(channel, ts, addition)
        self._set_state(channel, ts, "finished")

    def running(self, channel: str, ts: str) -> Row:
        self._messages.get(channel, ts)
        row = self.get(channel, ts)
        if row is not None and row["state"] == "stopped":
            raise SlackError("stopped_by_user")
        if row is None or row["state"] != "running" or row["until_ms"] <= now_ms():
            raise SlackError("message_not_in_streaming_state")
        return row

    def get(self, channel: str, ts: str) -> Row | None:
        return self._store.one("SELECT * FROM slack_streams WHERE channel = ? AND ts = ?", channel, ts)

    def is_running(self, channel: str, ts: str) -> bool:
        row = self.get(channel, ts)
        return row is not None and row["state"] == "running" and row["until_ms"] > now_ms()

    def is_broken(self, channel: str, ts: str) -> bool:
        """A stream that died before it was finished looks broken until the message is rewritten."""
        row = self.get(channel, ts)
        return row is not None and row["state"] == "running" and row["until_ms"] <= now_ms()

    def rewritten(self, channel: str, ts: str) -> None:
        """The message was edited: nothing of a dead stream is left to see."""
        if self.get(channel, ts) is not None:
            self._set_state(channel, ts, "finished")

    def stop_all(self, channel: str, thread_ts: str) -> list[str]:
        """End the running streams of a thread at a person's wish; returns their messages."""
        rows = self._store.all(
            "SELECT s.ts FROM slack_streams s JOIN slack_messages m ON m.channel = s.channel AND m.ts = s.ts"
            " WHERE s.channel = ? AND m.thread_ts = ? AND s.state = 'running' AND s.until_ms > ?"
            " ORDER BY s.ts",
            *(channel, thread_ts, now_ms()),
        )
        for row in rows:
            self._set_state(channel, row["ts"], "stopped")
        return [row["ts"] for row in rows]

    def _set_state(self, channel: str, ts: str, state: str) -> None:
        self._store.touch("slack")
        self._store.run("UPDATE slack_streams SET state = ? WHERE channel = ? AND ts = ?", state, channel, ts)

    def _extend(self, channel: str, ts: str, addition: Addition) -> None:
        stream = self.get(channel, ts)
        assert stream is not None  # noqa: S101  # checked by the callers
        content = _joined(json.loads(stream["content"]), addition.chunks)
        self._store.run(
            "UPDATE slack_streams SET content = ? WHERE channel = ? AND ts = ?", dumps(content), channel, ts
        )
        row = self._messages.get(channel, ts)
        self._messages.complete(row, json.loads(row["body"]) | _rendered(content, plan=bool(stream["plan"])))
        self._store.touch("slack")


def _joined(content: list[Json], chunks: list[Json]) -> list[Json]:
    """Chunks after those before, text that continues text in one with it."""
    for chunk in chunks:
        both_text = content and content[-1]["type"] == chunk["type"] == "markdown_text"
        if both_text:
            content[-1]["text"] += chunk["text"]
        else:
            content.append(dict(chunk))
    return content


def _rendered(content: list[Json], *, plan: bool) -> Json:
    """Text and blocks of all that was streamed so far."""
    blocks: list[Json] = []
    tasks: dict[str, Json] = {}
    for chunk in content:
        if chunk["type"] == "markdown_text":
            _add_text(blocks, chunk["text"])
        elif chunk["type"] == "blocks":
            blocks += chunk["blocks"]
        elif chunk["type"] == "task_update":
            known = tasks.get(chunk["id"])
            tasks[chunk["id"]] = card = _card(known or {}, chunk)
            if known is None and not plan:
                blocks.append(card)
    if plan and tasks:
        titles = [chunk["title"] for chunk in content if chunk["type"] == "plan_update"]
        title = titles[-1] if titles else "Working on it"
        blocks.insert(0, {"type": "plan", "block_id": "plan", "title": title, "tasks": list(tasks.values())})
    text = "\n".join(block["text"] for block in blocks if block["type"] == "markdown")
    return {"text": as_stored(text), "blocks": blocks}


def _add_text(blocks: list[Json], text: str) -> None:
    if blocks and blocks[-1]["type"] == "markdown":
        blocks[-1]["text"] += text
    else:
        blocks.append({"type": "markdown", "block_id": f"text{len(blocks)}", "text": text})


def _card(card: Json, chunk: Json) -> Json:
    """The task's card changed in place: title and status replace, details and output add."""
    card |= {"type": "task_card", "block_id": f"task-{chunk['id']}", "task_id": chunk["id"]}
    card |= {"title": chunk["title"], "status": chunk["status"]}
    for name in ("details", "output"):
        if chunk.get(name):
            card[name] = _rich(_plain(card.get(name)) + str(chunk[name]))
    if chunk.get("sources"):
        card["sources"] = as_objects(chunk["sources"])
    return card


def _rich(text: str) -> Json:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def _plain(rich: object) -> str:
    """The text of such a rich_text."""
    sections = as_objects(as_object(rich).get("elements"))
    return "".join(str(run.get("text", "")) for each in sections for run in as_objects(each.get("elements")))
