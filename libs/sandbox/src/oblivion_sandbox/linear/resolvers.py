"""Documents as the objects of the schema; relations are functions, called when a query asks for them."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from oblivion_sandbox.linear.dialect import forbidden, not_found, wrong_input
from oblivion_sandbox.linear.filters import fits
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.service import Vendor

PRIORITIES = ("No priority", "Urgent", "High", "Medium", "Low")
PAGE_MAX = 250


def moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def page(things: list[Json], first: int | None, after: str | None) -> Json:
    """One page of a connection, as Relay has it; the cursor is the id of the last thing before it."""
    size = 50 if first is None else first
    if not 0 < size <= PAGE_MAX:
        raise wrong_input("Argument Validation Error", f"first must not be greater than {PAGE_MAX}.")
    ids = [each["id"] for each in things]
    if after is not None and after not in ids:
        raise wrong_input("Argument Validation Error", "after must be a cursor of this list.")
    start = ids.index(after) + 1 if after is not None else 0
    nodes = things[start : start + size]
    info: Json = {
        "hasPreviousPage": start > 0,
        "hasNextPage": start + size < len(things),
        "startCursor": nodes[0]["id"] if nodes else None,
        "endCursor": nodes[-1]["id"] if nodes else None,
    }
    return {"nodes": nodes, "pageInfo": info, "totalCount": len(things)}


class Objects:
    """The workspace's things as the account's own user sees them."""

    def __init__(self, vendor: Vendor, base_url: str) -> None:
        self.vendor = vendor
        self._base_url = base_url

    def need(self, *scopes: str) -> None:
        """Raises FORBIDDEN unless the key has one of the scopes."""
        if not any(self.vendor.may(scope) for scope in scopes):
            raise forbidden(scopes[0])

    # One thing

    def user(self, key: str | None) -> Json | None:
        user = self.vendor.documents.get("user", key) if key else None
        if user is None:
            return None
        me = user["id"] == self.vendor.account["user_id"]
        url = f"{self._base_url}/profiles/{user['displayName']}"
        return {**user, "isMe": me, "url": url, "organization": self.vendor.account["organization"]}

    def team(self, key: str) -> Json:
        team = self._found("Team", "team", key)
        states = _several(lambda: [self.state(each["id"]) for each in self._states(team["id"])])
        return {**team, "description": None, "states": states}

    def state(self, key: str) -> Json:
        state = self._found("WorkflowState", "state", key)
        return {**state, "team": _relation(lambda: self.team(state["team"]))}

    def issue(self, given: str) -> Json:
        return self._issue(self.stored_issue(given))

    def stored_issue(self, given: str) -> Json:
        """By id or by identifier, such as ENG-12.

        Raises:
            GraphQLError: not found.
        """
        issues = self.vendor.documents.all("issue")
        found = next((each for each in issues if given in (each["id"], each["identifier"])), None)
        if found is None or not self.vendor.may("read"):
            raise not_found("Issue")
        return found

    def _issue(self, issue: Json) -> Json:
        identifier, title = issue["identifier"], re.sub(r"[^a-z0-9]+", "-", issue["title"].lower()).strip("-")
        state = self.state(issue["state"])
        done = state["type"] == "completed"
        return {
            **issue,
            "priorityLabel": PRIORITIES[int(issue["priority"])],
            "url": f"{self._base_url}/oblivion/issue/{identifier}/{title[:60]}",
            "branchName": f"oblivion/{identifier.lower()}-{title[:40]}",
            "createdAt": moment(issue["created_ms"]),
            "updatedAt": moment(issue["updated_ms"]),
            "completedAt": moment(issue["updated_ms"]) if done else None,
            "state": state,
            "team": _relation(lambda: self.team(issue["team"])),
            "assignee": _relation(lambda: self.user(issue["assignee"])),
            "creator": _relation(lambda: self.user(issue["creator"])),
            "labels": _several(lambda: self._labels(issue)),
            "comments": _several(lambda: self.comments(issue)),
            "metadata": {},
        }

    def comment(self, comment: Json) -> Json:
        written = moment(comment["created_ms"])
        issue = self.vendor.documents.get("issue", comment["issue"]) or {}
        return {
            **comment,
            "createdAt": written,
            "updatedAt": written,
            "url": f"{self._base_url}/oblivion/issue/{issue['identifier']}#comment-{comment['id'][:8]}",
            "user": _relation(lambda: self.user(comment["user"])),
            "issue": _relation(lambda: self._issue(issue)),
        }

    # Several

    def issues(self, *, trashed: bool = False) -> list[Json]:
        """The newest first."""
        stored = self.vendor.documents.all("issue", lambda each: trashed or not each["trashed"])
        return [self._issue(each) for each in reversed(stored)]

    def teams(self) -> list[Json]:
        return [self.team(each["id"]) for each in self.vendor.documents.all("team")]

    def users(self) -> list[Json]:
        return [user for each in self.vendor.documents.all("user") if (user := self.user(each["id"]))]

    def states(self) -> list[Json]:
        return [self.state(each["id"]) for each in self.vendor.documents.all("state")]

    def comments(self, issue: Json) -> list[Json]:
        stored = self.vendor.documents.all("comment", lambda each: each["issue"] == issue["id"])
        return [self.comment(each) for each in stored]

    def _states(self, team: str) -> list[Json]:
        return self.vendor.documents.all("state", lambda each: each["team"] == team)

    def _labels(self, issue: Json) -> list[Json]:
        return [label for key in issue["labels"] if (label := self.vendor.documents.get("label", key))]

    def _found(self, what: str, kind: str, key: str) -> Json:
        found = self.vendor.documents.get(kind, key)
        if found is None or not self.vendor.may("read"):
            raise not_found(what)
        return found


def chosen(things: Iterable[Json], wanted: dict[str, Any] | None) -> list[Json]:
    return [thing for thing in things if fits(wanted, thing)]


def _relation(find: Callable[[], Json | None]) -> Callable[..., Json | None]:
    """As graphql-core calls it."""

    def resolve(_info: object = None) -> Json | None:
        return find()

    return resolve


def _several(find: Callable[[], list[Json]]) -> Callable[..., Json]:
    def resolve(_info: object, first: int | None = None, after: str | None = None) -> Json:
        return page(find(), first, after)

    return resolve
