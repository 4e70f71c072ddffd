"""Settings of the sandbox: `PORT`, `OBLIVION_HOME` and `OBLIVION_SANDBOX_*`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SandboxSettings(BaseSettings):
    """Everything the sandbox reads from its environment."""

    model_config = SettingsConfigDict(env_prefix="OBLIVION_SANDBOX_", frozen=True, populate_by_name=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8301,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT"),
        description="Port to listen on; 0 takes a free one.",
    )
    home: Path = Field(
        default=Path("~/.local/share/oblivion"),
        validation_alias=AliasChoices("OBLIVION_HOME"),
        description="Directory of all state; the sandbox keeps its own in the folder `sandbox` of it.",
    )
    dir: Path | None = Field(
        default=None, description="Directory of the sandbox's own state, in place of home."
    )
    environment: Literal["development", "test", "production"] = Field(
        default="development",
        validation_alias=AliasChoices("OBLIVION_ENVIRONMENT"),
        description="The sandbox refuses to start in `production`: its control API asks for no credentials.",
    )
    base_url: str | None = Field(
        default=None,
        description="Where people and services reach this host, as in http://localhost:8300. Sets the "
        "default request URL ({base_url}/webhooks/slack) and the links the stand-ins hand out.",
    )
    retry_scale: float = Field(
        default=1.0,
        ge=0,
        description="Factor on the waits between delivery attempts; 0.01 makes 1 min 0.6 s.",
    )
    limits_scale: float = Field(
        default=1.0,
        ge=0,
        description="Factor on the rate limits of a fresh state: 10 allows ten times as much, 0 lifts them.",
    )
    deliveries_in_flight: int = Field(
        default=32, ge=1, le=512, description="How many deliveries each stand-in has under way at once."
    )

    @model_validator(mode="after")
    def _refuse_production(self) -> Self:
        if self.environment == "production":
            raise ValueError(
                "the sandbox does not run with OBLIVION_ENVIRONMENT=production: anyone who reaches it can act "
                "as anybody; point OBLIVION_SLACK_API_URL and OBLIVION_CLICKUP_API_URL at the real services"
            )
        return self

    @property
    def state_dir(self) -> Path:
        """The directory that holds the sandbox's database."""
        return (self.dir or self.home / "sandbox").expanduser()
