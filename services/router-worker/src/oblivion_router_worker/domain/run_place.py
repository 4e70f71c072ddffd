"""Where a run is shown, as its row's `place` says."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self
from uuid import UUID

from oblivion_router_worker.domain.effects import slack_destination
from oblivion_router_worker.domain.identifiers import uuid_or_none
from oblivion_router_worker.domain.run_effects import thread_destination

ASKED_FOR_AGENT = "asked_for_agent"
"""In a run's place: somebody was asked who should do it."""
_IDS = frozenset({"integration_id", "task_mapping_id", "clickup_integration_id"})


@dataclass(frozen=True, slots=True)
class RunPlace:
    """A thread in Slack, and the task that it may be about."""

    integration_id: UUID
    channel: str
    thread_ts: str | None = None
    """None: the thread of the task's message, or (without a task) the channel itself."""
    question_ts: str | None = None
    """The message that asked."""
    asker: str | None = None
    """Slack's id of the person who asked."""
    is_public: bool = False
    """Everybody in the workspace may read the channel; False too while that is not known."""
    task_mapping_id: UUID | None = None
    task_id: str | None = None
    clickup_integration_id: UUID | None = None
    comment_id: str | None = None
    """The ClickUp comment that asked."""
    clickup_asker: str | None = None
    answer_as_comment: bool = False
    status_map: Mapping[str, str] | None = None
    progress_ts: str | None = None
    progress_at: float | None = None
    """Unix time of the newest edit of the progress."""

    @classmethod
    def of(cls, place: Mapping[str, Any]) -> Self | None:
        """None: the run is not shown in Slack."""
        if uuid_or_none(place.get("integration_id")) is None or not place.get("channel"):
            return None
        known: dict[str, Any] = {
            each.name: place[each.name] for each in fields(cls) if place.get(each.name) is not None
        }
        for name in _IDS & known.keys():
            known[name] = uuid_or_none(known[name])
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: str(value) if isinstance(value, UUID) else value
            for name, value in found.items()
            if value not in (None, False)
        }

    @property
    def destination(self) -> str:
        if self.thread_ts is None:
            return slack_destination(self.integration_id, self.channel)
        return thread_destination(self.integration_id, self.channel, self.thread_ts)


def slack_thread(integration_id: UUID, channel: str, thread_ts: str) -> str:
    """What a session's thread is called."""
    return f"slack:{integration_id}:{channel}:{thread_ts}"


def clickup_thread(integration_id: UUID, task_id: str) -> str:
    return f"clickup:{integration_id}:{task_id}"
