"""Comments on tasks: rows that stay, changes that owe their webhook events."""

import json

from oblivion_sandbox.clickup.errors import ClickUpError, invalid
from oblivion_sandbox.clickup.history import Moment, comment_item
from oblivion_sandbox.clickup.richtext import checked_blocks, comment_blocks, comment_text
from oblivion_sandbox.clickup.space import Space
from oblivion_sandbox.clickup.tasks import Tasks
from oblivion_sandbox.clickup.webhooks import Webhooks
from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.store import Json, Row, Store, dumps

PAGE_COMMENTS = 25


class Comments:
    """Every comment ever written; a deleted one keeps its row."""

    def __init__(self, store: Store, space: Space, tasks: Tasks, webhooks: Webhooks) -> None:
        self._store = store
        self._space = space
        self._tasks = tasks
        self._webhooks = webhooks

    def post(self, task_id: str, user_id: int, fields: Json, via: str = "api") -> tuple[Row, str]:
        """Write a comment; returns its row and the id of its history item."""
        task = self._tasks.get(task_id)
        blocks = _blocks(fields)
        moment = now_ms()
        with self._store.write():
            self._store.touch("clickup")
            comment_id = self._store.run(
                "INSERT INTO clickup_comments (task_id, user_id, created_ms, updated_ms, via, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                *(task_id, user_id, moment, moment, via, dumps({"comment": blocks, "resolved": False})),
            )
            item = self._tell("taskCommentPosted", self.get(comment_id), task, moment, user_id)
        return self.get(comment_id), item["id"]

    def edit(self, comment_id: int, user_id: int, fields: Json) -> Row:
        """Change text or the resolved mark; the event is the same shape as for a new comment."""
        row = self.get(comment_id)
        body: Json = json.loads(row["body"])
        if "comment" in fields or "comment_text" in fields:
            body["comment"] = _blocks(fields)
        if "resolved" in fields:
            body["resolved"] = bool(fields["resolved"])
        moment = now_ms()
        with self._store.write():
            self._store.touch("clickup")
            self._store.run(
                "UPDATE clickup_comments SET body = ?, updated_ms = ? WHERE id = ?",
                dumps(body),
                moment,
                comment_id,
            )
            task = self._tasks.get(row["task_id"])
            self._tell("taskCommentUpdated", self.get(comment_id), task, moment, user_id)
        return self.get(comment_id)

    def delete(self, comment_id: int) -> None:
        """Delete a comment; ClickUp sends no event for that."""
        self.get(comment_id)
        with self._store.write():
            self._store.touch("clickup")
            self._store.run(
                "UPDATE clickup_comments SET deleted = 1, updated_ms = ? WHERE id = ?", now_ms(), comment_id
            )

    def _tell(self, event: str, row: Row, task: Row, moment_ms: int, user_id: int) -> Json:
        moment = Moment(self._space.person(user_id), task["list_id"], moment_ms)
        item = comment_item(self.as_json(row), moment, task["id"])
        self._webhooks.tell(event, task["id"], task["list_id"], [item])
        return item

    # Reading

    def get(self, comment_id: int) -> Row:
        row = self._store.one("SELECT * FROM clickup_comments WHERE id = ? AND NOT deleted", comment_id)
        if row is None:
            raise ClickUpError(404, "Comment not found", "COMM_002")
        return row

    def page(self, task_id: str, start_ms: int | None = None, start_id: int | None = None) -> list[Row]:
        """The 25 newest comments, or those older than the one named by its date and id."""
        self._tasks.get(task_id)
        return self._store.all(
            "SELECT * FROM clickup_comments WHERE task_id = ? AND NOT deleted"
            " AND (? IS NULL OR (created_ms, id) < (?, coalesce(?, 0)))"
            " ORDER BY created_ms DESC, id DESC LIMIT ?",
            *(task_id, start_ms, start_ms, start_id, PAGE_COMMENTS),
        )

    def ever(self, task_id: str | None = None) -> list[Row]:
        """Every comment ever written, oldest first, for counting."""
        return self._store.all(
            "SELECT * FROM clickup_comments WHERE ? IS NULL OR task_id = ? ORDER BY id", task_id, task_id
        )

    def as_json(self, row: Row) -> Json:
        body: Json = json.loads(row["body"])
        return {
            "id": str(row["id"]),
            "comment": body["comment"],
            "comment_text": comment_text(body["comment"]),
            "user": self._space.person(row["user_id"]),
            "resolved": body["resolved"],
            "assignee": None,
            "assigned_by": None,
            "reactions": [],
            "date": str(row["created_ms"]),
            "reply_count": "0",
        }


def _blocks(fields: Json) -> list[Json]:
    """The blocks of a request, from `comment` or `comment_text`.

    Raises:
        ClickUpError: neither holds any text.
    """
    if fields.get("comment") is not None:
        return checked_blocks(fields["comment"])
    text = fields.get("comment_text")
    if not isinstance(text, str) or not text.strip():
        raise invalid("Comment text required", "COMM_003")
    return comment_blocks(text)
