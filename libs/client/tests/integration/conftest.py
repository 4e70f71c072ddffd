"""A small real server: `/auth/token` and the Socket.IO namespace `/agents`, by the contract."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import socketio
import uvicorn

from oblivion_client import Agent, Configuration, Stop
from oblivion_contracts.agent_socket import AGENT_EVENTS, NAMESPACE, Acknowledgement, TaskAssigned
from oblivion_contracts.problems import Problem
from oblivion_contracts.runs import Category, RunSource
from oblivion_platform.testing import eventually

SESSION = uuid4()


@dataclass
class Served:
    """An agent at work."""

    stop: Stop
    task: "asyncio.Task[None]"


@dataclass
class Gateway:
    """What the agent's other side does; tests look at what it heard and tell it what to say."""

    port: int = 0
    heard: list[tuple[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    token_lifetime_s: float = 900
    refused_tokens: set[str] = field(default_factory=set)
    secret: str = "s3cret"
    silent_on: list[str] = field(default_factory=list)
    """Events whose next occurrence is taken but not acknowledged."""
    answers: dict[str, Acknowledgement] = field(default_factory=dict)
    unknown_fields: set[str] = field(default_factory=set)
    """Of an older gateway, whose contracts do not have them yet."""
    fences: dict[UUID, int] = field(default_factory=dict)
    sids: list[str] = field(default_factory=list)
    connects: int = 0
    sio: Any = None
    server: Any = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, event: str) -> list[Any]:
        return [message for name, message in self.heard if name == event]

    async def say(self, event: str, data: object) -> None:
        await self.sio.emit(event, data, namespace=NAMESPACE)

    async def assign(self, task: str = "default", prompt: str = "do it", **more: Any) -> TaskAssigned:
        fields: dict[str, Any] = {"run_id": uuid4(), "fence": 1, "lease_s": 5.0, "heartbeat_s": 0.2, **more}
        assigned = TaskAssigned(
            agent="fixer",
            task=task,
            prompt=prompt,
            category=Category.QUICK,
            source=RunSource.SLACK,
            session_id=SESSION,
            deadline=datetime.now(UTC) + timedelta(minutes=2),
            **fields,
        )
        self.fences[assigned.run_id] = assigned.fence
        await self.say("task.assigned", assigned.model_dump(mode="json"))
        return assigned

    async def drop(self) -> None:
        """End all connections, as a restart does."""
        for sid in list(self.sids):
            await self.sio.disconnect(sid, namespace=NAMESPACE)

    async def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        self.sio = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
        self._register()
        app = socketio.ASGIApp(self.sio, other_asgi_app=self._http)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="websockets-sansio")
        self.server = uvicorn.Server(config)
        self.listener = listener
        self.loop = asyncio.create_task(self.server.serve(sockets=[listener]))
        await eventually(lambda: self.server.started)

    async def stop(self) -> None:
        self.server.should_exit = True
        while not self.loop.done():  # One may have come back before nobody listened any more.
            await self.drop()
            await asyncio.wait([self.loop], timeout=0.2)
        await self.loop
        self.listener.close()

    @contextlib.asynccontextmanager
    async def serving(self, agent: Agent, secret: str = "s3cret") -> AsyncGenerator[Served]:
        """The agent at work until the block ends."""
        stop = Stop()
        task = asyncio.create_task(agent.serve(Configuration(self.uri, "acme.fixer", secret), stop))
        try:
            yield Served(stop, task)
        finally:
            stop.ask(0)
            async with asyncio.timeout(60):
                await task

    def _register(self) -> None:
        async def connect(sid: str, environ: Any, auth: Any) -> None:
            token = (auth or {}).get("token")
            if token not in self.tokens or token in self.refused_tokens:
                raise socketio.exceptions.ConnectionRefusedError({"message": "The token is not taken."})
            self.connects += 1
            self.sids.append(sid)

        async def disconnect(sid: str, reason: Any = None) -> None:
            self.sids.remove(sid)

        self.sio.on("connect", connect, namespace=NAMESPACE)
        self.sio.on("disconnect", disconnect, namespace=NAMESPACE)
        for event in AGENT_EVENTS:
            self.sio.on(event, self._hears(event), namespace=NAMESPACE)

    def _hears(self, event: str) -> Any:
        async def hear(sid: str, data: Any) -> Any:
            if unknown := sorted(self.unknown_fields & data.keys()):
                detail = f"{event}: missing or wrong: {', '.join(unknown)}."
                problem = Problem(title="Bad Request", status=400, detail=detail, code="message_invalid")
                return Acknowledgement(ok=False, problem=problem).model_dump(mode="json")
            message: Any = AGENT_EVENTS[event].model_validate(data)
            self.heard.append((event, message))
            if event in self.silent_on:
                self.silent_on.remove(event)
                await self.sio.disconnect(sid, namespace=NAMESPACE)
                return None
            return self._acknowledge(event, message).model_dump(mode="json")

        return hear

    def _acknowledge(self, event: str, message: Any) -> Acknowledgement:
        fence = getattr(message, "fence", None)
        if fence is not None and fence < self.fences.get(message.run_id, 0):
            problem = Problem(
                title="Fenced off", status=409, detail="Another replica has it.", code="fenced_off"
            )
            return Acknowledgement(ok=False, problem=problem)
        return self.answers.get(event, Acknowledgement(ok=True))

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body = (await receive())["body"].decode()
        taken = scope["path"] == "/auth/token" and f"client_secret={self.secret}" in body
        answer: dict[str, Any] = {"error": "invalid_client"}
        if taken:
            self.tokens.append(f"token-{len(self.tokens) + 1}")
            answer = {
                "access_token": self.tokens[-1],
                "token_type": "Bearer",
                "expires_in": self.token_lifetime_s,
            }
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200 if taken else 401, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    await made.start()
    yield made
    await made.stop()
