"""What agents can do in Linear."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from oblivion_mcp_hub.providers import texts
from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.linear import documents
from oblivion_mcp_hub.providers.linear.session import VOICE, LinearSession
from oblivion_mcp_hub.providers.provider import ADDS, CHANGES, READS, Input, Output, tool
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text

PRIORITIES: tuple[str, ...] = ("none", "urgent", "high", "medium", "low")

Title = Annotated[str, Field(min_length=1, max_length=255)]
Text = Annotated[str, Field(max_length=texts.TEXT_LENGTH_MAX)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Reference = Annotated[str, Field(min_length=1, max_length=300)]
Priority = Literal["none", "urgent", "high", "medium", "low"]
Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str, Field(min_length=1, max_length=200)]
_REFERENCE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,19}-[0-9]{1,9}|[0-9a-f-]{36}")
_LINK = re.compile(r"/issue/([A-Za-z][A-Za-z0-9_]{0,19}-[0-9]{1,9})(?:$|[/?#])")
# Linear makes a mention of the address of a person's profile.
_PROFILE = re.compile(r"(linear\.app/[^/\s]+/profiles)/", re.I)


class Issue(Output):
    issue: str
    """Such as ENG-12."""
    title: str
    link: str
    state: str | None = None
    team: str | None = None
    assignee: str | None = None
    priority: str | None = None
    deadline: str | None = None


class Issues(Output):
    issues: list[Issue]
    next_cursor: str | None = None


class Commented(Output):
    id: str
    issue: str
    link: str


class CreateIssue(Input):
    title: Title
    team: Name | None = None
    """Key or name of the team, such as ENG; left out: the connection's own, or the only one."""
    description: Text | None = None
    """As Markdown."""
    state: Name | None = None
    """As it is called in the team, such as "Todo"."""
    priority: Priority | None = None
    assignee: Name | None = None
    """A person's name, or `me` for the account of this connection."""
    deadline: Day | None = None
    """YYYY-MM-DD."""


class UpdateIssue(Input):
    issue: Reference
    """Such as ENG-12, or its link."""
    title: Title | None = None
    description: Text | None = None
    """The whole description anew, as Markdown."""
    state: Name | None = None
    """As it is called in the team, such as "Done"."""
    priority: Priority | None = None
    assignee: Name | None = None
    """A person's name, or `me` for the account of this connection."""
    deadline: Day | None = None
    """YYYY-MM-DD."""


class GetIssues(Input):
    team: Name | None = None
    """Key or name of the team, such as ENG."""
    state: Name | None = None
    """Only issues in this state, as it is called in the team, such as "In Progress"."""
    assignee: Name | None = None
    """A person's name, or `me` for the account of this connection."""
    limit: Limit = 20
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class Comment(Input):
    issue: Reference
    """Such as ENG-12, or its link."""
    text: Annotated[str, Field(min_length=1, max_length=texts.TEXT_LENGTH_MAX)]
    """The comment, as Markdown."""


class Search(Input):
    query: Annotated[str, Field(min_length=1, max_length=200)]
    """Words of the title, the description or the comments."""
    limit: Limit = 20
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


async def create_issue(linear: LinearSession, given: CreateIssue) -> Issue:
    """Create an issue in Linear, and return its number and link."""
    team = await linear.team(given.team)
    fields = await _fields(linear, given, team.id)
    made = await linear.change(documents.CREATE, input={"teamId": team.id, **fields})
    return _issue(as_object(as_object(made.get("issueCreate")).get("issue")))


async def update_issue(linear: LinearSession, given: UpdateIssue) -> Issue:
    """Change an issue in Linear: its title, description, state, priority, assignee or deadline. The rest
    stays."""
    found = as_object((await linear.ask(documents.ISSUE, id=_reference(given.issue))).get("issue"))
    fields = await _fields(linear, given, as_text(as_object(found.get("team")).get("id")))
    if not fields:
        raise VOICE.refused(
            "Nothing to change was given: say a title, description, state, priority or assignee."
        )
    made = await linear.change(documents.UPDATE, id=found["id"], input=fields)
    return _issue(as_object(as_object(made.get("issueUpdate")).get("issue")))


async def get_issues(linear: LinearSession, given: GetIssues) -> Issues:
    """List issues in Linear, the last changed first, with their state and link."""
    wanted: Json = {}
    if given.team is not None:
        wanted["team"] = {"id": {"eq": (await linear.team(given.team)).id}}
    if given.state is not None:
        wanted["state"] = {"name": {"eqIgnoreCase": given.state}}
    if given.assignee is not None:
        wanted["assignee"] = {"id": {"eq": await linear.person_id(given.assignee)}}
    found = await linear.ask(documents.ISSUES, filter=wanted, first=given.limit, after=given.cursor)
    return _issues(found.get("issues"))


async def comment(linear: LinearSession, given: Comment) -> Commented:
    """Write a comment on an issue in Linear. It calls nobody by name."""
    found = as_object((await linear.ask(documents.ISSUE, id=_reference(given.issue))).get("issue"))
    wanted = {"issueId": found["id"], "body": _calling_nobody(given.text)}
    made = as_object(
        as_object((await linear.change(documents.COMMENT, input=wanted)).get("commentCreate")).get("comment")
    )
    return Commented(
        id=as_text(made.get("id")), issue=as_text(found.get("identifier")), link=as_text(made.get("url"))
    )


async def search(linear: LinearSession, given: Search) -> Issues:
    """Find issues in Linear by words of their title, description or comments."""
    found = await linear.ask(documents.SEARCH, term=given.query, first=given.limit, after=given.cursor)
    return _issues(found.get("searchIssues"))


async def _fields(linear: LinearSession, given: CreateIssue | UpdateIssue, team_id: str) -> Json:
    """The fields of an input as Linear takes them; what is None is left out."""
    fields: dict[str, Any] = {"title": given.title, "dueDate": given.deadline}
    if given.description is not None:
        fields["description"] = _calling_nobody(given.description)
    if given.priority is not None:
        fields["priority"] = PRIORITIES.index(given.priority)
    if given.state is not None:
        fields["stateId"] = await linear.state_id(team_id, given.state)
    if given.assignee is not None:
        fields["assigneeId"] = await linear.person_id(given.assignee)
    return {name: value for name, value in fields.items() if value is not None}


def _calling_nobody(markdown: str) -> str:
    # With a word joiner in it, which cannot be seen, it is no address.
    return _PROFILE.sub("\\1\u2060/", markdown)


def _reference(given: str) -> str:
    in_link = _LINK.search(given)
    reference = in_link[1] if in_link else given
    if not _REFERENCE.fullmatch(reference):
        raise VOICE.refused(
            f"{texts.one_line(given, 80)!r} is no issue; write it as ENG-12, or give its link."
        )
    return reference.upper() if in_link or len(reference) < 36 else reference


def _issues(connection: object) -> Issues:
    info = as_object(as_object(connection).get("pageInfo"))
    issues = [_issue(each) for each in as_objects(as_object(connection).get("nodes"))]
    cursor = as_text(info.get("endCursor")) if info.get("hasNextPage") is True else None
    return Issues(issues=issues, next_cursor=cursor)


def _issue(issue: Json) -> Issue:
    assignee = as_object(issue.get("assignee"))
    return Issue(
        issue=as_text(issue.get("identifier")),
        title=texts.one_line(issue.get("title")) or "untitled",
        link=as_text(issue.get("url")),
        state=texts.one_line(as_object(issue.get("state")).get("name"), 60) or None,
        team=texts.one_line(as_object(issue.get("team")).get("key"), 20) or None,
        assignee=texts.one_line(assignee.get("name"), 100) or None,
        priority=texts.one_line(issue.get("priorityLabel"), 40) or None,
        deadline=as_text(issue.get("dueDate")) or None,
    )


TOOLS = (
    tool("createIssue", ADDS, CreateIssue, create_issue),
    tool("updateIssue", CHANGES, UpdateIssue, update_issue),
    tool("getIssues", READS, GetIssues, get_issues),
    tool("comment", ADDS, Comment, comment),
    tool("search", READS, Search, search),
)
