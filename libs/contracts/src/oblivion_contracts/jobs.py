"""Jobs of the BullMQ queues. They carry ids only: the data stays in Postgres, behind its tenant."""

from enum import IntEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from oblivion_contracts.model import Contract

WEBHOOK_PROCESSING = "webhook-processing"
AI_AGENT_TASKS = "ai-agent-tasks"
PROCESS_MENTION = "process-mention"
"""What each job of `ai-agent-tasks` is called."""
PLACE_READING = "place-reading"

TRACEPARENT_PATTERN = r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
Traceparent = Annotated[str, Field(pattern=TRACEPARENT_PATTERN)]
"""W3C trace context, https://www.w3.org/TR/trace-context/#traceparent-header."""


class EventPriority(IntEnum):
    """BullMQ priorities of `webhook-processing`: the smaller number runs first.

    Every job has one, because BullMQ runs jobs without a priority before all that have one.
    """

    CREATION = 1
    CHANGE = 2
    GAP_FILLING = 3
    ECHO = 4
    """What our own bot did comes back as an event. Nobody waits for it: many are finished at once."""


class ProcessEvent(Contract):
    """One stored inbound event is to be handled; the job's id is `event_id`."""

    event_id: UUID
    tenant_id: UUID
    traceparent: Traceparent | None = None


class EventOutcome(Contract):
    """What handling an event came to; BullMQ keeps it as the job's return value."""

    outcome: Annotated[str, Field(max_length=64)]
    """A code such as `mirrored`, `ignored:echo` or `coalesced`."""
    effects: int = 0
    """Outbox rows that the event decided."""


class ProcessMention(Contract):
    """A run is to be brought forward; the job's id is `run_id`, and the text stays in Postgres."""

    run_id: UUID
    tenant_id: UUID
    user_id: UUID | None = None
    channel_id: Annotated[str, Field(max_length=64)] | None = None
    thread_id: Annotated[str, Field(max_length=64)] | None = None
    traceparent: Traceparent | None = None


class RunOutcome(Contract):
    """What a run came to; BullMQ keeps it as the job's return value."""

    state: Annotated[str, Field(max_length=16)]
    failure_code: Annotated[str, Field(max_length=64)] | None = None


class ReadPlaces(Contract):
    """The lists or channels of an integration are to be read; the job's id is `integration_id`.

    So two wishes within a moment are one job.
    """

    integration_id: UUID
    tenant_id: UUID
    traceparent: Traceparent | None = None


class PlacesRead(Contract):
    """What a reading came to; BullMQ keeps it as the job's return value."""

    found: int
    problem_code: Annotated[str, Field(max_length=64)] | None = None
    """Why it is not all of them."""
