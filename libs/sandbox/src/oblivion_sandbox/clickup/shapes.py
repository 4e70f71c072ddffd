"""Tasks as GET /task/{id} shows them."""

from typing import Any

from oblivion_sandbox.clickup.space import PRIORITIES, Space
from oblivion_sandbox.clickup.tasks import Tasks
from oblivion_sandbox.store import Json, Row


class TaskShape:
    """Makes task objects, with links to the page of the place that asks."""

    def __init__(self, space: Space, tasks: Tasks) -> None:
        self._space = space
        self._tasks = tasks

    def as_json(self, row: Row, base_url: str, *, markdown: bool = False) -> Json:
        body = self._tasks.body(row)
        creator = self._space.person(body["creator"])
        place = self._space.list(row["list_id"])
        status = self._space.status(row["list_id"], body["status"])
        task: Json = {
            "id": row["id"],
            "custom_id": None,
            "custom_item_id": 0,
            "name": body["name"],
            "text_content": body["text"],
            "description": body["text"],
            "status": status,
            "orderindex": f"{row['created_ms']}.00000000000000000000000000000000",
            "date_created": str(row["created_ms"]),
            "date_updated": str(row["updated_ms"]),
            "date_closed": _text(body["date_done"]),
            "date_done": _text(body["date_done"]),
            "archived": False,
            "creator": {
                name: creator[name] for name in ("id", "username", "color", "email", "profilePicture")
            },
            "assignees": [self._space.person(user) for user in body["assignees"]],
            "group_assignees": [],
            "watchers": [creator],
            "checklists": [],
            "tags": [
                {"name": tag, "tag_fg": "#ffffff", "tag_bg": "#5f55ee", "creator": body["creator"]}
                for tag in body["tags"]
            ],
            "parent": body["parent"],
            "top_level_parent": None,
            "priority": PRIORITIES.get(body["priority"] or 0),
            "due_date": _text(body["due_date"]),
            "start_date": _text(body["start_date"]),
            "points": None,
            "time_estimate": None,
            "custom_fields": [],
            "dependencies": [],
            "linked_tasks": [],
            "locations": [],
            "team_id": self._space.team["id"],
            "url": f"{base_url}/clickup/t/{row['id']}",
            "sharing": {"public": False, "public_share_expires_on": None, "public_fields": [], "token": None},
            "permission_level": "create",
            "list": {"id": place["id"], "name": place["name"], "access": True},
            **self._folder_and_space(place),
            "attachments": [],
        }
        if markdown:
            task["markdown_description"] = body["markdown"]
        return task

    def _folder_and_space(self, place: Row) -> dict[str, Any]:
        where = self._space.place(place)
        return {"project": where["folder"], "folder": where["folder"], "space": {"id": where["space"]["id"]}}


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
