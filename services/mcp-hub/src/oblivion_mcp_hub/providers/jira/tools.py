"""What agents can do in Jira. Descriptions and comments are text: they mention nobody."""

from typing import Annotated, Literal

from pydantic import Field

from oblivion_mcp_hub.providers import texts
from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.jira.document import document
from oblivion_mcp_hub.providers.jira.jql import joined, quoted, words_of
from oblivion_mcp_hub.providers.jira.session import VOICE, JiraSession, issue_key
from oblivion_mcp_hub.providers.provider import ADDS, CHANGES, READS, Input, Output, tool
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text

Title = Annotated[str, Field(min_length=1, max_length=254)]
Text = Annotated[str, Field(max_length=texts.TEXT_LENGTH_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Reference = Annotated[str, Field(min_length=1, max_length=300)]
Priority = Literal["Highest", "High", "Medium", "Low", "Lowest"]
Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str, Field(min_length=1, max_length=2_000)]


class Issue(Output):
    issue: str
    """Such as ENG-12."""
    title: str
    link: str
    status: str | None = None
    kind: str | None = None
    priority: str | None = None
    assignee: str | None = None


class Issues(Output):
    issues: list[Issue]
    next_cursor: str | None = None


class Changed(Output):
    issue: str
    link: str


class Commented(Output):
    id: str
    issue: str
    link: str


class CreateIssue(Input):
    title: Title
    """The summary, on one line."""
    project: Name | None = None
    """Key or name of the project, such as ENG; left out: the connection's own, or the only one."""
    kind: Name = "Task"
    """The issue type as the project calls it, such as Task, Bug or Story."""
    description: Text | None = None
    """As plain text."""
    priority: Priority | None = None
    assignee: Name | None = None
    """A person's name, or `me` for the account of this connection."""


class UpdateIssue(Input):
    issue: Reference
    """Such as ENG-12, or its link."""
    title: Title | None = None
    description: Text | None = None
    """The whole description anew, as plain text."""
    status: Name | None = None
    """As the project calls it, such as "Done"."""
    priority: Priority | None = None
    assignee: Name | None = None
    """A person's name, or `me` for the account of this connection."""


class GetIssues(Input):
    project: Name | None = None
    """Key or name of the project, such as ENG."""
    status: Name | None = None
    """As the project calls it, such as "In Progress"."""
    assignee: Name | None = None
    """A person's name, or `me` for the account of this connection."""
    limit: Limit = 20
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class Comment(Input):
    issue: Reference
    """Such as ENG-12, or its link."""
    text: Annotated[str, Field(min_length=1, max_length=texts.TEXT_LENGTH_MAX)]
    """The comment, as plain text."""


class Search(Input):
    query: Annotated[str, Field(min_length=1, max_length=200)]
    """Words of the summary, the description or the comments."""
    project: Name | None = None
    """Only in this project."""
    limit: Limit = 20
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


async def create_issue(jira: JiraSession, given: CreateIssue) -> Changed:
    """Create an issue in Jira, and return its key and link."""
    project = await jira.project(given.project)
    fields: Json = {"project": {"key": project}, "issuetype": {"name": given.kind}}
    made = await jira.change("POST", "/issue", {"fields": fields | await _fields(jira, given)})
    key = as_text(as_object(made).get("key"))
    return Changed(issue=key, link=jira.link(key))


async def update_issue(jira: JiraSession, given: UpdateIssue) -> Changed:
    """Change an issue in Jira: its summary, description, status, priority or assignee. The rest stays."""
    key = issue_key(given.issue)
    fields = await _fields(jira, given)
    if not fields and given.status is None:
        raise VOICE.refused(
            "Nothing to change was given: say a title, description, status, priority or assignee."
        )
    if fields:
        await jira.change("PUT", f"/issue/{key}", {"fields": fields})
    if given.status is not None:
        await jira.move(key, given.status)
    return Changed(issue=key, link=jira.link(key))


async def get_issues(jira: JiraSession, given: GetIssues) -> Issues:
    """List issues in Jira, the last changed first, with their status and link."""
    clauses: list[str] = []
    if given.project is not None:
        clauses.append(f"project = {quoted(await jira.project(given.project))}")
    if given.status is not None:
        clauses.append(f"status = {quoted(given.status)}")
    if given.assignee is not None:
        clauses.append(f"assignee = {quoted(await jira.account_id(given.assignee))}")
    return _issues(jira, await jira.search(joined(clauses), given.limit, given.cursor))


async def comment(jira: JiraSession, given: Comment) -> Commented:
    """Write a comment on an issue in Jira."""
    key = issue_key(given.issue)
    made = as_object(await jira.change("POST", f"/issue/{key}/comment", {"body": document(given.text)}))
    comment_id = as_text(made.get("id"))
    return Commented(id=comment_id, issue=key, link=f"{jira.link(key)}?focusedCommentId={comment_id}")


async def search(jira: JiraSession, given: Search) -> Issues:
    """Find issues in Jira by words of their summary, description or comments."""
    words = words_of(given.query)
    if not words:
        raise VOICE.refused("There is no word in the query; give at least one.")
    clauses = [f"text ~ {quoted(words)}"]
    if given.project is not None:
        clauses.append(f"project = {quoted(await jira.project(given.project))}")
    return _issues(jira, await jira.search(joined(clauses), given.limit, given.cursor))


async def _fields(jira: JiraSession, given: CreateIssue | UpdateIssue) -> Json:
    """The fields of an input as Jira takes them; what is None is left out."""
    fields: Json = {}
    if given.title is not None:
        fields["summary"] = " ".join(given.title.split())
    if given.description is not None:
        fields["description"] = document(given.description)
    if given.priority is not None:
        fields["priority"] = {"name": given.priority}
    if given.assignee is not None:
        fields["assignee"] = {"accountId": await jira.account_id(given.assignee)}
    return fields


def _issues(jira: JiraSession, page: Json) -> Issues:
    issues = [_issue(jira, each) for each in as_objects(page.get("issues"))]
    return Issues(issues=issues, next_cursor=as_text(page.get("nextPageToken")) or None)


def _issue(jira: JiraSession, issue: Json) -> Issue:
    fields, key = as_object(issue.get("fields")), as_text(issue.get("key"))
    return Issue(
        issue=key,
        title=texts.one_line(fields.get("summary")) or "untitled",
        link=jira.link(key),
        status=_named(fields.get("status")),
        kind=_named(fields.get("issuetype")),
        priority=_named(fields.get("priority")),
        assignee=texts.one_line(as_object(fields.get("assignee")).get("displayName"), 100) or None,
    )


def _named(thing: object) -> str | None:
    return texts.one_line(as_object(thing).get("name"), 100) or None


TOOLS = (
    tool("createIssue", ADDS, CreateIssue, create_issue),
    tool("updateIssue", CHANGES, UpdateIssue, update_issue),
    tool("getIssues", READS, GetIssues, get_issues),
    tool("comment", ADDS, Comment, comment),
    tool("search", READS, Search, search),
)
