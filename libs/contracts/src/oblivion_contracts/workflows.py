"""A workflow: a named prompt for an agent, run by hand or by the clock; its result goes to a channel."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from oblivion_contracts.identifiers import AgentName
from oblivion_contracts.model import Contract
from oblivion_contracts.runs import PROMPT_LENGTH_MAX


class WorkflowDefinition(Contract):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    prompt: Annotated[str, Field(min_length=1, max_length=PROMPT_LENGTH_MAX)]
    agent: AgentName | None = None
    """None lets the router choose."""
    slack_channel: Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{2,20}$")] | None = None
    schedule: Annotated[str, Field(max_length=100)] | None = None
    """Five cron fields; None runs it by hand only."""
    timezone: Annotated[str, Field(max_length=64)] = "UTC"
    enabled: bool = True


class WorkflowView(WorkflowDefinition):
    id: UUID
    last_run_id: UUID | None = None
    last_run_at: datetime | None = None
    next_run_at: datetime | None = None
    created_at: datetime
