"""How a ClickUp task looks in Slack."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from oblivion_router_worker.domain.clickup_objects import UNTITLED, Task
from oblivion_router_worker.domain.slack_message import (
    FALLBACK_MAX_UNITS,
    Block,
    SlackMessage,
    context,
    fields,
    header,
    section,
)
from oblivion_router_worker.domain.text import (
    escape,
    markdown_to_mrkdwn,
    safe_url,
    sanitise_mrkdwn,
    sanitise_plain,
    slack_link,
    text_to_mrkdwn,
    truncate,
)

DESCRIPTION_MAX_UNITS = 3_000
# Markup that shows nothing (addresses, tables) counts too; more is never parsed for one message.
_DESCRIPTION_SOURCE_MAX_CHARS = 2 * DESCRIPTION_MAX_UNITS
_NAME_MAX_UNITS = 120
_ASSIGNEES_SHOWN_MAX = 10
_TAGS_SHOWN_MAX = 10
# Slack's clients show dates of these years; beyond, only the fallback is sure.
_UNIX_S_RANGE = range(4_102_444_800)

_PRIORITY_SIGNS = {"urgent": "🔴", "high": "🟠", "normal": "🔵", "low": "⚪"}


class TaskFate(StrEnum):
    """What became of a task whose message stands in the channel."""

    PRESENT = "present"
    DELETED = "deleted"
    MOVED_AWAY = "moved_away"
    """It is in a list that is not linked with this channel, or no longer carries the tag."""


_FATE_WORDS = {
    TaskFate.DELETED: "Deleted in ClickUp",
    TaskFate.MOVED_AWAY: "Moved away in ClickUp; changes are no longer shown here",
}


@dataclass(frozen=True, slots=True)
class _Look:
    sign: str
    note: str | None


def render_task(task: Task, fate: TaskFate = TaskFate.PRESENT) -> SlackMessage:
    """The task's message in the channel; nothing of the task can mention anybody."""
    look = _look(task, fate)
    title = f"{look.sign} {_title(task)}".strip()
    if fate is TaskFate.DELETED:
        blocks: list[Block] = [header(title), context(f"{_FATE_WORDS[fate]}{_list_words(task)}")]
    else:
        blocks = [header(title), fields(_facts(task)), *_description(task), context(_footer(task, look))]
    return SlackMessage(text=_fallback(task, look), blocks=tuple(blocks))


def render_unknown_task(name: str, fate: TaskFate = TaskFate.DELETED) -> SlackMessage:
    """The message of a task of which nothing but its last known name is left."""
    return render_task(Task(id="-", name=name.strip() or "Task"), fate)


def _look(task: Task, fate: TaskFate) -> _Look:
    if fate is TaskFate.DELETED:
        return _Look("🗑️", _FATE_WORDS[fate])
    if fate is TaskFate.MOVED_AWAY:
        return _Look("↪️", _FATE_WORDS[fate])
    if task.is_archived:
        return _Look("📦", "Archived in ClickUp")
    return _Look("✅" if task.is_closed else "", None)


def _title(task: Task) -> str:
    return " ".join(sanitise_plain(task.name).split()) or UNTITLED


def _facts(task: Task) -> Sequence[str]:
    return [
        f"*Status*\n{_words(task.status or 'none')}",
        f"*Assignees*\n{_assignees(task)}",
        f"*Due*\n{_due(task)}",
        f"*Priority*\n{_priority(task)}",
    ]


def _words(text: str) -> str:
    """One short line of text from outside."""
    return truncate(text_to_mrkdwn(" ".join(text.split())), _NAME_MAX_UNITS) or "-"


def _assignees(task: Task) -> str:
    shown = [_words(user.name) for user in task.assignees[:_ASSIGNEES_SHOWN_MAX]]
    more = len(task.assignees) - len(shown)
    # Once more as a whole: names are only safe alone.
    return sanitise_mrkdwn(", ".join(shown) + (f" and {more} more" if more else "")) or "nobody"


def _due(task: Task) -> str:
    """Each reader sees their own time zone; the fallback says UTC."""
    if task.due_at_ms is None:
        return "no date"
    unix_s = task.due_at_ms // 1000
    if unix_s not in _UNIX_S_RANGE:
        return "a far date"
    moment = datetime.fromtimestamp(unix_s, UTC)
    if task.due_has_time:
        return f"<!date^{unix_s}^{{date_short_pretty}} at {{time}}|{moment:%Y-%m-%d %H:%M} UTC>"
    return f"<!date^{unix_s}^{{date_short_pretty}}|{moment:%Y-%m-%d}>"


def _priority(task: Task) -> str:
    if task.priority is None:
        return "none"
    sign = _PRIORITY_SIGNS.get(task.priority.lower(), "")
    return f"{sign} {_words(task.priority)}".strip()


def _description(task: Task) -> list[Block]:
    text = truncate(
        markdown_to_mrkdwn(task.description_markdown, source_max_chars=_DESCRIPTION_SOURCE_MAX_CHARS),
        DESCRIPTION_MAX_UNITS,
    )
    return [section(text)] if text.strip() else []


def _footer(task: Task, look: _Look) -> str:
    opened = slack_link(task.url or "", "Open in ClickUp")
    tags = " ".join(f"`{tag}`" for name in task.tags[:_TAGS_SHOWN_MAX] if (tag := _tag(name)))
    parts = [look.note, opened, _words(task.list_name) if task.list_name else None, tags]
    return sanitise_mrkdwn("  ·  ".join(part for part in parts if part) or f"ClickUp task {escape(task.id)}")


def _tag(name: str) -> str:
    return _words(name.replace("`", "")).strip()


def _list_words(task: Task) -> str:
    return f"  ·  {_words(task.list_name)}" if task.list_name else ""


def _fallback(task: Task, look: _Look) -> str:
    """One line for notifications: name, status, link."""
    url = safe_url(task.url or "")
    parts = [
        _title(task),
        f"({task.status})" if task.status and look.note is None else "",
        look.note or "",
    ]
    line = text_to_mrkdwn(" ".join(" ".join(part for part in (look.sign, *parts) if part).split()))
    shown = truncate(line, FALLBACK_MAX_UNITS - (len(escape(url)) + 3 if url else 0))
    return sanitise_mrkdwn(f"{shown} <{escape(url)}>" if url else shown)
