"""The endpoints, each a few lines; one pooled session for all tokens."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlencode

import aiohttp

from oblivion_platform.clickup.budget import TokenBudget, Use
from oblivion_platform.clickup.errors import failure_of, no_answer, unavailable
from oblivion_platform.errors import PermanentFailure

Json: TypeAlias = dict[str, Any]

COMMENTS_A_PAGE = 25
PERSONAL_TOKEN_PREFIX = "pk_"  # noqa: S105 - not a secret
_ID = re.compile(r"\A[A-Za-z0-9_-]{1,64}\Z")


def is_clickup_id(value: object) -> bool:
    """Tell whether `value` may stand in a path of the API."""
    return isinstance(value, str) and _ID.match(value) is not None


class ClickUp:
    """Makes clients that share connections, and of each token the budget."""

    def __init__(self, session: aiohttp.ClientSession, api_url: str) -> None:
        self._session = session
        self._api_url = api_url.rstrip("/")
        self._budgets: dict[bytes, TokenBudget] = {}

    def client(self, token: str, use: Use = Use.CHANGE) -> "ClickUpClient":
        key = hashlib.sha256(token.encode()).digest()
        budget = self._budgets.setdefault(key, TokenBudget())
        return ClickUpClient(self._session, self._api_url, token, budget, use)


class ClickUpClient:
    """One token's calls for one use.

    All raise:
        RateLimited: the budget is spent; nothing was sent, or ClickUp did nothing.
        AuthenticationFailed: ClickUp refuses the token.
        ClickUpNotFound: the thing is not there.
        PermanentFailure: refused for another reason.
        DependencyUnavailable: nothing was done.
        AnswerLost: a change may have been carried out.
    """

    def __init__(
        self, session: aiohttp.ClientSession, api_url: str, token: str, budget: TokenBudget, use: Use
    ) -> None:
        self._session = session
        self._api_url = api_url
        # Personal tokens go bare, tokens of OAuth apps as Bearer.
        authorization = token if token.startswith(PERSONAL_TOKEN_PREFIX) else f"Bearer {token}"
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self._budget = budget
        self._use = use

    @property
    def requests_left(self) -> int:
        """Of this minute, as far as answers have told."""
        return self._budget.remaining

    # Where things are

    async def get_user(self) -> Json:
        """Who the token belongs to."""
        return (await self._call("GET", "/user"))["user"]

    async def get_teams(self) -> list[Json]:
        """The workspaces that the token opens."""
        return (await self._call("GET", "/team"))["teams"]

    async def get_spaces(self, team_id: str) -> list[Json]:
        return (await self._call("GET", f"/team/{_checked(team_id)}/space"))["spaces"]

    async def get_folders(self, space_id: str) -> list[Json]:
        """Folders of a space, with their lists."""
        return (await self._call("GET", f"/space/{_checked(space_id)}/folder"))["folders"]

    async def get_folderless_lists(self, space_id: str) -> list[Json]:
        return (await self._call("GET", f"/space/{_checked(space_id)}/list"))["lists"]

    async def get_list(self, list_id: str) -> Json:
        return await self._call("GET", f"/list/{_checked(list_id)}")

    # Tasks

    async def get_task(self, task_id: str) -> Json:
        """The task as it is now, with its description as Markdown."""
        return await self._call("GET", f"/task/{_checked(task_id)}", {"include_markdown_description": "true"})

    async def get_changed_tasks(
        self, list_id: str, *, updated_after_ms: int, page: int = 0
    ) -> tuple[list[Json], bool]:
        """One page of the tasks that changed since, oldest change first; and whether it was the last page."""
        query = {
            "page": str(page),
            "date_updated_gt": str(updated_after_ms),
            "order_by": "updated",
            "reverse": "true",
            "include_closed": "true",
            "subtasks": "true",
            "include_markdown_description": "true",
        }
        answer = await self._call("GET", f"/list/{_checked(list_id)}/task", query)
        tasks: list[Json] = answer.get("tasks", [])
        return tasks, bool(answer.get("last_page", not tasks))

    async def create_task(self, list_id: str, fields: Mapping[str, Any]) -> Json:
        return await self._call("POST", f"/list/{_checked(list_id)}/task", body=fields)

    async def update_task(self, task_id: str, fields: Mapping[str, Any]) -> Json:
        return await self._call("PUT", f"/task/{_checked(task_id)}", body=fields)

    # Comments

    async def get_comments(self, task_id: str, *, before: Json | None = None) -> list[Json]:
        """Up to COMMENTS_A_PAGE comments, newest first; `before`: the last one of the page before."""
        query = {} if before is None else {"start": str(before["date"]), "start_id": str(before["id"])}
        return (await self._call("GET", f"/task/{_checked(task_id)}/comment", query))["comments"]

    async def create_comment(
        self, task_id: str, comment: Sequence[Mapping[str, Any]], *, assignee: int | None = None
    ) -> str:
        """Write a comment of `{text, attributes}` parts without notifying everyone; returns its id."""
        body = _new_comment(comment, assignee)
        return str((await self._call("POST", f"/task/{_checked(task_id)}/comment", body=body))["id"])

    async def get_replies(self, comment_id: str) -> list[Json]:
        """The replies in a comment's thread."""
        return (await self._call("GET", f"/comment/{_checked(comment_id)}/reply"))["comments"]

    async def create_reply(
        self, comment_id: str, comment: Sequence[Mapping[str, Any]], *, assignee: int | None = None
    ) -> str:
        """Answer a comment in its thread, without notifying everyone; returns the reply's id."""
        body = _new_comment(comment, assignee)
        return str((await self._call("POST", f"/comment/{_checked(comment_id)}/reply", body=body))["id"])

    async def update_comment(
        self, comment_id: str, comment: Sequence[Mapping[str, Any]], *, is_resolved: bool | None = None
    ) -> None:
        # The plain text beside the parts: only it is documented for changes.
        body: Json = {
            "comment": list(comment),
            "comment_text": "".join(str(part.get("text", "")) for part in comment),
        }
        if is_resolved is not None:
            body["resolved"] = is_resolved
        await self._call("PUT", f"/comment/{_checked(comment_id)}", body=body)

    async def delete_comment(self, comment_id: str) -> None:
        await self._call("DELETE", f"/comment/{_checked(comment_id)}")

    # Webhooks

    async def get_webhooks(self, team_id: str) -> list[Json]:
        """The webhooks that this token's owner made, with `health: {status, fail_count}`."""
        return (await self._call("GET", f"/team/{_checked(team_id)}/webhook"))["webhooks"]

    async def create_webhook(self, team_id: str, endpoint: str, events: Sequence[str]) -> Json:
        """A new webhook with its `id` and `secret`; ClickUp tells the secret again to its owner alone."""
        body = {"endpoint": endpoint, "events": list(events)}
        return (await self._call("POST", f"/team/{_checked(team_id)}/webhook", body=body))["webhook"]

    async def activate_webhook(self, webhook_id: str, endpoint: str, events: Sequence[str]) -> None:
        """Wake a suspended webhook; its failures are forgiven."""
        body = {"endpoint": endpoint, "events": list(events), "status": "active"}
        await self._call("PUT", f"/webhook/{_checked(webhook_id)}", body=body)

    async def delete_webhook(self, webhook_id: str) -> None:
        await self._call("DELETE", f"/webhook/{_checked(webhook_id)}")

    async def _call(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Json:
        url = f"{self._api_url}{path}?{urlencode(query)}" if query else self._api_url + path
        data = None if body is None else json.dumps(body).encode()
        self._budget.spend(self._use)
        headers: Mapping[str, str] = {}
        changes = verb != "GET"
        try:
            async with self._session.request(verb, url, data=data, headers=self._headers) as response:
                headers = response.headers
                status, raw = response.status, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise unavailable(type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise no_answer(type(error).__name__, changes=changes) from None
        finally:
            self._budget.learn(headers)
        return _read(status, raw, headers, changes=changes)


def _read(status: int, raw: bytes, headers: Mapping[str, str], *, changes: bool) -> Json:
    try:
        answer: object = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        answer = None
    if not 200 <= status < 300:
        raise failure_of(status, answer, headers, changes=changes)
    if not isinstance(answer, dict):
        raise no_answer("not a JSON object", changes=changes)
    return answer  # pyright: ignore[reportUnknownVariableType]


def _checked(thing_id: str) -> str:
    """An id that cannot change the path.

    Raises:
        PermanentFailure: it could.
    """
    if not is_clickup_id(thing_id):
        raise PermanentFailure("clickup_id_unsafe", "an id from outside is not of the form that ClickUp uses")
    return thing_id


def _new_comment(comment: Sequence[Mapping[str, Any]], assignee: int | None) -> Json:
    body: Json = {"comment": list(comment), "notify_all": False}
    return body if assignee is None else body | {"assignee": assignee}
