"""/clickup/control/*: see everything, act as anybody, change health, limits and tokens."""

from starlette.requests import Request
from starlette.routing import Route

from oblivion_sandbox.clickup.service import ClickUp
from oblivion_sandbox.control_routes import CommonControls, control
from oblivion_sandbox.store import Json, Row
from oblivion_sandbox.urls import base_url

AT = "/clickup/control"
OWNER = "you"


class ClickUpControls:
    """The controls of the workspace."""

    def __init__(self, clickup: ClickUp, public_url: str | None) -> None:
        self._clickup = clickup
        self._public_url = public_url

    def routes(self) -> list[Route]:
        return [
            *CommonControls("clickup", self._clickup).routes(),
            control(f"{AT}/owner", "GET", self._owner),
            control(f"{AT}/users", "GET", self._users),
            control(f"{AT}/users/{{user}}", "PATCH", self._change_user),
            control(f"{AT}/limits", "PATCH", self._change_limits),
            control(f"{AT}/lists", "GET", self._lists),
            control(f"{AT}/lists", "POST", self._add_list),
            control(f"{AT}/tasks", "GET", self._tasks),
            control(f"{AT}/tasks", "POST", self._create_task),
            control(f"{AT}/tasks/{{task}}", "PATCH", self._update_task),
            control(f"{AT}/tasks/{{task}}", "DELETE", self._delete_task),
            control(f"{AT}/tasks/{{task}}/move", "POST", self._move_task),
            control(f"{AT}/comments", "GET", self._comments),
            control(f"{AT}/tasks/{{task}}/comments", "GET", self._comments),
            control(f"{AT}/tasks/{{task}}/comments", "POST", self._comment),
            control(f"{AT}/comments/{{comment:int}}/replies", "POST", self._reply),
            control(f"{AT}/comments/{{comment:int}}", "PATCH", self._edit_comment),
            control(f"{AT}/comments/{{comment:int}}", "DELETE", self._delete_comment),
            control(f"{AT}/webhooks", "GET", self._webhooks),
            control(f"{AT}/webhooks/{{webhook}}", "PATCH", self._change_webhook),
            control(f"{AT}/webhooks/{{webhook}}", "DELETE", self._delete_webhook),
        ]

    # Accounts and limits

    async def _owner(self, _request: Request, _body: Json) -> object:
        """The person whose token the system under test is given, and the workspace's ids."""
        team = self._clickup.space.team
        return {
            **self._account(self._clickup.space.user(OWNER)),
            "team_id": team["id"],
            "team_name": team["name"],
            "limit_per_minute": team["limit_per_minute"],
        }

    async def _users(self, _request: Request, _body: Json) -> object:
        return {"users": [self._account(row) for row in self._clickup.space.users()]}

    async def _change_user(self, request: Request, body: Json) -> object:
        user = self._clickup.space.user(request.path_params["user"])
        disabled, revoked = body.get("disabled"), body.get("token_revoked")
        self._clickup.space.change_user(user["id"], disabled=disabled, token_revoked=revoked)
        return self._account(self._clickup.space.user(user["id"]))

    async def _change_limits(self, _request: Request, body: Json) -> object:
        self._clickup.change_limit(int(body["per_minute"]))
        return {"limit_per_minute": self._clickup.space.team["limit_per_minute"]}

    def _account(self, row: Row) -> Json:
        return {
            "user": self._clickup.space.user_json(row),
            "token": row["token"],
            "disabled": bool(row["disabled"]),
            "token_revoked": bool(row["token_revoked"]),
        }

    # Lists and tasks

    async def _lists(self, _request: Request, _body: Json) -> object:
        return {"lists": [self._clickup.space.list_json(row) for row in self._clickup.space.lists()]}

    async def _add_list(self, _request: Request, body: Json) -> object:
        list_id = self._clickup.space.add_list(str(body["name"]), body.get("folder_id"))
        return self._clickup.space.list_json(self._clickup.space.list(list_id))

    async def _tasks(self, request: Request, _body: Json) -> object:
        """Every task ever created, deleted ones included."""
        wanted = request.query_params.get("list_id")
        rows = [row for row in self._clickup.tasks.ever() if wanted in (None, row["list_id"])]
        return {"tasks": [self._task(request, row) for row in rows]}

    async def _create_task(self, request: Request, body: Json) -> object:
        row = self._clickup.tasks.create(str(body["list_id"]), self._actor(body), body, via="person")
        return self._task(request, row)

    async def _update_task(self, request: Request, body: Json) -> object:
        row = self._clickup.tasks.update(request.path_params["task"], self._actor(body), body)
        return self._task(request, row)

    async def _delete_task(self, request: Request, _body: Json) -> object:
        self._clickup.tasks.delete(request.path_params["task"])
        return {}

    async def _move_task(self, request: Request, body: Json) -> object:
        row = self._clickup.tasks.move(request.path_params["task"], self._actor(body), str(body["list_id"]))
        return self._task(request, row)

    def _task(self, request: Request, row: Row) -> Json:
        shape = self._clickup.shape.as_json(row, base_url(request, self._public_url), markdown=True)
        return shape | {"via": row["via"], "deleted": bool(row["deleted"])}

    # Comments

    async def _comments(self, request: Request, _body: Json) -> object:
        """Every comment ever written, deleted ones included."""
        rows = self._clickup.comments.ever(request.path_params.get("task"))
        return {"comments": [self._comment_json(row) for row in rows]}

    async def _comment(self, request: Request, body: Json) -> object:
        task = request.path_params["task"]
        row, _history = self._clickup.comments.post(task, self._actor(body), _worded(body), via="person")
        return self._comment_json(row)

    async def _reply(self, request: Request, body: Json) -> object:
        comment = request.path_params["comment"]
        row, _history = self._clickup.comments.reply(comment, self._actor(body), _worded(body), via="person")
        return self._comment_json(row)

    async def _edit_comment(self, request: Request, body: Json) -> object:
        row = self._clickup.comments.edit(request.path_params["comment"], self._actor(body), _worded(body))
        return self._comment_json(row)

    async def _delete_comment(self, request: Request, _body: Json) -> object:
        self._clickup.comments.delete(request.path_params["comment"])
        return {}

    def _comment_json(self, row: Row) -> Json:
        extra = {"task_id": row["task_id"], "via": row["via"], "deleted": bool(row["deleted"])}
        return self._clickup.comments.as_json(row) | extra

    # Webhooks

    async def _webhooks(self, _request: Request, _body: Json) -> object:
        return {"webhooks": [self._clickup.webhooks.as_json(row) for row in self._clickup.webhooks.all()]}

    async def _change_webhook(self, request: Request, body: Json) -> object:
        """Suspend (`status`), or set `fail_count`; re-activating is the API's own PUT."""
        return self._clickup.webhooks.change(request.path_params["webhook"], body)

    async def _delete_webhook(self, request: Request, _body: Json) -> object:
        self._clickup.webhooks.delete(request.path_params["webhook"])
        return {}

    def _actor(self, body: Json) -> int:
        return self._clickup.space.user(body.get("user", OWNER))["id"]


def _worded(body: Json) -> Json:
    """`text` is the short form of `comment_text`."""
    return body | ({"comment_text": body["text"]} if "text" in body else {})
