"""News for the open pages: that something changed, never what; they read the rest themselves."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.responses import StreamingResponse

HEARTBEAT_S = 15.0
# Bursts of changes become one refresh of the page.
QUIET_S = 0.1


class Live:
    """A version number by topic, which streams wait on."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def change(self, topics: set[str]) -> None:
        """Wake the pages that show any of these topics."""
        for topic in topics:
            self._versions[topic] = self._versions.get(topic, 0) + 1
        self._wake()

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def stream(self, topic: str) -> StreamingResponse:
        """Server-sent events: one at the start, and one after each change."""
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._events(topic), media_type="text/event-stream", headers=headers)

    async def _events(self, topic: str) -> AsyncGenerator[str]:
        seen = -1
        while not self._closed:
            version = self._versions.get(topic, 0)
            if version != seen:
                seen = version
                yield f"data: {version}\n\n"
                await asyncio.sleep(QUIET_S)
                continue
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._changed.wait()
            except TimeoutError:
                yield ": still here\n\n"
