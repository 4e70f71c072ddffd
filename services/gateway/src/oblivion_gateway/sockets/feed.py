"""The Socket.IO namespace `/admin`: pages of signed-in people follow the live feed.

The cookie and the page's origin are those of the WebSocket's handshake. A page says `follow` once it is
connected, or is cut off; `lines` are sent one batch after the other, each acknowledged.
Source: https://python-socketio.readthedocs.io/en/stable/server.html
"""

# python-socketio ships no types.
# pyright: basic

import asyncio
from dataclasses import dataclass, field
from typing import Any

import socketio
from pydantic import ValidationError
from socketio.exceptions import ConnectionRefusedError as Refused
from socketio.exceptions import SocketIOError

from oblivion_contracts.feed import FEED_NAMESPACE, FeedBatch, FollowFeed
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.socket_metrics import FEED_CONNECTS, FEED_LINES, FEED_SOCKETS
from oblivion_gateway.sockets.agents import AgentSocketServer, handshake
from oblivion_gateway.usecases import follow_feed
from oblivion_platform.door import SESSION_COOKIE
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end

FOLLOWS_WITHIN_S = 30
"""Whoever only holds a connection is cut off: nobody looks whether they are still signed in."""
TAKEN_WITHIN_S = 30
"""A page that does not take its lines for so long is cut off; it comes back where it was."""

_log = get_logger(__name__)


@dataclass(slots=True)
class _Viewer:
    caller: Caller
    wish: asyncio.Future[FollowFeed] = field(default_factory=asyncio.Future[FollowFeed])
    following: asyncio.Task[None] | None = None


class FeedNamespace(socketio.AsyncNamespace):
    """Pages of this process."""

    def __init__(self, server: AgentSocketServer, feed: follow_feed.FollowFeed) -> None:
        super().__init__(FEED_NAMESPACE)
        self._sockets = server
        self._feed = feed
        self._viewers: dict[str, _Viewer] = {}
        server.add(self)

    async def close(self) -> None:
        """Send nothing more."""
        viewers = list(self._viewers.values())
        await end(*(viewer.following for viewer in viewers if viewer.following is not None))

    async def trigger_event(self, event: str, *args: Any) -> Any:
        sid, *rest = args
        if event == "connect":
            return await self._connect(sid, rest[0])
        viewer = self._viewers.get(sid)
        if viewer is None:
            return None
        if event == "disconnect":
            self._leave(sid, viewer)
        elif event == "follow":
            _follow(viewer, rest[0] if rest else None)
        return None

    async def _connect(self, sid: str, environ: dict[str, Any]) -> bool:
        try:
            caller = await self._feed.admit(self._visit(environ))
        except OblivionFailure as failure:
            FEED_CONNECTS.labels(failure.code).inc()
            raise Refused(failure.message, failure.code) from None
        if not self._sockets.rooms.is_open(sid, FEED_NAMESPACE):
            self._feed.leave(caller)
            return False
        viewer = self._viewers[sid] = _Viewer(caller)
        viewer.following = asyncio.create_task(self._following(sid, viewer), name="live feed's page")
        FEED_CONNECTS.labels("let_in").inc()
        FEED_SOCKETS.inc()
        self._sockets.forget_request(sid, FEED_NAMESPACE)
        return True

    def _visit(self, environ: dict[str, Any]) -> follow_feed.Visit:
        address, page = self._sockets.address(environ), handshake(environ)
        if page is None:
            return follow_feed.Visit(address, None, None)
        return follow_feed.Visit(address, page.cookies.get(SESSION_COOKIE), page.headers.get("origin"))

    def _leave(self, sid: str, viewer: _Viewer) -> None:
        del self._viewers[sid]
        self._feed.leave(viewer.caller)
        FEED_SOCKETS.dec()
        # It may be that very task that ends the connection.
        if viewer.following is not None and viewer.following is not asyncio.current_task():
            viewer.following.cancel()

    async def _following(self, sid: str, viewer: _Viewer) -> None:
        async def send(batch: FeedBatch) -> None:
            FEED_LINES.inc(len(batch.lines))
            await self._sockets.call(sid, FEED_NAMESPACE, "lines", batch, TAKEN_WITHIN_S)

        try:
            async with asyncio.timeout(FOLLOWS_WITHIN_S):
                wish = await viewer.wish
            ended = await self._feed.follow(viewer.caller, wish.after, send)
            await self._sockets.tell_in(FEED_NAMESPACE, sid, "end", ended)
        except (SocketIOError, TimeoutError) as error:
            _log.info("a page does not take its lines", cause=type(error).__name__)
        except Exception as error:  # The top of one page's task.
            _log.error("live feed failed", error=type(error).__name__, exc_info=error)
        await self._sockets.cut_from(FEED_NAMESPACE, sid)


def _follow(viewer: _Viewer, data: object) -> None:
    if viewer.wish.done():
        return
    try:
        viewer.wish.set_result(FollowFeed.model_validate(data or {}))
    except ValidationError:
        viewer.wish.set_result(FollowFeed())
