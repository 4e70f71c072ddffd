"""The workspace as it is at first start."""

import secrets
import uuid

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.linear.dialect import KEY_PREFIX
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.documents import Documents

SCOPES = ["read", "write", "issues:create", "comments:create"]
AGENT = "oblivion"
PEOPLE = (("you", "You"), ("ana", "Ana Silva"), ("ben", "Ben Okafor"), (AGENT, "Oblivion"))
STATES = (
    ("Backlog", "backlog", "#bec2c8"),
    ("Todo", "unstarted", "#e2e2e2"),
    ("In Progress", "started", "#f2c94c"),
    ("Done", "completed", "#5e6ad2"),
    ("Canceled", "canceled", "#95a2b3"),
)
TEAMS = (("ENG", "Engineering"), ("DES", "Design"))
_ISSUES = (
    (
        "ENG",
        "Login takes ten seconds on a cold start",
        "In Progress",
        2,
        "ana",
        "Seen on **production** only.",
    ),
    ("ENG", "Export invoices as PDF", "Todo", 3, None, None),
    ("ENG", "Remove the old billing flags", "Done", 4, "ben", None),
    ("DES", "New empty states for the inbox", "Backlog", 0, None, None),
)


def seed_linear(documents: Documents) -> Json:
    """People, two teams with their states, and a few issues."""
    people: dict[str, str] = {}
    for name, full in PEOPLE:
        key = people[name] = new_id()
        user = {"id": key, "displayName": name, "name": full, "email": f"{name}@example.com", "active": True}
        documents.put("user", key, user)
    for number, (key, name) in enumerate(TEAMS):
        _team(documents, key, name, number)
    for team, title, state, priority, assignee, text in _ISSUES:
        place = documents.all("team", lambda each, team=team: each["key"] == team)[0]
        fits = [
            each for each in documents.all("state") if (each["team"], each["name"]) == (place["id"], state)
        ]
        about: Json = {"description": text, "dueDate": None, "labels": []}
        holder = people[assignee] if assignee else None
        fields = about | {"title": title, "state": fits[0]["id"], "priority": priority, "assignee": holder}
        add_issue(documents, place["id"], people["you"], fields, via="seed")
    return {
        # Of the form that Linear's API keys have.
        "token": KEY_PREFIX + secrets.token_urlsafe(30)[:40],
        "rights": SCOPES,
        "user_id": people[AGENT],
        "organization": {"id": new_id(), "name": "Oblivion Sandbox", "urlKey": "oblivion"},
        # 2,500 an hour.
        "per_minute": 2500 / 60,
        "burst": 500,
    }


def new_id() -> str:
    return str(uuid.uuid4())


def _team(documents: Documents, key: str, name: str, number: int) -> None:
    team = documents.put("team", team_id := new_id(), {"id": team_id, "key": key, "name": name, "last": 0})
    for position, (state, kind, color) in enumerate(STATES):
        about: Json = {"name": state, "type": kind, "color": color, "position": position}
        documents.put("state", state_id := new_id(), {"id": state_id, "team": team["id"], **about})
    documents.put("label", label := new_id(), {"id": label, "name": f"bug-{number}", "color": "#eb5757"})


def add_issue(documents: Documents, team: str, creator: str, fields: Json, *, via: str) -> Json:
    """A new issue with its team's next number."""
    place = documents.get("team", team) or {}
    number = int(place["last"]) + 1
    documents.change("team", team, last=number)
    moment = now_ms()
    issue: Json = {
        "id": new_id(),
        "identifier": f"{place['key']}-{number}",
        "number": number,
        "team": team,
        "creator": creator,
        "created_ms": moment,
        "updated_ms": moment,
        "trashed": False,
        "via": via,
        **fields,
    }
    return documents.put("issue", issue["id"], issue)
