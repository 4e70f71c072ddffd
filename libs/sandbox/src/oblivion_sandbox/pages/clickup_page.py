"""GET /clickup: lists, tasks, comments; what is changed goes through the control API as a person."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from oblivion_sandbox.clickup.errors import ClickUpError
from oblivion_sandbox.clickup.seed import AGENT
from oblivion_sandbox.clickup.service import ClickUp
from oblivion_sandbox.clickup.space import PRIORITIES, STATUSES
from oblivion_sandbox.clickup.tasks import Filter
from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.live import Live
from oblivion_sandbox.pages.markup import linked_html, markdown_html
from oblivion_sandbox.pages.shell import Shell
from oblivion_sandbox.store import Json

PARTS = ("lists", "tasks", "task", "comments")


class ClickUpPage:
    """The page of the workspace."""

    def __init__(self, clickup: ClickUp, live: Live, shell: Shell) -> None:
        self._clickup = clickup
        self._live = live
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("/clickup", self._page),
            Route("/clickup/", self._page),
            Route("/clickup/live", self._stream),
            Route("/clickup/t/{task}", self._link),
        ]

    async def _stream(self, _request: Request) -> Response:
        return self._live.stream("clickup")

    async def _link(self, request: Request) -> Response:
        """The address that a task's `url` names."""
        try:
            row = self._clickup.tasks.get(request.path_params["task"])
        except ClickUpError:
            return self._gone()
        return RedirectResponse(f"/clickup?list={row['list_id']}&task={row['id']}", 303)

    async def _page(self, request: Request) -> Response:
        """The whole page, or one part of it that the script asks for by `part`."""
        query = request.query_params
        lists = self._clickup.space.lists()
        try:
            place = self._clickup.space.list(query.get("list") or lists[0]["id"])
            task = self._task(query["task"]) if query.get("task") else None
        except ClickUpError:
            return self._gone()
        values: dict[str, Any] = {
            "title": task["name"] if task else place["name"],
            "team": self._clickup.space.team,
            "place_list": self._clickup.space.list_json(place),
            "groups": self._groups(),
            "statuses": STATUSES,
            "priorities": PRIORITIES,
            "people": self._clickup.space.users(),
            "authors": [row for row in self._clickup.space.users() if row["username"] != AGENT[0]],
            "all_lists": lists,
            "link_command": f"/oblivion link {place['id']}",
            "by_status": self._tasks_by_status(place["id"]),
            "task": task,
            "comments": self._comments(task["id"]) if task else [],
            "markdown": markdown_html,
            "linked": linked_html,
            "overdue": _overdue,
        }
        part = query.get("part")
        return self._shell.page(f"clickup_{part}.html" if part in PARTS else "clickup.html", values)

    def _groups(self) -> list[Json]:
        """Lists by folder, those in none last."""
        space = self._clickup.space.spaces()[0]["id"]
        folders = self._clickup.space.folders(space)
        grouped = [(row["name"], self._clickup.space.lists(folder_id=row["id"])) for row in folders]
        grouped.append(("", self._clickup.space.lists(space_id=space)))
        return [
            {"name": name, "lists": [self._clickup.space.list_json(row) for row in rows]}
            for name, rows in grouped
        ]

    def _tasks_by_status(self, list_id: str) -> list[Json]:
        rows, _last = self._clickup.tasks.page(list_id, Filter(include_closed=True))
        tasks = [self._clickup.shape.as_json(row, "") for row in rows]
        return [
            {**status, "tasks": [task for task in tasks if task["status"]["status"] == status["status"]]}
            for status in STATUSES
        ]

    def _task(self, task_id: str) -> Json:
        row = self._clickup.tasks.get(task_id)
        task = self._clickup.shape.as_json(row, "", markdown=True)
        due = task["due_date"]
        day = datetime.fromtimestamp(int(due) / 1000, UTC).date().isoformat() if due else ""
        return {**task, "due_day": day, "assignee_ids": [person["id"] for person in task["assignees"]]}

    def _comments(self, task_id: str) -> list[Json]:
        """Comments oldest first, each with its replies."""
        comments = self._clickup.comments
        replies = {
            row["id"]: [comments.as_json(reply) for reply in comments.replies(row["id"])]
            for row in comments.ever(task_id)
            if not row["deleted"]
        }
        answered = {reply["id"] for found in replies.values() for reply in found}
        shown = [comments.as_json(comments.get(comment)) for comment in replies]
        return [each | {"replies": replies[int(each["id"])]} for each in shown if each["id"] not in answered]

    def _gone(self) -> Response:
        return self._shell.page("clickup_gone.html", {"title": "Not here"}, 404)


def _overdue(due_ms: str) -> bool:
    return int(due_ms) < now_ms()
