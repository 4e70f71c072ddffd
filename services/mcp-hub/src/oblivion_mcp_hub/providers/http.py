"""JSON over HTTP to vendors that have no asynchronous Python client of their own."""

import json
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any, TypeAlias

import httpx

from oblivion_mcp_hub.providers.voice import Voice
from oblivion_platform.errors import OblivionFailure

Json: TypeAlias = dict[str, Any]

ANSWERED_WITHIN_S = 30.0
ANSWER_BYTES_MAX = 8 * 1024 * 1024
USER_AGENT = "oblivion-mcp-hub"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor answered; `body` is None where it is no JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


Failures: TypeAlias = Callable[[Answer], OblivionFailure]
"""What an answer other than 2xx means."""


class VendorHttp:
    """Requests with one credential.

    All raise:
        DependencyUnavailable: nothing was done.
        AnswerLost: a change may have been carried out.
        OblivionFailure: what `failures` makes of the answer.
    """

    def __init__(self, client: httpx.AsyncClient, voice: Voice, failures: Failures) -> None:
        self._client = client
        self._voice = voice
        self._failures = failures

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return (await self.send("GET", path, query=query, changes=False)).body

    async def change(self, verb: str, path: str, body: Json, query: Mapping[str, Any] | None = None) -> Any:
        return (await self.send(verb, path, body=body, query=query, changes=True)).body

    async def send(
        self,
        verb: str,
        path: str,
        *,
        changes: bool,
        body: Json | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Any request; `changes` tells whether it is to change something, whatever its verb."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            async with self._client.stream(verb, path, json=body, params=given) as response:
                raw = await self._read(response, changes=changes)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._voice.away(type(error).__name__) from None
        except httpx.HTTPError as error:
            raise self._voice.no_answer(type(error).__name__, changes=changes) from None
        return self._judged(Answer(response.status_code, response.headers, _parsed(raw)), changes=changes)

    async def _read(self, response: httpx.Response, *, changes: bool) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > ANSWER_BYTES_MAX:
                raise self._voice.no_answer("the answer is too large", changes=changes)
            parts.append(part)
        return b"".join(parts)

    def _judged(self, answer: Answer, *, changes: bool) -> Answer:
        if 200 <= answer.status < 300:
            if answer.body is None and answer.status != HTTPStatus.NO_CONTENT:
                raise self._voice.no_answer("no JSON", changes=changes)
            return answer
        if answer.status >= 500:
            raise self._voice.no_answer(f"HTTP {answer.status}", changes=changes)
        raise self._failures(answer)


@asynccontextmanager
async def opened(
    voice: Voice, base_url: str, headers: Mapping[str, str], failures: Failures
) -> AsyncGenerator[VendorHttp]:
    """Connections kept open to one vendor. Redirects are not followed: the credential goes nowhere else."""
    async with plain_client(base_url, headers) as client:
        yield VendorHttp(client, voice, failures)


def plain_client(base_url: str, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url.rstrip("/"),
        headers={"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})},
        timeout=ANSWERED_WITHIN_S,
        trust_env=False,
        verify=_certificates() if base_url.startswith("https:") else False,
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None
