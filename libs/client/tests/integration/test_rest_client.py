"""The REST client and a real HTTP server: progress that breaks off, tokens that end, busy servers."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import uvicorn

from oblivion_client.rest import OblivionClient, RequestRefused
from oblivion_platform.testing import eventually

RUN = uuid4()
SESSION = uuid4()


@dataclass
class Api:
    """Answers in the order that a test lays down, and keeps what it was asked."""

    uri: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append({"path": scope["path"], "headers": headers, "body": json.loads(body or b"null")})
        status, answer = self.answers.pop(0)
        is_stream = isinstance(answer, str)
        kind = b"text/event-stream" if is_stream else b"application/json"
        given = [(b"content-type", kind), (b"retry-after", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": given})
        await send(
            {"type": "http.response.body", "body": (answer if is_stream else json.dumps(answer)).encode()}
        )


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    made.uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(made, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    yield made
    server.should_exit = True
    await serving
    listener.close()


def step(sequence: int, kind: str, **data: Any) -> dict[str, Any]:
    return {
        "run_id": str(RUN),
        "sequence": sequence,
        "at": datetime.now(UTC).isoformat(),
        "kind": kind,
        "data": data,
    }


def event(sequence: int, kind: str, **data: Any) -> str:
    return f"id: {sequence}\nevent: {kind}\ndata: {json.dumps(step(sequence, kind, **data))}\n\n"


async def test_progress_that_breaks_off_is_followed_from_where_it_was(api: Api) -> None:
    api.answers = [
        (200, event(1, "progress", text="one") + ": heartbeat\n\n" + event(2, "progress", text="two")),
        (200, {"items": [step(3, "progress", text="three")], "is_final": False}),
        (200, event(3, "progress", text="three") + event(4, "state", state="succeeded") + event(5, "notice")),
    ]
    async with OblivionClient(api.uri, "token") as client:
        seen = [each.sequence async for each in client.follow(RUN)]
    assert seen == [1, 2, 3, 4]
    assert [each["headers"].get("last-event-id") for each in api.asked] == ["0", None, "3"]


async def test_where_no_stream_can_be_had_progress_is_asked_for(api: Api) -> None:
    no_stream = (502, {"title": "Bad gateway"})
    api.answers = [
        no_stream,
        (200, {"items": [step(1, "progress", text="one")], "is_final": False}),
        (200, {"items": "held back by a proxy, and no stream"}),
        (200, {"items": [step(2, "state", state="succeeded")], "is_final": True}),
    ]
    async with OblivionClient(api.uri, "token") as client:
        seen = [each.sequence async for each in client.follow(RUN)]
    assert seen == [1, 2]
    assert [each["path"].rpartition("/")[2] for each in api.asked] == ["progress", "events"] * 2


async def test_a_token_that_ends_is_asked_for_again(api: Api) -> None:
    given = iter(["old", "new"])

    async def token() -> str:
        return next(given)

    refused = {"title": "Unauthorized", "status": 401, "detail": "Sign in again.", "code": "token_expired"}
    accepted = {"session_id": str(SESSION), "run_id": str(RUN), "sequence": 1}
    api.answers = [(401, refused), (202, accepted)]
    async with OblivionClient(api.uri, token) as client:
        answer = await client.send_message(SESSION, "hello")
    assert answer.run_id == RUN
    assert [each["headers"]["authorization"] for each in api.asked] == ["Bearer old", "Bearer new"]
    first, second = (each["headers"]["idempotency-key"] for each in api.asked)
    assert first == second


async def test_a_busy_server_is_asked_again_and_a_refusal_carries_its_problem(api: Api) -> None:
    problem = {"title": "Not found", "status": 404, "detail": "There is no such run.", "code": "run_unknown"}
    api.answers = [(503, {}), (404, problem)]
    async with OblivionClient(api.uri, "token") as client:
        with pytest.raises(RequestRefused, match="no such run") as refused:
            await client.run(RUN)
    assert (refused.value.status, refused.value.code) == (404, "run_unknown")
    assert len(api.asked) == 2
