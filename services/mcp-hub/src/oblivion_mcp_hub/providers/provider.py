"""What a provider is: how to open it with a credential, and its tools."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from inspect import getdoc
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """Arguments of a tool; their descriptions are written for a model."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True)


class Output(BaseModel):
    """What a tool returns: ids, titles, links. What is None is left out."""

    model_config = ConfigDict(frozen=True)


class NoInput(Input):
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """MCP's hints on what a tool does."""

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False


READS = Annotations(read_only=True, idempotent=True)
ADDS = Annotations()
CHANGES = Annotations(idempotent=True)
REMOVES = Annotations(destructive=True, idempotent=True)


@dataclass(frozen=True, slots=True)
class ProviderTool:
    """One tool; `call` takes the session and validated arguments."""

    name: str
    description: str
    input_model: type[BaseModel]
    annotations: Annotations
    call: Callable[[Any, Any], Awaitable[BaseModel | dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the vendor says of a credential."""

    account: str
    rights: tuple[str, ...] = ()
    """Empty where the vendor does not tell."""
    rate_limit_left: int | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A vendor's service as tools.

    `open` takes the credential, the connection's settings, and the address of the vendor's API; it raises
    PermanentFailure when the settings cannot work. `check` raises what the tools raise.
    """

    name: str
    title: str
    auth: Literal["api_key", "oauth", "bot_token"]
    settings_schema: dict[str, Any]
    tools: tuple[ProviderTool, ...]
    open: Callable[[str, Mapping[str, Any], str], AbstractAsyncContextManager[Any]]
    check: Callable[[Any], Awaitable[Checked]]


def tool(
    name: str,
    annotations: Annotations,
    input_model: type[BaseModel],
    call: Callable[[Any, Any], Awaitable[BaseModel | dict[str, Any]]],
) -> ProviderTool:
    """A tool that a model is told of in the words of the function's docstring."""
    return ProviderTool(name, " ".join((getdoc(call) or name).split()), input_model, annotations, call)
