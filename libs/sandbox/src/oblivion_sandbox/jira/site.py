"""Documents as Jira's beans, and the checks that their fields pass."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oblivion_sandbox.jira.dialect import issue_not_found, wrong_fields
from oblivion_sandbox.jira.document import is_document, text_of
from oblivion_sandbox.jira.seed import ISSUE_TYPES, PRIORITIES, STATUSES
from oblivion_sandbox.json_values import as_list, as_object
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.service import Vendor

SUMMARY_LENGTH_MAX = 255
_NO_DOCUMENT = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"


def moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}+0000"


@dataclass(frozen=True)
class Site:
    """One site as a caller sees it."""

    vendor: Vendor
    base_url: str

    @property
    def _api(self) -> str:
        return f"{self.base_url}/rest/api/3"

    def project(self, given: str) -> Json | None:
        known = self.vendor.documents.all("project")
        return next((each for each in known if given.upper() in (each["key"], each["id"])), None)

    def issue(self, given: str) -> Json:
        """By key or id.

        Raises:
            Refusal: 404.
        """
        found = self.vendor.documents.all("issue", lambda each: given.upper() in (each["key"], each["id"]))
        if not found or not self.vendor.may("BROWSE_PROJECTS"):
            raise issue_not_found()
        return found[0]

    def user(self, account: str | None) -> Json | None:
        found = self.vendor.documents.get("user", account) if account else None
        if found is None:
            return None
        at = f"{self._api}/user?accountId={account}"
        return {"self": at, "accountType": "atlassian", "active": True, "timeZone": "Etc/UTC", **found}

    # Beans

    def project_bean(self, project: Json) -> Json:
        about = {"id": project["id"], "key": project["key"], "name": project["name"]}
        kind = {"projectTypeKey": "software", "simplified": True, "style": "next-gen", "isPrivate": False}
        return {"self": f"{self._api}/project/{project['id']}", **about, **kind}

    def reference(self, issue: Json) -> Json:
        return {"id": issue["id"], "key": issue["key"], "self": f"{self._api}/issue/{issue['id']}"}

    def issue_bean(self, issue: Json, wanted: list[str]) -> Json:
        """With the fields wanted; `*all` and `*navigable` are all of them, and none is the id alone."""
        fields = self._fields(issue)
        if not {"*all", "*navigable"} & set(wanted):
            fields = {name: value for name, value in fields.items() if name in wanted}
        return {"expand": "operations,versionedRepresentations", **self.reference(issue), "fields": fields}

    def _fields(self, issue: Json) -> Json:
        status = next(each for each in STATUSES if each["name"] == issue["status"])
        kind = next(each for each in ISSUE_TYPES if each["name"] == issue["issuetype"])
        is_done = status["name"] == "Done"
        comments = [self.comment_bean(issue, each) for each in self.comments(issue)]
        return {
            "summary": issue["summary"],
            "description": issue["description"],
            "status": {"self": f"{self._api}/status/{status['id']}", "description": "", **status},
            "issuetype": {"self": f"{self._api}/issuetype/{kind['id']}", **kind},
            "priority": {"id": str(PRIORITIES.index(issue["priority"]) + 1), "name": issue["priority"]},
            "labels": issue["labels"],
            "project": self.project_bean(self.project(issue["project"]) or {}),
            "assignee": self.user(issue["assignee"]),
            "reporter": self.user(issue["reporter"]),
            "created": moment(issue["created_ms"]),
            "updated": moment(issue["updated_ms"]),
            "resolution": {"id": "10000", "name": "Done"} if is_done else None,
            "comment": {
                "comments": comments,
                "maxResults": len(comments),
                "total": len(comments),
                "startAt": 0,
            },
        }

    def comments(self, issue: Json) -> list[Json]:
        return self.vendor.documents.all("comment", lambda each: each["issue"] == issue["key"])

    def comment_bean(self, issue: Json, comment: Json) -> Json:
        author = self.user(comment["author"])
        written = moment(comment["created_ms"])
        return {
            "self": f"{self._api}/issue/{issue['id']}/comment/{comment['id']}",
            "id": comment["id"],
            "author": author,
            "updateAuthor": author,
            "body": comment["body"],
            "created": written,
            "updated": written,
            "jsdPublic": True,
        }

    # What requests give

    def changes(self, given: Json, *, is_new: bool) -> Json:
        """The fields of a create or edit request as issues keep them.

        Raises:
            Refusal: 400 that names each wrong field.
        """
        changes: Json = {}
        wrong: dict[str, str] = {}
        for name, value in given.items():
            if name == "project":
                continue
            try:
                changes[name] = self._checked(name, value)
            except ValueError as error:
                wrong[name] = str(error)
        if is_new and "summary" not in {*changes, *wrong}:
            wrong["summary"] = "You must specify a summary of the issue."
        if is_new and "issuetype" not in {*changes, *wrong}:
            wrong["issuetype"] = "Specify an issue type"
        if wrong:
            raise wrong_fields(**wrong)
        return changes

    def _checked(self, name: str, value: Any) -> Any:
        match name:
            case "summary":
                return _summary(value)
            case "description":
                if value is not None and not is_document(value):
                    raise ValueError(_NO_DOCUMENT)
                return value
            case "issuetype":
                return _named(value, [(each["id"], each["name"]) for each in ISSUE_TYPES], "issue type")
            case "priority":
                levels = [(str(place + 1), level) for place, level in enumerate(PRIORITIES)]
                return _named(value, levels, "priority")
            case "labels":
                return _labels(value)
            case "assignee":
                return self._assignee(value)
            case _:
                raise ValueError(
                    f"Field '{name[:60]}' cannot be set. It is not on the appropriate screen, or unknown."
                )

    def _assignee(self, value: object) -> str | None:
        account = as_object(value).get("accountId", as_object(value).get("id"))
        if account is not None and self.user(str(account)) is None:
            raise ValueError("User does not exist or cannot be assigned issues.")
        return None if account is None else str(account)

    # What queries look at

    def facts(self, issue: Json, name: str) -> list[str]:
        """The values of an issue's field in small letters, as JQL compares them."""
        return [value.lower() for value in self._facts(issue, name) if value]

    def _facts(self, issue: Json, name: str) -> list[str]:
        match name:
            case "assignee" | "reporter":
                return self._person(issue[name])
            case "project":
                place = self.project(issue["project"]) or {}
                return [place["key"], place["name"], place["id"]]
            case "statuscategory":
                category = next(each for each in STATUSES if each["name"] == issue["status"])[
                    "statusCategory"
                ]
                return [category["name"], category["key"]]
            case "text":
                return [issue["summary"], text_of(issue["description"]), *self._facts(issue, "comment")]
            case "comment":
                return [text_of(each["body"]) for each in self.comments(issue)]
            case "description":
                return [text_of(issue["description"])]
            case "created" | "updated":
                return [moment(issue[f"{name}_ms"])]
            case "resolution":
                return ["Done"] if issue["status"] == "Done" else []
            case "key":
                return [issue["key"], issue["id"]]
            case _:
                value = issue[name]
                return [str(each) for each in as_list(value)] if name == "labels" else [str(value)]

    def _person(self, account: str | None) -> list[str]:
        user = self.user(account)
        if user is None:
            return []
        me = ["currentuser()"] if account == self.vendor.account["account_id"] else []
        return [user["accountId"], user["displayName"], user["emailAddress"], *me]


def _summary(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("You must specify a summary of the issue.")
    if "\n" in value:
        raise ValueError("The summary is invalid because it contains newline characters.")
    if len(value) > SUMMARY_LENGTH_MAX:
        raise ValueError(f"Summary must be less than {SUMMARY_LENGTH_MAX} characters.")
    return value


def _labels(value: object) -> list[str]:
    labels = [str(label) for label in as_list(value)]
    spaced = next((label for label in labels if " " in label), None)
    if spaced is not None:
        raise ValueError(f"The label '{spaced[:60]}' contains spaces which is invalid.")
    return labels


def _named(value: object, known: list[tuple[str, str]], what: str) -> str:
    wanted = as_object(value)
    found = next((name for key, name in known if key == wanted.get("id") or name == wanted.get("name")), None)
    if found is None:
        raise ValueError(f"Specify a valid {what}")
    return found
