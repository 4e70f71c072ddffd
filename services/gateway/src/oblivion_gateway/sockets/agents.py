"""The Socket.IO namespace `/agents`: WebSocket only, a token in the handshake, every event acknowledged.

Source: https://python-socketio.readthedocs.io/en/stable/server.html
"""

# python-socketio ships no types.
# pyright: basic

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from uuid import UUID

import socketio
from socketio.exceptions import ConnectionRefusedError as Refused
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from oblivion_contracts.agent_socket import NAMESPACE
from oblivion_contracts.feed import FEED_NAMESPACE
from oblivion_contracts.model import Contract
from oblivion_gateway.domain.addresses import address_of
from oblivion_gateway.domain.agent_connections import AgentConnection
from oblivion_gateway.socket_metrics import CONNECTS, SOCKETS, TOLD
from oblivion_gateway.sockets.packets import AgentPacket
from oblivion_gateway.sockets.redis_rooms import RedisRooms
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

PING_INTERVAL_S = 10
PING_TIMEOUT_S = 20
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
TOKEN_LENGTH_MAX = 8_192
_NAMESPACES = (NAMESPACE, FEED_NAMESPACE)

_log = get_logger(__name__)
_quiet = logging.getLogger("oblivion.socketio")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False
_quiet.setLevel(logging.CRITICAL + 1)
"""python-socketio logs what it receives: bodies and tokens."""

Admit = Callable[[str, str, str], Awaitable[AgentConnection]]
"""The socket's id, the token, and the address that it comes from."""
Leave = Callable[[str], Awaitable[None]]
Handle = Callable[[AgentConnection, str, object], Awaitable[dict[str, Any]]]


class AgentSocketServer:
    """Implements `AgentSockets`; `wrap` puts it in front of the HTTP application."""

    def __init__(
        self, redis_url: str, own_origins: Collection[str] = (), *, proxies_in_front: int = 0
    ) -> None:
        """`own_origins`: where pages come from that may connect."""
        self.rooms = RedisRooms(redis_url, _quiet)
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            client_manager=self.rooms,
            transports=["websocket"],
            cors_allowed_origins=_from(own_origins),
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            max_http_buffer_size=MESSAGE_BYTES_MAX,
            serializer=AgentPacket,
            logger=_quiet,  # pyright: ignore[reportArgumentType] - a Logger is what it wants
            engineio_logger=_quiet,
        )
        self._nameless: set[str] = set()
        self._proxies_in_front = proxies_in_front

    def open(self, admit: Admit, leave: Leave, handle: Handle) -> None:
        """From now on agents may connect."""
        self.add(_AgentNamespace(self, self._server, admit, leave, handle))

    def add(self, namespace: socketio.AsyncNamespace) -> None:
        """Serve another namespace on the same connections."""
        self._server.register_namespace(namespace)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        return socketio.ASGIApp(self._server, app, socketio_path="socket.io")

    async def tell(self, sid: str, event: str, message: Contract) -> None:
        TOLD.labels(event).inc()
        await self.tell_in(NAMESPACE, sid, event, message)

    async def tell_in(self, namespace: str, sid: str, event: str, message: Contract) -> None:
        """Send to one socket of this process, in any namespace."""
        await self._server.emit(event, _body(message), to=sid, namespace=namespace, ignore_queue=True)

    async def call(self, sid: str, namespace: str, event: str, message: Contract, within_s: int) -> None:
        """The same, and wait until it was taken.

        Raises:
            socketio.exceptions.TimeoutError: it was not, or the socket is gone.
        """
        await self._server.call(
            event, _body(message), to=sid, namespace=namespace, timeout=within_s, ignore_queue=True
        )

    async def tell_all(self, tenant_id: UUID, agent_id: UUID, event: str, message: Contract) -> None:
        room = room_of(tenant_id, agent_id)
        await self._server.emit(event, _body(message), room=room, namespace=NAMESPACE)

    async def cut(self, sid: str) -> None:
        await self.cut_from(NAMESPACE, sid)

    async def cut_from(self, namespace: str, sid: str) -> None:
        eio_sid = self.rooms.eio_sid_from_sid(sid, namespace)
        await self._server.disconnect(sid, namespace=namespace, ignore_queue=True)
        await self._close(eio_sid)

    def address(self, environ: dict[str, Any]) -> str:
        """Where a connection comes from; `unknown` once its handshake is forgotten."""
        request = handshake(environ)
        if request is None:
            return "unknown"
        peer = None if request.client is None else request.client.host
        forwarded_for = ", ".join(request.headers.getlist("x-forwarded-for"))
        return address_of(peer, forwarded_for, self._proxies_in_front)

    def forget_request(self, sid: str, namespace: str) -> None:
        """Drop the handshake's headers: they hold secrets, and there are many connections."""
        self._server.environ[self._server.manager.eio_sid_from_sid(sid, namespace)] = {}

    async def cut_nameless(self, _turn: int) -> None:
        """Close connections that showed neither token nor cookie between two calls of this."""
        nameless = {
            eio_sid
            for eio_sid in list(self._server.eio.sockets)
            if all(self.rooms.sid_from_eio_sid(eio_sid, each) is None for each in _NAMESPACES)
        }
        for eio_sid in nameless & self._nameless:
            await self._close(eio_sid)
        self._nameless = nameless

    async def close(self) -> None:
        """End every connection, and what runs beside them."""
        await asyncio.gather(*(self._close(eio_sid) for eio_sid in list(self._server.eio.sockets)))
        await self._server.shutdown()
        await self.rooms.close()

    async def _close(self, eio_sid: str | None) -> None:
        socket = self._server.eio.sockets.get(eio_sid)
        if socket is not None:
            await socket.close(wait=False)


class _AgentNamespace(socketio.AsyncNamespace):
    """Translates python-socketio's calls."""

    def __init__(
        self,
        sockets: AgentSocketServer,
        server: socketio.AsyncServer,
        admit: Admit,
        leave: Leave,
        handle: Handle,
    ) -> None:
        super().__init__(NAMESPACE)
        self._sockets = sockets
        self._server = server
        self._admit = admit
        self._leave = leave
        self._handle = handle
        self._connections: dict[str, AgentConnection] = {}

    async def trigger_event(self, event: str, *args: Any) -> Any:
        sid, *rest = args
        if event == "connect":
            return await self._connect(sid, *rest)
        if event == "disconnect":
            if self._connections.pop(sid, None) is not None:
                SOCKETS.dec()
            await self._leave(sid)
            return None
        connection = self._connections.get(sid)
        if connection is None:
            return None
        return await self._handle(connection, event, rest[0] if rest else None)

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object) -> bool:
        token = auth.get("token") if isinstance(auth, dict) else None
        if not isinstance(token, str) or len(token) > TOKEN_LENGTH_MAX:
            raise Refused("Send your access token as auth {token}: POST /auth/token gives one.")
        try:
            connection = await self._admit(sid, token, self._sockets.address(environ))
        except OblivionFailure as failure:
            CONNECTS.labels(failure.code).inc()
            raise Refused(failure.message, failure.code) from None
        if not self._sockets.rooms.is_open(sid, NAMESPACE):
            await self._leave(sid)
            return False
        self._connections[sid] = connection
        CONNECTS.labels("let_in").inc()
        SOCKETS.inc()
        await self._server.enter_room(sid, room_of(connection.tenant_id, connection.agent_id), NAMESPACE)
        self._sockets.forget_request(sid, NAMESPACE)
        return True


def handshake(environ: dict[str, Any]) -> HTTPConnection | None:
    """The request that opened a connection; None once somebody was let in by it, and it was forgotten."""
    return HTTPConnection(environ["asgi.scope"]) if "asgi.scope" in environ else None


def _from(own_origins: Collection[str]) -> Callable[[str | None, dict[str, Any]], bool]:
    """Agents are no pages, but many clients send the address that they call as their origin."""

    def may_connect(origin: str | None, request: dict[str, Any]) -> bool:
        return origin is not None and (
            origin in own_origins or origin.partition("://")[2] == request.get("HTTP_HOST")
        )

    return may_connect


def _body(message: Contract) -> dict[str, Any]:
    return message.model_dump(mode="json", exclude_none=True)


def room_of(tenant_id: UUID, agent_id: UUID) -> str:
    return f"agent:{tenant_id}:{agent_id}"
