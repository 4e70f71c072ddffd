"""ClickUp as the command line needs it: the platform's client, whose failures become sentences and fixes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp

from oblivion_cli.errors import AccessRefused, CommandFailed, DependencyAway
from oblivion_platform.clickup import WEBHOOK_EVENTS, ClickUp, ClickUpClient
from oblivion_platform.errors import AuthenticationFailed, OblivionFailure, TransientFailure

TIMEOUT_S = 10.0

Json = dict[str, Any]


class ClickUpApi:
    """Speaks with one token: `async with ClickUpApi(url, token) as clickup:`.

    All raise:
        AccessRefused: ClickUp does not take the token.
        DependencyAway: ClickUp does not answer, or not now.
        CommandFailed: it refuses for another reason.
    """

    def __init__(self, api_url: str, token: str) -> None:
        self._api_url = api_url
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout, trust_env=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def user(self) -> Json:
        """Whose token it is."""
        async with self._client() as client:
            return await client.get_user()

    async def teams(self) -> list[Json]:
        """The workspaces that the token reaches."""
        async with self._client() as client:
            return await client.get_teams()

    async def lists(self, team_id: str) -> list[Json]:
        """Every list of a workspace: in folders and outside."""
        found: list[Json] = []
        async with self._client() as client:
            for space in await client.get_spaces(team_id):
                for folder in await client.get_folders(space["id"]):
                    found += folder.get("lists", [])
                found += await client.get_folderless_lists(space["id"])
        return found

    async def webhooks(self, team_id: str) -> list[Json]:
        async with self._client() as client:
            return await client.get_webhooks(team_id)

    async def create_webhook(self, team_id: str, endpoint: str) -> Json:
        async with self._client() as client:
            return await client.create_webhook(team_id, endpoint, WEBHOOK_EVENTS)

    async def change_webhook(self, webhook_id: str, endpoint: str) -> None:
        """Point it elsewhere and wake it."""
        async with self._client() as client:
            await client.activate_webhook(webhook_id, endpoint, WEBHOOK_EVENTS)

    async def delete_webhook(self, webhook_id: str) -> None:
        async with self._client() as client:
            await client.delete_webhook(webhook_id)

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[ClickUpClient]:
        if self._session is None:
            raise RuntimeError("ClickUpApi is to be used as a context manager")
        try:
            yield ClickUp(self._session, self._api_url).client(self._token)
        except AuthenticationFailed as refused:
            raise AccessRefused(
                f"ClickUp refuses the token ({refused.code}).",
                "Make a new one in ClickUp (Settings, Apps, API Token) and run `oblivion clickup connect`.",
            ) from refused
        except TransientFailure as away:
            raise DependencyAway(
                f"ClickUp does not answer ({away.code}).",
                "Check that this machine may reach it (network, proxy, OBLIVION_CLICKUP_API_URL); try again.",
            ) from away
        except OblivionFailure as refused:
            raise CommandFailed(
                f"{refused.message} ({refused.code}).", "Mend that in ClickUp and try again."
            ) from refused
