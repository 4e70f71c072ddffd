"""What the router-worker can be told; see docs/reference/settings.md."""

from typing import Literal, Self

from pydantic import Field, model_validator

from oblivion_platform.settings import (
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    MasterKeySettings,
    RedisSettings,
    ServiceUrl,
    SigningKeySettings,
)

RESERVED_CONNECTIONS = 4
"""For tokens, the outbox and the sweeps, which deciding waits for."""


class Settings(
    DatabaseSettings, RedisSettings, MasterKeySettings, SigningKeySettings, LogSettings, HttpSettings
):
    """The router-worker's settings."""

    database_pool_size: int = Field(
        default=24,
        ge=4,
        le=200,
        description="Most connections to Postgres at once; each of `worker_concurrency` events and "
        f"`run_concurrency` runs holds one, and {RESERVED_CONNECTIONS} more are needed.",
    )

    slack_api_url: ServiceUrl = Field(
        default="https://slack.com/api/", description="Slack's Web API, with the slash at its end."
    )
    clickup_api_url: ServiceUrl = Field(
        default="https://api.clickup.com/api/v2", description="ClickUp's API, version 2."
    )
    clickup_app_url: ServiceUrl | None = Field(
        default=None,
        description="Where people open ClickUp; links to comments begin with it. None: follows from the "
        "API's address.",
    )
    ingestion_url: ServiceUrl | None = Field(
        default=None,
        description="Ingestion as seen from here (such as `http://ingestion:8080`): a look that does not "
        "reach `/health/live` there counts as blind time, and what was missed is asked for. None: it is not "
        "asked.",
    )
    webhook_base_url: ServiceUrl | None = Field(
        default=None,
        description="Public address under which ClickUp reaches `/webhooks`; needed to re-create a webhook "
        "of which no address is stored.",
    )

    worker_concurrency: int = Field(
        default=10, ge=1, le=100, description="Events decided at once by this process."
    )
    worker_lock_s: float = Field(
        default=30.0, gt=0, description="Seconds after which a job whose worker died is taken by another."
    )
    event_deadline_s: float = Field(
        default=30.0,
        gt=0,
        le=35,
        description="Seconds after which an event whose handling hangs is put aside, to be tried again.",
    )
    event_attempts: int = Field(
        default=3, ge=1, description="Tries of an event that fails for unforeseen reasons."
    )
    event_backoff_s: float = Field(
        default=2.0, gt=0, description="Seconds before the second try; twice as long before each further one."
    )
    park_first_s: float = Field(
        default=0.5, gt=0, description="Seconds an event is put aside at first when Slack or ClickUp is away."
    )
    park_max_s: float = Field(
        default=60.0, gt=0, description="Seconds an event is put aside at most; a rate limit says its own."
    )
    give_up_after_h: float = Field(
        default=24.0, gt=0, description="Hours after which an event or effect that cannot pass is dead."
    )
    clickup_lag_s: float = Field(
        default=60.0,
        ge=0,
        description="Seconds after an event in which ClickUp may not yet show what the event tells of.",
    )
    comment_lag_s: float = Field(
        default=10.0,
        ge=0,
        description="Seconds a comment that ClickUp does not list is waited for; answers to one never are.",
    )
    comment_pages_max: int = Field(
        default=4, ge=1, le=100, description="Pages of 25 comments read back at most for one event."
    )

    http_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds that Slack and ClickUp have to answer a request."
    )
    watch_every_s: float = Field(
        default=30.0, gt=0, description="Seconds between two looks at ClickUp's webhooks and at ingestion."
    )
    blind_after_s: float = Field(
        default=150.0,
        gt=0,
        description="Seconds between two looks after which events are taken for missed and asked for.",
    )
    gap_overlap_s: float = Field(
        default=120.0, ge=0, description="Seconds before a blind time that are asked for as well."
    )
    read_every_s: float = Field(
        default=600.0,
        gt=0,
        description="Seconds between two readings of the linked channels and lists, their recent threads and "
        "tasks: neither Slack nor ClickUp tells for long of events that it could not deliver.",
    )
    revive_every_s: float = Field(
        default=15.0, gt=0, description="Seconds between two looks for events whose job was lost."
    )
    revive_after_s: float = Field(
        default=60.0, gt=0, description="Seconds after which a waiting event's job is looked for."
    )
    purge_every_s: float = Field(
        default=3600.0, gt=0, description="Seconds between two removals of bodies past their retention."
    )

    deliveries_in_flight: int = Field(
        default=50, ge=1, le=1000, description="Channels and tasks that are sent to at once."
    )
    outbox_sweep_every_s: float = Field(
        default=1.0, gt=0, description="Seconds between two looks for effects that nobody sends."
    )
    slack_posts_per_channel_s: float = Field(
        default=1.0, gt=0, description="Messages a second that we allow ourselves per Slack channel."
    )
    slack_posts_burst: float = Field(
        default=5.0, ge=1, description="Messages that may go into one channel at once."
    )
    slack_changes_per_minute: float = Field(
        default=50.0, gt=0, description="Edits of messages a minute per Slack workspace (Slack's Tier 3)."
    )
    slack_changes_burst: float = Field(
        default=20.0, ge=1, description="Edits of messages that may go to one workspace at once."
    )

    run_concurrency: int = Field(
        default=5, ge=1, le=100, description="Runs brought forward at once by this process."
    )
    run_lease_s: float = Field(
        default=30.0, gt=0, description="Seconds an agent has a run without a sign of life."
    )
    run_grace_s: float = Field(
        default=60.0,
        ge=0,
        description="Seconds more that it has after a restart of Redis or of its gateway, when nobody could "
        "show one.",
    )
    run_sweep_every_s: float = Field(
        default=1.0, gt=0, description="Seconds between two looks for runs that nobody looks after."
    )
    agent_wait_s: float = Field(
        default=30.0, gt=0, description="Seconds between two looks for an agent that is not online."
    )
    unknown_users: Literal["guest", "refuse"] = Field(
        default="refuse",
        description="What becomes of people in Slack and ClickUp whom the tenant does not know, where its "
        "own settings say nothing: made a guest, or politely refused.",
    )
    slack_streaming: Literal["off", "direct", "everywhere"] = Field(
        default="direct",
        description="Where a run's progress is a native stream of Slack, where the tenant's own settings say "
        "nothing: in conversations with the app alone, or in channels too, where Slack may refuse one, and "
        "shows it live to the asker alone. A stream always ends as a plain message.",
    )
    public_url: ServiceUrl | None = Field(
        default=None,
        description="Where people reach this system, as the gateway knows it: told to those who want to sign "
        "in from Slack. None: nobody is told.",
    )
    slack_client_id: str = Field(
        default="",
        description="Sign in with Slack: the app's client id, as the gateway has it. Empty: people are not "
        "sent there from Slack.",
    )
    user_requests_per_minute: int = Field(
        default=100, ge=1, description="Requests and mentions of one person in a minute."
    )
    tenant_requests_per_minute: int = Field(
        default=1_000, ge=1, description="Requests and mentions of one tenant in a minute."
    )
    llm_model: str | None = Field(
        default=None,
        description="The model that routes what the rules leave open, as LangChain's `init_chat_model` names "
        "it. None: the likeliest agent takes it.",
    )
    llm_base_url: ServiceUrl | None = Field(
        default=None, description="Where the model's API is; None: where its provider has it."
    )

    @model_validator(mode="after")
    def _pool_outlasts_concurrency(self) -> Self:
        needed = self.worker_concurrency + self.run_concurrency + RESERVED_CONNECTIONS
        if self.database_pool_size < needed:
            raise ValueError(
                f"OBLIVION_DATABASE_POOL_SIZE must be at least {needed} (OBLIVION_WORKER_CONCURRENCY + "
                f"OBLIVION_RUN_CONCURRENCY + {RESERVED_CONNECTIONS}): raise it, or do fewer at once"
            )
        return self

    def clickup_pages_url(self) -> str:
        """https://app.clickup.com for https://api.clickup.com/api/v2; a stand-in's are above its API."""
        above_api = self.clickup_api_url.rstrip("/").removesuffix("/api/v2")
        return self.clickup_app_url or above_api.replace("://api.", "://app.", 1)

    def signs_in_at(self) -> str | None:
        """Where people sign in with Slack, if they can."""
        return self.public_url.rstrip("/") if self.public_url and self.slack_client_id else None
