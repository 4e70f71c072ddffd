"""Tasks: rows that keep what the API shows, changes that owe their webhook events."""

import json
import secrets
from dataclasses import dataclass
from typing import Any, cast

from oblivion_sandbox.clickup.errors import ClickUpError, invalid, not_found
from oblivion_sandbox.clickup.history import EVENT_OF_FIELD, Change, Moment, history_item
from oblivion_sandbox.clickup.richtext import plain_text, quill
from oblivion_sandbox.clickup.space import PRIORITIES, Space
from oblivion_sandbox.clickup.webhooks import Webhooks
from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.store import Json, Row, Store, dumps

PAGE_TASKS = 100
_ID_ALPHABET = "0123456789abcdefghjkmnpqrstuvwxyz"
_ORDER_BY = {
    "id": "id",
    "created": "created_ms",
    "updated": "updated_ms",
    "due_date": "json_extract(body, '$.due_date')",
}


@dataclass(frozen=True)
class Filter:
    """What GET /list/{id}/task asks for."""

    page: int = 0
    order_by: str = "created"
    reverse: bool = False
    include_closed: bool = False
    updated_after_ms: int | None = None
    statuses: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


class Tasks:
    """Every task ever created; a deleted one keeps its row."""

    def __init__(self, store: Store, space: Space, webhooks: Webhooks) -> None:
        self._store = store
        self._space = space
        self._webhooks = webhooks

    def create(self, list_id: str, user_id: int, fields: Json, via: str = "api") -> Row:
        """Create a task; its webhooks hear of the creation and of its first status.

        Raises:
            ClickUpError: a field that ClickUp would refuse.
        """
        self._space.list(list_id)
        name = str(fields.get("name") or "").strip()
        if not name:
            raise invalid("Task name invalid")
        status = self._space.status(list_id, str(fields.get("status") or "to do"))
        if status is None:
            raise ClickUpError(400, "Status not found", "CRTSK_001")
        task_id = "86" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(7))
        moment = now_ms()
        body = self._new_body(fields, name, status, user_id) | {"date_done": _done_date(status, moment)}
        with self._store.write():
            self._store.touch("clickup")
            self._store.run(
                "INSERT INTO clickup_tasks (id, list_id, created_ms, updated_ms, closed, via, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(task_id, list_id, moment, moment, status["type"] == "closed", via, dumps(body)),
            )
            self._tell_of_creation(
                task_id, list_id, status, Moment(self._space.person(user_id), list_id, moment)
            )
        return self.get(task_id)

    def _new_body(self, fields: Json, name: str, status: Json, user_id: int) -> Json:
        assignees = [self._space.user(user)["id"] for user in _list(fields.get("assignees"))]
        return {
            "name": name,
            "status": status["status"],
            "creator": user_id,
            "assignees": assignees,
            "priority": _priority(fields.get("priority")),
            "due_date": _date_ms(fields.get("due_date")),
            "start_date": _date_ms(fields.get("start_date")),
            "tags": [str(tag) for tag in _list(fields.get("tags"))],
            "parent": fields.get("parent"),
            **(_description(fields) or {"text": "", "markdown": ""}),
        }

    def _tell_of_creation(self, task_id: str, list_id: str, status: Json, moment: Moment) -> None:
        nothing = {"status": None, "color": "#000000", "type": "removed", "orderindex": -1}
        first = Change("status", nothing, _status_value(status), {"status_type": status["type"]})
        status_item = history_item(first, moment)
        created_item = history_item(Change("task_creation", None, None), moment)
        self._webhooks.tell("taskCreated", task_id, list_id, [status_item, created_item])
        self._webhooks.tell("taskStatusUpdated", task_id, list_id, [status_item])

    def update(self, task_id: str, user_id: int, fields: Json) -> Row:
        """Change fields; each changed one owes its own event, and all of them `taskUpdated`."""
        row = self.get(task_id)
        before = self.body(row)
        after = before | self._changes(row["list_id"], before, fields)
        changes = self._compare(row["list_id"], before, after)
        if not changes:
            return row
        moment = now_ms()
        status = self._space.status(row["list_id"], after["status"]) or {}
        if before["status"] != after["status"]:
            after["date_done"] = _done_date(status, moment)
        with self._store.write():
            self._store.touch("clickup")
            self._store.run(
                "UPDATE clickup_tasks SET body = ?, updated_ms = max(?, updated_ms + 1), closed = ?"
                " WHERE id = ?",
                *(dumps(after), moment, status.get("type") == "closed", task_id),
            )
            self._tell_of_changes(row, changes, Moment(self._space.person(user_id), row["list_id"], moment))
        return self.get(task_id)

    def tag(self, task_id: str, user_id: int, name: str) -> Row:
        """Add a tag; one that is there already changes nothing."""
        tags: list[str] = self.body(self.get(task_id))["tags"]
        return self.update(task_id, user_id, {"tags": [*tags, name.lower()]})

    def untag(self, task_id: str, user_id: int, name: str) -> Row:
        tags: list[str] = self.body(self.get(task_id))["tags"]
        return self.update(task_id, user_id, {"tags": [tag for tag in tags if tag != name.lower()]})

    def _changes(self, list_id: str, before: Json, fields: Json) -> Json:
        after: Json = {}
        if "name" in fields:
            after["name"] = str(fields["name"] or "").strip()
            if not after["name"]:
                raise invalid("Task name invalid")
        if fields.get("status") is not None:
            status = self._space.status(list_id, str(fields["status"]))
            if status is None:
                raise ClickUpError(400, "Status does not exist", "ITEM_114")
            after["status"] = status["status"]
        if "priority" in fields:
            after["priority"] = _priority(fields["priority"])
        for date in ("due_date", "start_date"):
            if date in fields:
                after[date] = _date_ms(fields[date])
        if fields.get("tags") is not None:
            after["tags"] = list(dict.fromkeys(str(tag).lower() for tag in _list(fields["tags"])))
        if fields.get("assignees") is not None:
            after["assignees"] = self._assignees(before["assignees"], fields["assignees"])
        return after | (_description(fields) or {})

    def _assignees(self, before: list[int], wanted: Any) -> list[int]:
        if not isinstance(wanted, dict):
            raise invalid("Assignees must be an object with add and rem", "INPUT_003")
        change = cast("Json", wanted)
        removed = [self._space.user(user)["id"] for user in _list(change.get("rem"))]
        added = [self._space.user(user)["id"] for user in _list(change.get("add"))]
        return [user for user in dict.fromkeys([*before, *added]) if user not in removed]

    def _compare(self, list_id: str, before: Json, after: Json) -> list[Change]:
        changes: list[Change] = []
        if before["name"] != after["name"]:
            changes.append(Change("name", before["name"], after["name"]))
        if before["markdown"] != after["markdown"]:
            old = quill(before["text"]) if before["text"] else None
            changes.append(Change("content", old, quill(after["text"])))
        if before["status"] != after["status"]:
            old_status = self._space.status(list_id, before["status"]) or {}
            new_status = self._space.status(list_id, after["status"]) or {}
            data = {"status_type": new_status["type"]}
            changes.append(Change("status", _status_value(old_status), _status_value(new_status), data))
        if before["priority"] != after["priority"]:
            old_priority, new_priority = (PRIORITIES.get(side["priority"] or 0) for side in (before, after))
            changes.append(Change("priority", old_priority, new_priority))
        if before["due_date"] != after["due_date"]:
            data = {"due_date_time": True, "old_due_date_time": before["due_date"] is not None}
            changes.append(Change("due_date", _text(before["due_date"]), _text(after["due_date"]), data))
        changes += _tag_changes(before["tags"], after["tags"])
        added = [user for user in after["assignees"] if user not in before["assignees"]]
        removed = [user for user in before["assignees"] if user not in after["assignees"]]
        changes += [Change("assignee_add", None, self._space.person(user)) for user in added]
        changes += [Change("assignee_rem", self._space.person(user), None) for user in removed]
        return changes

    def _tell_of_changes(self, row: Row, changes: list[Change], moment: Moment) -> None:
        for change in changes:
            items = [history_item(change, moment)]
            self._webhooks.tell("taskUpdated", row["id"], row["list_id"], items)
            if change.field in EVENT_OF_FIELD:
                self._webhooks.tell(EVENT_OF_FIELD[change.field], row["id"], row["list_id"], items)

    def move(self, task_id: str, user_id: int, list_id: str) -> Row:
        """Move a task to another list; both places hear of it as the new one."""
        row = self.get(task_id)
        old, new = self._space.list(row["list_id"]), self._space.list(list_id)
        moment = now_ms()
        with self._store.write():
            self._store.touch("clickup")
            self._store.run(
                "UPDATE clickup_tasks SET list_id = ?, updated_ms = max(?, updated_ms + 1) WHERE id = ?",
                *(list_id, moment, task_id),
            )
            values = [
                {"id": place["id"], "name": place["name"], "category": self._space.place(place)["folder"]}
                for place in (old, new)
            ]
            change = Change("section_moved", values[0], values[1], {"mute_notifications": True})
            self._tell_of_changes(
                self.get(task_id), [change], Moment(self._space.person(user_id), list_id, moment)
            )
        return self.get(task_id)

    def delete(self, task_id: str) -> None:
        row = self.get(task_id)
        with self._store.write():
            self._store.touch("clickup")
            self._store.run(
                "UPDATE clickup_tasks SET deleted = 1, updated_ms = ? WHERE id = ?", now_ms(), task_id
            )
            self._webhooks.tell("taskDeleted", task_id, row["list_id"], None)

    # Reading

    def get(self, task_id: str) -> Row:
        row = self._store.one("SELECT * FROM clickup_tasks WHERE id = ? AND NOT deleted", task_id)
        if row is None:
            raise not_found("Task")
        return row

    def body(self, row: Row) -> Json:
        return json.loads(row["body"])

    def page(self, list_id: str, wanted: Filter) -> tuple[list[Row], bool]:
        """One page of a list's tasks, newest first unless reversed, and whether it is the last."""
        self._space.list(list_id)
        order = _ORDER_BY.get(wanted.order_by, "created_ms")
        direction = "ASC" if wanted.reverse else "DESC"
        rows = self._store.all(
            "SELECT * FROM clickup_tasks WHERE list_id = ? AND NOT deleted AND (? OR NOT closed)"  # noqa: S608
            f" AND updated_ms > ? ORDER BY {order} {direction}, rowid {direction}",
            *(list_id, wanted.include_closed or bool(wanted.statuses), wanted.updated_after_ms or 0),
        )
        rows = [row for row in rows if self._matches(row, wanted)]
        start = wanted.page * PAGE_TASKS
        return rows[start : start + PAGE_TASKS], len(rows) <= start + PAGE_TASKS

    def _matches(self, row: Row, wanted: Filter) -> bool:
        if not (wanted.statuses or wanted.assignees):
            return True
        body = self.body(row)
        if wanted.statuses and body["status"] not in wanted.statuses:
            return False
        return not wanted.assignees or any(str(user) in wanted.assignees for user in body["assignees"])

    def ever(self) -> list[Row]:
        """Every task ever created, oldest first, for counting."""
        return self._store.all("SELECT * FROM clickup_tasks ORDER BY rowid")


def _tag_changes(before: list[str], after: list[str]) -> list[Change]:
    added = [{"name": tag, "tag_fg": "#ffffff", "tag_bg": "#5f55ee"} for tag in after if tag not in before]
    removed = [{"name": tag, "tag_fg": "#ffffff", "tag_bg": "#5f55ee"} for tag in before if tag not in after]
    changes = [Change("tag", None, added)] if added else []
    return changes + ([Change("tag_removed", removed, None)] if removed else [])


def _description(fields: Json) -> Json | None:
    """Text and Markdown of a description, whichever way it was given; None when it was not."""
    for name in ("markdown_content", "markdown_description"):
        if fields.get(name) is not None:
            return {"text": plain_text(str(fields[name])), "markdown": str(fields[name])}
    for name in ("description", "content"):
        if fields.get(name) is not None:
            # A blank is how the API says "empty".
            text = "" if fields[name] == " " else str(fields[name])
            return {"text": text, "markdown": text}
    return None


def _priority(value: object) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or str(value) not in ("1", "2", "3", "4"):
        raise invalid("Priority invalid", "INPUT_004")
    return int(str(value))


def _date_ms(value: object) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(str(value))
    except ValueError:
        raise invalid("Date invalid", "INPUT_006") from None


def _done_date(status: Json, moment_ms: int) -> int | None:
    return moment_ms if status.get("type") == "closed" else None


def _status_value(status: Json) -> Json:
    return {name: status[name] for name in ("status", "color", "orderindex", "type")}


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid("Must be an array", "INPUT_003")
    return cast("list[Any]", value)
