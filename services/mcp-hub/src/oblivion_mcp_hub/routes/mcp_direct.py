"""The two requests that agents make most, of the current protocol: listing tools and calling one.

The SDK's server answers them too, and takes most of a call's time for it. So a plain one (nothing to be heard
before its answer, no further round) is answered here; whatever is not, or is not quite right, is the SDK's.
Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import pydantic_core
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    InboundModernRoute,
    classify_inbound_request,
    find_duplicated_routing_header,
)
from mcp_types import CLIENT_CAPABILITIES_META_KEY, LOG_LEVEL_META_KEY, SERVER_INFO_META_KEY
from starlette.datastructures import Headers
from starlette.types import Receive, Send

from oblivion_contracts.tool_use import MISSING_KEY
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.ports import Exchange
from oblivion_mcp_hub.routes.mcp_handlers import NAME, TITLE, VERSION, as_protocol_errors
from oblivion_mcp_hub.usecases.call_tools import CallTools
from oblivion_platform.tasks import end

ANSWERED_DIRECTLY = frozenset({"tools/call", "tools/list"})
WATCHED_AFTER_S = 0.02
"""Most answers are there before; until then nobody looks whether the caller has hung up."""
PING_S = 15.0
"""Silence after which a proxy in between may hang up."""
_OWN_META = {SERVER_INFO_META_KEY: {"name": NAME, "version": VERSION, "title": TITLE}}
_TAIL = b'"resultType":"complete","ttlMs":0,"cacheScope":"private"}}'
_JSON = (b"content-type", b"application/json")
_STREAM = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A plain request."""

    id: str | int
    method: str
    params: Mapping[str, Any]


def plain(headers: Headers, message: Mapping[str, Any]) -> Asked | None:
    """The request, if there is nothing to it but what is answered here."""
    method, params = message.get("method"), message.get("params")
    request_id = message.get("id")
    if method not in ANSWERED_DIRECTLY or message.get("jsonrpc") != "2.0":
        return None
    if isinstance(request_id, bool) or not isinstance(request_id, str | int) or not isinstance(params, dict):
        return None
    asked = Asked(request_id, method, cast("dict[str, Any]", params))
    is_sound = _accepts(headers) and find_duplicated_routing_header(headers.items()) is None
    if not is_sound or not isinstance(classify_inbound_request(message, headers=headers), InboundModernRoute):
        return None
    return asked if _is_plain(asked) else None


def _accepts(headers: Headers) -> bool:
    accept = headers.get("accept", "")
    return "application/json" in accept and "text/event-stream" in accept


def _is_plain(asked: Asked) -> bool:
    params, meta = asked.params, asked.params["_meta"]
    if "progressToken" in meta or LOG_LEVEL_META_KEY in meta:
        return False
    if not isinstance(meta[CLIENT_CAPABILITIES_META_KEY], dict):
        return False
    if asked.method == "tools/list":
        return not params.keys() - {"_meta"}
    arguments = params.get("arguments")
    return (
        not params.keys() - {"_meta", "name", "arguments"}
        and isinstance(params.get("name"), str)
        and (arguments is None or isinstance(arguments, dict))
    )


class Direct:
    """Answers plain requests."""

    def __init__(self, tools: CallTools) -> None:
        self._tools = tools

    async def answer(self, caller: Caller, asked: Asked, receive: Receive, send: Send) -> None:
        """Until the answer is sent, or the caller hangs up, which ends what they asked for."""
        answering = asyncio.ensure_future(self._answered(caller, asked))
        try:
            await asyncio.wait({answering}, timeout=WATCHED_AFTER_S)
            if answering.done():
                await _send_json(send, *answering.result())
            else:
                await _send_later(receive, send, answering)
        finally:
            if not answering.done():
                await end(answering)

    async def _answered(self, caller: Caller, asked: Asked) -> tuple[int, bytes]:
        try:
            with as_protocol_errors():
                answer = self._list if asked.method == "tools/list" else self._call
                return HTTPStatus.OK, await answer(caller, asked)
        except MCPError as error:
            wrong = error.error.model_dump(mode="json", by_alias=True, exclude_none=True)
            body = {"jsonrpc": "2.0", "id": asked.id, "error": wrong}
            return ERROR_CODE_HTTP_STATUS.get(error.code, HTTPStatus.OK), pydantic_core.to_json(body)

    async def _list(self, caller: Caller, asked: Asked) -> bytes:
        listing = await self._tools.listing(caller)
        meta = {**_OWN_META, MISSING_KEY: listing.missing} if listing.missing else _OWN_META
        head = b'{"jsonrpc":"2.0","id":%b,"result":{"_meta":%b,"tools":[' % (
            pydantic_core.to_json(asked.id),
            pydantic_core.to_json(meta),
        )
        return b"".join((head, listing.wire, b"],", _TAIL))

    async def _call(self, caller: Caller, asked: Asked) -> bytes:
        params = asked.params
        exchange = Exchange(can_be_asked=params["_meta"][CLIENT_CAPABILITIES_META_KEY])
        result = await self._tools.call(caller, params["name"], params.get("arguments") or {}, exchange)
        result = result.model_copy(update={"meta": {**(result.meta or {}), **_OWN_META}})
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (
            pydantic_core.to_json(asked.id),
            pydantic_core.to_json(result, by_alias=True, exclude_none=True),
        )


async def _send_json(send: Send, status: int, body: bytes) -> None:
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_later(receive: Receive, send: Send, answering: asyncio.Future[tuple[int, bytes]]) -> None:
    leaving = asyncio.ensure_future(_hang_up(receive))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED, timeout=PING_S)
        if answering.done():
            await _send_json(send, *answering.result())
        elif not leaving.done():
            await _stream(send, answering, leaving)
    finally:
        leaving.cancel()


async def _stream(
    send: Send, answering: asyncio.Future[tuple[int, bytes]], leaving: asyncio.Future[None]
) -> None:
    """It takes long: something to read every now and then, and the answer as an event."""
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": _STREAM})
    while not answering.done() and not leaving.done():
        await send({"type": "http.response.body", "body": b": ping\n\n", "more_body": True})
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED, timeout=PING_S)
    if answering.done():
        _, body = answering.result()
        event = b"event: message\ndata: %b\n\n" % body
        await send({"type": "http.response.body", "body": event, "more_body": False})


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
