"""The standing connection of an agent: comes back by itself, for ever, with a fresh token."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Protocol

from pydantic import Field

from oblivion_client.link import ACKNOWLEDGED_WITHIN_S, Unacknowledged
from oblivion_client.socket import ConnectionFailed, Socket
from oblivion_client.tokens import SignInFailed, Tokens
from oblivion_contracts.agent_socket import Acknowledgement, AgentHello
from oblivion_contracts.model import Contract

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 3.0
SAID_EVERY_S = 60.0
"""A server that is away is worth a line this often."""
_HANDOVER_S = 5.0
_MESSAGE_INVALID = "message_invalid"

logger = logging.getLogger("oblivion_client")


class Peer(Protocol):
    """Who speaks over the connection."""

    def introduction(self) -> list[tuple[str, Contract]]: ...

    def receive(self, event: str, data: object) -> None: ...


class _HelloWithoutInstance(AgentHello):
    """To a gateway that is older than this SDK: it refuses fields that it does not know."""

    instance: str = Field(default="", exclude=True)


class NotWelcome(Exception):
    """The server is there and does not want us now; the text is its reason."""


class Connection:
    """A `Link` over Socket.IO."""

    def __init__(self, name: str, uri: str, tokens: Tokens) -> None:
        self._name = name
        self._uri = uri
        self._tokens = tokens
        self._socket: Socket | None = None
        self._greeted = asyncio.Event()
        self._complaints = _Complaints(name)

    async def greeted(self) -> None:
        await self._greeted.wait()

    async def call(
        self, event: str, message: Contract, *, within_s: float = ACKNOWLEDGED_WITHIN_S
    ) -> Acknowledgement:
        if self._socket is None or not self._greeted.is_set():
            raise Unacknowledged(event)
        return await self._socket.call(event, message, within_s)

    async def keep(self, peer: Peer) -> None:
        """Stay connected until cancelled."""
        failures = 0
        while True:
            try:
                await self._connect_once(peer)
                failures = 0
            except (SignInFailed, ConnectionFailed, NotWelcome) as error:
                self._complaints.add(str(error))
                await asyncio.sleep(_pause_s(failures))
                failures += 1

    async def _connect_once(self, peer: Peer) -> None:
        """Connect, introduce, and return when the connection has ended or its token grows old."""
        token = await self._tokens.token()
        socket = Socket(peer.receive)
        try:
            await socket.connect(self._uri, token)
            await self._introduce(socket, peer)
        except (ConnectionFailed, NotWelcome) as error:
            if isinstance(error, NotWelcome) or error.refused:
                self._tokens.reject()
            await socket.close()
            raise
        try:
            await self._stay(socket)
        finally:
            self._greeted.clear()
            self._socket = None
            await socket.close()

    async def _introduce(self, socket: Socket, peer: Peer) -> None:
        for event, message in peer.introduction():
            answer = await self._say(socket, event, message)
            if isinstance(message, AgentHello) and _is_not_understood(answer):
                older = _HelloWithoutInstance.model_validate(message.model_dump())
                answer = await self._say(socket, event, older)
            if not answer.ok:
                reason = answer.problem.detail if answer.problem else "it gave no reason"
                raise NotWelcome(f"{self._uri} refuses {event}: {reason}")

    async def _say(self, socket: Socket, event: str, message: Contract) -> Acknowledgement:
        try:
            return await socket.call(event, message, ACKNOWLEDGED_WITHIN_S)
        except Unacknowledged as error:
            raise ConnectionFailed(f"{self._uri} does not answer to {event}.") from error

    async def _stay(self, socket: Socket) -> None:
        self._socket = socket
        self._greeted.set()
        self._complaints.settle(f"connected to {self._uri}")
        try:
            async with asyncio.timeout(self._tokens.renew_in_s):
                await socket.closed.wait()
            logger.info("%s: the connection ended; connecting again", self._name)
            await asyncio.sleep(random.uniform(0, FIRST_PAUSE_S))  # noqa: S311 - spreads agents, guards nothing
        except TimeoutError:
            self._greeted.clear()
            await socket.finish(_HANDOVER_S)


class _Complaints:
    """Says the same trouble once a minute, a new one at once."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._last: str | None = None
        self._said_at = 0.0

    def add(self, text: str) -> None:
        now = self._clock()
        if text != self._last or now - self._said_at >= SAID_EVERY_S:
            logger.warning("%s: %s Trying again until it works.", self._name, text)
            self._last, self._said_at = text, now

    def settle(self, text: str) -> None:
        logger.info("%s: %s", self._name, text)
        self._last = None


def _is_not_understood(answer: Acknowledgement) -> bool:
    return answer.problem is not None and answer.problem.code == _MESSAGE_INVALID


def _pause_s(failures: int) -> float:
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures, 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads agents, guards nothing
