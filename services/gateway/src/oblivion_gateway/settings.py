"""Settings of the gateway."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from oblivion_gateway.socket_settings import SocketSettings
from oblivion_platform import door
from oblivion_platform.settings import HttpSettings, LogSettings, MasterKeySettings, ServiceUrl


class Settings(SocketSettings, MasterKeySettings, HttpSettings, LogSettings):
    """Everything that the gateway reads from its environment."""

    public_url: ServiceUrl = Field(
        default="http://localhost:8300",
        description="Where people and agents reach this system; also the issuer of its tokens.",
    )
    cors_origins: str = Field(
        default="",
        description="Other origins whose pages may call the API: https://one.example, https://two.example",
    )
    proxies_in_front: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Proxies of ours between callers and the gateway: whose X-Forwarded-For is believed.",
    )
    user_requests_per_minute: int = Field(
        default=100, ge=1, description="Requests a minute of one person or agent."
    )
    tenant_requests_per_minute: int = Field(
        default=1_000, ge=1, description="Requests a minute of one tenant."
    )
    address_requests_per_minute: int = Field(
        default=10_000,
        ge=1,
        description="Requests a minute from one network address; as many bad tokens of agents that connect.",
    )
    development_login: bool = Field(
        default=False,
        description="One-time sign-in links instead of an identity provider; where public_url is localhost.",
    )
    oidc_issuer: ServiceUrl | None = Field(
        default=None, description="OpenID Connect: the identity provider that people sign in with."
    )
    oidc_client_id: str = Field(default="", description="OpenID Connect: this system's client id there.")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="OpenID Connect: this system's client secret there."
    )
    oidc_just_in_time_role: Literal["", "user", "guest"] = Field(
        default="",
        description="Role of whoever signs in for the first time: user, guest, or empty to refuse them. "
        "Where there are several tenants nobody is let in so.",
    )
    slack_issuer: ServiceUrl = Field(
        default="https://slack.com", description="Sign in with Slack: Slack's OpenID Connect issuer."
    )
    slack_client_id: str = Field(default="", description="Sign in with Slack: the app's client id.")
    slack_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Sign in with Slack: the app's client secret."
    )
    operator_account: str = Field(
        default="",
        pattern=r"^([a-z0-9-]+:[a-z0-9.-]+)?$",
        description="The operator's ServiceAccount as namespace:name, in this gateway's own cluster "
        "(or the one that KUBECONFIG names). Empty: no operator.",
    )
    trace_url: str = Field(
        default="",
        pattern=r"^(https?://\S*\{trace_id\}\S*)?$",
        description="Where a trace is shown, such as https://jaeger.example/trace/{trace_id}: runs lead "
        "there. Empty: they show the trace's id alone.",
    )
    sse_heartbeat_s: float = Field(
        default=15.0, gt=0, description="Seconds between two heartbeats on an event stream."
    )
    sse_streams_max: int = Field(
        default=100,
        ge=1,
        description="Event streams of one person or agent from one process at a time; as many live feeds.",
    )
    tenant_feeds_max: int = Field(
        default=1_000, ge=1, description="Live feeds of one tenant from one process at a time."
    )
    feed_recheck_s: float = Field(
        default=10.0,
        gt=0,
        description="Seconds between two looks whether somebody who follows the live feed still may.",
    )

    @property
    def is_local(self) -> bool:
        """Whether the system is reached as localhost alone."""
        return door.is_local(self.public_url)

    @property
    def own_origins(self) -> frozenset[str]:
        """Where pages come from that may change things."""
        return door.own_origins(self.public_url) | frozenset(self.allowed_origins)

    @property
    def allowed_origins(self) -> list[str]:
        return [origin for origin in map(str.strip, self.cors_origins.split(",")) if origin]

    @model_validator(mode="after")
    def _development_login_stays_local(self) -> Self:
        if self.development_login and not self.is_local:
            raise ValueError(
                "OBLIVION_DEVELOPMENT_LOGIN lets whoever holds a link in, without a password. It is only for "
                "an OBLIVION_PUBLIC_URL on localhost; set OBLIVION_OIDC_ISSUER instead"
            )
        return self
