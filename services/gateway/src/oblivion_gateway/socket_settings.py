"""Settings of the agents' sockets."""

from pydantic import Field

from oblivion_platform.settings import DatabaseSettings, RedisSettings, ServiceUrl


class SocketSettings(DatabaseSettings, RedisSettings):
    """What the agents' side of the gateway reads from its environment."""

    lease_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds after which a run whose agent is not heard of goes to another replica.",
    )
    heartbeat_s: float = Field(
        default=10.0, gt=0, description="Seconds between two signs of life of an agent that has a run."
    )
    agent_events_per_s: float = Field(
        default=100.0,
        gt=0,
        description="Events a second that one connection of an agent may send; twice that at once.",
    )
    tools_url: ServiceUrl | None = Field(
        default=None, description="The MCP hub, as agents reach it; they get no tools of it without."
    )
