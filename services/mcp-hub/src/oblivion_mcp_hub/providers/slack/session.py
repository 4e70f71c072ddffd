"""One Slack workspace behind one bot token, through slack_sdk.

Slack answers HTTP 200 with `ok: false`; a 5xx or a cut connection may mean that a message was posted.
Source: https://docs.slack.dev/apis/web-api/
"""

import json
import logging
import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_mcp_hub.providers.http import ANSWERED_WITHIN_S, Json
from oblivion_mcp_hub.providers.provider import Checked
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text
from oblivion_mcp_hub.providers.texts import one_line
from oblivion_mcp_hub.providers.voice import RightMissing, Voice, seconds_of
from oblivion_platform.errors import OblivionFailure

CHANNELS_KEPT_S = 60.0
CHANNELS_A_PAGE = 200
CHANNELS_MAX = 5_000
PUBLIC = "public_channel"
PUBLIC_AND_PRIVATE = "public_channel,private_channel"
VOICE = Voice(
    "slack",
    "Slack",
    renew="api.slack.com/apps, under OAuth & Permissions",
    share="invite the app to the channel with /invite",
)
SETTINGS_SCHEMA: Json = {"type": "object", "properties": {}, "additionalProperties": False}
_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{7,}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,60}")
_BAD_TOKENS = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
    }
)
_SENTENCES: Mapping[str, str] = {
    "is_archived": "The channel is archived; unarchive it in Slack or take another.",
    "msg_too_long": "The message is too long; shorten it.",
    "no_text": "The message is empty.",
    "restricted_action": "The workspace does not let apps post there; an admin of Slack can change that.",
    "thread_not_found": "There is no such thread; take the ts of a message from history.",
    "invalid_cursor": "The cursor is not of this list; begin again without it.",
}
SILENT = logging.CRITICAL + 1
_silent = logging.getLogger("oblivion.slack_sdk")
# slack_sdk logs requests and answers.
_silent.setLevel(SILENT)


class SlackSession:
    """Calls with one token, and the names of the channels that it sees."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._channels: dict[str, str] = {}
        self._channels_until = 0.0
        self._types = PUBLIC_AND_PRIVATE

    async def ask(self, method: str, **arguments: Any) -> Json:
        """A method that only reads."""
        return (await self._answer(method, {"data": arguments}, changes=False))[0]

    async def change(self, method: str, **arguments: Any) -> Json:
        return (await self._answer(method, {"json": arguments}, changes=True))[0]

    async def rights(self) -> tuple[Json, tuple[str, ...]]:
        """Who the token is, and its scopes, which only a header tells."""
        me, headers = await self._answer("auth.test", {}, changes=False)
        scopes = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), "")
        return me, tuple(scope.strip() for scope in scopes.split(",") if scope.strip())

    async def channel_id(self, given: str) -> str:
        """Of a channel by its name, with # or without, or its id.

        Raises:
            NotThere: the token sees no such channel.
        """
        wanted = given.strip().removeprefix("#")
        if _CHANNEL_ID.fullmatch(wanted):
            return wanted
        name = wanted.casefold()
        if name not in self._channels or time.monotonic() > self._channels_until:
            self._channels = {each["name"]: each["id"] for each in await self.channels()}
            self._channels_until = time.monotonic() + CHANNELS_KEPT_S
        if name not in self._channels:
            raise VOICE.not_there(f"channel as #{one_line(wanted, 80)}")
        return self._channels[name]

    async def channels(self) -> list[Json]:
        """Every channel that is not archived: id, name, and whether the app is in it."""
        found: list[Json] = []
        cursor: str | None = None
        while len(found) < CHANNELS_MAX:
            page, cursor = await self.page_of_channels(CHANNELS_A_PAGE, cursor)
            found += page
            if cursor is None:
                break
        return found

    async def page_of_channels(self, limit: int, cursor: str | None) -> tuple[list[Json], str | None]:
        arguments: Json = {"limit": limit, "exclude_archived": True} | ({"cursor": cursor} if cursor else {})
        try:
            answer = await self.ask("conversations.list", types=self._types, **arguments)
        except RightMissing:
            # Private channels take a scope of their own, without which Slack lists none at all.
            if self._types == PUBLIC:
                raise
            self._types = PUBLIC
            answer = await self.ask("conversations.list", types=PUBLIC, **arguments)
        return as_objects(answer.get("channels")), next_cursor(answer)

    async def _answer(
        self, method: str, body: dict[str, Json], *, changes: bool
    ) -> tuple[Json, Mapping[str, str]]:
        try:
            answer = await cast("Any", self._client).api_call(method, **body)
            return cast("Json", answer.data), answer.headers
        except SlackApiError as error:
            failure = _failure_of(error, changes=changes)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            failure = VOICE.away(type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError, AttributeError) as error:
            # AttributeError: slack_sdk's way to stumble over an answer that is not a JSON object.
            failure = VOICE.no_answer(type(error).__name__, changes=changes)
        raise failure


def next_cursor(answer: Json) -> str | None:
    return as_text(as_object(answer.get("response_metadata")).get("next_cursor")) or None


def _failure_of(error: SlackApiError, *, changes: bool) -> OblivionFailure:
    response = cast("Any", error.response)
    answer, status = as_object(response.data), int(response.status_code)
    code = as_text(answer.get("error"))
    if status == 429 or code == "ratelimited":
        return VOICE.rate_limited(seconds_of(_header(response.headers, "Retry-After")))
    if status >= 500:
        return VOICE.no_answer(f"HTTP {status}", changes=changes)
    if code in _BAD_TOKENS:
        return VOICE.bad_token()
    if code == "missing_scope":
        fix = "Its owner adds it to the app under OAuth & Permissions and installs the app again."
        return VOICE.right_missing(fix, as_text(answer.get("needed")))
    if code in ("channel_not_found", "not_in_channel"):
        return VOICE.not_there("channel")
    if code in _SENTENCES:
        return VOICE.refused(_SENTENCES[code])
    return VOICE.quoted(code if _CODE.fullmatch(code) else "", status)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


@asynccontextmanager
async def open_slack(
    credential: str, settings: Mapping[str, Any], base_url: str
) -> AsyncGenerator[SlackSession]:
    """A client whose connections are kept open; it repeats nothing by itself."""
    _ = settings
    timeout = aiohttp.ClientTimeout(total=ANSWERED_WITHIN_S)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        client = AsyncWebClient(
            token=credential,
            base_url=f"{base_url.rstrip('/')}/",
            session=http,
            retry_handlers=[],
            logger=_silent,
        )
        client.proxy = None
        yield SlackSession(client)


async def check(slack: SlackSession) -> Checked:
    """Slack tells scopes, but not what is left of a rate limit."""
    me, scopes = await slack.rights()
    return Checked(f"@{one_line(me.get('user'), 80)} in {one_line(me.get('team'), 80)}", scopes)
