"""What agents can do in Notion."""

from typing import Annotated, Any, Literal

from pydantic import Field

from oblivion_mcp_hub.providers import texts
from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.notion.ids import notion_id
from oblivion_mcp_hub.providers.notion.properties import (
    DataSource,
    NoSuchOption,
    deadline_of,
    page_title,
    people_of,
    status_of,
)
from oblivion_mcp_hub.providers.notion.rich_text import blocks_of, plain, rich_text, text_of
from oblivion_mcp_hub.providers.notion.session import VOICE, NotionSession
from oblivion_mcp_hub.providers.provider import ADDS, CHANGES, READS, REMOVES, Input, Output, tool
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text

BLOCKS_AT_ONCE = 100
BLOCKS_READ = 500
BLOCKS_WRITTEN = 1000

Title = Annotated[str, Field(min_length=1, max_length=texts.TITLE_LENGTH_MAX)]
Notes = Annotated[str, Field(max_length=texts.TEXT_LENGTH_MAX)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Status = Annotated[str, Field(min_length=1, max_length=100)]
Reference = Annotated[str, Field(min_length=1, max_length=500)]
Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str, Field(min_length=1, max_length=200)]


class Task(Output):
    id: str
    title: str
    link: str
    status: str | None = None
    deadline: str | None = None
    assignees: tuple[str, ...] = ()


class Tasks(Output):
    tasks: list[Task]
    next_cursor: str | None = None


class Found(Output):
    id: str
    title: str
    link: str
    kind: Literal["page", "data_source"]


class FoundThings(Output):
    results: list[Found]
    next_cursor: str | None = None


class Page(Output):
    id: str
    title: str
    link: str
    text: str | None = None


class Deleted(Output):
    id: str
    title: str
    link: str
    deleted: bool = True


class GetTasks(Input):
    status: Status | None = None
    """Only tasks of this status, as it is called in Notion, such as "In progress"."""
    words: Title | None = None
    """Only tasks with this in their title."""
    data_source: Reference | None = None
    """Link or id of another data source or database than the usual one."""
    limit: Limit = 20
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class CreateTask(Input):
    title: Title
    """What is to be done, as plain text."""
    status: Status | None = None
    """As it is called in Notion, such as "Not started"; left out: the data source's default."""
    deadline: Day | None = None
    """The day by which it is to be done, as YYYY-MM-DD."""
    notes: Notes | None = None
    """More about the task: lines of text, with #, -, 1., > or ``` at their beginning where wanted."""
    data_source: Reference | None = None
    """Link or id of another data source or database than the usual one."""


class UpdateTask(Input):
    task_id: Reference
    """Link or id of the task, from getTasks."""
    title: Title | None = None
    status: Status | None = None
    """As it is called in Notion, such as "Done"."""
    deadline: Day | None = None
    """YYYY-MM-DD."""


class DeleteTask(Input):
    task_id: Reference
    """Link or id of the task, from getTasks."""


class Search(Input):
    query: Annotated[str, Field(max_length=200)]
    """Words of the title; empty for everything that is shared."""
    kind: Literal["page", "data_source"] | None = None
    limit: Limit = 20
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class GetPage(Input):
    page_id: Reference
    """Link or id of the page."""


class CreatePage(Input):
    title: Title
    content: Notes = ""
    """The page's text: lines, with #, -, 1., > or ``` at their beginning where wanted."""
    parent: Reference | None = None
    """Link or id of the page to put it under; left out: the one that the connection names."""


async def get_tasks(notion: NotionSession, given: GetTasks) -> Tasks:
    """List tasks kept in Notion, newest first, with their status, deadline and link."""
    source = await notion.source(given.data_source)
    wanted: list[Json] = []
    if given.status is not None:
        wanted.append(source.status_filter(given.status, "equals"))
    if given.words is not None:
        wanted.append({"property": source.title_name, "title": {"contains": given.words}})
    asked: Json = {
        "page_size": given.limit,
        "sorts": [{"timestamp": "created_time", "direction": "descending"}],
    }
    asked |= {"filter": {"and": wanted}} if wanted else {}
    asked |= {"start_cursor": given.cursor} if given.cursor else {}
    found = await notion.ask(
        notion.client.data_sources.query(data_source_id=source.id, **asked), what="data source"
    )
    tasks = [_task(page, source) for page in as_objects(found.get("results"))]
    return Tasks(tasks=tasks, next_cursor=found.get("next_cursor"))


async def create_task(notion: NotionSession, given: CreateTask) -> Task:
    """Create a task in Notion, as a page of the team's data source of tasks, and return its link."""
    source = await notion.source(given.data_source)
    source, values = await _values(notion, source, given.title, given.status, given.deadline)
    parent = {"type": "data_source_id", "data_source_id": source.id}
    return _task(await _created(notion, parent, values, given.notes or ""), source)


async def update_task(notion: NotionSession, given: UpdateTask) -> Task:
    """Change a task in Notion: its title, status or deadline. What is left out stays as it is."""
    page = await notion.ask(notion.client.pages.retrieve(page_id=notion_id(given.task_id)), what="task")
    source_id = as_text(as_object(page.get("parent")).get("data_source_id"))
    if not source_id:
        raise VOICE.refused(f"{page_title(page)} is a page, not a task of a data source.")
    source = await notion.source(source_id)
    source, values = await _values(notion, source, given.title, given.status, given.deadline)
    if not values:
        raise VOICE.refused("Nothing to change was given: say a title, a status or a deadline.")
    changed = notion.client.pages.update(page_id=page["id"], properties=values)
    return _task(await notion.ask(changed, what="task", changes=True), source)


async def delete_task(notion: NotionSession, given: DeleteTask) -> Deleted:
    """Move a task in Notion to the trash, from which people can take it back for 30 days."""
    trashed = notion.client.pages.update(page_id=notion_id(given.task_id), in_trash=True)
    page = await notion.ask(trashed, what="task", changes=True)
    return Deleted(id=page["id"], title=page_title(page), link=as_text(page.get("url")))


async def search(notion: NotionSession, given: Search) -> FoundThings:
    """Find pages and data sources in Notion by words of their title; only what is shared is found."""
    asked: Json = {"query": given.query, "page_size": given.limit}
    asked |= {"filter": {"property": "object", "value": given.kind}} if given.kind else {}
    asked |= {"start_cursor": given.cursor} if given.cursor else {}
    found = await notion.ask(notion.client.search(**asked))
    results = [_found(each) for each in as_objects(found.get("results"))]
    return FoundThings(results=results, next_cursor=found.get("next_cursor"))


async def get_page(notion: NotionSession, given: GetPage) -> Page:
    """Read a page in Notion: its title and its text. What is nested deeper than one level is left out."""
    page = await notion.ask(notion.client.pages.retrieve(page_id=notion_id(given.page_id)))
    lines = [text_of(block) for block in await _blocks(notion, page["id"])]
    return _page(page).model_copy(update={"text": texts.body("\n".join(line for line in lines if line))})


async def create_page(notion: NotionSession, given: CreatePage) -> Page:
    """Create a page in Notion under another page, and return its link."""
    under = given.parent or notion.parent_page
    if under is None:
        raise VOICE.refused(
            "Say under which page: give `parent`, the link or id of a page that search finds, or have an "
            "admin set the connection's parent page."
        )
    parent = {"type": "page_id", "page_id": notion_id(under)}
    return _page(await _created(notion, parent, {"title": {"title": rich_text(given.title)}}, given.content))


async def _values(
    notion: NotionSession, source: DataSource, title: str | None, status: str | None, deadline: str | None
) -> tuple[DataSource, Json]:
    """Property values by the schema as it is known, then as it is now: a status may be new."""
    try:
        return source, source.values(title, status, deadline)
    except NoSuchOption:
        source = await notion.source(source.id, fresh=True)
        return source, source.values(title, status, deadline)


async def _created(notion: NotionSession, parent: Json, values: Json, text: str) -> Json:
    blocks = blocks_of(text)
    if len(blocks) > BLOCKS_WRITTEN:
        raise VOICE.refused(f"The text has {len(blocks)} lines; {BLOCKS_WRITTEN} are taken. Shorten it.")
    body: Json = {"children": blocks[:BLOCKS_AT_ONCE]} if blocks else {}
    made = notion.client.pages.create(parent=parent, properties=values, **body)
    page = await notion.ask(made, what="place to put it", changes=True)
    for at in range(BLOCKS_AT_ONCE, len(blocks), BLOCKS_AT_ONCE):
        more = notion.client.blocks.children.append(
            block_id=page["id"], children=blocks[at : at + BLOCKS_AT_ONCE]
        )
        await notion.ask(more, changes=True)
    return page


async def _blocks(notion: NotionSession, page_id: str) -> list[Json]:
    blocks: list[Json] = []
    asked: dict[str, Any] = {"page_size": 100}
    while len(blocks) < BLOCKS_READ:
        found = await notion.ask(notion.client.blocks.children.list(block_id=page_id, **asked))
        blocks += as_objects(found.get("results"))
        if not found.get("has_more"):
            break
        asked["start_cursor"] = found.get("next_cursor")
    return blocks


def _task(page: Json, source: DataSource) -> Task:
    return Task(
        id=as_text(page.get("id")),
        title=page_title(page),
        link=as_text(page.get("url")),
        status=status_of(page),
        deadline=deadline_of(page, source),
        assignees=people_of(page, source),
    )


def _page(page: Json) -> Page:
    return Page(id=as_text(page.get("id")), title=page_title(page), link=as_text(page.get("url")))


def _found(thing: Json) -> Found:
    is_page = thing.get("object") == "page"
    title = page_title(thing) if is_page else texts.one_line(plain(thing.get("title"))) or "untitled"
    kind: Literal["page", "data_source"] = "page" if is_page else "data_source"
    return Found(id=as_text(thing.get("id")), title=title, link=as_text(thing.get("url")), kind=kind)


TOOLS = (
    tool("getTasks", READS, GetTasks, get_tasks),
    tool("createTask", ADDS, CreateTask, create_task),
    tool("updateTask", CHANGES, UpdateTask, update_task),
    tool("deleteTask", REMOVES, DeleteTask, delete_task),
    tool("search", READS, Search, search),
    tool("getPage", READS, GetPage, get_page),
    tool("createPage", ADDS, CreatePage, create_page),
)
