"""Slack Socket Mode: events over WebSockets of our own opening, for an app without a public address.

An envelope is acknowledged after its commit only, so Slack repeats what was not stored. A connection belongs
to an app-level token and brings the events of every team in which the app is installed. Several replicas
connect each; Slack gives an envelope to one of them, and deduplication covers the rest.
Source: https://docs.slack.dev/apis/events-api/using-socket-mode.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_ingestion.domain.deliveries import Secret
from oblivion_ingestion.domain.shape import JsonObject
from oblivion_ingestion.domain.traces import traceparent_of
from oblivion_ingestion.errors import SenderUnknown
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.sources.slack import NAME, body_from_socket, read_content, team_of
from oblivion_ingestion.usecases.intake import Intake, Received
from oblivion_platform.errors import DependencyUnavailable, OblivionFailure
from oblivion_platform.safe_json import MalformedBody
from oblivion_platform.tasks import end

PING_S = 5.0
"""Also the SDK's wait between two tries to connect."""

_log = structlog.get_logger(__name__)

FindTokens = Callable[[], Awaitable[Sequence[Secret]]]


class SlackSockets:
    """One connection for each live app-level token."""

    def __init__(
        self, find_tokens: FindTokens, intake: Intake, metrics: Metrics, *, api_url: str, poll_s: float
    ) -> None:
        self._find_tokens = find_tokens
        self._intake = intake
        self._metrics = metrics
        self._api_url = api_url
        self._poll_s = poll_s
        self._links: dict[bytes, SlackSocket] = {}
        self._look_again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        for state in ("connected", "connecting"):
            gauge = metrics.socket_mode_connections.labels(state)
            gauge.set_function(lambda state=state: self.states().count(state))

    def states(self) -> list[str]:
        """`connected` or `connecting`, for each token."""
        return [link.state for link in self._links.values()]

    def start(self) -> None:
        """Connect, and follow the tokens as they come and go."""
        self._task = asyncio.create_task(self._follow_tokens(), name="slack sockets")

    def look_again(self, lookup_key: str = f"{NAME}:") -> None:
        """A secret under `lookup_key` changed: it may be a token."""
        if lookup_key.startswith(f"{NAME}:"):
            self._look_again.set()

    async def close(self) -> None:
        """Let the envelopes that are being stored be acknowledged, then disconnect."""
        if self._task is not None:
            await end(self._task)
        await asyncio.gather(*(link.close() for link in self._links.values()))
        self._links.clear()

    async def _follow_tokens(self) -> None:
        while True:
            self._look_again.clear()
            # Without an answer the connections stay as they are.
            with contextlib.suppress(DependencyUnavailable):
                await self._match(await self._find_tokens())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._look_again.wait()

    async def _match(self, tokens: Sequence[Secret]) -> None:
        owners: dict[bytes, list[Secret]] = {}
        for token in tokens:
            owners.setdefault(token.value, []).append(token)
        for value in self._links.keys() - owners.keys():
            await self._links.pop(value).close()
        for value, integrations in owners.items():
            if value not in self._links:
                link = self._links[value] = SlackSocket(
                    value.decode(), self._api_url, self._intake, self._metrics
                )
                link.start()
            self._links[value].owners = integrations


class SlackSocket:
    """The connection of one app-level token."""

    def __init__(self, token: str, api_url: str, intake: Intake, metrics: Metrics) -> None:
        self.owners: Sequence[Secret] = ()
        self._intake = intake
        self._metrics = metrics
        # The SDK's own lines name URLs with tickets in them; our metric and health say what matters.
        silent = logging.getLogger(f"{__name__}.sdk")
        silent.setLevel(logging.CRITICAL + 1)
        self._client = SocketModeClient(
            app_token=token,
            logger=silent,
            web_client=AsyncWebClient(base_url=api_url, logger=silent, retry_handlers=[]),
            ping_interval=PING_S,
        )
        self._client.socket_mode_request_listeners.append(self._receive)
        self._tasks: list[asyncio.Task[None]] = []
        self._storing: set[asyncio.Task[Any] | None] = set()

    @property
    def state(self) -> str:
        session = self._client.current_session
        usable = session is not None and not session.closed and not self._client.stale
        return "connected" if usable else "connecting"

    def start(self) -> None:
        """Connect, however long it takes; the client then reconnects by itself."""
        self._tasks = [
            asyncio.create_task(self._client.connect(), name="slack socket"),
            asyncio.create_task(self._drop_used_tickets(), name="slack socket tickets"),
        ]

    async def close(self) -> None:
        await end(*self._tasks)
        await asyncio.gather(*filter(None, self._storing), return_exceptions=True)
        await self._client.close()

    async def _drop_used_tickets(self) -> None:
        """A URL to connect to is good for one try, but the SDK repeats one that was refused for ever."""
        was_connected = True
        while True:
            await asyncio.sleep(PING_S)
            is_connected = self.state == "connected"
            if was_connected and not is_connected:
                _log.warning("socket_not_connected", teams=sorted(map(team_of, self.owners)))
            if not is_connected:
                # The SDK asks Slack for a new one before its next try.
                self._client.wss_uri = None
            was_connected = is_connected

    async def _receive(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Store one envelope, then acknowledge it; Slack sends again what is not acknowledged."""
        task = asyncio.current_task()
        self._storing.add(task)
        try:
            outcome = await self._store(request)
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        except (OblivionFailure, MalformedBody) as failure:
            outcome = failure.code if isinstance(failure, OblivionFailure) else failure.code.value
            _log.warning("envelope_not_stored", code=outcome)
        finally:
            self._storing.discard(task)
        self._metrics.deliveries.labels(NAME, outcome).inc()

    async def _store(self, request: SocketModeRequest) -> str:
        payload = cast("JsonObject", request.payload)  # pyright: ignore[reportUnknownMemberType]
        body, content_type = body_from_socket(request.type, payload)
        content = read_content(body, content_type.encode())
        try:
            owners = self._owners_of(content.teams)
        except SenderUnknown:
            return "ignored"
        for owner in owners:
            facts = content.describe(team_of(owner))
            received = Received(owner, facts, body, content_type, "socket", traceparent_of(None))
            await self._intake.record(NAME, received)
        return "accepted"

    def _owners_of(self, teams: Sequence[str]) -> Sequence[Secret]:
        """Raises SenderUnknown: the app is installed in that team, but the team is not connected here."""
        for team in filter(None, teams):
            if owners := [owner for owner in self.owners if team_of(owner) == team]:
                return owners
        if any(teams) or len(self.owners) != 1:
            raise SenderUnknown
        return self.owners
