"""Bodies of requests: read once, within bounds, and handed on."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from oblivion_mcp_hub.errors import RequestMalformed

BODY_TIMEOUT_S = 10.0


class BodyTooLarge(RequestMalformed):
    """413."""

    http_status = 413

    def __init__(self, limit_bytes: int) -> None:
        super().__init__("body_too_large", f"The body is larger than {limit_bytes} bytes.")


async def read_body(headers: Headers, receive: Receive, limit_bytes: int) -> bytes:
    """Raises: BodyTooLarge; RequestMalformed: the rest did not come, or not in time."""
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read(receive, limit_bytes)
    except TimeoutError:
        raise RequestMalformed("body_too_slow", "The body did not arrive in time.") from None


async def _read(receive: Receive, limit_bytes: int) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestMalformed("body_incomplete", "The body did not arrive whole.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit_bytes:
            raise BodyTooLarge(limit_bytes)
    return bytes(body)


class Replay:
    """Hands the body on that was read already, and then whatever else comes: the hang-up."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
