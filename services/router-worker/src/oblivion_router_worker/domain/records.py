"""The stored facts that decisions rest on, free of how they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from oblivion_contracts.mappings import MappingOptions

Streaming = Literal["off", "direct", "everywhere"]
"""Where a run's message is Slack's own stream: nowhere, in conversations with the bot, in channels too."""


class Origin(StrEnum):
    """Where a comment was written first."""

    SLACK = "slack"
    CLICKUP = "clickup"


@dataclass(frozen=True, slots=True)
class Integration:
    """A Slack app in one team, or a ClickUp workspace."""

    id: UUID
    tenant_id: UUID
    source: str
    external_id: str
    """Slack's team id, or ClickUp's workspace id."""
    config: Mapping[str, object] = field(default_factory=dict[str, object])
    answers: bool = True
    """People who speak to the app there are answered by this tenant's agents, and by no other's."""

    def config_text(self, key: str) -> str | None:
        """A text of `config` (`bot_user_id`, `workspace_url`, `webhook_id`, …); None when absent."""
        value = self.config.get(key)
        return value if isinstance(value, str) and value else None


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """One stored event that waits to be handled."""

    id: UUID
    tenant_id: UUID
    source: str
    event_type: str
    subject: str
    transport: str
    priority: int
    body: bytes | None = field(repr=False)
    received_at: datetime
    integration: Integration
    has_links: bool
    """Whether any list and channel of its integration are linked."""
    is_our_turn: bool
    """Nobody else decides about its subject until the transaction ends."""
    is_suspended: bool = False
    """Its tenant is: the event waits until the tenant is active again."""
    slack_streaming: Streaming | None = None
    """As the tenant's settings say."""

    @property
    def is_gap_filling(self) -> bool:
        return self.transport == "gap"


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event of the same subject that has not been handled either."""

    id: UUID
    event_type: str
    body: bytes | None = field(default=None, repr=False)
    """Of new comments only: whether they were seen cannot be told without."""


@dataclass(frozen=True, slots=True)
class ShownTask:
    """One task as one message (`task_mappings`)."""

    id: UUID
    task_id: str
    name: str
    """The task's last known name."""
    channel: str
    slack_ts: str | None
    is_active: bool
    content_hash: str
    updated_ms: int


@dataclass(frozen=True, slots=True)
class Link:
    """A ClickUp list joined to a Slack channel (`project_mappings`), and one task's message there, if any."""

    id: UUID
    clickup_integration_id: UUID
    list_id: str
    slack_integration_id: UUID
    channel: str
    options: MappingOptions
    is_active: bool
    linked_at: datetime
    shown: ShownTask | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A comment and its copy on the other side (`mirror_events`); `copy_id` is None until it was sent."""

    id: UUID
    task_mapping_id: UUID
    origin: Origin
    origin_id: str
    origin_version: str
    content_hash: str
    is_active: bool
    copy_id: str | None
