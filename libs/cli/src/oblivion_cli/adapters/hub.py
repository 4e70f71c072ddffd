"""The MCP hub's REST API as the command line needs it: failures become sentences and fixes."""

from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import ValidationError

from oblivion_cli.errors import AccessRefused, CommandFailed, DependencyAway, NotFound
from oblivion_contracts.connections import (
    Authorization,
    AuthorizationProgress,
    ConnectionChange,
    ConnectionHealth,
    Connections,
    ConnectionView,
    NewConnection,
    OfferedTools,
    PinTools,
    Providers,
)
from oblivion_contracts.model import Contract
from oblivion_contracts.problems import Problem

TIMEOUT_S = 30.0
ContractT = TypeVar("ContractT", bound=Contract)


class HubApi:
    """`async with HubApi(base_url, token) as hub:`

    All raise:
        DependencyAway: the hub does not answer.
        AccessRefused: it does not take the token, or not for that.
        CommandFailed: it says no, and why.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._http = httpx.AsyncClient(
            base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def connections(self) -> list[ConnectionView]:
        return (await self._read("GET", "/connections", Connections)).items

    async def named(self, name: str) -> ConnectionView:
        """Raises: NotFound."""
        found = await self.connections()
        for connection in found:
            if name in {connection.name, str(connection.id)}:
                return connection
        known = ", ".join(connection.name for connection in found) or "none"
        raise NotFound(f"There is no connection {name!r}.", f"There are: {known}.")

    async def providers(self) -> Providers:
        return await self._read("GET", "/connections/providers", Providers)

    async def create(self, new: NewConnection) -> ConnectionView:
        return await self._read("POST", "/connections", ConnectionView, _revealed(new))

    async def change(self, connection: ConnectionView, wish: ConnectionChange) -> ConnectionView:
        return await self._read("PATCH", f"/connections/{connection.id}", ConnectionView, _revealed(wish))

    async def authorize(self, connection: ConnectionView) -> Authorization:
        """Begin a sign-in: its address is for a browser."""
        return await self._read("POST", f"/connections/{connection.id}/authorize", Authorization)

    async def progress(
        self, connection: ConnectionView, authorization: Authorization
    ) -> AuthorizationProgress:
        path = f"/connections/{connection.id}/authorize/{authorization.id}"
        return await self._read("GET", path, AuthorizationProgress)

    async def test(self, connection: ConnectionView) -> ConnectionHealth:
        return await self._read("POST", f"/connections/{connection.id}/test", ConnectionHealth)

    async def tools(self, connection: ConnectionView) -> OfferedTools:
        return await self._read("GET", f"/connections/{connection.id}/tools", OfferedTools)

    async def pin(self, connection: ConnectionView, wish: PinTools) -> None:
        await self._send("POST", f"/connections/{connection.id}/pins", wish.model_dump(mode="json"))

    async def remove(self, connection: ConnectionView) -> None:
        await self._send("DELETE", f"/connections/{connection.id}")

    async def _read(
        self, method: str, path: str, contract: type[ContractT], body: Mapping[str, Any] | None = None
    ) -> ContractT:
        answer = await self._send(method, path, body)
        try:
            return contract.model_validate_json(answer.content)
        except ValidationError as error:
            raise CommandFailed(
                "The MCP hub's answer is not understood.", "Is it of the same version as this command?"
            ) from error

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise DependencyAway(
                f"The MCP hub does not answer at {self._base_url} ({type(error).__name__}).",
                "Start the system with `oblivion up`, or set OBLIVION_URI.",
            ) from error
        if answer.is_success:
            return answer
        raise _failure(answer)


def _revealed(wish: NewConnection | ConnectionChange) -> dict[str, Any]:
    """As it is sent: with its secrets, which a dump hides."""
    body = wish.model_dump(mode="json", exclude_none=True)
    if wish.secret is not None:
        body["secret"] = wish.secret.get_secret_value()
    if wish.client is not None and wish.client.client_secret is not None:
        body["client"]["client_secret"] = wish.client.client_secret.get_secret_value()
    return body


def _failure(answer: httpx.Response) -> CommandFailed:
    try:
        said = Problem.model_validate_json(answer.content).detail
    except ValidationError:
        said = f"The MCP hub answers {answer.status_code}."
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return DependencyAway(said, "Try again in a moment, or read `oblivion logs mcp-hub`.")
    if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return AccessRefused(said, "Set OBLIVION_TOKEN to a token of an admin.")
    return CommandFailed(said, "See `oblivion connections --help`.")
