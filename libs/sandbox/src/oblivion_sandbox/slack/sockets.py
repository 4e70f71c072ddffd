"""Socket Mode: WebSockets over which an app without a public address gets its events.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from oblivion_sandbox.slack.workspace import App
from oblivion_sandbox.store import Json, dumps

CONNECTION_LIFE_S = 18_060


@dataclass(eq=False)
class Link:
    """One open socket and the envelopes that it has not acknowledged."""

    socket: WebSocket
    closing: bool = False
    waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict[str, "asyncio.Future[Json]"])

    async def send(self, message: Json) -> None:
        await self.socket.send_text(dumps(message))


class Sockets:
    """All sockets of the app; each envelope goes to one of them, in turn."""

    def __init__(self) -> None:
        self._tickets: set[str] = set()
        self._links: list[Link] = []

    def issue_ticket(self) -> str:
        ticket = str(uuid.uuid4())
        self._tickets.add(ticket)
        return ticket

    @property
    def connections(self) -> int:
        return sum(not link.closing for link in self._links)

    async def serve(self, socket: WebSocket, app: App) -> None:
        """Speak with one client until it goes away."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(4404)
            return
        self._tickets.discard(ticket)
        await socket.accept()
        link = Link(socket)
        self._links.append(link)
        try:
            await link.send(self._hello(app))
            while True:
                self._acknowledge(link, await socket.receive_json())
        except (WebSocketDisconnect, ValueError):
            pass
        finally:
            self._drop(link)

    def _hello(self, app: App) -> Json:
        return {
            "type": "hello",
            "num_connections": self.connections,
            "debug_info": {
                "host": "oblivion-sandbox",
                "started": datetime.now(UTC).isoformat(),
                "build_number": 1,
                "approximate_connection_time": CONNECTION_LIFE_S,
            },
            "connection_info": {"app_id": app.app_id},
        }

    def _acknowledge(self, link: Link, message: object) -> None:
        envelope_id = str(cast("Json", message).get("envelope_id", "")) if isinstance(message, dict) else ""
        waiting = link.waiting.pop(envelope_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(cast("Json", message))

    def _drop(self, link: Link) -> None:
        if link in self._links:
            self._links.remove(link)
        for waiting in link.waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("socket closed"))
        link.waiting.clear()

    async def send(self, kind: str, payload: Json, attempt: int, reason: str, deadline_s: float) -> Json:
        """Send one envelope and return its acknowledgement.

        Raises:
            ConnectionError: no socket is open, or it closed before the acknowledgement.
            TimeoutError: no acknowledgement within the deadline.
        """
        open_links = [link for link in self._links if not link.closing]
        if not open_links:
            raise ConnectionRefusedError("no socket is open")
        link = secrets.choice(open_links)
        envelope_id = str(uuid.uuid4())
        envelope = {
            "envelope_id": envelope_id,
            "payload": payload,
            "type": kind,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        link.waiting[envelope_id] = asyncio.get_running_loop().create_future()
        waiting = link.waiting[envelope_id]
        try:
            await link.send(envelope)
            async with asyncio.timeout(deadline_s):
                return await waiting
        except (RuntimeError, WebSocketDisconnect) as error:
            raise ConnectionResetError("socket closed") from error
        finally:
            link.waiting.pop(envelope_id, None)

    async def disconnect(self, reason: str) -> None:
        """Tell every client to go: a `warning` leaves the socket open for a while, other reasons close it."""
        for link in list(self._links):
            message = {"type": "disconnect", "reason": reason, "debug_info": {"host": "oblivion-sandbox"}}
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await link.send(message)
                if reason != "warning":
                    link.closing = True
                    await link.socket.close()

    async def close(self) -> None:
        for link in list(self._links):
            if link.socket.application_state is WebSocketState.CONNECTED:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await link.socket.close(1012)
