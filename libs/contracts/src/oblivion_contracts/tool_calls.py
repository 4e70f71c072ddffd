"""Calls of tools as the hub's ledger has them: the names of arguments, never their values."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from oblivion_contracts.administration import Page
from oblivion_contracts.model import Contract


class ToolCallView(Contract):
    """One use of a connection."""

    id: UUID
    at: datetime
    connection_id: UUID
    connection: str
    """What people call the connection."""
    tool: str
    run_id: UUID | None
    caller: str
    """`user:…` or `agent:…`."""
    trust: str
    """The lowest of the people whose words were in the run's context: member, guest, outsider."""
    is_write: bool
    arguments: list[str]
    was_approved: bool
    """A person allowed exactly this call."""
    state: Literal["started", "succeeded", "failed"]
    code: str | None
    elapsed_ms: int | None


class ToolCalls(Contract):
    """Of one run, oldest first."""

    items: list[ToolCallView]


class ToolCallPage(Page):
    """Newest first."""

    items: list[ToolCallView]
