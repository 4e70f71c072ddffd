"""ClickUp's API v2 as the command line needs it. Source: https://developer.clickup.com/reference."""

from types import TracebackType
from typing import Any, Self

import httpx

from oblivion_cli.errors import AccessRefused, CommandFailed, DependencyAway

TIMEOUT_S = 10.0
UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429
WEBHOOK_EVENTS = (
    "taskCreated",
    "taskUpdated",
    "taskDeleted",
    "taskStatusUpdated",
    "taskAssigneeUpdated",
    "taskDueDateUpdated",
    "taskPriorityUpdated",
    "taskMoved",
    "taskCommentPosted",
    "taskCommentUpdated",
)

Json = dict[str, Any]


class ClickUpApi:
    """Speaks with one token: `async with ClickUpApi(url, token) as clickup:`."""

    def __init__(self, api_url: str, token: str) -> None:
        # A personal token goes bare, one from OAuth as Bearer.
        authorization = token if token.startswith("pk_") else f"Bearer {token}"
        self._http = httpx.AsyncClient(
            base_url=api_url, headers={"Authorization": authorization}, timeout=TIMEOUT_S
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def user(self) -> Json:
        """Whose token it is."""
        return (await self._call("GET", "/user"))["user"]

    async def teams(self) -> list[Json]:
        """The workspaces that the token reaches."""
        return (await self._call("GET", "/team"))["teams"]

    async def lists(self, team_id: str) -> list[Json]:
        """Every list of a workspace: in folders and outside."""
        found: list[Json] = []
        for space in (await self._call("GET", f"/team/{team_id}/space"))["spaces"]:
            for folder in (await self._call("GET", f"/space/{space['id']}/folder"))["folders"]:
                found += (await self._call("GET", f"/folder/{folder['id']}/list"))["lists"]
            found += (await self._call("GET", f"/space/{space['id']}/list"))["lists"]
        return found

    async def webhooks(self, team_id: str) -> list[Json]:
        return (await self._call("GET", f"/team/{team_id}/webhook"))["webhooks"]

    async def create_webhook(self, team_id: str, endpoint: str) -> Json:
        body = {"endpoint": endpoint, "events": list(WEBHOOK_EVENTS)}
        return (await self._call("POST", f"/team/{team_id}/webhook", body))["webhook"]

    async def change_webhook(self, webhook_id: str, endpoint: str) -> None:
        """Point it elsewhere and wake it."""
        body = {"endpoint": endpoint, "events": list(WEBHOOK_EVENTS), "status": "active"}
        await self._call("PUT", f"/webhook/{webhook_id}", body)

    async def delete_webhook(self, webhook_id: str) -> None:
        await self._call("DELETE", f"/webhook/{webhook_id}")

    async def _call(self, verb: str, path: str, body: Json | None = None) -> Json:
        try:
            response = await self._http.request(verb, path, json=body)
        except httpx.HTTPError as error:
            raise DependencyAway(
                f"ClickUp does not answer ({type(error).__name__}).",
                "Check the network and OBLIVION_CLICKUP_API_URL.",
            ) from None
        if response.status_code == UNAUTHORIZED:
            raise AccessRefused(
                "ClickUp refuses the token.", "Make a new one in ClickUp: Settings, Apps, API Token."
            )
        if response.is_error:
            limited = response.status_code == TOO_MANY_REQUESTS
            raise CommandFailed(
                f"ClickUp answered {response.status_code} ({_code(response)}) to {verb} {path}.",
                "Wait a minute and try again." if limited else "See `oblivion doctor`.",
            )
        return response.json()


def _code(response: httpx.Response) -> str:
    try:
        return str(response.json().get("ECODE", "no code"))
    except (ValueError, AttributeError):
        return "no code"
