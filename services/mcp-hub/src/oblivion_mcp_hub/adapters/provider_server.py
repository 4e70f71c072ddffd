"""A built-in provider as a tool server: its tools are called in this process, over one session kept open.

A session is of one credential: once the connection has another, calls go over a new session, and those that
are under way end on the old one. A refused credential is tried once more with another, where there is one.
"""

import json
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from mcp_types import (
    CallToolResult,
    CompleteResult,
    GetPromptResult,
    Prompt,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import BaseModel, ValidationError

from oblivion_mcp_hub.adapters.kept_open import KeptOpen
from oblivion_mcp_hub.domain.results import failure
from oblivion_mcp_hub.errors import ServerAway, ServerMisbehaved, ServerRefused
from oblivion_mcp_hub.oauth_ports import Credential
from oblivion_mcp_hub.ports import Account, Exchange
from oblivion_mcp_hub.providers import Checked, Provider, ProviderTool
from oblivion_platform.connections import Connection
from oblivion_platform.errors import AuthenticationFailed, OblivionFailure, PermanentFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.operations.errors import NothingFound

OLD_SESSION_KEPT_S = 60.0
AnswerT = TypeVar("AnswerT")

_log = get_logger(__name__)


class ProviderServer:
    """Implements `ports.ToolServer`."""

    def __init__(
        self, provider: Provider, connection: Connection, credential: Credential, base_url: str
    ) -> None:
        self._provider = provider
        self._connection = connection
        self._credential = credential
        self._base_url = base_url
        self._tools = {tool.name: tool for tool in provider.tools}
        self._shown: str | None = None
        """What the next session is opened with."""
        self._session = KeptOpen(lambda: self._open(self._shown), drain_s=OLD_SESSION_KEPT_S)

    async def list_tools(self) -> Sequence[Tool]:
        if self._connection.auth != "secret":
            await self._credential.value()  # Or it says that somebody has to sign in.
        return [definition_of(tool) for tool in self._provider.tools]

    async def call(self, tool: str, arguments: dict[str, Any], _exchange: Exchange, /) -> CallToolResult:
        called = self._tools[tool]
        try:
            given = called.input_model.model_validate(arguments)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            return failure(f"These arguments do not fit: {faults}")
        try:
            answer = await self._asked(lambda session: called.call(session, given))
        except AuthenticationFailed:
            raise
        except PermanentFailure as refused:
            return failure(refused.message)
        except OblivionFailure:
            raise
        # A vendor may answer what nobody foresaw, after it has done what it was asked.
        except Exception as error:
            raise self._unforeseen(tool, error) from None
        return _result(answer)

    async def list_resources(self) -> Sequence[Resource]:
        return ()

    async def list_templates(self) -> Sequence[ResourceTemplate]:
        return ()

    async def read_resource(self, _uri: str, _exchange: Exchange, /) -> ReadResourceResult:
        raise NothingFound("resource")

    async def list_prompts(self) -> Sequence[Prompt]:
        return ()

    async def get_prompt(
        self, _name: str, _arguments: dict[str, str], _exchange: Exchange, /
    ) -> GetPromptResult:
        raise NothingFound("prompt")

    async def complete(self, _question: Mapping[str, Any], /) -> CompleteResult:
        raise NothingFound("prompt")

    async def check(self) -> Account:
        """Over a session of its own, so that what is wrong with the credential shows now."""

        async def look(secret: str) -> Checked:
            async with self._open(secret) as session:
                return await self._provider.check(session)

        checked = await self._shown_to(look)
        return Account(
            f"{self._provider.title} answers.",
            account=checked.account,
            rights=tuple(checked.rights),
            rate_limit_left=checked.rate_limit_left,
        )

    async def drain(self) -> None:
        """Closed once all calls that are under way have ended, or at once when this is cancelled."""
        await self._session.drain()

    async def close(self) -> None:
        await self._session.close()

    def _unforeseen(self, tool: str, error: Exception) -> ServerMisbehaved:
        """Neither what was asked nor what was answered is logged."""
        where = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{where.filename}:{where.lineno}"
        _log.error(
            "provider broke", connection=self._connection.name, tool=tool, error=type(error).__name__, at=at
        )
        return ServerMisbehaved(self._connection.name, "answered something that is not understood")

    async def _asked(self, question: Callable[[Any], Awaitable[AnswerT]]) -> AnswerT:
        async def ask(secret: str) -> AnswerT:
            if secret != self._shown:
                self._shown = secret
                self._session.let_go()
            async with self._session.use() as opening:
                return await question(opening.thing)

        return await self._shown_to(ask)

    async def _shown_to(self, ask: Callable[[str], Awaitable[AnswerT]]) -> AnswerT:
        """A vendor that does not take a credential has done nothing, so asking again does no harm."""
        secret = await self._secret()
        try:
            return await ask(secret)
        except AuthenticationFailed:
            if await self._credential.instead_of(secret) is None:
                raise
        return await ask(await self._secret())

    async def _secret(self) -> str:
        secret = await self._credential.value()
        if secret is None:
            raise ServerRefused(self._connection.name, has_secret=False)
        return secret

    @asynccontextmanager
    async def _open(self, secret: str | None) -> AsyncGenerator[Any]:
        settings = {**self._connection.settings, **self._connection.sign_in.get("more", {})}
        async with AsyncExitStack() as stack:
            try:
                opened = self._provider.open(secret or "", settings, self._base_url)
                session = await stack.enter_async_context(opened)
            except OblivionFailure:
                raise
            # Clients of vendors break in ways of their own.
            except Exception as error:
                raise ServerAway(self._connection.name, type(error).__name__) from None
            yield session


def definition_of(tool: ProviderTool) -> Tool:
    """The tool as MCP describes it."""
    return Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_model.model_json_schema(),
        annotations=ToolAnnotations(
            read_only_hint=tool.annotations.read_only,
            destructive_hint=tool.annotations.destructive,
            idempotent_hint=tool.annotations.idempotent,
            open_world_hint=True,
        ),
    )


def _result(answer: BaseModel | dict[str, Any]) -> CallToolResult:
    value = answer.model_dump(mode="json", exclude_none=True) if isinstance(answer, BaseModel) else answer
    text = json.dumps(value, ensure_ascii=False)
    return CallToolResult(content=[TextContent(text=text)], structured_content=value)
