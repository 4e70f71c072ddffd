"""Hints that travel through Redis: they say where to look, never what is there.

None of them is the only delivery of anything. What they announce is a row; whoever misses one finds the row
by its sweep.
"""

from uuid import UUID

from oblivion_contracts.model import Contract

RUNS_CHANNEL = "oblivion:runs"
"""Pub/sub: a run has a new event (SSE streams, the Slack presenter)."""


def gateway_channel(gateway_id: str) -> str:
    """Pub/sub of one gateway process: something is to be told to one of its sockets."""
    return f"oblivion:gateway:{gateway_id}"


class RunChanged(Contract):
    """A run has new events, up to `sequence`."""

    tenant_id: UUID
    run_id: UUID
    sequence: int
    is_final: bool = False
    is_quiet: bool = False
    """What shows the run has time: progress, or a change of state that leaves it at work."""


class TellAgent(Contract):
    """The run's row holds something for the agent that has it: an assignment, a cancellation, an answer."""

    tenant_id: UUID
    run_id: UUID
    fence: int
    what: str
    """`task.assigned`, `task.cancelled`, `context.updated` or `approval.answered`."""
