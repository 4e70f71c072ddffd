"""What the reference agent reads from the environment. Only who it is has to be there at the start."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

EXIT_BAD_SETTINGS = 2


class McpServerSpec(BaseModel):
    """One entry of `mcpServers`, as MCP clients share it: a command to start, or a URL to reach."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    command: str | None = None
    args: list[str] = []
    env: dict[str, SecretStr] = {}
    url: str | None = None
    headers: dict[str, SecretStr] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("needs either a command or a url")
        return self


class ModelPrice(BaseModel):
    """US dollars for a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]


class Settings(BaseSettings):
    """Settings of the reference agent."""

    model_config = SettingsConfigDict(
        env_prefix="OBLIVION_", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    agents: Path | None = Field(
        default=None,
        description="File with the agents that this process serves: "
        '[{"name", "client_id", "client_secret"}]. Without it, AGENT_ID and AGENT_SECRET name one.',
    )
    agent_name: str = Field(
        default="agent", validation_alias="AGENT_NAME", description="Name in logs, of a single agent."
    )
    llm_model: str | None = Field(
        default=None,
        description="Language model as LangChain's init_chat_model names it, such as "
        "anthropic:claude-sonnet-5. An agent's own model goes before it.",
    )
    llm_base_url: str | None = Field(
        default=None,
        description="Where that model's provider is reached; default: the provider's own address.",
    )
    llm_timeout_seconds: float = Field(
        default=60.0, gt=0, description="Seconds that one answer of the model may take."
    )
    llm_retries: int = Field(
        default=6,
        ge=0,
        le=20,
        description="How often a model that cannot be reached, or is too busy, is asked again, with pauses "
        "from half a second to eight; 6 outlast some 20 seconds.",
    )
    llm_prices: dict[str, ModelPrice] = Field(
        default_factory=dict[str, ModelPrice],
        description='US dollars for a million tokens: {"openai:gpt-x": {"input": 2.5, "output": 10}}. '
        "Models that are not listed count as free.",
    )
    max_rounds: int = Field(
        default=12,
        ge=1,
        le=100,
        description="How often the model may call tools in one run before it has to answer.",
    )
    mcp_servers: Annotated[dict[str, McpServerSpec], NoDecode] = Field(
        default_factory=dict[str, McpServerSpec],
        description="MCP servers of this agent's own, in the usual form: "
        '{"mcpServers": {"name": {"command": "…", "args": […], "env": {…}}}} '
        'or {"url": "…", "headers": {…}}.',
    )
    tools_without_approval: list[str] = Field(
        default_factory=list[str],
        description="Tools that may be used without a person's approval though they do not say that they are "
        'harmless, as a JSON list of names and patterns: ["tracker__create_issue", "wiki__*"].',
    )
    github_token: SecretStr | None = Field(
        default=None,
        validation_alias="GITHUB_TOKEN",
        description="With it the agent reads repositories on GitHub; it stays in this process and its child.",
    )
    github_api_url: str = Field(
        default="https://api.github.com", description="GitHub's REST API, such as an Enterprise server's."
    )

    otlp_endpoint: str | None = Field(
        default=None,
        description="OpenTelemetry collector that traces go to (OTLP over HTTP): http://collector:4318",
    )
    langfuse_public_key: str | None = Field(
        default=None,
        validation_alias="LANGFUSE_PUBLIC_KEY",
        description="With it and the secret key, what the model is told and what it answers go to Langfuse.",
    )
    langfuse_secret_key: SecretStr | None = Field(
        default=None, validation_alias="LANGFUSE_SECRET_KEY", description="Langfuse's secret key."
    )
    langfuse_host: str = Field(
        default="https://cloud.langfuse.com",
        validation_alias="LANGFUSE_HOST",
        description="Where Langfuse is reached.",
    )

    @field_validator("mcp_servers", mode="before")
    @classmethod
    def _read_servers(cls, value: object) -> object:
        """Accept `{"mcpServers": {...}}` as well as what is inside."""
        if not isinstance(value, str):
            return value
        try:
            found: Any = json.loads(value)
        except ValueError:
            raise ValueError("is no JSON") from None
        known = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        return known.get("mcpServers", found)


def load() -> Settings:
    """The settings of this process.

    Raises:
        SystemExit: 2, with one line for each fault on stderr; no value is shown.
    """
    try:
        return Settings()
    except SettingsError as error:
        faults = [str(error)]
    except ValidationError as error:
        faults = [
            f"{_variable(each['loc'])}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        ]
    for fault in faults:
        print(f"oblivion-agent cannot start: {fault}.", file=sys.stderr)  # noqa: T201 - before there is a log
    raise SystemExit(EXIT_BAD_SETTINGS)


def _variable(location: tuple[int | str, ...]) -> str:
    first, *rest = location or ("settings",)
    name = str(first)
    known = name if name.isupper() else f"OBLIVION_{name.upper()}"
    return ".".join([known, *map(str, rest)])
