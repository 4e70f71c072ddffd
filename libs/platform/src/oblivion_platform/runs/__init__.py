"""Runs: the row is the truth, and every step of it is one statement that also writes the step down.

    async with database.tenant(tenant_id) as tx:
        change = await runs.acknowledge(tx, run_id, fence, lease_s=30)
    await signals.changed(tenant_id, change)

Steps of a run's holder name their fence and are refused when it is not the run's current one, or when the
run is over; so a run ends with exactly one answer, whoever is late. A hint about a change goes out after the
commit; whoever misses it finds the row by its sweep.
"""

from oblivion_platform.runs.approvals import (
    ApprovalUnknown,
    answer,
    ask,
    has_open_question,
    may_see_approval,
    pending_approvals,
)
from oblivion_platform.runs.descendants import Stopped, cancel_descendants
from oblivion_platform.runs.holding import (
    acknowledge,
    checkpoint,
    complete,
    delegated,
    fail,
    hand_back,
    progress,
    renew,
    resume,
    say,
)
from oblivion_platform.runs.jobs import RunJob, job_of, run_queue
from oblivion_platform.runs.records import (
    Approval,
    Change,
    Due,
    FencedOff,
    Holder,
    NewRun,
    Run,
    RunOver,
    RunUnknown,
    Start,
)
from oblivion_platform.runs.signals import RunSignals
from oblivion_platform.runs.steering import (
    HIDDEN,
    PLACE_KEYS,
    assign,
    begin,
    cancel,
    create,
    give_up,
    lose_lease,
    note,
    retry,
    route,
    shown,
    stumble,
    wait_for_agent,
    wake_later,
)
from oblivion_platform.runs.stopping import Ending, stop
from oblivion_platform.runs.unread import queue_unread
from oblivion_platform.runs.views import (
    due,
    events_since,
    expected_s,
    next_in_thread,
    read,
    read_checkpoint,
    read_many,
    unindexed,
    unshown,
    view,
)

__all__ = [
    "HIDDEN",
    "PLACE_KEYS",
    "Approval",
    "ApprovalUnknown",
    "Change",
    "Due",
    "Ending",
    "FencedOff",
    "Holder",
    "NewRun",
    "Run",
    "RunJob",
    "RunOver",
    "RunSignals",
    "RunUnknown",
    "Start",
    "Stopped",
    "acknowledge",
    "answer",
    "ask",
    "assign",
    "begin",
    "cancel",
    "cancel_descendants",
    "checkpoint",
    "complete",
    "create",
    "delegated",
    "due",
    "events_since",
    "expected_s",
    "fail",
    "give_up",
    "hand_back",
    "has_open_question",
    "job_of",
    "lose_lease",
    "may_see_approval",
    "next_in_thread",
    "note",
    "pending_approvals",
    "progress",
    "queue_unread",
    "read",
    "read_checkpoint",
    "read_many",
    "renew",
    "resume",
    "retry",
    "route",
    "run_queue",
    "say",
    "shown",
    "stop",
    "stumble",
    "unindexed",
    "unshown",
    "view",
    "wait_for_agent",
    "wake_later",
]
