"""Resources and prompts of all connections: listed together, read at the one that they are behind.

They are for whoever has everything of the connection. What is read counts as what a tool returned.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mcp_types import (
    CompleteResult,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
)
from pydantic import BaseModel

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.domain.resource_names import parted, qualified_uri
from oblivion_mcp_hub.domain.rounds import asks_too_much
from oblivion_mcp_hub.domain.server_address import address_of
from oblivion_mcp_hub.domain.tool_names import SEPARATOR, qualified
from oblivion_mcp_hub.domain.trust import Standing
from oblivion_mcp_hub.errors import CallRefused, ServerAway, ServerMisbehaved
from oblivion_mcp_hub.ports import (
    NOTHING_ELSE,
    Ended,
    Exchange,
    Ledger,
    NewCall,
    ToolServer,
    ToolServers,
    Use,
    Uses,
)
from oblivion_mcp_hub.usecases.call_tools import ASKS_TOO_MUCH, CallTerms
from oblivion_mcp_hub.usecases.know_tools import KnowTools
from oblivion_platform.connections import Connection
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.operations.errors import NothingFound
from oblivion_platform.resilience import Breakers

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Gathered(Generic[AnswerT]):
    """What all had together, and connection → why it is missing."""

    items: list[AnswerT]
    missing: dict[str, str]


class UseResources:
    """Asks the servers each time: nothing of it is kept."""

    def __init__(
        self,
        known: KnowTools,
        servers: ToolServers,
        ledger: Ledger,
        uses: Uses,
        breakers: Breakers,
        terms: CallTerms,
    ) -> None:
        self._known = known
        self._servers = servers
        self._ledger = ledger
        self._uses = uses
        self._breakers = breakers
        self._terms = terms

    async def resources(self, caller: Caller) -> Gathered[Resource]:
        """Raises: RunNotHeld, NotAllowed, DependencyUnavailable."""

        async def ask(connection: Connection, server: ToolServer) -> list[Resource]:
            found = await server.list_resources()
            return [
                each.model_copy(update={"uri": qualified_uri(connection.name, each.uri)}) for each in found
            ]

        return await self._gathered(caller, "resources/list", ask)

    async def templates(self, caller: Caller) -> Gathered[ResourceTemplate]:
        """Raises: RunNotHeld, NotAllowed, DependencyUnavailable."""

        async def ask(connection: Connection, server: ToolServer) -> list[ResourceTemplate]:
            return [
                each.model_copy(update={"uri_template": qualified_uri(connection.name, each.uri_template)})
                for each in await server.list_templates()
            ]

        return await self._gathered(caller, "resources/templates/list", ask)

    async def prompts(self, caller: Caller) -> Gathered[Prompt]:
        """Raises: RunNotHeld, NotAllowed, DependencyUnavailable."""

        async def ask(connection: Connection, server: ToolServer) -> list[Prompt]:
            found = await server.list_prompts()
            return [each.model_copy(update={"name": qualified(connection.name, each.name)}) for each in found]

        return await self._gathered(caller, "prompts/list", ask)

    async def read(
        self, caller: Caller, uri: str, exchange: Exchange = NOTHING_ELSE
    ) -> ReadResourceResult | InputRequiredResult:
        """Raises: NothingFound; CallRefused; what the server's failure is."""
        named = parted(uri)
        if named is None:
            raise NothingFound("resource")
        connection, inner = await self._connection(caller, named[0]), named[1]

        async def ask(server: ToolServer) -> ReadResourceResult | InputRequiredResult:
            answer = await server.read_resource(inner, exchange)
            if isinstance(answer, InputRequiredResult):
                return answer
            contents = [
                each.model_copy(update={"uri": qualified_uri(connection.name, each.uri)})
                for each in answer.contents
            ]
            return answer.model_copy(update={"contents": contents})

        return await self._used(caller, connection, "resources/read", ask, exchange)

    async def prompt(
        self, caller: Caller, name: str, arguments: dict[str, str], exchange: Exchange = NOTHING_ELSE
    ) -> GetPromptResult | InputRequiredResult:
        """Raises: NothingFound; CallRefused; what the server's failure is."""
        connection = await self._connection(caller, name.partition(SEPARATOR)[0])

        async def ask(server: ToolServer) -> GetPromptResult | InputRequiredResult:
            return await server.get_prompt(await _own_name(server, connection, name), arguments, exchange)

        return await self._used(caller, connection, "prompts/get", ask, exchange)

    async def complete(self, caller: Caller, question: Mapping[str, Any]) -> CompleteResult:
        """`question`: as the protocol has it, with our names.

        Raises:
            NothingFound; CallRefused; what the server's failure is.
        """
        asked_of: Mapping[str, Any] = question["ref"]
        if asked_of.get("type") == "ref/prompt":
            name = str(asked_of.get("name", ""))
            connection = await self._connection(caller, name.partition(SEPARATOR)[0])

            async def ask(server: ToolServer) -> CompleteResult:
                own = {**asked_of, "name": await _own_name(server, connection, name)}
                return await server.complete({**question, "ref": own})
        else:
            named = parted(str(asked_of.get("uri", "")))
            if named is None:
                raise NothingFound("resource")
            connection, own_uri = await self._connection(caller, named[0]), named[1]

            async def ask(server: ToolServer) -> CompleteResult:
                return await server.complete({**question, "ref": {**asked_of, "uri": own_uri}})

        return await self._used(caller, connection, "completion/complete", ask)

    async def _gathered(
        self, caller: Caller, use: Use, ask: Callable[[Connection, ToolServer], Awaitable[list[AnswerT]]]
    ) -> Gathered[AnswerT]:
        standing = await self._ledger.standing(caller)
        known = await self._known.of(caller.tenant_id)
        seen = [each for each in known.connections.values() if standing.sees(each.name)]

        async def attempt(connection: Connection) -> list[AnswerT] | str:
            self._uses.note(connection, use, caller.subject)
            try:
                return await self._bounded(connection, lambda server: ask(connection, server))
            except OblivionFailure as failure:
                return failure.message

        answers = await asyncio.gather(*(attempt(each) for each in seen))
        named = list(zip(seen, answers, strict=True))
        return Gathered(
            [item for _, answer in named if not isinstance(answer, str) for item in answer],
            {connection.name: answer for connection, answer in named if isinstance(answer, str)},
        )

    async def _connection(self, caller: Caller, name: str) -> Connection:
        for connection in (await self._known.of(caller.tenant_id)).connections.values():
            if connection.name == name:
                return connection
        raise NothingFound("connection")

    async def _used(
        self,
        caller: Caller,
        connection: Connection,
        what: str,
        ask: Callable[[ToolServer], Awaitable[AnswerT]],
        exchange: Exchange = NOTHING_ELSE,
    ) -> AnswerT:
        def judge(standing: Standing) -> bool:
            if not standing.sees(connection.name):
                raise CallRefused("not_given", f"{connection.name} is not among what you were given.")
            return False

        name = f"{connection.name}{SEPARATOR}{what}"
        call_id = await self._ledger.begin(
            NewCall(caller, connection.id, name, what, is_write=False, arguments={}), judge
        )
        began, code = time.monotonic(), "failed"
        try:
            answer = await self._bounded(connection, ask, exchange)
            code = ""
        except OblivionFailure as failure:
            code = failure.code
            raise
        finally:
            ended = Ended(not code, time.monotonic() - began, code or None)
            self._ledger.end(caller.tenant_id, call_id, ended)
        return answer

    async def _bounded(
        self,
        connection: Connection,
        ask: Callable[[ToolServer], Awaitable[AnswerT]],
        exchange: Exchange = NOTHING_ELSE,
    ) -> AnswerT:
        async with self._breakers.guard(connection.tenant_id, connection.name):
            try:
                async with asyncio.timeout(self._terms.timeout_s):
                    answer = await ask(self._servers.of(connection))
            except TimeoutError:
                late = f"nothing within {self._terms.timeout_s:.0f} s"
                raise ServerAway(connection.name, late, at=address_of(connection)) from None
            if isinstance(answer, InputRequiredResult) and asks_too_much(answer, exchange.can_be_asked):
                raise ServerMisbehaved(connection.name, ASKS_TOO_MUCH)
        _refuse_too_large(answer, self._terms.result_max_bytes)
        return answer


async def _own_name(server: ToolServer, connection: Connection, name: str) -> str:
    """Of the prompt, as its server calls it. Raises: NothingFound."""
    for each in await server.list_prompts():
        if qualified(connection.name, each.name) == name:
            return each.name
    raise NothingFound("prompt")


def _refuse_too_large(answer: object, most_bytes: int) -> None:
    """Raises: CallRefused."""
    size = len(answer.model_dump_json()) if isinstance(answer, BaseModel) else 0
    if size > most_bytes:
        raise CallRefused("too_large", f"It is too large ({size} bytes; {most_bytes} are taken).")
