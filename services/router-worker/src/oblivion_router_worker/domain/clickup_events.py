"""A raw ClickUp webhook body -> one typed event.

The events carry little and may come late, twice or in another order: what a task is like now is
fetched, never read from here. `history_items` may be missing, and its order means nothing.
Source: https://developer.clickup.com/docs/webhooktaskpayloads
"""

from collections.abc import Callable, Mapping, Sequence

from oblivion_platform.safe_json import parse_json_object
from oblivion_router_worker.domain.clickup_values import clickup_id, unix_ms
from oblivion_router_worker.domain.events import (
    ClickUpEvent,
    ClickUpUser,
    CommentEdited,
    CommentPosted,
    TaskChanged,
    TaskCreated,
    TaskDeleted,
    TaskMoved,
    Unhandled,
)
from oblivion_router_worker.domain.json_fields import (
    EMPTY,
    JsonMapping,
    as_object,
    id_at,
    list_at,
    object_at,
    objects_at,
    text_at,
)
from oblivion_router_worker.domain.text.clickup_reading import comment_to_markdown, comment_to_text
from oblivion_router_worker.domain.text.escaping import clean

# Each says that something of the task changed; which fields, the history items say.
CHANGE_EVENTS = frozenset(
    {
        "taskUpdated",
        "taskStatusUpdated",
        "taskAssigneeUpdated",
        "taskPriorityUpdated",
        "taskDueDateUpdated",
        "taskTagUpdated",
    }
)


def parse_clickup(body: bytes) -> ClickUpEvent:
    """Tell what happened.

    Raises:
        MalformedBody: not JSON that can be processed, now or later.
    """
    payload = parse_json_object(body)
    kind = text_at(payload, "event")
    if kind is None:
        # Automations' "call webhook" posts another shape, without `event`.
        return Unhandled("body_without_event", "automation_or_unknown")
    parse = _PARSERS.get(kind)
    if parse is None:
        return Unhandled(kind)
    task_id = clickup_id(payload.get("task_id"))
    if task_id is None:
        return Unhandled(kind, "task_id_missing_or_unsafe")
    return parse(payload, task_id, objects_at(payload, "history_items"))


def parse_clickup_user(value: object) -> ClickUpUser | None:
    """A member as ClickUp nests one in tasks, comments and history items."""
    user = as_object(value)
    user_id = clickup_id(user.get("id")) if user is not None else None
    if user is None or user_id is None:
        return None
    return ClickUpUser(id=user_id, name=clean(text_at(user, "username") or "") or f"user {user_id}")


def _parse_created(payload: JsonMapping, task_id: str, items: Sequence[JsonMapping]) -> ClickUpEvent:
    return TaskCreated(text_at(payload, "webhook_id"), task_id, _actor(items))


def _parse_changed(payload: JsonMapping, task_id: str, items: Sequence[JsonMapping]) -> ClickUpEvent:
    fields = frozenset(field for item in items if (field := text_at(item, "field")) is not None)
    return TaskChanged(text_at(payload, "webhook_id"), task_id, fields, _actor(items))


def _parse_deleted(payload: JsonMapping, task_id: str, _items: Sequence[JsonMapping]) -> ClickUpEvent:
    return TaskDeleted(text_at(payload, "webhook_id"), task_id)


def _parse_moved(payload: JsonMapping, task_id: str, items: Sequence[JsonMapping]) -> ClickUpEvent:
    moved = next((item for item in items if text_at(item, "field") == "section_moved"), EMPTY)
    return TaskMoved(
        text_at(payload, "webhook_id"),
        task_id,
        from_list_id=_list_id(moved.get("before")),
        to_list_id=_list_id(moved.get("after")),
    )


def _list_id(value: object) -> str | None:
    """`before` and `after` are an object with an id, or the bare id."""
    nested = as_object(value)
    return clickup_id(nested.get("id") if nested is not None else value)


def _parse_comment_posted(payload: JsonMapping, task_id: str, items: Sequence[JsonMapping]) -> ClickUpEvent:
    item = _comment_item(items)
    comment_id = _comment_id(item)
    if comment_id is None:
        return Unhandled("taskCommentPosted", "comment_missing")
    comment = object_at(item, "comment")
    text, markdown = _comment_body(comment)
    return CommentPosted(
        webhook_id=text_at(payload, "webhook_id"),
        task_id=task_id,
        comment_id=comment_id,
        text=text,
        markdown=markdown,
        author=parse_clickup_user(comment.get("user")) or parse_clickup_user(item.get("user")),
        posted_at_ms=unix_ms(comment.get("date")) or unix_ms(item.get("date")),
    )


def _parse_comment_edited(payload: JsonMapping, task_id: str, items: Sequence[JsonMapping]) -> ClickUpEvent:
    item = _comment_item(items)
    comment_id = _comment_id(item)
    if comment_id is None:
        return Unhandled("taskCommentUpdated", "comment_missing")
    comment = object_at(item, "comment")
    text, markdown = _comment_body(comment)
    author = parse_clickup_user(comment.get("user")) or parse_clickup_user(item.get("user"))
    return CommentEdited(text_at(payload, "webhook_id"), task_id, comment_id, text, markdown, author)


def _comment_item(items: Sequence[JsonMapping]) -> JsonMapping:
    return next((item for item in items if as_object(item.get("comment")) is not None), EMPTY)


def _comment_id(item: JsonMapping) -> str | None:
    return clickup_id(id_at(object_at(item, "comment"), "id")) or clickup_id(item.get("after"))


def _comment_body(comment: JsonMapping) -> tuple[str, str]:
    """Plain text and Markdown of a comment; either may be all that the event has."""
    parts = list_at(comment, "comment")
    plain = text_at(comment, "text_content") or comment_to_text(parts)
    return plain, comment_to_markdown(parts, plain_text=plain)


def _actor(items: Sequence[JsonMapping]) -> ClickUpUser | None:
    return next((user for item in items if (user := parse_clickup_user(item.get("user")))), None)


_PARSERS: Mapping[str, Callable[[JsonMapping, str, Sequence[JsonMapping]], ClickUpEvent]] = {
    "taskCreated": _parse_created,
    "taskDeleted": _parse_deleted,
    "taskMoved": _parse_moved,
    "taskCommentPosted": _parse_comment_posted,
    "taskCommentUpdated": _parse_comment_edited,
    **dict.fromkeys(CHANGE_EVENTS, _parse_changed),
}
