"""POST /linear/graphql: queries and mutations of the schema beside this file, executed as GraphQL.

Left out: most of Linear's types and filters, complexity limits, webhooks, projects and cycles, and changing
labels.
Source: https://linear.app/developers
"""

from functools import cache
from importlib.resources import files
from typing import Any

# One parameter of graphql_sync is generic without a type.
from graphql import (
    ExecutionResult,
    GraphQLSchema,
    build_schema,
    graphql_sync,  # pyright: ignore[reportUnknownVariableType]
)
from starlette.responses import Response

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.json_values import as_object
from oblivion_sandbox.linear.dialect import not_found, wrong_input
from oblivion_sandbox.linear.resolvers import Objects, chosen, page
from oblivion_sandbox.linear.seed import add_issue, new_id
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.wire import Call, Entry, json_answer

TITLE_LENGTH_MAX = 255
_FIELDS = {"stateId": "state", "assigneeId": "assignee", "teamId": "team", "labelIds": "labels"}


@cache
def schema() -> GraphQLSchema:
    return build_schema(files("oblivion_sandbox.linear").joinpath("schema.graphql").read_text())


def execute(call: Call) -> Response:
    """HTTP 400 for what is no valid query; 200 for all that was executed, also with errors."""
    objects = Objects(call.vendor, call.base_url)
    result = graphql_sync(
        schema(),
        str(call.body.get("query") or ""),
        Root(objects),
        variable_values=as_object(call.body.get("variables")),
        operation_name=call.body.get("operationName"),
    )
    return json_answer(_shown(result), 200 if _was_executed(result) else 400)


def _was_executed(result: ExecutionResult) -> bool:
    return result.data is not None or any(error.path for error in result.errors or ())


def _shown(result: ExecutionResult) -> Json:
    shown: Json = dict(result.formatted)
    for error in shown.get("errors", ()):
        about = {"code": "GRAPHQL_VALIDATION_FAILED", "type": "graphql error", "userError": True}
        error.setdefault("extensions", about)
    return shown


class Root:
    """The fields of Query and Mutation; graphql-core calls them with the arguments of the query."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    # Query

    def viewer(self, _info: Any) -> Json | None:
        return self._objects.user(self._objects.vendor.account["user_id"])

    def organization(self, _info: Any) -> Json:
        return self._objects.vendor.account["organization"]

    def teams(self, _info: Any, **given: Any) -> Json:
        return self._page(self._objects.teams(), given)

    def team(self, _info: Any, id: str) -> Json:  # noqa: A002  # the schema's name
        self._objects.need("read")
        return self._objects.team(id)

    def users(self, _info: Any, **given: Any) -> Json:
        return self._page(self._objects.users(), given)

    def workflowStates(self, _info: Any, **given: Any) -> Json:  # noqa: N802  # the schema's name
        return self._page(self._objects.states(), given)

    def issues(self, _info: Any, **given: Any) -> Json:
        found = self._objects.issues(trashed=bool(given.get("includeArchived")))
        if given.get("orderBy") == "updatedAt":
            found.sort(key=lambda issue: -int(issue["updated_ms"]))
        return self._page(found, given)

    def issue(self, _info: Any, id: str) -> Json:  # noqa: A002  # the schema's name
        self._objects.need("read")
        return self._objects.issue(id)

    def searchIssues(self, _info: Any, term: str, **given: Any) -> Json:  # noqa: N802  # the schema's name
        """Every word in the title, the description, the identifier, or, when asked for, a comment."""
        words = term.lower().split()
        found = [
            issue
            for issue in self._objects.issues()
            if given.get("teamId") in (None, issue["team"]()["id"])
            and all(word in self._text(issue, given) for word in words)
        ]
        return self._page(found, given)

    def _text(self, issue: Json, given: dict[str, Any]) -> str:
        said = (
            [each["body"] for each in self._objects.comments(issue)] if given.get("includeComments") else []
        )
        return "\n".join([issue["identifier"], issue["title"], issue["description"] or "", *said]).lower()

    def _page(self, things: list[Json], given: dict[str, Any]) -> Json:
        self._objects.need("read")
        return page(chosen(things, given.get("filter")), given.get("first"), given.get("after"))

    # Mutation

    def issueCreate(self, _info: Any, input: Json) -> Json:  # noqa: A002, N802  # the schema's names
        self._objects.need("issues:create", "write")
        vendor = self._objects.vendor
        fields = self._fields(input)
        if not fields.get("title"):
            raise wrong_input("Argument Validation Error", "title should not be empty")
        team = fields.pop("team")
        states = vendor.documents.all("state", lambda each: each["team"] == team)
        defaults: Json = {"description": None, "priority": 0, "assignee": None, "dueDate": None, "labels": []}
        first = next(each["id"] for each in states if each["type"] == "unstarted")
        made = add_issue(
            vendor.documents, team, vendor.account["user_id"], defaults | {"state": first} | fields, via="api"
        )
        return {"lastSyncId": now_ms(), "success": True, "issue": self._objects.issue(made["id"])}

    def issueUpdate(self, _info: Any, id: str, input: Json) -> Json:  # noqa: A002, N802  # the schema's names
        self._objects.need("write")
        issue = self._objects.stored_issue(id)
        fields = self._fields(input)
        self._objects.vendor.documents.change("issue", issue["id"], **fields, updated_ms=now_ms())
        return {"lastSyncId": now_ms(), "success": True, "issue": self._objects.issue(issue["id"])}

    def commentCreate(self, _info: Any, input: Json) -> Json:  # noqa: A002, N802  # the schema's names
        self._objects.need("comments:create", "write")
        issue = self._objects.stored_issue(str(input.get("issueId")))
        if not input.get("body"):
            raise wrong_input("Argument Validation Error", "body should not be empty")
        vendor = self._objects.vendor
        about: Json = {"issue": issue["id"], "user": vendor.account["user_id"], "created_ms": now_ms()}
        comment = {"id": input.get("id") or new_id(), "body": input["body"], **about}
        vendor.documents.put("comment", comment["id"], comment)
        return {"lastSyncId": now_ms(), "success": True, "comment": self._objects.comment(comment)}

    def _fields(self, given: Json) -> Json:
        """An input's fields by the names that issues keep them under.

        Raises:
            GraphQLError: a value out of bounds, or something referenced that is not there.
        """
        fields = {_FIELDS.get(name, name): value for name, value in given.items() if name != "id"}
        if len(fields.get("title") or "") > TITLE_LENGTH_MAX:
            raise wrong_input(
                "Argument Validation Error", f"title must be shorter than {TITLE_LENGTH_MAX} characters"
            )
        if fields.get("priority") not in (None, 0, 1, 2, 3, 4):
            raise wrong_input("Argument Validation Error", "priority must not be greater than 4")
        for name, what in (("state", "WorkflowState"), ("assignee", "User"), ("team", "Team")):
            value = fields.get(name)
            kind = "user" if name == "assignee" else name
            if value is not None and self._objects.vendor.documents.get(kind, value) is None:
                raise not_found(what)
        return fields


ROUTES: tuple[Entry, ...] = (("POST", "/graphql", execute),)
