"""Implements `ports.Board` on the board's Unix socket."""

from collections.abc import Mapping

import httpx

from oblivion_observer.domain.board import ANSWERED, passing
from oblivion_observer.ports import BoardAnswer

TIMEOUT_S = 30.0
"""It may clean thousands of jobs."""


class BoardSocket:
    """One per process."""

    def __init__(self, path: str) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=path),
            base_url="http://queue-board",
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> BoardAnswer | None:
        try:
            answer = await self._client.request(method, target, headers=dict(headers), content=body)
        except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.TimeoutException):
            return None
        return BoardAnswer(answer.status_code, passing(answer.headers.items(), ANSWERED), answer.content)

    async def close(self) -> None:
        await self._client.aclose()
