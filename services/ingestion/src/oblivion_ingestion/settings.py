"""Ingestion's settings. It holds the signing key ring, and neither the master key nor any credential."""

from pydantic import Field

from oblivion_platform.settings import (
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    RedisSettings,
    ServiceUrl,
    SigningKeySettings,
)


class Settings(DatabaseSettings, RedisSettings, SigningKeySettings, LogSettings, HttpSettings):
    """Read once at start."""

    slack_api_url: ServiceUrl = Field(
        default="https://slack.com/api/",
        description="Slack's Web API, where Socket Mode connections are opened.",
    )
    inbox_connections: int = Field(
        default=2, ge=1, le=32, description="Connections to Postgres that commit webhooks."
    )
    secrets_keep_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds for which a signing secret is kept; changes are heard at once.",
    )
    sweep_every_s: float = Field(
        default=1.0, gt=0, description="Seconds between two sweeps for events that Redis has lost."
    )
    sweep_overdue_s: float = Field(
        default=2.0, gt=0, description="Seconds after which a stored event that still waits is queued again."
    )
    socket_mode_poll_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds between two looks for Slack app tokens; changes are heard at once.",
    )
