"""Implements `ports.Board` on the board's Unix socket."""

from collections.abc import Mapping

import httpx

from oblivion_observer.domain.board import ANSWERED, passing
from oblivion_observer.ports import BoardAnswer
from oblivion_platform.errors import DependencyUnavailable

TIMEOUT_S = 15.0
"""It may clean thousands of jobs; while Redis is away it waits for it."""


class BoardSocket:
    """One per process."""

    def __init__(self, path: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=path),
            base_url="http://queue-board",
            timeout=timeout_s,
            trust_env=False,
        )

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> BoardAnswer | None:
        # As they came: a browser may send what is no ASCII.
        sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        try:
            answer = await self._client.request(method, target, headers=sent, content=body)
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            return None
        except httpx.TimeoutException:
            raise DependencyUnavailable(
                "queue_board_unavailable", "The queue board does not answer. Is Redis there? Try again."
            ) from None
        return BoardAnswer(answer.status_code, passing(answer.headers.items(), ANSWERED), answer.content)

    async def close(self) -> None:
        await self._client.aclose()
