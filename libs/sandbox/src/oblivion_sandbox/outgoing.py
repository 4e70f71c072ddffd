"""Outgoing HTTP requests of the stand-ins: one pooled client, plain words for what went wrong."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

ANSWER_MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What a receiver said, or why nothing was heard from it."""

    status: int | None
    text: str = ""
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Outgoing:
    """The sender's HTTP client; enter it before the first request."""

    _session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, url: str, body: bytes, headers: dict[str, str], deadline_s: float) -> Answer:
        """Send a body; redirects are not followed, as neither real sender does."""
        try:
            async with (
                asyncio.timeout(deadline_s),
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                text = (await response.content.read(ANSWER_MOST_BYTES)).decode(errors="replace")
                return Answer(response.status, text)
        except TimeoutError:
            return Answer(None, error="timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(None, error=type(error).__name__)
