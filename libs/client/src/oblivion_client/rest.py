"""The REST API, typed: sessions, messages, runs, their progress as it happens, history.

async with OblivionClient("http://localhost:8300", token) as client:
    session = await client.create_session()
    accepted = await client.send_message(session.id, "summarise the launch thread")
    async for event in client.follow(accepted.run_id):
        print(event.kind, event.data)
    run = await client.run(accepted.run_id)
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import httpx
from httpx_sse import SSEError, aconnect_sse
from pydantic import ValidationError

from oblivion_client.errors import ClientError
from oblivion_client.reading import read
from oblivion_contracts.administration import RunEvents
from oblivion_contracts.model import Contract
from oblivion_contracts.problems import Problem
from oblivion_contracts.runs import JobStatus, RunEvent, RunEventKind, RunState, RunView
from oblivion_contracts.sessions import (
    HistoryAnswer,
    HistoryHit,
    HistorySearch,
    MessageAccepted,
    NewMessage,
    NewSession,
    SessionSnapshot,
)

ANSWERED_WITHIN_S = 15.0
SILENT_FOR_S = 60.0
"""A stream sends a heartbeat more often than this; one that does not is opened again."""
TRIES = 6
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0

ContractT = TypeVar("ContractT", bound=Contract)
AskToken = Callable[[], Awaitable[str]]


class ServerAway(ClientError):
    """The server does not answer; try again later."""


class RequestRefused(ClientError):
    """The server said no; `problem` says why, `status` how."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.status = status
        self.problem = problem
        self.code = problem.code


class _Unauthorized(Exception):
    """The token is not taken any more."""


class OblivionClient:
    """One caller's view of a system; `token` is a token, or a function that gets a fresh one."""

    def __init__(self, base_url: str, token: str | AskToken) -> None:
        self._token = token
        self._held: str | None = token if isinstance(token, str) else None
        timeout = httpx.Timeout(ANSWERED_WITHIN_S, read=SILENT_FOR_S)
        self._http = httpx.AsyncClient(base_url=base_url.rstrip("/"), timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def create_session(self, new: NewSession | None = None) -> SessionSnapshot:
        return await self._post("/api/sessions", new or NewSession(), SessionSnapshot)

    async def session(self, session_id: UUID) -> SessionSnapshot:
        return await self._get(f"/api/sessions/{session_id}", SessionSnapshot)

    async def send_message(self, session_id: UUID, message: NewMessage | str) -> MessageAccepted:
        """Say something; the run that answers it is in what comes back."""
        body = NewMessage(text=message) if isinstance(message, str) else message
        return await self._post(f"/api/sessions/{session_id}/messages", body, MessageAccepted)

    async def run(self, run_id: UUID) -> RunView:
        return await self._get(f"/api/runs/{run_id}", RunView)

    async def status(self, run_id: UUID) -> JobStatus:
        return await self._get(f"/api/jobs/{run_id}/status", JobStatus)

    async def cancel(self, run_id: UUID) -> None:
        """Stop a run; one that is over stays as it is."""
        await self._request("POST", f"/api/runs/{run_id}/cancel")

    async def search_history(self, search: HistorySearch) -> list[HistoryHit]:
        return (await self._post("/api/history/search", search, HistoryAnswer)).hits

    async def follow(self, run_id: UUID, *, after: int = 0) -> AsyncGenerator[RunEvent]:
        """A run's events as they happen, each once and in order, until its end.

        Streamed; and asked for every few seconds where a stream cannot be had, behind some proxies for one.

        Raises:
            ServerAway: neither a stream nor an answer is to be had any more.
            RequestRefused: there is no such run, or it is not yours.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            reached = after
            with contextlib.suppress(httpx.HTTPError, SSEError):
                async for event in self._stream(run_id, after):
                    if event.sequence > after:
                        after = event.sequence
                        yield event
                        if _is_final(event):
                            return
            missed = await self._get(f"/api/runs/{run_id}/events?after={after}", RunEvents)
            for event in missed.items:
                after = event.sequence
                yield event
            if missed.is_final:
                return
            pause_s = FIRST_PAUSE_S if after > reached else min(LONGEST_PAUSE_S, 2 * pause_s)
            await asyncio.sleep(pause_s)

    async def _stream(self, run_id: UUID, after: int) -> AsyncGenerator[RunEvent]:
        headers = {**await self._authorization(), "Last-Event-ID": str(after)}
        path = f"/api/jobs/{run_id}/progress"
        async with aconnect_sse(self._http, "GET", path, headers=headers) as source:
            if source.response.status_code == HTTPStatus.UNAUTHORIZED and self._can_renew():
                self._held = None
                return
            if source.response.is_server_error:
                return
            if not source.response.is_success:
                await source.response.aread()
                raise _refused(source.response)
            async for message in source.aiter_sse():
                with contextlib.suppress(ValueError):  # Of a kind that this version does not know.
                    yield read(RunEvent, json.loads(message.data))

    async def _get(self, path: str, answer: type[ContractT]) -> ContractT:
        return _read(await self._request("GET", path), answer)

    async def _post(self, path: str, body: Contract, answer: type[ContractT]) -> ContractT:
        return _read(
            await self._request("POST", path, body.model_dump(mode="json", exclude_none=True)), answer
        )

    async def _request(self, verb: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Repeated when the server is away: with one key, so that nothing is done twice."""
        headers = {"Idempotency-Key": str(uuid4())} if verb == "POST" else {}
        for attempt in range(TRIES):
            try:
                return await self._send(verb, path, body, headers)
            except _Unauthorized:
                self._held = None
            except (httpx.TransportError, _Busy) as error:
                if attempt == TRIES - 1:
                    raise ServerAway(f"{self._http.base_url} does not answer. Try again later.") from error
                wait_s = error.retry_after_s if isinstance(error, _Busy) else FIRST_PAUSE_S * 2**attempt
                await asyncio.sleep(wait_s)
        raise ServerAway(f"{self._http.base_url} takes no token of ours.")

    async def _send(
        self, verb: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> httpx.Response:
        signed = {**headers, **await self._authorization()}
        response = await self._http.request(verb, path, json=body, headers=signed)
        if response.is_success:
            return response
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._can_renew():
            raise _Unauthorized
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise _Busy(_seconds(response))
        raise _refused(response)

    def _can_renew(self) -> bool:
        return not isinstance(self._token, str) and self._held is not None

    async def _authorization(self) -> dict[str, str]:
        if self._held is None:
            assert not isinstance(self._token, str)  # noqa: S101 - a fixed token is held from the start
            self._held = await self._token()
        return {"Authorization": f"Bearer {self._held}"}


class _Busy(Exception):
    """503: the server asks for patience."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("busy")
        self.retry_after_s = retry_after_s


def _seconds(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return min(float(text), ANSWERED_WITHIN_S) if text.isascii() and text.isdigit() else 1.0


def _read(response: httpx.Response, answer: type[ContractT]) -> ContractT:
    try:
        return read(answer, json.loads(response.content))
    except ValueError:
        raise ServerAway(
            f"{response.request.url.path} answers in a way that this version does not know. "
            "Update oblivion-client."
        ) from None


def _refused(response: httpx.Response) -> RequestRefused:
    try:
        body: dict[str, Any] = json.loads(response.content)
        problem = Problem.model_validate({name: body[name] for name in Problem.model_fields if name in body})
    except (ValueError, TypeError, ValidationError):
        problem = Problem(
            title=response.reason_phrase or "Refused",
            status=max(400, response.status_code),
            detail=f"The server answered HTTP {response.status_code}.",
            code="refused",
        )
    return RequestRefused(response.status_code, problem)


def _is_final(event: RunEvent) -> bool:
    state = event.data.get("state") if event.kind is RunEventKind.STATE else None
    return state in {each.value for each in RunState if each.is_final}
