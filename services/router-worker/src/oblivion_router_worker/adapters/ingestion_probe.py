"""Asks ingestion for a sign of life: while it is away, no event can arrive."""

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=3)


class IngestionProbe:
    """Implements `ports.watching.Intake`; without an address it cannot know, and says yes."""

    def __init__(self, session: aiohttp.ClientSession, ingestion_url: str | None) -> None:
        self._session = session
        self._url = ingestion_url and f"{ingestion_url.rstrip('/')}/health/live"

    async def is_reachable(self) -> bool:
        if not self._url:
            return True
        try:
            async with self._session.get(self._url, timeout=_TIMEOUT) as answer:
                return answer.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
