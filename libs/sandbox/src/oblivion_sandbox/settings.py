"""Settings of the sandbox."""

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, model_validator

from oblivion_platform.settings import LogSettings, ServiceUrl


class SandboxSettings(LogSettings):
    """Everything the sandbox reads from its environment."""

    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(
        default=8301,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT", "port"),
        description="The TCP port to listen on; 0 takes a free one.",
    )
    home: Path = Field(
        default=Path("~/.local/share/oblivion"),
        description="Directory of all state; the sandbox keeps its own in the folder `sandbox` of it.",
    )
    sandbox_dir: Path | None = Field(
        default=None,
        description="Directory of the sandbox's own state, in place of a folder in OBLIVION_HOME.",
    )
    environment: Literal["development", "test", "production"] = Field(
        default="development",
        description="The sandbox refuses to start in `production`: its control API asks for no credentials.",
    )
    sandbox_base_url: ServiceUrl | None = Field(
        default=None,
        description="Where people and services reach this host, as in http://localhost:8300. Sets the "
        "default request URL ({base}/webhooks/slack) and the links that the stand-ins hand out.",
    )
    sandbox_retry_scale: float = Field(
        default=1.0,
        ge=0,
        description="Factor on the waits between delivery attempts; 0.01 turns one minute into 0.6 s.",
    )
    sandbox_limits_scale: float = Field(
        default=1.0,
        ge=0,
        description="Factor on the rate limits of a fresh state: 10 allows ten times as much, 0 lifts them.",
    )
    sandbox_deliveries_in_flight: int = Field(
        default=32, ge=1, le=512, description="How many deliveries each stand-in has under way at once."
    )

    sandbox_llm_chunk_seconds: float = Field(
        default=0.015,
        ge=0,
        le=10,
        description="Pause between the pieces of a streamed answer, three words each.",
    )

    @model_validator(mode="after")
    def _refuse_production(self) -> Self:
        if self.environment == "production":
            raise ValueError(
                "OBLIVION_ENVIRONMENT is production, where the sandbox does not run: anyone who reaches it "
                "can act as anybody. Point OBLIVION_SLACK_API_URL and OBLIVION_CLICKUP_API_URL "
                "at the real services"
            )
        return self

    @property
    def state_dir(self) -> Path:
        """The directory that holds the sandbox's database."""
        return (self.sandbox_dir or self.home / "sandbox").expanduser()
