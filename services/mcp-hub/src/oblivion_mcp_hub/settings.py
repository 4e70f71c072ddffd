"""Settings of the MCP hub."""

import ipaddress
from typing import Self

from pydantic import Field, model_validator

from oblivion_mcp_hub.oauth_settings import SignInSettings
from oblivion_mcp_hub.stdio_settings import StdioSettings
from oblivion_platform.settings import (
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    MasterKeySettings,
    RedisSettings,
    ServiceUrl,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(
    SignInSettings,
    StdioSettings,
    DatabaseSettings,
    RedisSettings,
    MasterKeySettings,
    HttpSettings,
    LogSettings,
):
    """Everything that the hub reads from its environment."""

    public_url: ServiceUrl = Field(
        default="http://localhost:8300",
        description="Where people and agents reach this system; also the issuer of its tokens.",
    )
    mcp_allowed_networks: str = Field(
        default="",
        description="Private networks in which tool servers may be, comma separated: 10.1.0.0/16, fd00::/8. "
        "Any other private, link-local or metadata address is refused.",
    )
    tool_call_timeout_s: float = Field(
        default=60.0, gt=0, description="Seconds that one call of a tool may take."
    )
    tool_list_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds that a tool server gets to list its tools."
    )
    tool_result_max_bytes: int = Field(
        default=1_048_576, ge=1_024, description="Bytes that a tool's result may have."
    )
    tool_list_keep_s: float = Field(
        default=300.0, gt=0, description="Seconds after which a tool server is asked for its tools again."
    )
    tool_server_retry_s: float = Field(
        default=10.0, gt=0, description="Seconds after which a tool server that failed is asked again."
    )
    mcp_caller_requests_per_minute: int = Field(
        default=600, ge=1, description="Requests for tools in any minute, of one person or agent."
    )
    mcp_tenant_requests_per_minute: int = Field(
        default=6_000, ge=1, description="Requests for tools in any minute, of one tenant."
    )
    notion_api_url: ServiceUrl = Field(
        default="https://api.notion.com", description="Where the provider `notion` reaches Notion."
    )
    slack_api_url: ServiceUrl = Field(
        default="https://slack.com/api/", description="Where the provider `slack` reaches Slack."
    )
    linear_api_url: ServiceUrl = Field(
        default="https://api.linear.app", description="Where the provider `linear` reaches Linear."
    )
    jira_api_url: ServiceUrl | None = Field(
        default=None,
        description="Where the provider `jira` reaches Jira; default: the site that the connection names.",
    )
    clickup_api_url: ServiceUrl = Field(
        default="https://api.clickup.com/api/v2", description="Where the provider `clickup` reaches ClickUp."
    )
    google_calendar_api_url: ServiceUrl = Field(
        default="https://www.googleapis.com/calendar/v3",
        description="Where the provider `google_calendar` reaches Google Calendar.",
    )

    def provider_url(self, provider: str) -> str | None:
        """Where a built-in provider's vendor is; None: the connection says it."""
        url: str | None = getattr(self, f"{provider}_api_url", None)
        return url

    @property
    def allowed_networks(self) -> tuple[Network, ...]:
        texts = [text.strip() for text in self.mcp_allowed_networks.split(",")]
        return tuple(ipaddress.ip_network(text) for text in texts if text)

    @model_validator(mode="after")
    def _networks_are_networks(self) -> Self:
        try:
            _ = self.allowed_networks
        except ValueError:
            raise ValueError(
                "OBLIVION_MCP_ALLOWED_NETWORKS is no list of networks like 10.1.0.0/16, fd00::/8"
            ) from None
        return self
