"""A session: one conversation, continued across Slack, web, terminal and API."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from oblivion_contracts.identifiers import AgentName, TaskName
from oblivion_contracts.model import Contract
from oblivion_contracts.runs import PROMPT_LENGTH_MAX, RunSource

MESSAGES_KEPT = 100
"""The last messages that go along with a session; older ones stay in Postgres."""


class SessionMessage(Contract):
    """What someone said."""

    sequence: Annotated[int, Field(ge=1)]
    role: Literal["user", "agent", "system"]
    author: Annotated[str, Field(max_length=200)] = ""
    text: str
    source: RunSource
    run_id: UUID | None = None
    is_question: bool = False
    """In `context.updated`: put to the agent itself, while it works."""
    at: datetime


class SessionSnapshot(Contract):
    """A session as it is cached and shown. A lower `version` never replaces a higher one."""

    id: UUID
    version: Annotated[int, Field(ge=1)]
    user_id: UUID | None = None
    source: RunSource
    thread: str | None = None
    """`slack:{integration}:{channel}:{thread ts}` of a Slack thread."""
    title: str = ""
    agent: AgentName | None = None
    task: TaskName | None = None
    workflow: dict[str, Any] = {}
    preferences: dict[str, Any] = {}
    visible_in_slack: bool = False
    """Whether what is said elsewhere appears in the session's Slack thread too."""
    messages: list[SessionMessage] = []
    created_at: datetime
    updated_at: datetime


class NewSession(Contract):
    """`POST /api/sessions`."""

    title: Annotated[str, Field(max_length=200)] = ""
    agent: AgentName | None = None
    preferences: dict[str, Any] = {}
    source: Literal["api", "terminal", "web"] = "api"
    """Where it is begun."""


class NewMessage(Contract):
    """`POST /api/sessions/{id}/messages`: say something; it becomes a run."""

    text: Annotated[str, Field(min_length=1, max_length=PROMPT_LENGTH_MAX)]
    agent: AgentName | None = None
    source: Literal["api", "terminal", "web"] = "api"
    visible_in_slack: bool | None = None
    """None leaves the session's switch as it is."""


class MessageAccepted(Contract):
    """The run that answers the message; follow it at `/api/jobs/{run_id}/progress`."""

    session_id: UUID
    run_id: UUID
    sequence: int


HISTORY_LIMIT_MAX = 50


class HistorySearch(Contract):
    """`POST /api/history/search`."""

    query: Annotated[str, Field(min_length=1, max_length=2_000)]
    limit: Annotated[int, Field(ge=1, le=HISTORY_LIMIT_MAX)] = 5
    agent: AgentName | None = None
    source: RunSource | None = None
    since: datetime | None = None
    until: datetime | None = None


class HistoryHit(Contract):
    """An earlier run that is about the same."""

    run_id: UUID
    session_id: UUID
    agent: AgentName | None
    prompt: str
    answer: str
    score: float
    at: datetime


class HistoryAnswer(Contract):
    hits: list[HistoryHit]
