"""Settings of the agents' sockets."""

from pydantic import Field, SecretStr

from oblivion_platform.settings import DatabaseSettings, RedisSettings, ServiceUrl


class SocketSettings(DatabaseSettings, RedisSettings):
    """What the agents' side of the gateway reads from its environment."""

    run_lease_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds after which a run whose agent is not heard of goes to another replica.",
    )
    run_heartbeat_s: float = Field(
        default=10.0, gt=0, description="Seconds between two signs of life of an agent that has a run."
    )
    agent_events_per_s: float = Field(
        default=100.0,
        gt=0,
        description="Events a second that one connection of an agent may send; twice that at once.",
    )
    agent_sockets_max: int = Field(
        default=1_000, ge=1, description="Connections of one agent to one process of the gateway."
    )
    qdrant_url: ServiceUrl | None = Field(
        default=None,
        description="Qdrant, for the history of runs: http://host:6333. None: nothing is indexed.",
    )
    qdrant_api_key: SecretStr | None = Field(
        default=None, description="Qdrant's API key, if it asks for one."
    )
    embedder: str = Field(
        default="wordllama",
        description="Turns text into vectors: `wordllama`, which needs nothing, or any that LangChain's "
        "init_embeddings knows, such as `openai:text-embedding-3-small`.",
    )
    archive_after_days: int = Field(
        default=90, ge=1, description="Days after which conversations that rest, and runs, are archived."
    )
    tools_url: ServiceUrl | None = Field(
        default=None, description="The MCP hub, as agents reach it; they get no tools of it without."
    )
