"""Tasks and comments as ClickUp's API returns them -> typed values; only the id must be right.

Sources: https://developer.clickup.com/reference/gettask and .../reference/gettaskcomments
"""

from dataclasses import dataclass

from oblivion_router_worker.domain.clickup_events import parse_clickup_user
from oblivion_router_worker.domain.clickup_values import clickup_id, unix_ms
from oblivion_router_worker.domain.events import ClickUpUser
from oblivion_router_worker.domain.json_fields import (
    JsonMapping,
    flag_at,
    list_at,
    object_at,
    objects_at,
    text_at,
)
from oblivion_router_worker.domain.text import comment_to_markdown, comment_to_text
from oblivion_router_worker.domain.text.escaping import clean

UNTITLED = "Untitled task"

# Types of statuses in which nothing is left to do; every list names its statuses itself.
_CLOSED_STATUS_TYPES = frozenset({"closed", "done"})


@dataclass(frozen=True, slots=True)
class Task:
    """A ClickUp task: what is shown of it, and what decisions need."""

    id: str
    name: str
    url: str | None = None
    status: str | None = None
    is_closed: bool = False
    is_archived: bool = False
    description_markdown: str = ""
    assignees: tuple[ClickUpUser, ...] = ()
    due_at_ms: int | None = None
    due_has_time: bool = False
    """Without it the due date is a day; ClickUp then puts some hour of that day in `due_at_ms`."""
    priority: str | None = None
    tags: tuple[str, ...] = ()
    list_id: str | None = None
    list_name: str | None = None
    creator: ClickUpUser | None = None
    parent_id: str | None = None
    updated_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment of a task's list of comments; `text` is plain, `markdown` formatted."""

    id: str
    text: str
    markdown: str
    author: ClickUpUser | None = None
    posted_at_ms: int | None = None


def parse_task(source: JsonMapping) -> Task | None:
    """Read GET /task; None when the answer names no task with a usable id."""
    task_id = clickup_id(source.get("id"))
    if task_id is None:
        return None
    status = object_at(source, "status")
    return Task(
        id=task_id,
        name=(_text_at(source, "name") or "").strip() or UNTITLED,
        url=_text_at(source, "url"),
        status=_text_at(status, "status"),
        is_closed=_text_at(status, "type") in _CLOSED_STATUS_TYPES,
        is_archived=flag_at(source, "archived"),
        description_markdown=_description(source),
        assignees=_users(source, "assignees"),
        due_at_ms=unix_ms(source.get("due_date")),
        due_has_time=flag_at(source, "due_date_time"),
        priority=_priority(source.get("priority"), object_at(source, "priority")),
        tags=tuple(name for tag in objects_at(source, "tags") if (name := _text_at(tag, "name"))),
        list_id=clickup_id(object_at(source, "list").get("id")),
        list_name=_text_at(object_at(source, "list"), "name"),
        creator=parse_clickup_user(source.get("creator")),
        parent_id=clickup_id(source.get("parent")),
        updated_at_ms=unix_ms(source.get("date_updated")),
    )


def parse_comment(source: JsonMapping) -> Comment | None:
    """Read one entry of GET /task/{id}/comment; None without a usable id."""
    comment_id = clickup_id(source.get("id"))
    if comment_id is None:
        return None
    parts = list_at(source, "comment")
    text = _text_at(source, "comment_text") or _text_at(source, "text_content") or comment_to_text(parts)
    return Comment(
        id=comment_id,
        text=clean(text),
        markdown=clean(comment_to_markdown(parts, plain_text=text)),
        author=parse_clickup_user(source.get("user")),
        posted_at_ms=unix_ms(source.get("date")),
    )


def _text_at(source: JsonMapping, key: str) -> str | None:
    """Text that can be stored and sent: ClickUp lets NUL and halves of surrogate pairs pass."""
    value = text_at(source, key)
    return clean(value) if value else None


def _description(source: JsonMapping) -> str:
    """Markdown, where it was asked for; the plain texts read as Markdown well enough."""
    return (
        _text_at(source, "markdown_description")
        or _text_at(source, "description")
        or _text_at(source, "text_content")
        or ""
    ).strip()


def _users(source: JsonMapping, key: str) -> tuple[ClickUpUser, ...]:
    return tuple(user for item in list_at(source, key) if (user := parse_clickup_user(item)) is not None)


def _priority(value: object, nested: JsonMapping) -> str | None:
    """An object with a name, or (in older answers) the bare name."""
    return _text_at(nested, "priority") or (clean(value) if isinstance(value, str) and value else None)
