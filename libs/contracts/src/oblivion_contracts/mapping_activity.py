"""What happens between a list and its channel, and a sample that shows whether anything does."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from oblivion_contracts.administration import EventSummary
from oblivion_contracts.model import Contract


class MappingSample(Contract):
    """A task that was made in the list to see it arrive in the channel."""

    id: UUID
    asked_at: datetime
    state: Literal["waiting", "made", "shown", "failed"]
    """`made`: ClickUp has the task, and its webhook is waited for. `shown`: it stands in the channel."""
    task_id: str | None
    """As ClickUp calls it."""
    task_url: str | None = None
    """Where people open it; None of a stand-in for ClickUp."""
    message_url: str | None = None
    """Of its message in the channel, once there is one."""
    problem: str | None
    """Why it was not made, or could not be yet."""


class MappingTrouble(Contract):
    """Something of the mapping that could not be sent, or not at once."""

    effect_id: UUID
    at: datetime
    what: str
    """What people do not see for as long as it is not sent."""
    task: str
    """Name of the task that it belongs to."""
    code: str
    message: str | None
    attempts: int
    state: Literal["pending", "sending", "sent", "superseded", "dead", "discarded"]
    """`dead`: it was given up, and `effect_id` is its dead letter's."""


class MappingActivity(Contract):
    """What happened between a list and its channel in the last 7 days; each newest first, at most 10."""

    events: list[EventSummary]
    troubles: list[MappingTrouble]
    sample: MappingSample | None
    """The newest."""
