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

    def reply(self, comment_id: int, user_id: int, fields: Json, via: str = "api") -> tuple[Row, str]:
        """Answer a comment; replies have no replies of their own."""
        parent = self.get(comment_id)
        if self._parent(comment_id) is not None:
            raise invalid("Comment is a reply", "COMM_004")
        return self.post(parent["task_id"], user_id, fields, via, parent_id=comment_id)

    def post(
        self, task_id: str, user_id: int, fields: Json, via: str = "api", *, parent_id: int | None = None
    ) -> tuple[Row, str]:
        """Write a comment; returns its row and the id of its history item."""
        task = self._tasks.get(task_id)
        blocks = _blocks(fields)
        body: Json = {"comment": blocks, "resolved": False, **self._assignment(fields, user_id)}
        moment = now_ms()
        with self._store.write():
            self._store.touch("clickup")
            comment_id = self._store.run(
                "INSERT INTO clickup_comments (task_id, user_id, created_ms, updated_ms, via, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                *(task_id, user_id, moment, moment, via, dumps(body)),
            )
            if parent_id is not None:
                self._store.run("INSERT INTO clickup_replies VALUES (?, ?)", comment_id, parent_id)
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
        body |= self._assignment(fields, user_id)
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

    def _assignment(self, fields: Json, user_id: int) -> Json:
        """Whom an assigned comment asks to do something."""
        if fields.get("assignee") is None:
            return {}
        return {"assignee": self._space.user(fields["assignee"])["id"], "assigned_by": user_id}

    def _tell(self, event: str, row: Row, task: Row, moment_ms: int, user_id: int) -> Json:
        moment = Moment(self._space.person(user_id), task["list_id"], moment_ms)
        parent_id = self._parent(row["id"])
        item = comment_item(self.as_json(row), moment, task["id"] if parent_id is None else str(parent_id))
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
            " AND id NOT IN (SELECT comment_id FROM clickup_replies)"
            " AND (? IS NULL OR (created_ms, id) < (?, coalesce(?, 0)))"
            " ORDER BY created_ms DESC, id DESC LIMIT ?",
            *(task_id, start_ms, start_ms, start_id, PAGE_COMMENTS),
        )

    def replies(self, comment_id: int) -> list[Row]:
        """The answers to a comment, oldest first."""
        self.get(comment_id)
        return self._store.all(
            "SELECT c.* FROM clickup_replies r JOIN clickup_comments c ON c.id = r.comment_id"
            " WHERE r.parent_id = ? AND NOT c.deleted ORDER BY c.created_ms, c.id",
            comment_id,
        )

    def _parent(self, comment_id: int) -> int | None:
        row = self._store.one("SELECT parent_id FROM clickup_replies WHERE comment_id = ?", comment_id)
        return None if row is None else row["parent_id"]

    def ever(self, task_id: str | None = None) -> list[Row]:
        """Every comment ever written, oldest first, for counting."""
        return self._store.all(
            "SELECT * FROM clickup_comments WHERE ? IS NULL OR task_id = ? ORDER BY id", task_id, task_id
        )

    def as_json(self, row: Row) -> Json:
        body: Json = json.loads(row["body"])
        assignee, by = body.get("assignee"), body.get("assigned_by")
        count = "SELECT count(*) FROM clickup_replies r JOIN clickup_comments c ON c.id = r.comment_id"
        return {
            "id": str(row["id"]),
            "comment": body["comment"],
            "comment_text": comment_text(body["comment"]),
            "user": self._space.person(row["user_id"]),
            "resolved": body["resolved"],
            "assignee": None if assignee is None else self._space.person(assignee),
            "assigned_by": None if by is None else self._space.person(by),
            "reactions": [],
            "date": str(row["created_ms"]),
            "reply_count": str(
                self._store.count(f"{count} WHERE r.parent_id = ? AND NOT c.deleted", row["id"])
            ),
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
