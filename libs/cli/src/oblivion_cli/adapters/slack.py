"""Slack's Web API as the command line needs it; every refusal becomes a sentence and a fix."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_cli.errors import DependencyAway, SlackRefused, TokenRefused

TIMEOUT_S = 10
PAGE = 200
_BAD_TOKEN = {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"}

Json = dict[str, Any]


@dataclass(frozen=True)
class SlackIdentity:
    """Whom a bot token speaks as, and what it may do."""

    team_id: str
    team_name: str
    workspace_url: str
    bot_user_id: str
    bot_id: str
    scopes: frozenset[str]
    server_time: datetime | None
    """Slack's own clock, by the Date header of its answer."""


@dataclass(frozen=True)
class Channel:
    """A channel, and whether the app is in it."""

    id: str
    name: str
    is_member: bool
    is_archived: bool


@dataclass(frozen=True)
class _Answer:
    data: Json
    headers: dict[str, str]


class SlackApi:
    """Speaks with one token."""

    def __init__(self, api_url: str, token: str) -> None:
        self._client = AsyncWebClient(token, base_url=api_url, timeout=TIMEOUT_S, retry_handlers=[])

    async def identity(self) -> SlackIdentity:
        """Whose token it is (auth.test)."""
        answer = await self._call("auth.test")
        scopes = answer.headers.get("x-oauth-scopes", "")
        return SlackIdentity(
            team_id=answer.data["team_id"],
            team_name=answer.data["team"],
            workspace_url=answer.data["url"],
            bot_user_id=answer.data["user_id"],
            bot_id=str(answer.data.get("bot_id", "")),
            scopes=frozenset(filter(None, (scope.strip() for scope in scopes.split(",")))),
            server_time=_time(answer.headers.get("date")),
        )

    async def app_id(self, bot_id: str) -> str:
        """The app behind a bot (bots.info)."""
        answer = await self._call("bots.info", bot=bot_id)
        return str(cast("Json", answer.data["bot"]).get("app_id", ""))

    async def open_socket_url(self) -> str:
        """Ask for a Socket Mode address (apps.connections.open); needs an app-level token."""
        return str((await self._call("apps.connections.open")).data["url"])

    async def channels(self) -> list[Channel]:
        """Every public channel, and the private ones that the app is in."""
        found: list[Channel] = []
        cursor = ""
        while True:
            page = await self._call(
                "conversations.list", limit=PAGE, cursor=cursor, exclude_archived=True, types="public_channel"
            )
            found += [_channel(channel) for channel in page.data["channels"]]
            cursor = str(cast("Json", page.data.get("response_metadata") or {}).get("next_cursor", ""))
            if not cursor:
                return found

    async def channel(self, channel_id: str) -> Channel:
        return _channel((await self._call("conversations.info", channel=channel_id)).data["channel"])

    async def join(self, channel_id: str) -> None:
        await self._call("conversations.join", channel=channel_id)

    async def post(self, channel_id: str, text: str) -> str:
        """Post a message and return its ts."""
        return str((await self._call("chat.postMessage", channel=channel_id, text=text)).data["ts"])

    async def delete(self, channel_id: str, ts: str) -> None:
        await self._call("chat.delete", channel=channel_id, ts=ts)

    async def _call(self, method: str, **arguments: Any) -> _Answer:
        try:
            answer = await self._client.api_call(method, data=arguments)  # pyright: ignore[reportUnknownMemberType]
        except SlackApiError as error:
            raise _refusal(method, error) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DependencyAway(
                f"Slack does not answer ({type(error).__name__}).",
                "Check that this machine may reach it (network, proxy, OBLIVION_SLACK_API_URL).",
            ) from None
        data = cast("Json", answer.data)  # pyright: ignore[reportUnknownMemberType]
        headers = cast("dict[str, str]", answer.headers)  # pyright: ignore[reportUnknownMemberType]
        return _Answer(data, {name.lower(): str(value) for name, value in headers.items()})


def _refusal(method: str, error: SlackApiError) -> SlackRefused:
    answer: Any = error.response
    code = str(answer.get("error", "unknown_error")) if hasattr(answer, "get") else "unknown_error"
    if code in _BAD_TOKEN:
        return TokenRefused(
            method, code, "Reinstall the app in Slack and run `oblivion slack connect` with its new token."
        )
    if code == "missing_scope":
        return SlackRefused(
            method,
            code,
            f"Add the scope {answer.get('needed', '')} to the app, reinstall it, and connect again.",
        )
    fixes = {
        "not_in_channel": "Invite the app: /invite @oblivion in that channel.",
        "channel_not_found": "Check the channel's name; a private one must invite the app first.",
        "ratelimited": "Wait a minute and try again.",
    }
    return SlackRefused(method, code, fixes.get(code, "See https://docs.slack.dev for this error."))


def _channel(raw: Json) -> Channel:
    return Channel(
        str(raw["id"]), str(raw.get("name", "")), bool(raw.get("is_member")), bool(raw.get("is_archived"))
    )


def _time(header: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
