"""Reads names, channels and threads from Slack, as the integration's app."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from oblivion_platform.errors import PermanentFailure, TransientFailure
from oblivion_router_worker.adapters.slack import SlackApi, next_cursor
from oblivion_router_worker.domain.records import Integration

Json: TypeAlias = dict[str, Any]

NAMES_KEPT_S = 600.0
MOST_NAMES = 10_000
CHANNELS_KEPT_S = 600.0
PAGE = 200
_CONVERSATIONS = "public_channel,private_channel,im"


class SlackApiReads:
    """Implements `ports.reading.SlackReads`."""

    def __init__(self, api: SlackApi, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._names: dict[tuple[UUID, str], tuple[float, str]] = {}
        self._publics: dict[tuple[UUID, str], tuple[float, bool]] = {}

    async def user_name(self, integration: Integration, user_id: str) -> str:
        key = (integration.id, user_id)
        known = self._names.get(key)
        if known is not None and self._clock() < known[0]:
            return known[1]
        name = await self._ask_name(integration, user_id)
        if len(self._names) >= MOST_NAMES:
            self._names.clear()
        self._names[key] = (self._clock() + NAMES_KEPT_S, name)
        return name

    async def is_public(self, tenant_id: UUID, integration_id: UUID, channel: str) -> bool:
        key = (integration_id, channel)
        known = self._publics.get(key)
        if known is not None and self._clock() < known[0]:
            return known[1]
        try:
            answer = await self._api.call(
                tenant_id, integration_id, "conversations.info", {"channel": channel}, changes=False
            )
        except TransientFailure:
            return False
        except PermanentFailure:
            answer = {}
        found: Json = answer.get("channel") or {}
        is_public = found.get("is_private") is False and not (found.get("is_im") or found.get("is_mpim"))
        if len(self._publics) >= MOST_NAMES:
            self._publics.clear()
        self._publics[key] = (self._clock() + CHANNELS_KEPT_S, is_public)
        return is_public

    async def auth_test(self, integration: Integration) -> Json:
        """Whose token it is: team, user_id, bot_id, url."""
        return await self._call(integration, "auth.test", {})

    async def conversations(
        self, integration: Integration, cursor: str | None = None
    ) -> tuple[Sequence[str], str | None]:
        arguments: Json = {"types": _CONVERSATIONS, "exclude_archived": True, "limit": PAGE}
        if cursor is not None:
            arguments["cursor"] = cursor
        page = await self._call(integration, "users.conversations", arguments)
        return [str(channel["id"]) for channel in page.get("channels", [])], next_cursor(page)

    async def history(
        self, integration: Integration, channel: str, oldest_ts: str, cursor: str | None = None
    ) -> tuple[Sequence[Mapping[str, object]], str | None]:
        return await self._page(integration, "conversations.history", {"channel": channel}, oldest_ts, cursor)

    async def replies(
        self,
        integration: Integration,
        channel: str,
        thread_ts: str,
        oldest_ts: str,
        cursor: str | None = None,
    ) -> tuple[Sequence[Mapping[str, object]], str | None]:
        thread = {"channel": channel, "ts": thread_ts}
        return await self._page(integration, "conversations.replies", thread, oldest_ts, cursor)

    async def _ask_name(self, integration: Integration, user_id: str) -> str:
        try:
            user: Json = (await self._call(integration, "users.info", {"user": user_id})).get("user") or {}
        except PermanentFailure as failure:
            if failure.code in ("slack_user_not_found", "slack_user_not_visible", "slack_missing_scope"):
                return user_id
            raise
        profile: Json = user.get("profile") or {}
        names = (
            profile.get("display_name"),
            profile.get("real_name"),
            user.get("real_name"),
            user.get("name"),
        )
        return next((name for name in names if isinstance(name, str) and name.strip()), user_id)

    async def _page(
        self, integration: Integration, method: str, place: Json, oldest_ts: str, cursor: str | None
    ) -> tuple[Sequence[Mapping[str, object]], str | None]:
        arguments = place | {"oldest": oldest_ts, "limit": PAGE, "include_all_metadata": True}
        if cursor is not None:
            arguments["cursor"] = cursor
        page = await self._call(integration, method, arguments)
        return page.get("messages", []), next_cursor(page)

    async def _call(self, integration: Integration, method: str, arguments: Json) -> Json:
        return await self._api.call(integration.tenant_id, integration.id, method, arguments, changes=False)
