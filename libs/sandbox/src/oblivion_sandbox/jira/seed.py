"""The site as it is at first start."""

import secrets

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.jira.document import document
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.documents import Documents

RIGHTS = ["BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ADD_COMMENTS"]
AGENT = "Oblivion"
PEOPLE = ("You", "Ana Silva", "Ben Okafor")
STATUSES: tuple[Json, ...] = (
    {"id": "10000", "name": "To Do", "statusCategory": {"id": 2, "key": "new", "name": "To Do"}},
    {
        "id": "10001",
        "name": "In Progress",
        "statusCategory": {"id": 4, "key": "indeterminate", "name": "In Progress"},
    },
    {"id": "10002", "name": "Done", "statusCategory": {"id": 3, "key": "done", "name": "Done"}},
)
ISSUE_TYPES: tuple[Json, ...] = (
    {"id": "10003", "name": "Task", "subtask": False},
    {"id": "10004", "name": "Bug", "subtask": False},
    {"id": "10005", "name": "Story", "subtask": False},
)
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
_ISSUES: tuple[tuple[str, str, str, str, str, str], ...] = (
    (
        "ROC",
        "Countdown runs for ever below zero",
        "Bug",
        "In Progress",
        "High",
        "python -m rocket -1 never ends.",
    ),
    (
        "ROC",
        "Say which checklist item is missing",
        "Story",
        "To Do",
        "Medium",
        "At hold, name the open item.",
    ),
    ("ROC", "Update the flight manual", "Task", "Done", "Low", ""),
    ("OPS", "Renew the wildcard certificate", "Task", "To Do", "High", "It ends in three weeks."),
)


def seed_jira(documents: Documents) -> Json:
    """People, two projects and a few issues."""
    for name in (*PEOPLE, AGENT):
        account = secrets.token_hex(12)
        email = f"{name.split()[0].lower()}@example.com"
        documents.put("user", account, {"accountId": account, "displayName": name, "emailAddress": email})
    for number, (key, name) in enumerate((("ROC", "Rocket"), ("OPS", "Operations"))):
        documents.put("project", key, {"id": str(10000 + number), "key": key, "name": name, "last": 0})
    people = documents.all("user")
    for project, summary, kind, status, priority, text in _ISSUES:
        fields: Json = {"summary": summary, "issuetype": kind, "status": status, "priority": priority}
        more: Json = {"description": document(text) if text else None, "labels": [], "assignee": None}
        add_issue(documents, project, people[0]["accountId"], fields | more, via="seed")
    return {
        # Of the form that Atlassian's API tokens have.
        "token": f"ATATT3xFfGF0{secrets.token_hex(32)}",
        "email": people[-1]["emailAddress"],
        "account_id": people[-1]["accountId"],
        "rights": RIGHTS,
        "per_minute": 600,
        "burst": 100,
    }


def add_issue(documents: Documents, project: str, reporter: str, fields: Json, *, via: str) -> Json:
    """A new issue with the project's next number."""
    place = documents.get("project", project) or {}
    number = int(place["last"]) + 1
    documents.change("project", project, last=number)
    issue: Json = {
        "id": str(20000 + len(documents.all("issue"))),
        "key": f"{project}-{number}",
        "project": project,
        "reporter": reporter,
        "created_ms": now_ms(),
        "updated_ms": now_ms(),
        "via": via,
        **fields,
    }
    return documents.put("issue", issue["key"], issue)
