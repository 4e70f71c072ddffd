"""What agents can do in ClickUp. Comments are text: they mention nobody."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from oblivion_mcp_hub.providers import texts
from oblivion_mcp_hub.providers.clickup.session import VOICE, ClickUpSession
from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.provider import ADDS, CHANGES, READS, Input, NoInput, Output, tool
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text

COMMENTS_READ = 50
COMMENT_LENGTH_MAX = 8_000
PRIORITIES: tuple[str, ...] = ("urgent", "high", "normal", "low")

Title = Annotated[str, Field(min_length=1, max_length=texts.TITLE_LENGTH_MAX)]
Notes = Annotated[str, Field(max_length=texts.TEXT_LENGTH_MAX)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Status = Annotated[str, Field(min_length=1, max_length=100)]
Priority = Literal["urgent", "high", "normal", "low"]
_TASK = re.compile(r"(?:^|/t/(?:[0-9]+/)?)([A-Za-z0-9_-]{1,64})(?:$|[?#])")


class Task(Output):
    id: str
    title: str
    link: str
    status: str | None = None
    priority: str | None = None
    deadline: str | None = None
    assignees: tuple[str, ...] = ()


class Tasks(Output):
    tasks: list[Task]
    next_page: int | None = None


class Comment(Output):
    id: str
    author: str | None = None
    at: str
    text: str


class Comments(Output):
    comments: list[Comment]


class Added(Output):
    id: str
    task_id: str


class ListView(Output):
    id: str
    name: str
    place: str


class Lists(Output):
    lists: list[ListView]


class GetTasks(Input):
    in_list: Name | None = None
    """Name or id of the list; left out: the one that the connection names."""
    status: Status | None = None
    """Only tasks of this status, such as "in progress"; left out: all open ones."""
    page: Annotated[int, Field(ge=0, le=1000)] = 0
    """`next_page` of the page before."""


class CreateTask(Input):
    title: Title
    """What is to be done."""
    in_list: Name | None = None
    """Name or id of the list; left out: the one that the connection names."""
    notes: Notes | None = None
    """More about the task, as Markdown."""
    status: Status | None = None
    priority: Priority | None = None
    deadline: Day | None = None
    """The day by which it is to be done, as YYYY-MM-DD."""


class UpdateTask(Input):
    task_id: Name
    """Link or id of the task."""
    title: Title | None = None
    notes: Notes | None = None
    """The whole description anew, as Markdown."""
    status: Status | None = None
    """As it is called in ClickUp, such as "complete"."""
    priority: Priority | None = None
    deadline: Day | None = None
    """YYYY-MM-DD."""


class GetComments(Input):
    task_id: Name
    """Link or id of the task."""


class AddComment(Input):
    task_id: Name
    """Link or id of the task."""
    text: Annotated[str, Field(min_length=1, max_length=COMMENT_LENGTH_MAX)]
    """The comment, as plain text."""


async def get_tasks(clickup: ClickUpSession, given: GetTasks) -> Tasks:
    """List the tasks of a ClickUp list, 100 at a time, with status and link; the last changed come last."""
    list_id = await clickup.list_id(given.in_list)
    call = clickup.reader.get_changed_tasks(list_id, updated_after_ms=0, page=given.page)
    found, is_last = await clickup.ask(call, "list")
    tasks = [_task(each) for each in found if _fits(as_object(each.get("status")), given.status)]
    return Tasks(tasks=tasks, next_page=None if is_last else given.page + 1)


def _fits(status: Json, wanted: str | None) -> bool:
    if wanted is None:
        return status.get("type") not in ("closed", "done")
    return as_text(status.get("status")).casefold() == wanted.casefold()


async def create_task(clickup: ClickUpSession, given: CreateTask) -> Task:
    """Create a task in a ClickUp list, and return its link."""
    list_id = await clickup.list_id(given.in_list)
    fields = _fields(given.title, given.notes, given.status, given.priority, given.deadline)
    return _task(await clickup.ask(clickup.writer.create_task(list_id, fields), "list"))


async def update_task(clickup: ClickUpSession, given: UpdateTask) -> Task:
    """Change a ClickUp task: its title, description, status, priority or deadline. The rest stays."""
    fields = _fields(given.title, given.notes, given.status, given.priority, given.deadline)
    if not fields:
        raise VOICE.refused(
            "Nothing to change was given: say a title, notes, a status, a priority or a deadline."
        )
    return _task(await clickup.ask(clickup.writer.update_task(_task_id(given.task_id), fields)))


async def get_comments(clickup: ClickUpSession, given: GetComments) -> Comments:
    """Read the comments of a ClickUp task, newest first, at most 50, without answers in their threads."""
    task_id = _task_id(given.task_id)
    found = await clickup.ask(clickup.reader.get_comments(task_id))
    if found:
        found = found + await clickup.ask(clickup.reader.get_comments(task_id, before=found[-1]))
    return Comments(comments=[_comment(each) for each in found[:COMMENTS_READ]])


async def add_comment(clickup: ClickUpSession, given: AddComment) -> Added:
    """Write a comment on a ClickUp task. It notifies only those who watch the task."""
    task_id = _task_id(given.task_id)
    made = await clickup.ask(clickup.writer.create_comment(task_id, [{"text": given.text}]))
    return Added(id=made, task_id=task_id)


async def get_lists(clickup: ClickUpSession, _given: NoInput) -> Lists:
    """List the ClickUp lists that this connection sees, and where they lie."""
    lists = await clickup.lists(fresh=True)
    return Lists(lists=[ListView(id=each.id, name=each.name, place=each.place) for each in lists])


def _fields(
    title: str | None, notes: str | None, status: str | None, priority: str | None, deadline: str | None
) -> Json:
    fields: Json = {"name": title, "markdown_content": notes, "status": status}
    if priority is not None:
        fields["priority"] = PRIORITIES.index(priority) + 1
    if deadline is not None:
        fields |= {"due_date": _noon_ms(deadline), "due_date_time": False}
    return {name: value for name, value in fields.items() if value is not None}


def _noon_ms(day: str) -> int:
    """ClickUp keeps days as moments; at noon they are the same day nearly everywhere."""
    try:
        moment = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    except ValueError:
        raise VOICE.refused(f"{day} is no day of the calendar.") from None
    return int(moment.timestamp() * 1000)


def _task_id(given: str) -> str:
    found = _TASK.search(given)
    if found is None:
        raise VOICE.refused(
            f"{texts.one_line(given, 80)!r} is no id or link of a ClickUp task; getTasks finds them."
        )
    return found[1]


def _task(task: Json) -> Task:
    due = as_text(task.get("due_date"))
    people = [as_text(each.get("username")) for each in as_objects(task.get("assignees"))]
    return Task(
        id=as_text(task.get("id")),
        title=texts.one_line(task.get("name")) or "untitled",
        link=as_text(task.get("url")),
        status=texts.one_line(as_object(task.get("status")).get("status"), 100) or None,
        priority=texts.one_line(as_object(task.get("priority")).get("priority"), 40) or None,
        deadline=_moment(due)[:10] if due else None,
        assignees=tuple(texts.one_line(name, 100) for name in people),
    )


def _comment(comment: Json) -> Comment:
    author = as_object(comment.get("user"))
    return Comment(
        id=str(comment.get("id")),
        author=texts.one_line(author.get("username"), 100) or None,
        at=_moment(str(comment.get("date") or 0)),
        text=texts.body(comment.get("comment_text"), COMMENT_LENGTH_MAX),
    )


def _moment(ms: str) -> str:
    good = ms.isascii() and ms.isdigit() and len(ms) < 15
    return datetime.fromtimestamp(int(ms) / 1000 if good else 0, UTC).isoformat(timespec="seconds")


TOOLS = (
    tool("getTasks", READS, GetTasks, get_tasks),
    tool("createTask", ADDS, CreateTask, create_task),
    tool("updateTask", CHANGES, UpdateTask, update_task),
    tool("getComments", READS, GetComments, get_comments),
    tool("addComment", ADDS, AddComment, add_comment),
    tool("getLists", READS, NoInput, get_lists),
)
