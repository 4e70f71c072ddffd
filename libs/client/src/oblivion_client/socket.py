"""One Socket.IO connection, typed: python-socketio ships no types, and only this module knows it."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any, cast

import socketio  # pyright: ignore[reportMissingTypeStubs]
from pydantic import ValidationError
from socketio import exceptions as socketio_errors  # pyright: ignore[reportMissingTypeStubs]

from oblivion_client.link import Unacknowledged
from oblivion_client.reading import read
from oblivion_contracts.agent_socket import NAMESPACE, SERVER_EVENTS, Acknowledgement
from oblivion_contracts.model import Contract

CONNECTED_WITHIN_S = 10.0
CLOSED_WITHIN_S = 5.0
_MESSAGE_BYTES_MAX = 8 * 1024 * 1024
# python-socketio takes whatever comes first for its opening packet: a close frame of a server that ends, or
# a proxy's text, are errors of reading it.
_NOT_CONNECTED = (
    socketio_errors.ConnectionError,
    OSError,
    TimeoutError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
)

logger = logging.getLogger("oblivion_client")


class ConnectionFailed(Exception):
    """No connection came about; `refused` when the server spoke and did not want us."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class Socket:
    """A connection that is used once: a new one is made for each attempt."""

    def __init__(self, receive: Callable[[str, object], None]) -> None:
        self._client: Any = socketio.AsyncClient(
            reconnection=False,
            handle_sigint=False,
            websocket_extra_options={"max_msg_size": _MESSAGE_BYTES_MAX},
        )
        self._waiting: set[asyncio.Future[object]] = set()
        self._refusal: str | None = None
        self.closed = asyncio.Event()
        for event in SERVER_EVENTS:
            self._client.on(event, _receiver(receive, event), namespace=NAMESPACE)
        self._client.on("disconnect", self._disconnected, namespace=NAMESPACE)
        self._client.on("connect_error", self._refused, namespace=NAMESPACE)

    async def connect(self, uri: str, token: str) -> None:
        """Raises: ConnectionFailed."""
        try:
            # A server that is stopped, or a proxy before none, may accept the connection and say nothing.
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                await self._client.connect(
                    uri,
                    auth={"token": token},
                    transports=["websocket"],
                    namespaces=[NAMESPACE],
                    wait_timeout=CONNECTED_WITHIN_S,
                )
        except _NOT_CONNECTED as error:
            await self.close()
            # Without a cause, the transport stood and the server turned the namespace down.
            if self._refusal is not None and error.__cause__ is None:
                raise ConnectionFailed(f"{uri} refuses: {self._refusal}", refused=True) from error
            raise ConnectionFailed(f"{uri} does not answer.") from error

    async def call(self, event: str, message: Contract, within_s: float) -> Acknowledgement:
        """Send, and wait for the acknowledgement.

        Raises:
            Unacknowledged: none came in time, or before the connection ended, or it made no sense.
        """
        answered: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.add(answered)
        try:
            async with asyncio.timeout(within_s):
                await self._emit(event, message, answered)
                return read(Acknowledgement, await answered)
        except TimeoutError as error:
            raise Unacknowledged(event) from error
        except ValidationError:
            logger.warning("the server acknowledged %s in a way that makes no sense", event)
            # `from None`: the error would carry what the server said.
            raise Unacknowledged(event) from None
        finally:
            self._waiting.discard(answered)
            answered.cancel()

    async def finish(self, within_s: float) -> None:
        """Wait until what was sent is acknowledged, but no longer than that."""
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=within_s)

    async def close(self) -> None:
        self._disconnected()
        with contextlib.suppress(TimeoutError):  # A peer that reads no more: the rest is the kernel's.
            async with asyncio.timeout(CLOSED_WITHIN_S):
                await self._client.disconnect()

    async def _emit(self, event: str, message: Contract, answered: "asyncio.Future[object]") -> None:
        def settle(*data: object) -> None:
            if not answered.done():
                answered.set_result(data[0] if data else None)

        if self.closed.is_set():
            raise Unacknowledged(event)
        try:
            body = message.model_dump(mode="json", exclude_none=True)
            await self._client.emit(event, body, namespace=NAMESPACE, callback=settle)
        except (socketio_errors.SocketIOError, OSError) as error:
            raise Unacknowledged(event) from error

    def _disconnected(self, *_: object) -> None:
        self.closed.set()
        for answered in list(self._waiting):
            if not answered.done():
                answered.set_exception(Unacknowledged("the connection ended"))

    def _refused(self, reason: object = None, *_: object) -> None:
        self._refusal = _reason_text(reason)


def _receiver(receive: Callable[[str, object], None], event: str) -> Callable[..., None]:
    def received(data: object = None, *_: object) -> None:
        receive(event, data)

    return received


def _reason_text(reason: object) -> str:
    if isinstance(reason, dict):
        known = cast("dict[str, object]", reason)
        return str(known.get("message") or json.dumps(known, default=str))
    return str(reason)
