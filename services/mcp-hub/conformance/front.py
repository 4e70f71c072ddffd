"""What stands between the suite and the hub: a token, and the suite's own names.

The hub takes nobody without a token, and says `{connection}__{tool}` where the suite says `tool`. So each
request is given a token and the long names, and each answer the short ones; everything else passes as it is.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.types import Message, Receive, Scope, Send

NAME = "suite"
"""Of the hub's connection."""
STREAM_S = 60.0
_TOOL, _URI = f"{NAME}__", f"mcp.{NAME}+"
_HOP = {b"host", b"content-length", b"connection", b"transfer-encoding", b"keep-alive"}
_BY_NAME = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


class Front:
    """An ASGI application in front of the hub's."""

    def __init__(self, hub_url: str, token: str) -> None:
        self._hub_url = hub_url
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        body = await _body(receive)
        names = [(name, value) for name, value in scope["headers"] if name not in _HOP]
        headers = [(name, _longer_header(name, value)) for name, value in names]
        headers.append((b"authorization", f"Bearer {self._token}".encode()))
        async with httpx.AsyncClient(timeout=STREAM_S) as client:
            request = client.build_request(
                scope["method"], f"{self._hub_url}{scope['path']}", content=_longer(body), headers=headers
            )
            response = await client.send(request, stream=True)
            passing = asyncio.create_task(_pass_on(response, send))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (passing, leaving):
                    task.cancel()
                await asyncio.gather(passing, leaving, return_exceptions=True)
                await response.aclose()


async def _pass_on(response: httpx.Response, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in response.headers.raw
        if name.lower() not in {b"content-length", b"transfer-encoding", b"connection"}
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    if "event-stream" in response.headers.get("content-type", ""):
        async for line in response.aiter_lines():
            await send(
                {"type": "http.response.body", "body": f"{_shorter(line)}\n".encode(), "more_body": True}
            )
    else:
        whole = _shorter((await response.aread()).decode()).encode()
        await send({"type": "http.response.body", "body": whole, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _shorter(said: str) -> str:
    return said.replace(_TOOL, "").replace(_URI, "")


def _longer(body: bytes) -> bytes:
    try:
        message: Any = json.loads(body)
    except ValueError:
        return body
    params = message.get("params") if isinstance(message, dict) else None
    if not isinstance(params, dict):
        return body
    key = _BY_NAME.get(message.get("method", ""))
    if key is not None and isinstance(params.get(key), str):
        params[key] = _long(key, params[key])
    asked_of = params.get("ref")
    if isinstance(asked_of, dict):
        params["ref"] = {
            **asked_of,
            **{key: _long(key, asked_of[key]) for key in ("name", "uri") if key in asked_of},
        }
    return json.dumps(message).encode()


def _longer_header(name: bytes, value: bytes) -> bytes:
    if name != b"mcp-name":
        return value
    written = value.decode("latin-1").strip()
    return _long("uri" if "://" in written else "name", written).encode("latin-1")


def _long(key: str, value: str) -> str:
    return f"{_URI if key == 'uri' else _TOOL}{value}"


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message: Mapping[str, Any] = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _live(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        message: Message = {"type": f"lifespan.{phase}.complete"}
        await send(message)
