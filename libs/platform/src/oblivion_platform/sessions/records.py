"""What goes in and out of a session's rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from oblivion_contracts.runs import RunSource
from oblivion_platform.errors import PermanentFailure

WATCHED_TRIGGERS = "triggers"
"""In a session's workflow context: which conditions of its task have called an agent already."""


class SessionUnknown(PermanentFailure):
    """The tenant has no such session, or it is somebody else's."""

    http_status = 404

    def __init__(self) -> None:
        super().__init__("session_unknown", "there is no such session")


@dataclass(frozen=True, slots=True)
class NewSessionRow:
    """A conversation that begins."""

    source: RunSource
    user_id: UUID | None = None
    thread: str | None = None
    """`slack:{integration}:{channel}:{thread ts}` or `clickup:{integration}:{task}`."""
    title: str = ""
    agent_id: UUID | None = None
    task: str | None = None
    workflow: Mapping[str, Any] = field(default_factory=dict[str, Any])
    preferences: Mapping[str, Any] = field(default_factory=dict[str, Any])
    visible_in_slack: bool = False
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session without its messages."""

    id: UUID
    tenant_id: UUID
    user_id: UUID | None
    source: RunSource
    thread: str | None
    title: str
    agent_id: UUID | None
    agent: str | None
    """The name of the agent that answers now."""
    task: str | None
    workflow: Mapping[str, Any]
    preferences: Mapping[str, Any]
    visible_in_slack: bool
    version: int
    last_message_seq: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None

    @property
    def queue(self) -> str:
        """What `runs.thread` is for runs of this session: one of them is live at a time."""
        return self.thread or f"session:{self.id}"


@dataclass(frozen=True, slots=True)
class Said:
    """Something to be appended. The same `source_ref` in the same session is stored once."""

    role: Literal["user", "agent", "system"]
    text: str = field(repr=False)
    source: RunSource
    author: str = ""
    source_ref: str | None = None
    """What it is where it was said, such as a Slack ts."""
    user_id: UUID | None = None
    run_id: UUID | None = None
    asked_run_id: UUID | None = None
    """The run at work that this question is put to."""
    place: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of such a question: where a run of its own would be shown."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a message stands; `version` is the session's since then."""

    sequence: int
    version: int
    is_new: bool
